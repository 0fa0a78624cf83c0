//! CVAT's XML 1.1: "for images" (an `<image>` each with its shapes) and "for video" (a `<track>` each with a shape a
//! frame).
//!
//! Where the frames are there as images, a track's shapes come to them; where the video is there as a file, they are
//! tracks of it. The track's number is the instance. Written, a film has a file `<film>.xml` of its own.

mod read;
mod shape;
mod write;

pub(crate) use shape::ellipse;
use tamis_core::{LabelType, Report};

use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::gather::like;
use crate::holds::{self, Holds};
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, Spec};

const HELD: &[LabelType] = &[
    LabelType::Box2d,
    LabelType::RotatedBox,
    LabelType::Polygon,
    LabelType::Polyline,
    LabelType::Keypoints,
    LabelType::Rle,
    LabelType::Classification,
    LabelType::Track,
];

/// The specification.
pub(crate) static SPEC: Spec = Spec {
    id: "cvat",
    title: "CVAT for images and for video 1.1",
    homepage: "https://docs.cvat.ai/docs/manual/advanced/xml_format/",
    extensions: &["xml"],
    media: &["image", "video"],
    reads: HELD,
    writes: HELD,
    losses: &[
        holds::LAYERS,
        holds::FUSION,
        holds::FIELDS,
        holds::IDS,
        holds::CONFIDENCE,
        holds::EMBEDDED,
        holds::NOT_LOOKED_AT,
        holds::MEDIA,
        holds::MULTI,
        holds::SHAPE,
        Loss { code: "instance", what: "instances that are no whole numbers", instead: "numbered within the image" },
        Loss { code: "attributes", what: "attributes that are no texts, numbers or flags", instead: "written as JSON" },
        Loss { code: "mixed", what: "attributes of one name and several types", instead: "written as texts" },
        Loss {
            code: "visibility",
            what: "key points without visibility, of a skeleton",
            instead: "written as visible",
        },
        Loss { code: "bezier", what: "curves", instead: "their control points are written as a line" },
        Loss { code: "film", what: "labels of films that are no tracks", instead: "left out" },
        Loss { code: "track", what: "tracks whose instance is no whole number", instead: "numbered within the film" },
        Loss { code: "track_attributes", what: "attributes of whole tracks", instead: "written with each key frame" },
    ],
    options: &[],
};

const HOLDS: Holds = Holds {
    fields: false,
    split: true,
    ids: false,
    instance: true,
    confidence: false,
    attributes: true,
    embedded: false,
    not_looked_at: false,
};

/// What the task is called in files we write: samples' paths are then those below `images/`.
const TASK: &str = "tamis";

/// CVAT.
pub(crate) struct Cvat;

fn is_it(head: &str) -> bool {
    head.contains("<annotations")
        && (head.contains("<version>1.")
            || head.contains("<image ")
            || head.contains("<track ")
            || head.contains("<meta"))
}

impl Format for Cvat {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        like(probe, "xml", 95, is_it)
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
