//! Questions about datasets: SQL over any commits, and a short filter language.
//!
//! A [`Query`] runs one statement that reads against the tables of a lake: `samples`, `annotations`,
//! `log`, `ontology`, `sensors` of any dataset at any revision, `diff('a', 'b')`, and the other tables
//! of a commit. Its [`Answer`] gives batches as they are made. What a statement does not ask for is not
//! read: columns, ranges of paths, subtrees that summaries rule out; counts of whole commits come from
//! their roots. docs/query.md tells people how to ask.
//!
//! A [`Filter`] reads `class:bus conf<0.4 split:val -night` and says which samples fit (docs/filter.md).
//!
//! ```
//! use tamis_core::{DatasetName, Progress, Sample};
//! use tamis_query::Query;
//! use tamis_repo::{Author, Repo};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let repo = Repo::memory()?;
//! let me = Author::new("Ada", "ada@example.org");
//! let signs = repo.create(&DatasetName::new("acme/signs")?, &me)?;
//! let mut edit = signs.transaction("main")?;
//! edit.put(Sample { path: "train/1.jpg".into(), split: Some("train".into()), ..Sample::default() })?;
//! edit.commit("first", &me)?;
//!
//! let query = Query::new(r#"SELECT count(*) AS n FROM "acme/signs@main.samples" WHERE split = 'train'"#);
//! assert_eq!(query.run(&repo, &Progress::none())?.all()?.num_rows(), 1);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod error;
mod function;
mod output;
mod sql;

pub mod filter;

pub use error::{QueryError, Result};
pub use filter::{Filter, FilterError};
pub use function::{Function, functions};
pub use output::{AnswerColumn, OutputFormat};
pub use sql::{Answer, Explain, Query, TableName};
