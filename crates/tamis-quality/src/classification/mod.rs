//! How good a model's classes are: accuracy, precision, recall, F1, overlap, calibration, log loss, ROC.
//!
//! A [`Confusion`] counts predicted against true classes, of samples or of the pixels of masks, and takes them in parts
//! of any size; every figure follows from it. [`Panoptic`] does the same for panoptic maps. [`calibration`], [`log_loss`] and [`roc_auc`] need scores. Figures are those
//! of `scikit-learn` 1.9; where one divides by nothing, the answer is [`None`] and not 0.

mod confusion;
mod panoptic;
mod scores;

pub use confusion::{ClassFigures, Confusion, Mean};
pub use panoptic::{Panoptic, PanopticFigures, Segment};
pub use scores::{Calibration, CalibrationBin, calibration, calibration_of, log_loss, roc_auc, roc_auc_of_classes};
