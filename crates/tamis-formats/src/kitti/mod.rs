//! KITTI: the object benchmark (a text file an image, `label_2` beside `image_2`), the tracking benchmark (a text file
//! a sequence, `label_02/0000.txt` beside `image_02/0000/`), and segmentation (masks beside `image_2`).
//!
//! Cuboids are in the frame of the rectified camera; a file's bottom centre becomes the centre. The calibration of an
//! image stays with it as the field `calib`.

mod object;
mod row;
mod segmentation;
mod tracking;

pub(crate) use object::Kitti;
pub(crate) use segmentation::SEGMENTATION;
pub(crate) use tracking::KittiTracking;

use crate::out::{ATTRIBUTES, CLASSES, IDS, LABELS, LAYERS, MEDIA, NAME, NO_BOX, PATH, SHAPE};
use crate::spec::Loss;

const TILT: Loss = Loss {
    code: "tilt",
    what: "rotations of cuboids about other axes than the camera's vertical",
    instead: "left out",
};

const LOSSES: [Loss; 11] = [LAYERS, ATTRIBUTES, SHAPE, NO_BOX, NAME, PATH, MEDIA, IDS, CLASSES, TILT, LABELS];

/// What an object's label may have beside class and shape.
const KEPT: &[&str] = &["truncated", "occluded", "alpha", "confidence"];
