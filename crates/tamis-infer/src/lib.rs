//! Values computed from media: facts, hashes, embeddings, predictions.
//!
//! [`FUNCTIONS`] lists what can be computed; [`lookup`] gives a [`Function`] for a name and parameters, whose
//! [`Function::id`] names it for ever and whose [`Function::batch`] computes [`Value`]s of the type [`Function::output`].
//! No lake and no disk here, but for the files that parameters name.
//!
//! ```
//! use std::{collections::BTreeMap, num::NonZeroUsize};
//! use tamis_infer::{Input, Value, lookup};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let png = tamis_media::encode_png(&tamis_media::Image::grey8(2, 1, vec![0, 255])?)?;
//! let brightness = lookup("brightness", &BTreeMap::new())?;
//! let mut values = brightness.batch(&[Input::Media(&png), Input::Media(b"no image")], NonZeroUsize::MIN);
//! assert!(values.remove(1).is_err());
//! assert_eq!(values.remove(0)?, Value::Float(0.5));
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod error;
mod function;
mod image;
mod model;
mod page;
mod params;
mod registry;
mod text;
mod value;

pub use error::{InferError, Result};
pub use function::{Function, Spec};
pub use page::functions_markdown;
pub use params::{Param, ParamKind};
pub use registry::{FUNCTIONS, lookup};
pub use value::{Input, InputKind, Output, Value};
