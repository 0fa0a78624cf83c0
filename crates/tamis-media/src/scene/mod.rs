//! Draws a small street dataset: what `make demo` works on where a user has no data at hand.
//!
//! Everything follows from a seed, so equal options give equal bytes. The dataset has the flaws that real ones have —
//! duplicates, wrong and missing labels, a leak between splits, a file cut short — and a list of them, so that what finds
//! flaws can be measured.
//!
//! ```
//! use tamis_media::scene::{DemoOptions, demo};
//! let samples: Vec<_> = demo(&DemoOptions { samples: 3, ..DemoOptions::default() }).collect();
//! assert_eq!(samples.len(), 3);
//! assert!(samples.iter().all(|s| !s.labels.is_empty()));
//! ```

mod backdrop;
mod canvas;
mod coco;
mod demo;
mod dice;
mod flaw;
mod street;
mod things;

pub use coco::{Manifest, write_coco};
pub use demo::{DemoOptions, DemoSample, demo};
pub use flaw::{Flaw, FlawKind};
