//! Keeps and finds immutable bytes by hash, and swaps small named values atomically.
//!
//! A [`Store`] is one lake: a folder, memory, or a bucket. A [`Writer`] gathers objects into
//! packs and makes them durable at once; [`Store::get`], [`Store::blocked`] and [`Store::blob`]
//! read them back verified; refs are small values swapped by compare-and-swap.
//!
//! ```
//! # fn main() -> tamis_store::Result<()> {
//! let store = tamis_store::Store::memory()?;
//! let writer = store.writer()?;
//! let id = writer.put(b"some bytes")?;
//! writer.finish()?;
//! assert_eq!(&store.get(&id)?[..], b"some bytes");
//! let swapped = store.swap_ref("main", None, id.to_hex().into())?;
//! assert!(swapped.is_ok());
//! # Ok(())
//! # }
//! ```

#![deny(unsafe_code)]

pub mod backend;
mod blob;
mod blocked;
mod copy;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod gc;
mod location;
mod merge;
mod pack;
mod store;
#[cfg(test)]
mod store_tests;
mod transfer;
mod verify;
mod writer;

pub use backend::StoreStats;
pub use blob::{Blob, BlobReader, WHOLE};
pub use blocked::{Blocked, blocked_size};
pub use copy::CopyStats;
pub use error::{Result, StoreError};
pub use gc::{GcOptions, GcReport, LiveSet};
pub use location::Location;
pub use pack::{Codec, ObjectKind, Pack, Record};
pub use store::{LakeHeader, RefMoved, RefValue, RefVersion, Store, StoreOptions};
pub use verify::{Problem, ProblemKind, VerifyReport};
pub use writer::{WriteStats, Writer};
