//! The sensors of a dataset, by segment and name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tamis_core::{Ontology, Sensor};

use super::Object;

/// The sensors of a dataset with their calibration, by segment, then by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sensors {
    /// Sensors by segment (the first component of paths, empty for all), then by name.
    pub segments: BTreeMap<String, BTreeMap<String, Sensor>>,
}

impl Object for Sensors {
    const KIND: &'static str = "sensors";
}

impl Object for Ontology {
    const KIND: &'static str = "ontology";
}

impl Sensors {
    /// A sensor of a segment.
    pub fn get(&self, segment: &str, name: &str) -> Option<&Sensor> {
        self.segments.get(segment)?.get(name)
    }

    /// Puts a sensor into a segment under its own name, or takes the one of that name away.
    pub fn set(&mut self, segment: &str, name: &str, sensor: Option<Sensor>) {
        match sensor {
            Some(sensor) => {
                self.segments.entry(segment.to_owned()).or_default().insert(name.to_owned(), sensor);
            }
            None => {
                let emptied = self.segments.get_mut(segment).is_some_and(|sensors| {
                    sensors.remove(name);
                    sensors.is_empty()
                });
                if emptied {
                    self.segments.remove(segment);
                }
            }
        }
    }

    /// Every sensor with its segment.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Sensor)> {
        self.segments
            .iter()
            .flat_map(|(segment, sensors)| sensors.values().map(move |sensor| (segment.as_str(), sensor)))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }
}
