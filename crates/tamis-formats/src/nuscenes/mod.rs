//! nuScenes (and Lyft's data in its schema): tables of JSON that name each other by tokens.
//!
//! A sample is a file of one sensor; the samples of a key frame share the frame. Cuboids stand on the frame's scanner,
//! in the scanner's own coordinates; the vehicle's pose at each sample is in its fields `ego.translation` and
//! `ego.rotation`, so that a cuboid goes from scanner to world to any camera as the devkit takes it.

mod read;
mod tables;

use tamis_core::{LabelType, Report};

use crate::error::{FormatError, Result};
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::paths;
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{OptionSpec, Spec};

/// The specification.
pub(crate) static SPEC: Spec = Spec {
    id: "nuscenes",
    title: "nuScenes and Lyft level 5",
    homepage: "https://www.nuscenes.org/nuscenes",
    extensions: &["json"],
    media: &["image", "point cloud"],
    reads: &[LabelType::Box3d],
    writes: &[],
    losses: &[],
    options: &[OptionSpec {
        name: "sweeps",
        values: &["no", "yes"],
        default: "no",
        help: "also read what sensors took between key frames, which has no labels",
    }],
};

/// nuScenes.
pub(crate) struct NuScenes;

/// The folder that has the tables; the first in the order of paths.
fn folder_of_tables(source: &Source) -> Option<&str> {
    let tables = source.entries().iter().filter(|e| paths::name(&e.path) == "sample_data.json");
    let has = |folder: &str, name: &str| source.find(&paths::join(folder, name)).is_some();
    let mut folders = tables.map(|e| paths::folder(&e.path));
    folders.find(|f| has(f, "calibrated_sensor.json") && has(f, "ego_pose.json") && has(f, "sample.json"))
}

impl Format for NuScenes {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        match folder_of_tables(probe.source()) {
            Some(folder) => Confidence::new(97, format!("found nuScenes tables in `{folder}`")),
            None => Confidence::NONE,
        }
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        let reason =
            || "there is no folder with sample_data.json, calibrated_sensor.json, ego_pose.json and sample.json";
        let not = || FormatError::NotThis { path: source.name().into(), format: SPEC.id, reason: reason().into() };
        read::read(source, folder_of_tables(source).ok_or_else(not)?, options, report)
    }

    fn write<'a>(
        &self,
        _: &'a Sink,
        _: &Schema,
        _: &WriteOptions,
        _: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        Err(FormatError::OneWay { verb: "write", format: SPEC.id })
    }
}
