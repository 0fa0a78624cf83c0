//! Pascal VOC: an XML file an image (boxes, parts, actions), masks in `SegmentationClass` and `SegmentationObject`,
//! splits as lists in `ImageSets/Main`, `Segmentation`, `Layout` and `Action`.
//!
//! Coordinates are taken as they stand. (The challenge counted pixels from 1; nearly everybody's files since do not.)

mod masks;
mod read;
mod write;

use tamis_core::{LabelType, Report};

use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, OptionSpec, Spec};

/// The specification.
pub(crate) static SPEC: Spec = Spec {
    id: "voc",
    title: "Pascal VOC boxes, parts, actions and masks",
    homepage: "http://host.robots.ox.ac.uk/pascal/VOC/",
    extensions: &["xml"],
    media: &["image"],
    reads: &[LabelType::Box2d, LabelType::SemanticMask, LabelType::InstanceMask],
    writes: &[LabelType::Box2d, LabelType::SemanticMask, LabelType::InstanceMask],
    losses: &[
        Loss { code: "layers", what: "further layers", instead: "only one layer is written" },
        Loss { code: "fusion", what: "frames, sensors and timestamps", instead: "left out" },
        Loss {
            code: "fields",
            what: "fields that are no XML names or no texts",
            instead: "left out, or read back as texts",
        },
        Loss { code: "instance", what: "instances and confidences of labels", instead: "left out" },
        Loss { code: "attributes", what: "attributes that are no texts", instead: "read back as texts" },
        Loss {
            code: "shape",
            what: "polygons, masks and other shapes with an extent",
            instead: "their boxes are written (option paint=yes paints masks too)",
        },
        Loss { code: "masks", what: "masks of a sample beyond one of classes and one of objects", instead: "left out" },
        Loss { code: "painted", what: "painted shapes", instead: "parts under later ones are gone" },
        Loss { code: "no_size", what: "shapes to paint of images of unknown size", instead: "not painted" },
        Loss { code: "too_many", what: "classes and objects beyond the 254th", instead: "painted as the background" },
        Loss { code: "no_box", what: "labels without an extent in the image", instead: "left out" },
        Loss { code: "control", what: "control characters in names", instead: "replaced" },
        Loss { code: "path", what: "paths of samples without the layer", instead: "`JPEGImages/` is put before them" },
        Loss { code: "media", what: "samples without media", instead: "left out" },
        Loss { code: "ids", what: "ids of labels", instead: "new ones are given" },
        Loss {
            code: "classes",
            what: "order, numbers and parents of classes",
            instead: "classes in the order they are met",
        },
    ],
    options: &[OptionSpec {
        name: "paint",
        values: &["no", "yes"],
        default: "no",
        help: "write: paint polygons and run-length masks into `SegmentationClass` and `SegmentationObject`",
    }],
};

/// Elements of an object that are flags.
pub(crate) const FLAGS: &[&str] = &["truncated", "difficult", "occluded"];

/// Pascal VOC.
pub(crate) struct Voc;

impl Format for Voc {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        let files = probe.with_extension("xml");
        let is_annotation = |path: &str| {
            let head = String::from_utf8_lossy(&probe.head(path, 4096)).into_owned();
            head.contains("<annotation")
                && !head.contains("<annotations")
                && (head.contains("<size") || head.contains("<filename") || head.contains("<object"))
        };
        match files.iter().take(20).find(|e| is_annotation(&e.path)) {
            Some(first) => Confidence::new(
                90,
                format!("found `{}` and {} more XML files with <annotation>", first.path, files.len() - 1),
            ),
            None => Confidence::NONE,
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
