//! How two sets of data differ: two commits, two splits, two weeks.
//!
//! * [`numeric_drift`] compares a number that samples have, [`categorical_drift`] a class.
//! * [`ontology_drift`] tells which classes came, went, were renamed, or changed their share; [`imbalance`] how even
//!   the shares of one set are.
//! * [`two_sample_test`] tells whether a classifier can tell embeddings of both sets apart, [`mean_discrepancy`]
//!   whether a kernel can.
//!
//! Random choices follow from a seed alone.

mod classes;
mod embeddings;
mod fields;
mod logistic;
mod special;

pub use classes::{ClassChange, ClassDrift, Imbalance, OntologyDriftOptions, imbalance, ontology_drift};
pub use embeddings::{Discrepancy, TwoSample, TwoSampleOptions, mean_discrepancy, two_sample_test};
pub use fields::{CategoricalDrift, NumericDrift, categorical_drift, numeric_drift};
