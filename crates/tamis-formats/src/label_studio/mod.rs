//! Label Studio: the full JSON export, a list of tasks with annotations and predictions. Image coordinates are percent
//! of the image's size; text is in the task itself.
//!
//! The first annotation of a task goes to the layer that is read into, those of further annotators to layers
//! `annotator/<who>`, predictions to `predictions` (of several models `predictions/<model>`).

mod brush;
mod read;
mod region;
mod write;

use tamis_core::{LabelType, Report};

use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::gather::{has, like};
use crate::holds::{self, Holds};
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, OptionSpec, Spec};

const HELD: &[LabelType] = &[
    LabelType::Box2d,
    LabelType::RotatedBox,
    LabelType::Polygon,
    LabelType::Rle,
    LabelType::Keypoints,
    LabelType::Classification,
    LabelType::Sentence,
    LabelType::TextSpan,
    LabelType::TimeSpan,
    LabelType::Track,
    LabelType::Scalar,
    LabelType::Relation,
];

/// The specification.
pub(crate) static SPEC: Spec = Spec {
    id: "label_studio",
    title: "Label Studio JSON",
    homepage: "https://labelstud.io/guide/export#JSON",
    extensions: &["json"],
    media: &["image", "text", "audio", "video"],
    reads: HELD,
    writes: HELD,
    losses: &[
        Loss { code: "layers", what: "layers beside the written one and predictions", instead: "left out" },
        holds::FUSION,
        holds::EMBEDDED,
        Loss { code: "size", what: "labels with an extent in samples of unknown size", instead: "left out" },
        Loss { code: "points", what: "labels of several key points", instead: "each point is a region of its own" },
        Loss { code: "sentence", what: "times, spelling and phonemes of sentences", instead: "the words are written" },
        Loss { code: "track", what: "tracks of shapes that are no boxes", instead: "their boxes are written" },
        Loss { code: "key", what: "attributes of key frames", instead: "left out" },
        Loss { code: "relation", what: "relations of labels that are not written", instead: "left out" },
        Loss { code: "fields", what: "fields named like the task's own keys", instead: "left out" },
        holds::VISIBILITY,
        holds::MEDIA,
        holds::MULTI,
        holds::SHAPE,
    ],
    options: &[OptionSpec {
        name: "prefix",
        values: &[],
        default: "",
        help: "put before media paths, as `/data/local-files/?d=` or the address of a bucket",
    }],
};

const HOLDS: Holds = Holds {
    fields: true,
    split: true,
    ids: true,
    instance: true,
    confidence: true,
    attributes: true,
    embedded: false,
    not_looked_at: true,
};

/// The layer of predictions.
const PREDICTIONS: &str = "predictions";

/// The name of the control that chooses classes of whole samples.
const CHOICE: &str = "choice";

/// The attribute that keeps the name of another control.
const QUESTION: &str = "question";

/// Label Studio.
pub(crate) struct LabelStudio;

fn is_it(head: &str) -> bool {
    let results = has(head, &["result"]) || has(head, &["predictions"]) || has(head, &["completions"]);
    head.trim_start().starts_with(['[', '{'])
        && has(head, &["data"])
        && (has(head, &["annotations"]) || has(head, &["predictions"]) || has(head, &["completions"]))
        && results
        && !has(head, &["data_row"])
}

impl Format for LabelStudio {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        like(probe, "json", 94, is_it)
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
