//! COCO: one JSON file a split with images, annotations and categories (detection, segmentation, key points,
//! captions); also as Roboflow, CVAT and MMDetection lay it out. Maps of stuff are PNGs in `stuff_<split>_pixelmaps`;
//! layers of predictions are lists of results, `results/<split>/<name>.json`.
//!
//! Image and annotation ids, licences, further keys of images, annotations and categories are kept and written back,
//! so that COCO → Tamis → COCO is the identity but for the order of keys, derived numbers (`area`, `num_keypoints`)
//! and the declared losses. See docs/adr/0043.

mod annotation;
mod panoptic;
mod read;
mod rle;
mod write;

pub(crate) use annotation::{Context, labels_of, runs};
pub(crate) use rle::{decode as decode_rle, encode as encode_rle};

use tamis_core::{LabelType, Report};

use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, OptionSpec, Spec};

/// Added to the id of an annotation for its key points where it has a segmentation as well.
pub(crate) const KEYPOINTS_BIT: u64 = 1 << 52;

const HELD: &[LabelType] = &[
    LabelType::Classification,
    LabelType::Box2d,
    LabelType::Polygon,
    LabelType::MultiPolygon,
    LabelType::Keypoints,
    LabelType::Rle,
    LabelType::Sentence,
    LabelType::PanopticMask,
    LabelType::SemanticMask,
];

/// The specification.
pub(crate) static SPEC: Spec = Spec {
    id: "coco",
    title: "COCO detection, segmentation, key points, captions, stuff, panoptic and results; LVIS",
    homepage: "https://cocodataset.org/#format-data",
    extensions: &["json"],
    media: &["image"],
    reads: HELD,
    writes: HELD,
    losses: &[
        Loss { code: "layers", what: "further layers but predictions", instead: "left out" },
        Loss { code: "score", what: "predictions without confidence", instead: "written with the score 1" },
        Loss { code: "no_result", what: "layers of predictions without a label", instead: "left out" },
        Loss { code: "result_name", what: "names of predictions that are no file names", instead: "`_` is written" },
        Loss { code: "fusion", what: "frames, sensors and timestamps", instead: "left out" },
        Loss { code: "shape", what: "labels of other types", instead: "left out" },
        Loss { code: "rotated", what: "rotated boxes", instead: "their corners are written as polygons" },
        Loss { code: "visibility", what: "key points without visibility", instead: "written as visible" },
        Loss { code: "sentence", what: "times, spelling and phonemes of sentences", instead: "the words are written" },
        Loss {
            code: "not_looked_at",
            what: "samples without the layer",
            instead: "read back as looked at, nothing found",
        },
        Loss { code: "name", what: "fields named like COCO's own keys", instead: "left out" },
        Loss { code: "media", what: "samples without media", instead: "the image is listed, its file is missing" },
        Loss { code: "mask", what: "masks whose image is not there, or beyond the first", instead: "left out" },
        Loss { code: "embedded", what: "boxes given beside a box or caption", instead: "left out" },
    ],
    options: &[
        OptionSpec { name: "file", values: &[], default: "", help: "read only this annotation file" },
        OptionSpec {
            name: "layout",
            values: &["coco", "roboflow"],
            default: "coco",
            help: "write `annotations/instances_<split>.json`, or `<split>/_annotations.coco.json` beside the images",
        },
        OptionSpec {
            name: "rle",
            values: &["list", "text"],
            default: "list",
            help: "write masks as lists of runs, or packed into text",
        },
    ],
};

/// COCO.
pub(crate) struct Coco;

impl Format for Coco {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        let files: Vec<&str> = probe
            .with_extension("json")
            .iter()
            .map(|e| e.path.as_str())
            .filter(|p| is_coco(probe.source(), p))
            .collect();
        match files.as_slice() {
            [] => {
                let results =
                    probe.with_extension("json").iter().take(50).find(|e| is_results(probe.source(), &e.path));
                results.map_or(Confidence::NONE, |e| Confidence::new(60, format!("found results in `{}`", e.path)))
            }
            [one] => Confidence::new(95, format!("found `{one}` with images and annotations")),
            [first, rest @ ..] => Confidence::new(
                95,
                format!("found `{first}` and {} more files with images and annotations", rest.len()),
            ),
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

/// Whether a JSON file is an annotation file of COCO, by the keys at its beginning and end.
fn is_coco(source: &Source, path: &str) -> bool {
    let head = source.head(path, 64 << 10).unwrap_or_default();
    let text = crate::lex::text::decode(&head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if !text.starts_with('{') {
        return false;
    }
    let has = |key: &str| text.contains(&format!("\"{key}\""));
    let mut tops = std::collections::BTreeSet::new();
    let small = source.find(path).is_some_and(|e| e.size <= 1 << 20);
    if small {
        let _ = source.text(path).map(|r| {
            crate::lex::json::walk(r, |item| {
                tops.insert(item.key.to_owned());
            })
        });
        let listed = ["annotations", "images"].iter().all(|k| tops.contains(*k))
            || text.contains("\"file_name\"") && tops.contains("images");
        // An empty list of images leaves no element to see.
        return listed || has("images") && has("annotations") && has("categories");
    }
    has("images") && (has("file_name") || has("annotations")) || has("annotations") && has("image_id")
}

/// The layer of a file of results: by its name where we wrote it or there are several.
fn result_layer(path: &str, many: bool) -> String {
    let name = crate::sink::safe(crate::paths::stem(crate::paths::name(path)));
    let ours = crate::out::below(path, "results").1.len() < path.len();
    if name == PREDICTIONS || !ours && !many { PREDICTIONS.to_owned() } else { format!("{PREDICTIONS}/{name}") }
}

/// The layer of predictions, and the first part of the names of several.
const PREDICTIONS: &str = "predictions";

/// The end of the name of a folder of maps of stuff.
const MAPS: &str = "_pixelmaps/";

/// Whether a JSON file is a list of results: what a model found, by image.
fn is_results(source: &Source, path: &str) -> bool {
    let head = source.head(path, 4 << 10).unwrap_or_default();
    let text = crate::lex::text::decode(&head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let has = |key: &str| text.contains(&format!("\"{key}\""));
    let found = has("bbox") || has("segmentation") || has("keypoints") || has("caption") || has("segments_info");
    text.starts_with('[') && has("image_id") && found
}
