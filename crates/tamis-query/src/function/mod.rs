//! The functions that SQL has beside the usual ones: one table feeds the engine, the documentation and
//! `tamis sql --functions`.

mod boxes;
mod histogram;
mod labels;
mod paths;
mod scalar;
mod vectors;

use arrow::datatypes::DataType;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, Signature, TypeSignature, Volatility};
use datafusion::prelude::SessionContext;
use serde::Serialize;

use scalar::{Run, Scalar};

/// A function, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Function {
    /// How it is called.
    pub usage: &'static str,
    /// What it gives.
    pub about: &'static str,
    /// A query with it.
    pub example: &'static str,
}

/// What a function takes.
enum Takes {
    Numbers(usize),
    Text,
    Anything(usize),
    AnythingOrMore(usize),
}

struct Entry {
    name: &'static str,
    takes: Takes,
    returns: DataType,
    run: Run,
    told: Function,
}

macro_rules! functions {
    ($($name:ident in $module:ident, $takes:expr => $returns:ident, $usage:literal, $about:literal, $example:literal;)*) => {
        const ENTRIES: &[Entry] = &[$(Entry {
            name: stringify!($name),
            takes: $takes,
            returns: DataType::$returns,
            run: $module::$name,
            told: Function { usage: $usage, about: $about, example: $example },
        },)*];
    };
}

functions! {
    box_area in boxes, Takes::Numbers(4) => Float64, "box_area(xmin, ymin, xmax, ymax)",
        "The area of a box; 0 where it is turned inside out.",
        "SELECT path, id FROM annotations WHERE box_area(xmin, ymin, xmax, ymax) < 16";
    box_aspect in boxes, Takes::Numbers(4) => Float64, "box_aspect(xmin, ymin, xmax, ymax)",
        "Width by height; null without height.",
        "SELECT class, avg(box_aspect(xmin, ymin, xmax, ymax)) FROM annotations GROUP BY class";
    box_iou in boxes, Takes::Numbers(8) => Float64, "box_iou(xmin, ymin, xmax, ymax, xmin, ymin, xmax, ymax)",
        "The overlap of two boxes by what they cover together, 0 to 1; null where neither has an area.",
        "SELECT a.path, a.id, b.id FROM annotations a JOIN annotations b ON a.path = b.path AND a.id < b.id WHERE box_iou(a.xmin, a.ymin, a.xmax, a.ymax, b.xmin, b.ymin, b.xmax, b.ymax) > 0.95";
    box_containment in boxes, Takes::Numbers(8) => Float64, "box_containment(xmin, ymin, xmax, ymax, xmin, ymin, xmax, ymax)",
        "How much of the first box lies in the second, 0 to 1; null where the first has no area.",
        "SELECT path, id FROM annotations JOIN samples USING (path) WHERE box_containment(xmin, ymin, xmax, ymax, 0, 0, width, height) < 1";
    polygon_area in boxes, Takes::Anything(1) => Float64, "polygon_area(points)",
        "The area of a polygon, of all its rings together.",
        "SELECT path, id, polygon_area(points) FROM annotations WHERE type = 'polygon'";
    mask_area in boxes, Takes::Anything(1) => UInt64, "mask_area(rle)",
        "The pixels of a run-length encoded mask.",
        "SELECT path, id, mask_area(rle) FROM annotations WHERE type = 'rle'";
    count_labels in labels, Takes::AnythingOrMore(1) => UInt64, "count_labels(layer[, class])",
        "How many labels, of a class where one is named, a layer's column of `samples` has; null where the layer is absent.",
        "SELECT path, count_labels(truth, 'bus') AS buses FROM samples WHERE count_labels(truth, 'bus') > 0";
    has_class in labels, Takes::Anything(2) => Boolean, "has_class(layer, class)",
        "Whether a layer's column of `samples` has a label of a class.",
        "SELECT path FROM samples WHERE has_class(truth, 'bus') AND split = 'val'";
    path_segment in paths, Takes::Text => Utf8, "path_segment(path)",
        "What stands before the first slash.",
        "SELECT path_segment(path), count(*) FROM samples GROUP BY 1";
    path_dir in paths, Takes::Text => Utf8, "path_dir(path)",
        "What stands before the last slash.",
        "SELECT path_dir(path), count(*) FROM samples GROUP BY 1";
    path_name in paths, Takes::Text => Utf8, "path_name(path)",
        "What stands after the last slash.",
        "SELECT path_name(path), count(*) FROM samples GROUP BY 1 HAVING count(*) > 1";
    path_ext in paths, Takes::Text => Utf8, "path_ext(path)",
        "What stands after the last dot of the name.",
        "SELECT path_ext(path), count(*) FROM samples GROUP BY 1";
    cosine_distance in vectors, Takes::Anything(2) => Float64, "cosine_distance(a, b)",
        "1 less the cosine of the angle between two vectors; null where one has no length.",
        "SELECT path FROM samples ORDER BY cosine_distance(embedding, [0.1, 0.7]) LIMIT 10";
    l2_distance in vectors, Takes::Anything(2) => Float64, "l2_distance(a, b)",
        "The length of the difference of two vectors.",
        "SELECT path FROM samples ORDER BY l2_distance(embedding, [0.1, 0.7]) LIMIT 10";
    hamming_distance in vectors, Takes::Anything(2) => UInt64, "hamming_distance(a, b)",
        "In how many bits two whole numbers, or binary values of one length, differ.",
        "SELECT a.path, b.path FROM samples a JOIN samples b ON a.path < b.path WHERE hamming_distance(a.phash, b.phash) <= 4";
}

const HISTOGRAM: Function = Function {
    usage: "histogram(value, low, high, buckets)",
    about: "An aggregate: how many values lie in each of so many buckets of equal width; values outside are left out.",
    example: "SELECT class, histogram(confidence, 0, 1, 10) FROM annotations GROUP BY class",
};

/// The functions beside the usual ones, in the order of the documentation.
pub fn functions() -> Vec<Function> {
    ENTRIES.iter().map(|entry| entry.told).chain([HISTOGRAM]).collect()
}

/// Makes the functions known to a session.
pub(crate) fn register(context: &SessionContext) {
    for entry in ENTRIES {
        let takes = match entry.takes {
            Takes::Numbers(count) => TypeSignature::Exact(vec![DataType::Float64; count]),
            Takes::Text => TypeSignature::String(1),
            Takes::Anything(count) => TypeSignature::Any(count),
            Takes::AnythingOrMore(count) => {
                TypeSignature::OneOf(vec![TypeSignature::Any(count), TypeSignature::Any(count + 1)])
            }
        };
        let signature = Signature::new(takes, Volatility::Immutable);
        let returns = entry.returns.clone();
        context.register_udf(ScalarUDF::from(Scalar { name: entry.name, signature, returns, run: entry.run }));
    }
    context.register_udaf(AggregateUDF::from(histogram::Histogram::default()));
}
