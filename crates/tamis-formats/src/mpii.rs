//! MPII human pose, as the JSON list that training scripts use: an image, and a person's 16 joints.

use serde_json::{Map, Value};
use tamis_core::{Keypoint, Label, LabelType, Shape, Skeleton};

use crate::error::Result;
use crate::gather::{Gather, has, like};
use crate::items;
use crate::lex::object;
use crate::probe::{Confidence, Probe};
use crate::reads::{self, Reads};
use crate::spec::Spec;

static SPEC: Spec = reads::spec(
    "mpii",
    "MPII human pose (JSON)",
    "https://www.mpi-inf.mpg.de/departments/computer-vision-and-machine-learning/software-and-datasets/mpii-human-pose-dataset",
    &["json"],
    &[LabelType::Keypoints],
);

/// MPII human pose.
pub(crate) static MPII: Reads = Reads { spec: &SPEC, detect, read };

const JOINTS: [&str; 16] = [
    "r_ankle",
    "r_knee",
    "r_hip",
    "l_hip",
    "l_knee",
    "l_ankle",
    "pelvis",
    "thorax",
    "upper_neck",
    "head_top",
    "r_wrist",
    "r_elbow",
    "r_shoulder",
    "l_shoulder",
    "l_elbow",
    "l_wrist",
];

const EDGES: [(u32, u32); 15] = [
    (0, 1),
    (1, 2),
    (2, 6),
    (3, 4),
    (3, 6),
    (4, 5),
    (6, 7),
    (7, 8),
    (8, 9),
    (7, 12),
    (7, 13),
    (10, 11),
    (11, 12),
    (13, 14),
    (14, 15),
];

fn is_it(head: &str) -> bool {
    has(head, &["img_paths", "joint_self"])
}

fn detect(probe: &Probe<'_>) -> Confidence {
    like(probe, "json", 97, is_it)
}

fn read(gather: &mut Gather<'_>) -> Result<()> {
    let files = gather.files_like("json", is_it);
    if files.is_empty() {
        return Err(gather.nothing("no JSON file has `img_paths` and `joint_self`"));
    }
    gather.skeletons.push(Skeleton {
        number: JOINTS.len() as u32,
        names: JOINTS.map(str::to_owned).to_vec(),
        edges: EDGES.to_vec(),
        visibility: None,
        classes: vec!["person".to_owned()],
        description: String::new(),
    });
    for file in files {
        let judge = gather.judge;
        let reader = gather.source.text(file)?;
        let mut last: Option<tamis_core::SampleRecord> = None;
        items::each(reader, file, "", &judge, |entry, place| {
            let Some(wanted) = object::text(&entry, "img_paths") else {
                judge.error("image", place(), "an entry names no image; left out");
                return Ok(());
            };
            let validation = object::number(&entry, "isValidation") == Some(1.0);
            let split = if validation { "val" } else { "train" };
            let Some(mut record) = gather.start(file, wanted, Some(split), place) else { return Ok(()) };
            record.stated_size = object::size(&entry, "img_width", "img_height");
            let found = person(&entry);
            if found.is_none() {
                judge.error("joints", place(), "joints are no lists of three numbers; left out");
            }
            record.layers.insert(gather.layer.clone(), found.into_iter().collect());
            // The persons of an image stand one after the other.
            match last.as_mut().filter(|l| l.path == record.path) {
                Some(last) => {
                    for (layer, labels) in record.layers {
                        last.layers.entry(layer).or_default().extend(labels);
                    }
                    Ok(())
                }
                None => match last.replace(record) {
                    Some(done) => gather.put(done, place),
                    None => Ok(()),
                },
            }
        })?;
        if let Some(done) = last {
            gather.put(done, &|| tamis_core::Place::file(file))?;
        }
    }
    Ok(())
}

/// The person of an entry with what is said of it; the other persons of the image have entries of their own.
fn person(entry: &Map<String, Value>) -> Option<Label> {
    let mut own = pose(object::list(entry, "joint_self"))?;
    for key in ["objpos", "scale_provided", "people_index"] {
        if let Some(value) = entry.get(key) {
            own.attributes.insert(key.to_owned(), value.clone());
        }
    }
    Some(own)
}

/// A pose out of x, y, visible; a joint at 0, 0 is not labelled.
fn pose(joints: &[Value]) -> Option<Label> {
    let point = |v: &Value| match v.as_array()?.as_slice() {
        [x, y, visible, ..] => {
            let (x, y) = (object::number_of(x)?, object::number_of(y)?);
            let seen = object::number_of(visible)? > 0.0;
            let v = if x == 0.0 && y == 0.0 {
                0
            } else if seen {
                2
            } else {
                1
            };
            Some(Keypoint { x, y, v: Some(v) })
        }
        _ => None,
    };
    let points: Vec<Keypoint> = joints.iter().map(point).collect::<Option<_>>()?;
    (!points.is_empty()).then(|| Label::new(Shape::Keypoints(points)).with_class("person"))
}
