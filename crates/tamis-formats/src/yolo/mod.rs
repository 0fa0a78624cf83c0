//! YOLO: a text file an image, each row a class number and a normalised box (or polygon, or key points), with
//! `data.yaml` (Ultralytics, v5 to v12) or `obj.data`/`obj.names` (Darknet).
//!
//! Which label file belongs to an image follows Ultralytics: the last folder `images` becomes `labels`; without such
//! a folder the label file lies beside the image. No label file = not looked at; an empty one = nothing there.
//!
//! A row of four corners is a polygon for one task and a rotated box for another, and nothing in the row says which:
//! `task: obb` in `data.yaml` (which the writer puts there), or the option `task`, decides (docs/spec/yolo.md).

mod layout;
mod read;
mod row;
mod write;

pub(crate) use row::{Row, parse};

use tamis_core::{LabelType, Report};

use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::paths;
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, OptionSpec, Spec};

/// The specification.
pub(crate) static SPEC: Spec = Spec {
    id: "yolo",
    title: "YOLO boxes, polygons, poses and rotated boxes (Ultralytics and Darknet)",
    homepage: "https://docs.ultralytics.com/datasets/detect/",
    extensions: &["yaml", "txt", "names", "data"],
    media: &["image"],
    reads: &[LabelType::Box2d, LabelType::RotatedBox, LabelType::Polygon, LabelType::Keypoints],
    writes: &[LabelType::Box2d, LabelType::RotatedBox, LabelType::Polygon, LabelType::Keypoints],
    losses: &[
        Loss { code: "layers", what: "further layers", instead: "only one layer is written" },
        Loss { code: "fusion", what: "frames, sensors and timestamps", instead: "left out" },
        Loss { code: "fields", what: "fields", instead: "left out" },
        Loss { code: "attributes", what: "attributes, instances and confidences of labels", instead: "left out" },
        Loss { code: "polygon", what: "polygons", instead: "their boxes are written (option task=segment keeps them)" },
        Loss {
            code: "shape",
            what: "masks, key points and other shapes with an extent",
            instead: "their boxes are written",
        },
        Loss { code: "no_box", what: "labels without an extent in the image", instead: "left out" },
        Loss { code: "no_size", what: "labels of images of unknown size", instead: "left out" },
        Loss { code: "box_as_polygon", what: "boxes among polygons", instead: "written as polygons of four corners" },
        Loss { code: "upright", what: "boxes among rotated boxes", instead: "written and read back as rotated boxes" },
        Loss {
            code: "points",
            what: "labels without the skeleton's key points among poses",
            instead: "their boxes are written with unseen points",
        },
        Loss { code: "visibility", what: "visibilities of key points that the skeleton has not", instead: "changed" },
        Loss { code: "split", what: "splits that Darknet has no list for", instead: "left out" },
        Loss { code: "bbox", what: "boxes given beside a polygon", instead: "left out" },
        Loss {
            code: "stem",
            what: "samples whose names differ only in the extension",
            instead: "the later one gets a number",
        },
        Loss { code: "name", what: "line breaks in paths", instead: "`_` is written" },
        Loss { code: "media", what: "samples without media", instead: "left out" },
        Loss { code: "ids", what: "ids of labels", instead: "new ones are given" },
        Loss {
            code: "classes",
            what: "numbers and parents of classes, and classes of other label types",
            instead: "numbered from 0",
        },
        Loss { code: "rounding", what: "digits beyond the 15th of normalised coordinates", instead: "rounded" },
    ],
    options: &[
        OptionSpec {
            name: "task",
            values: &["auto", "detect", "segment", "pose", "obb"],
            default: "auto",
            help: "read: what rows of four corners are (auto: as `data.yaml` says, else polygons); \
                   write: boxes (also auto), polygons, key points or rotated boxes",
        },
        OptionSpec {
            name: "layout",
            values: &["ultralytics", "darknet"],
            default: "ultralytics",
            help: "write: `data.yaml`, or `obj.data` and `obj.names`",
        },
    ],
};

/// YOLO.
pub(crate) struct Yolo;

impl Format for Yolo {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        let source = probe.source();
        let Some(settings) = layout::find(source) else { return Confidence::NONE };
        let rows = probe.with_extension("txt").iter().filter(|e| layout::may_be_labels(&e.path)).take(50);
        let labels = rows.filter(|e| looks_like_rows(source, &e.path)).count();
        match (labels, probe.media()) {
            (0, 0) => Confidence::NONE,
            (0, _) => Confidence::new(70, format!("found `{settings}` with names, no label files")),
            (n, _) => Confidence::new(93, format!("found `{settings}` with names, and label files ({n} looked at)")),
        }
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        read::read(source, options, report)
    }

    fn write<'a>(
        &self,
        sink: &'a Sink,
        schema: &Schema,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        write::write(sink, schema, options, report)
    }
}

fn looks_like_rows(source: &Source, path: &str) -> bool {
    let head = source.head(path, 512).unwrap_or_default();
    let text = crate::lex::text::decode(&head);
    let first = text.lines().next().unwrap_or_default();
    let words: Vec<&str> = first.split_whitespace().collect();
    words.len() >= 5 && words.iter().all(|w| w.parse::<f64>().is_ok())
}

/// Where the label file of an image lies, as Ultralytics says.
pub(crate) fn label_path(image: &str) -> String {
    let slashed = format!("/{image}");
    let swapped = match slashed.rfind("/images/") {
        Some(at) => format!("{}/labels/{}", &slashed[..at], &slashed[at + "/images/".len()..]),
        None => slashed,
    };
    format!("{}.txt", paths::stem(swapped.get(1..).unwrap_or_default()))
}
