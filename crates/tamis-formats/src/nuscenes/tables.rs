//! The rows of the tables, and how a table is read.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tamis_core::Place;

use crate::labels::Judge;
use crate::lex::json::{Item, walk};
use crate::paths::join;
use crate::source::Source;

/// A row that others name by its token.
pub(super) trait Row: DeserializeOwned {
    fn token(&self) -> &str;
}

macro_rules! rows {
    ($($name:ident { $($field:ident: $kind:ty),* $(,)? })*) => {
        $(
            #[derive(Debug, Deserialize)]
            pub(super) struct $name {
                pub(super) token: String,
                $(#[serde(default)] pub(super) $field: $kind,)*
            }

            impl Row for $name {
                fn token(&self) -> &str {
                    &self.token
                }
            }
        )*
    };
}

rows! {
    Scene { name: String }
    Sample { scene_token: String }
    SampleData {
        sample_token: String, ego_pose_token: String, calibrated_sensor_token: String, timestamp: f64,
        filename: String, is_key_frame: bool, width: Option<u32>, height: Option<u32>,
    }
    Sensor { channel: String, modality: String }
    CalibratedSensor {
        sensor_token: String, translation: Vec<f64>, rotation: Vec<f64>, camera_intrinsic: Vec<Vec<f64>>,
    }
    EgoPose { translation: Vec<f64>, rotation: Vec<f64> }
    Named { name: String, level: String }
    Instance { category_token: String }
    Annotation {
        sample_token: String, instance_token: String, translation: Vec<f64>, rotation: Vec<f64>, size: Vec<f64>,
        attribute_tokens: Vec<String>, visibility_token: serde_json::Value, num_lidar_pts: Option<i64>,
        num_radar_pts: Option<i64>,
    }
}

/// Reads a table row by row; rows that are none are findings. A table that is missing is empty: only some are needed.
pub(super) fn rows<T: Row>(
    source: &Source,
    folder: &str,
    table: &str,
    judge: &Judge<'_>,
    mut each: impl FnMut(T, u64),
) {
    let file = join(folder, &format!("{table}.json"));
    if source.find(&file).is_none() {
        judge.note("no_table", Place::file(&file), "the table is not there");
        return;
    }
    let reader = match source.text(&file) {
        Ok(reader) => reader,
        Err(e) => return judge.error("unreadable", Place::file(&file), e),
    };
    let done = walk(reader, |item: Item<'_>| {
        let text = crate::lex::text::decode(item.text);
        if let Ok(row) = serde_json::from_str::<T>(&text) {
            return each(row, item.at.line);
        }
        let place = || Place::line(&file, item.at.line);
        let Some(map) = judge.json::<Map<String, Value>>(&file, &text, item.at) else { return };
        match serde_json::from_value::<T>(sound::<T>(map, judge, &place)) {
            Ok(row) => each(row, item.at.line),
            Err(e) => judge.error("row", place(), format!("a row is left out: {e}")),
        }
    });
    if let Err(fault) = done {
        judge.error("syntax", fault.place(&file), fault.message);
    }
}

/// The cells of a row that are what they should be; each of the others is a finding.
fn sound<T: Row>(map: Map<String, Value>, judge: &Judge<'_>, place: &dyn Fn() -> Place) -> Value {
    let token = map.get("token").cloned();
    let is_sound = |key: &str, value: &Value| {
        let alone = json!({"token": token, key: value});
        key == "token" || serde_json::from_value::<T>(alone).is_ok()
    };
    let cells = map.into_iter().filter(|(key, value)| {
        let sound = is_sound(key, value);
        if !sound {
            judge.error("cell", place(), format!("`{key}` is not what it should be; left out"));
        }
        sound
    });
    Value::Object(cells.collect())
}

/// A whole table by token; a token that stands twice is a finding, and the first stays.
pub(super) fn table<T: Row>(source: &Source, folder: &str, name: &str, judge: &Judge<'_>) -> HashMap<String, T> {
    let mut out = HashMap::new();
    let file = join(folder, &format!("{name}.json"));
    rows::<T>(source, folder, name, judge, |row, line| {
        if out.contains_key(row.token()) {
            judge.error("duplicate", Place::line(&file, line), "a token stands twice; the first row is kept");
        } else {
            out.insert(row.token().to_owned(), row);
        }
    });
    out
}
