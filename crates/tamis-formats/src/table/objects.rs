//! The column `objects` of Hugging Face's layouts: boxes by left, top, width and height with their categories, as lists
//! side by side or as a list of objects; and names of classes, which such tables keep beside the numbers.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tamis_core::{Box2d, Label, Place, Shape};

use crate::labels::{self, Judge};

/// Keys of an object's class, in the order of preference.
const CLASSES: [&str; 6] = ["category", "categories", "label", "labels", "class", "class_name"];

/// Names of classes by column, for columns of class numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(BTreeMap<String, Vec<String>>);

impl Names {
    /// From what the `datasets` library writes into a Parquet file: `{"info": {"features": {…}}}`, in which columns of
    /// classes are of the type `ClassLabel`.
    pub(super) fn of_features(json: &str) -> Names {
        let parsed: Value = serde_json::from_str(json).unwrap_or_default();
        let features = parsed.pointer("/info/features").and_then(Value::as_object);
        let named = features.into_iter().flatten().filter_map(|(column, of)| Some((column.clone(), class_label(of)?)));
        Names(named.collect())
    }

    /// The names of a column; none where it has no numbers of classes.
    pub(super) fn of(&self, column: &str) -> &[String] {
        self.0.get(column).map_or(&[], Vec::as_slice)
    }

    /// The class that a cell names.
    pub(super) fn class(&self, column: &str, cell: &Value) -> Option<String> {
        let number = cell.as_u64().and_then(|n| usize::try_from(n).ok());
        let known = number.and_then(|n| self.of(column).get(n));
        known.cloned().or_else(|| cell.as_str().map(str::to_owned)).or_else(|| cell.as_i64().map(|n| n.to_string()))
    }
}

/// The names of the first column of classes at or below a feature.
fn class_label(feature: &Value) -> Option<Vec<String>> {
    match feature {
        Value::Object(map) if map.get("_type").and_then(Value::as_str) == Some("ClassLabel") => {
            let names = map.get("names")?.as_array()?;
            Some(names.iter().map(|n| n.as_str().unwrap_or_default().to_owned()).collect())
        }
        Value::Object(map) => map.values().find_map(class_label),
        Value::Array(list) => list.iter().find_map(class_label),
        _ => None,
    }
}

/// The objects of a cell, each by its keys; [`None`] where the cell holds no boxes, and is a field like others.
fn objects(cell: &Value) -> Option<Vec<Map<String, Value>>> {
    match cell {
        Value::Array(list) if list.iter().all(|o| o.get("bbox").is_some()) => {
            list.iter().map(|o| o.as_object().cloned()).collect()
        }
        Value::Object(lists) => {
            let count = lists.get("bbox")?.as_array()?.len();
            let one = |at: usize| {
                let part = |(key, list): (&String, &Value)| Some((key.clone(), list.get(at)?.clone()));
                lists.iter().filter_map(part).collect()
            };
            Some((0..count).map(one).collect())
        }
        _ => None,
    }
}

/// The labels of a cell; [`None`] where it holds no boxes. O(objects).
pub(super) fn labels(
    cell: &Value,
    names: &Names,
    size: Option<(u32, u32)>,
    judge: &Judge<'_>,
    place: &Place,
) -> Option<Vec<Label>> {
    if let Value::Object(lists) = cell
        && let Some(count) = lists.get("bbox").and_then(Value::as_array).map(Vec::len)
        && lists.values().any(|l| l.as_array().is_none_or(|l| l.len() != count))
    {
        judge.error("objects", place.clone(), "the lists of `objects` differ in length; what is missing is left out");
    }
    let mut out = Vec::new();
    for mut object in objects(cell)? {
        let numbers = object.remove("bbox").and_then(|b| serde_json::from_value::<[f64; 4]>(b).ok());
        let Some([x, y, w, h]) = numbers else {
            judge.error("box", place.clone(), "a `bbox` is not four numbers; its object is left out");
            continue;
        };
        let Some(b) = judge.accept(Box2d::from_xywh(x, y, w, h), size, || place.clone()) else { continue };
        let mut label = Label::new(Shape::Box2d(b));
        if let Some(key) = CLASSES.iter().find(|key| object.contains_key(**key)) {
            let cell = object.remove(*key).unwrap_or_default();
            label.class = names.class("objects", &cell).as_deref().and_then(labels::class);
        }
        if let Some(id) = object.get("id").and_then(Value::as_u64) {
            label.id = id;
            object.remove("id");
        }
        label.confidence = object.remove("score").and_then(|s| s.as_f64());
        label.attributes = object.into_iter().filter(|(_, v)| !v.is_null()).collect();
        out.push(label);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tamis_core::Report;

    fn read(cell: Value, names: &Names) -> (Option<Vec<Label>>, usize) {
        let report = Report::new();
        let judge = Judge { format: "jsonl", report: &report };
        let found = labels(&cell, names, Some((20, 20)), &judge, &Place::file("x"));
        (found, report.findings().len())
    }

    #[test]
    fn both_shapes_of_the_column_are_the_same_labels() {
        let features = json!({"info": {"features": {
            "image": {"_type": "Image"},
            "objects": {"feature": {"category": {"names": ["cat", "dog"], "_type": "ClassLabel"}}, "_type": "Sequence"},
        }}});
        let names = Names::of_features(&features.to_string());
        let beside = json!({"bbox": [[1, 2, 3, 4], [0, 0, 2.5, 2]], "category": [1, 0], "area": [12, 5]});
        let listed = json!([
            {"bbox": [1, 2, 3, 4], "category": 1, "area": 12},
            {"bbox": [0, 0, 2.5, 2], "category": "cat", "area": 5},
        ]);
        let (found, doubts) = read(beside, &names);
        assert_eq!((&found, doubts), (&read(listed, &names).0, 0));
        let found = found.unwrap();
        assert_eq!(found[0].bounds(), Some(Box2d::new(1.0, 2.0, 4.0, 6.0)));
        assert_eq!((found[0].class.as_deref(), found[1].class.as_deref()), (Some("dog"), Some("cat")));
        assert_eq!(found[0].attributes["area"], 12);
    }

    #[test]
    fn what_is_wrong_in_the_column_is_a_finding_and_the_rest_stands() {
        let none = Names::default();
        for (cell, labels, doubts) in [
            (json!({"bbox": [[1, 2, 3, 4], [1, 2]], "category": ["a", "b"]}), 1, 1),
            (json!({"bbox": [[1, 2, 3, 4]], "category": []}), 1, 1),
            (json!({"bbox": [[1, 2, -3, 4], [0, 0, 1, 1]], "category": ["a", "b"]}), 1, 1),
            (json!({"bbox": [[1, 2, 3, 400]]}), 1, 1),
            (json!({"bbox": [[1, 2, "x", 4]]}), 0, 1),
            (json!({"bbox": [], "category": []}), 0, 0),
        ] {
            let (found, doubted) = read(cell.clone(), &none);
            assert_eq!((found.map(|f| f.len()), doubted), (Some(labels), doubts), "{cell}");
        }
        for other in [json!("text"), json!({"a": 1}), json!([1]), json!({"bbox": 3})] {
            assert_eq!(read(other.clone(), &none).0, None, "{other}");
        }
    }
}
