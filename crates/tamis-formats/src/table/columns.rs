//! What columns mean, by their names.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tamis_core::Box2d;

use crate::error::{FormatError, Result};
use crate::format::option;
use crate::spec::{OptionSpec, Spec};

const fn told(name: &'static str, help: &'static str) -> OptionSpec {
    OptionSpec { name, values: &[], default: "", help }
}

/// Options of tables that say which column means what, where names do not.
pub(super) const OPTIONS: &[OptionSpec] = &[
    told("path", "the column with paths or URLs, of tables that are read; `a/b` is `b` inside of `a`"),
    told("media", "the column with the media's bytes"),
    told("split", "the column with splits"),
    told("class", "the column with classes"),
    told("confidence", "the column with confidences"),
    told("box", "the four columns of boxes, with commas between them, or one column of four numbers"),
    OptionSpec {
        name: "box_form",
        values: &["corners", "extent", "centre"],
        default: "corners",
        help: "left, top, right and bottom; left, top, width and height; or centre, width and height",
    },
    OptionSpec {
        name: "box_unit",
        values: &["pixels", "fractions"],
        default: "pixels",
        help: "what sides of boxes count: pixels, or parts of the image's sides",
    },
];

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

/// What four numbers of a box mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    #[default]
    Corners,
    Extent,
    Centre,
}

/// Where boxes stand.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Four columns, or one that has four numbers.
    columns: Vec<String>,
    form: Form,
    fractions: bool,
}

/// What the caller says of the columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    columns: BTreeMap<&'static str, String>,
    frame: Option<Frame>,
}

impl Told {
    /// Takes it out of the options of a reader.
    pub(super) fn new(spec: &'static Spec, options: &BTreeMap<String, String>) -> Result<Told> {
        let mut columns = BTreeMap::new();
        for known in OPTIONS.iter().filter(|o| o.values.is_empty() && o.name != "box") {
            let column = option(spec, options, known.name)?;
            if !column.is_empty() {
                columns.insert(known.name, column.to_owned());
            }
        }
        let sides = option(spec, options, "box")?;
        let sides: Vec<String> = sides.split(',').map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()).collect();
        let form = match option(spec, options, "box_form")? {
            "extent" => Form::Extent,
            "centre" => Form::Centre,
            _ => Form::Corners,
        };
        let fractions = option(spec, options, "box_unit")? == "fractions";
        match sides.len() {
            0 => Ok(Told { columns, frame: None }),
            1 | 4 => Ok(Told { columns, frame: Some(Frame { columns: sides, form, fractions }) }),
            _ => Err(FormatError::BadOption {
                format: spec.id,
                name: "box".to_owned(),
                reason: "it takes one column or four, with commas between them".to_owned(),
            }),
        }
    }

    /// Columns that are named and that no table has.
    pub(super) fn missing<'t>(&'t self, tables: &[Vec<String>]) -> Option<&'t str> {
        let sides = self.frame.iter().flat_map(|f| &f.columns);
        let is_there = |name: &str| {
            let top = name.split('/').next().unwrap_or(name);
            tables.iter().flatten().any(|n| n == name || n == top)
        };
        self.columns.values().chain(sides).map(String::as_str).find(|name| !is_there(name))
    }
}

/// Which column means what, as names in the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    pub(super) path: Option<String>,
    pub(super) media: Option<String>,
    pub(super) split: Option<String>,
    pub(super) class: Option<String>,
    pub(super) sure: Option<String>,
    pub(super) frame: Option<Frame>,
    pub(super) size: Option<(String, String)>,
    pub(super) labels: Option<String>,
}

impl Columns {
    /// Judges names, upper and lower case being the same, but for what the caller says.
    pub(super) fn new(names: &[String], told: &Told) -> Columns {
        let find = |wanted: &str| names.iter().find(|n| n.eq_ignore_ascii_case(wanted)).cloned();
        let first = |list: &[&str]| list.iter().find_map(|w| find(w));
        let frame = BOXES.iter().find_map(|(sides, extent)| {
            let columns = sides.iter().map(|side| find(side)).collect::<Option<Vec<String>>>()?;
            let form = if *extent { Form::Extent } else { Form::Corners };
            Some(Frame { columns, form, fractions: false })
        });
        let frame = told.frame.clone().or(frame);
        let tail = || {
            names
                .iter()
                .find(|n| {
                    ["_class", "_label", "_type", "_category"].iter().any(|t| n.to_ascii_lowercase().ends_with(t))
                })
                .cloned()
        };
        let class = first(CLASSES).or_else(|| frame.as_ref().and_then(|_| tail()));
        let used = frame.as_ref().is_some_and(|f| f.columns.iter().any(|s| s.eq_ignore_ascii_case("width")));
        let said = |what: &str, guess: Option<String>| told.columns.get(what).cloned().or(guess);
        Columns {
            path: said("path", first(PATHS)),
            media: said("media", first(&["bytes", "image", "image_bytes", "media", "audio"])),
            split: said("split", first(SPLITS)),
            class: said("class", class),
            sure: said("confidence", first(SURE)),
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
        let frame = self.frame.iter().flat_map(|f| &f.columns);
        let named = [&self.path, &self.split, &self.class, &self.labels].into_iter().flatten().chain(frame);
        named.map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
    }

    /// Whether a column has a meaning here.
    pub(super) fn means(&self, name: &str) -> bool {
        let frame = self.frame.iter().flat_map(|f| &f.columns);
        let size = self.size.iter().flat_map(|(w, h)| [w, h]);
        let named = [&self.path, &self.media, &self.split, &self.class, &self.sure, &self.labels].into_iter().flatten();
        named.chain(frame).chain(size).any(|n| n == name) || matches!(name, "frame" | "sensor" | "timestamp")
    }

    /// Puts cells inside of others beside them, where a column `a/b` has a meaning.
    pub(super) fn lift(&self, row: &mut Map<String, Value>) {
        let frame = self.frame.iter().flat_map(|f| &f.columns);
        let named = [&self.path, &self.media, &self.split, &self.class, &self.sure].into_iter().flatten();
        for name in named.chain(frame).filter(|name| name.contains('/') && !row.contains_key(*name)).collect::<Vec<_>>()
        {
            let (top, rest) = name.split_once('/').unwrap_or((name, ""));
            if let Some(found) = row.get(top).and_then(|cell| cell.pointer(&format!("/{rest}"))).cloned() {
                row.insert(name.clone(), found);
            }
        }
    }

    /// Whether boxes are known only with the size of their image.
    pub(super) fn needs_size(&self) -> bool {
        self.frame.as_ref().is_some_and(|f| f.fractions)
    }

    /// The box of a row in an image of a size: none, one, or what is no box.
    pub(super) fn frame_of(&self, row: &Map<String, Value>, size: Option<(u32, u32)>) -> Option<Option<Box2d>> {
        let frame = self.frame.as_ref()?;
        let number = |value: &Value| value.as_f64().or_else(|| value.as_str().and_then(|s| s.trim().parse().ok()));
        let cells: Vec<Option<f64>> = match frame.columns.as_slice() {
            [one] => match row.get(one) {
                None | Some(Value::Null) => return None,
                Some(Value::Array(items)) => items.iter().map(number).collect(),
                Some(Value::String(text)) => {
                    let words = text.split([',', ' ', ';', '[', ']', '(', ')']).filter(|w| !w.is_empty());
                    words.map(|w| w.parse().ok()).collect()
                }
                Some(_) => return Some(None),
            },
            four => {
                let cells: Vec<&Value> = four.iter().filter_map(|n| row.get(n)).filter(|v| !v.is_null()).collect();
                if cells.is_empty() {
                    return None;
                }
                cells.into_iter().map(number).collect()
            }
        };
        let [Some(a), Some(b), Some(c), Some(d)] = cells[..] else { return Some(None) };
        let (w, h) = match (frame.fractions, size) {
            (false, _) => (1.0, 1.0),
            (true, Some((w, h))) => (f64::from(w), f64::from(h)),
            (true, None) => return Some(None),
        };
        let (a, b, c, d) = (a * w, b * h, c * w, d * h);
        Some(Some(match frame.form {
            Form::Corners => Box2d::new(a, b, c, d),
            Form::Extent => Box2d::from_xywh(a, b, c, d),
            Form::Centre => Box2d::from_xywh(a - c / 2.0, b - d / 2.0, c, d),
        }))
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
