//! MOT challenge: `gt/gt.txt` and `det/det.txt` beside a folder of numbered images (boxes), and MOTS, the same with
//! masks as run-length text or as 16-bit images of `class * 1000 + instance`.
//!
//! Every image is a sample; a track is the labels' instance. Detections go into the layer `det`.

mod boxes;
mod masks;
mod sequence;
mod write;

pub(crate) use boxes::Mot;
pub(crate) use masks::Mots;

/// The layer of detections.
const DET: &str = "det";

/// Classes by number from 1, as the challenge numbers them.
const NAMES: &[&str] = &[
    "pedestrian",
    "person_on_vehicle",
    "car",
    "bicycle",
    "motorbike",
    "non_motorized_vehicle",
    "static_person",
    "distractor",
    "occluder",
    "occluder_on_the_ground",
    "occluder_full",
    "reflection",
    "crowd",
];
