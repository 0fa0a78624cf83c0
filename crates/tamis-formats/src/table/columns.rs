//! What columns mean, by their names.

use serde_json::{Map, Value};
use tamis_core::Box2d;

/// Names that mean the same, in the order of preference.
const PATHS: &[&str] = &[
    "path",
    "file",
    "file_name",
    "filename",
    "filepath",
    "file_path",
    "image_path",
    "img_path",
    "image",
    "img",
    "image_name",
    "imagepath",
    "image_id",
];
const SPLITS: &[&str] = &["split", "subset", "partition", "set"];
const CLASSES: &[&str] = &["class", "label", "category", "class_name", "classname", "label_name", "category_name"];
const SURE: &[&str] = &["confidence", "score"];
const BOXES: &[([&str; 4], bool)] = &[
    (["xmin", "ymin", "xmax", "ymax"], false),
    (["x_min", "y_min", "x_max", "y_max"], false),
    (["bbox_xmin", "bbox_ymin", "bbox_xmax", "bbox_ymax"], false),
    (["x1", "y1", "x2", "y2"], false),
    (["left", "top", "right", "bottom"], false),
    (["x", "y", "w", "h"], true),
    (["x", "y", "width", "height"], true),
    (["bbox_x", "bbox_y", "bbox_w", "bbox_h"], true),
    (["bbox_x", "bbox_y", "bbox_width", "bbox_height"], true),
];

/// Which column means what, as names in the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    pub(super) path: Option<String>,
    pub(super) media: Option<String>,
    pub(super) split: Option<String>,
    pub(super) class: Option<String>,
    pub(super) sure: Option<String>,
    pub(super) frame: Option<([String; 4], bool)>,
    pub(super) size: Option<(String, String)>,
    pub(super) labels: Option<String>,
}

impl Columns {
    /// Judges names; upper and lower case are the same.
    pub(super) fn new(names: &[String]) -> Columns {
        let find = |wanted: &str| names.iter().find(|n| n.eq_ignore_ascii_case(wanted)).cloned();
        let first = |list: &[&str]| list.iter().find_map(|w| find(w));
        let frame = BOXES.iter().find_map(|(sides, extent)| {
            let [a, b, c, d] = sides;
            Some(([find(a)?, find(b)?, find(c)?, find(d)?], *extent))
        });
        let tail = || {
            names
                .iter()
                .find(|n| {
                    ["_class", "_label", "_type", "_category"].iter().any(|t| n.to_ascii_lowercase().ends_with(t))
                })
                .cloned()
        };
        let class = first(CLASSES).or_else(|| frame.as_ref().and_then(|_| tail()));
        let used = frame.as_ref().is_some_and(|(sides, _)| sides.iter().any(|s| s.eq_ignore_ascii_case("width")));
        Columns {
            path: first(PATHS),
            media: first(&["bytes", "image", "image_bytes", "media", "audio"]),
            split: first(SPLITS),
            class,
            sure: first(SURE),
            frame,
            size: if used {
                first(&["image_width"]).zip(first(&["image_height"]))
            } else {
                first(&["width", "image_width"]).zip(first(&["height", "image_height"]))
            },
            labels: first(&["labels"]),
        }
    }

    /// Whether rows can be samples at all.
    pub(super) fn is_table(&self) -> bool {
        self.path.is_some() || self.media.is_some()
    }

    /// Whether rows say something about what is in the samples.
    pub(super) fn has_labels(&self) -> bool {
        self.class.is_some() || self.frame.is_some() || self.labels.is_some()
    }

    /// The columns with a meaning, for people.
    pub(super) fn describe(&self) -> String {
        let frame = self.frame.iter().flat_map(|(sides, _)| sides.iter());
        let named = [&self.path, &self.split, &self.class, &self.labels].into_iter().flatten().chain(frame);
        named.map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
    }

    /// Whether a column has a meaning here.
    pub(super) fn means(&self, name: &str) -> bool {
        let frame = self.frame.iter().flat_map(|(sides, _)| sides.iter());
        let size = self.size.iter().flat_map(|(w, h)| [w, h]);
        let named = [&self.path, &self.media, &self.split, &self.class, &self.sure, &self.labels].into_iter().flatten();
        named.chain(frame).chain(size).any(|n| n == name) || matches!(name, "frame" | "sensor" | "timestamp")
    }

    /// The box of a row: none, one, or columns that are no numbers.
    pub(super) fn frame_of(&self, row: &Map<String, Value>) -> Option<Result<Box2d, ()>> {
        let (sides, extent) = self.frame.as_ref()?;
        let mut numbers = [0.0; 4];
        let mut filled = 0;
        for (number, name) in numbers.iter_mut().zip(sides) {
            match row.get(name) {
                None | Some(Value::Null) => {}
                Some(value) => match value.as_f64().or_else(|| value.as_str().and_then(|s| s.trim().parse().ok())) {
                    Some(n) => {
                        *number = n;
                        filled += 1;
                    }
                    None => return Some(Err(())),
                },
            }
        }
        let [a, b, c, d] = numbers;
        match filled {
            0 => None,
            4 if *extent => Some(Ok(Box2d::from_xywh(a, b, c, d))),
            4 => Some(Ok(Box2d::new(a, b, c, d))),
            _ => Some(Err(())),
        }
    }
}

/// Whether a value prints as this text.
fn prints_as(value: &Value, text: &str) -> bool {
    let printed = value.to_string();
    printed == text
}

/// A cell of text as the value it looks like. Only what prints as the same text again becomes a number, so that `007`
/// and `1e5` stay texts.
pub(super) fn guess(cell: String) -> Value {
    match serde_json::from_str::<Value>(&cell) {
        Ok(value @ Value::Number(_))
            if prints_as(&value, &cell) || cell.strip_suffix(".0").is_some_and(|c| !c.is_empty()) =>
        {
            value
        }
        Ok(value @ Value::Bool(_)) => value,
        _ => Value::String(cell),
    }
}
