//! The words of Tamis: what every other crate speaks about, and nothing that touches a disk,
//! a clock or a network by itself.
//!
//! * [`Hash`] and the id types made from it name immutable things by their content.
//! * [`Sample`], [`Label`] and [`Shape`] are one row of a dataset and its annotations.
//! * [`Ontology`] and [`Sensor`] are the versioned schema of labels and the calibration of sensors.
//! * [`SampleRecord`] is what a format reader yields and a format writer takes.
//! * [`Report`] collects what is wrong with somebody's data while the work goes on.
//! * [`Kind`] says of any error what a caller can do about it.
//!
//! ```
//! use tamis_core::{Box2d, Label, Shape};
//! let bus = Label::new(Shape::Box2d(Box2d::new(10.0, 20.0, 110.0, 70.0))).with_class("bus");
//! assert_eq!(bus.bounds().map(|b| b.area()), Some(5000.0));
//! ```

#![forbid(unsafe_code)]

mod clock;
mod error;
mod ids;
mod label;
mod name;
mod near;
mod ontology;
mod ontology_rules;
mod progress;
mod record;
mod report;
mod sample;
mod sensor;

pub mod geometry;
pub mod track;

pub use clock::{Clock, IdSource, SystemClock, SystemIds};
pub use error::{Classify, CoreError, Kind};
pub use geometry::{Box2d, Box3d, Keypoint, Point, Rle, RotatedBox};
pub use ids::{BlobId, CommitId, Hash, Hasher, ObjectId, OperationId, TableId};
pub use label::{Label, LabelType, Mask, MaskInfo, MaskKind, Shape, TrackKey, Word};
pub use name::{BranchName, DatasetName, LayerName, TRUTH, check_path};
pub use near::near;
pub use ontology::{Attribute, AttributeType, Class, LabelSchema, Ontology, Skeleton, Visibility};
pub use ontology_rules::Violation;
pub use progress::{Cancel, Cancelled, NoProgress, Progress, ProgressSink};
pub use record::{MediaSource, SampleRecord};
pub use report::{Finding, Place, Report, Severity};
pub use sample::{Media, Sample};
pub use sensor::{Intrinsics, Pose, Sensor, SensorKind};

/// A user's value: an attribute of a label or a field of a sample.
///
/// JSON's data model, because that is what every annotation format can express. Numbers keep
/// the distinction of integers and floats; floats are finite.
pub type Value = serde_json::Value;
