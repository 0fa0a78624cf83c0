//! Finds what is wrong with labelled data, and measures models.
//!
//! Pure functions of slices of numbers and of the labels of [`tamis_core`]: no disk, no network, no clock, and random
//! draws only from a seed. Inputs that do not fit together are a [`QualityError`], never a panic. Each module says whose
//! paper or program it follows; the tests compare with that program's numbers and with a naive model.
//!
//! * [`annotators`] finds what several people agree on, and how far they do.
//! * [`classification`] measures classes of samples and of pixels; [`compare_means`] compares two models.
//! * [`confident`] finds wrong labels of classification from a model's probabilities.
//! * [`detection`] measures boxes, masks and key points as COCO does.
//! * [`drift`] tells how two sets of data differ, field by field, class by class, or by embeddings.
//! * [`duplicates`] finds samples that show the same, by hash or embedding, and those that leak between splits.
//! * [`images`] finds images that are dark, light, blurred, nearly empty or of an odd size.
//! * [`outliers`] finds samples that lie far from all others.
//! * [`rules`] checks labels one by one and along tracks, and mends what is safe to mend.
//! * [`tracking`] measures objects through frames: MOTA, IDF1, HOTA.
//!
//! ```
//! use tamis_quality::detection::{Detection, DetectionOptions, Evaluation, Shapes, Truth};
//! # fn main() -> Result<(), tamis_quality::QualityError> {
//! let truth = [Truth { image: 1, class: 7, area: 100.0, ..Truth::default() }];
//! let found = [Detection { image: 1, class: 7, score: 0.9, area: None }];
//! let (there, seen) = ([[0.0, 0.0, 10.0, 10.0]], [[0.0, 0.0, 10.0, 8.0]]);
//! let shapes = Shapes::Boxes { truth: &there, found: &seen };
//! let report = Evaluation::new(&truth, &found, shapes, DetectionOptions::boxes())?.report();
//! // They overlap by 0.8: a match at seven of the ten overlaps from 0.5 to 0.95.
//! assert!((report.precision(None, None, "all", 100).unwrap_or(0.0) - 0.7).abs() < 1e-9);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod assignment;
mod bootstrap;
mod error;
mod random;
mod vectors;

pub mod annotators;
pub mod classification;
pub mod confident;
pub mod detection;
pub mod drift;
pub mod duplicates;
pub mod images;
pub mod outliers;
pub mod rules;
pub mod tracking;

pub use bootstrap::{Bootstrap, Comparison, compare_means};
pub use error::{QualityError, Result};
pub use vectors::Vectors;
