//! Super-resolution: the same pictures in `HR` and `LR` (and `upsampled`), in files of the same name. Each picture is
//! a frame, each resolution a sensor.

use std::collections::HashSet;

use tamis_core::{Place, SampleRecord, Sensor, SensorKind};

use crate::error::Result;
use crate::gather::Gather;
use crate::paths::{folder, is_image, join, name, stem};
use crate::probe::{Confidence, Probe};
use crate::reads::{self, Reads};
use crate::spec::Spec;

static SPEC: Spec = reads::spec(
    "super_resolution",
    "Pairs of high and low resolution",
    "https://data.vision.ee.ethz.ch/cvl/DIV2K/",
    &[],
    &[],
);

/// Pairs of high and low resolution.
pub(crate) static SUPER_RESOLUTION: Reads = Reads { spec: &SPEC, detect, read };

const HOMES: [&str; 3] = ["HR", "LR", "upsampled"];

/// Where a picture stands: the folder above the resolution's, and the resolution.
fn home(path: &str) -> Option<(&str, &'static str)> {
    let home = folder(path);
    let known = HOMES.iter().find(|h| h.eq_ignore_ascii_case(name(home)))?;
    is_image(path).then(|| (folder(home), *known))
}

fn frame(path: &str, above: &str) -> String {
    join(above, stem(name(path)))
}

fn detect(probe: &Probe<'_>) -> Confidence {
    let mut high = HashSet::new();
    let mut low = Vec::new();
    for entry in probe.source().entries() {
        match home(&entry.path) {
            Some((above, "HR")) => drop(high.insert(frame(&entry.path, above))),
            Some((above, "LR")) => low.push(frame(&entry.path, above)),
            _ => {}
        }
    }
    match low.iter().filter(|f| high.contains(*f)).count() {
        0 => Confidence::NONE,
        pairs => Confidence::new(85, format!("found {pairs} pictures in both `HR` and `LR`")),
    }
}

fn read(gather: &mut Gather<'_>) -> Result<()> {
    let images: Vec<&str> = gather.index.all().filter(|p| home(p).is_some()).collect();
    if images.is_empty() {
        return Err(gather.nothing("there are no images in `HR` and `LR`"));
    }
    let mut seen: HashSet<&str> = HashSet::new();
    for image in images {
        let Some((above, resolution)) = home(image) else { continue };
        seen.insert(resolution);
        let record = SampleRecord {
            frame: Some(frame(image, above)),
            sensor: Some(resolution.to_owned()),
            ..gather.of_file(image)
        };
        gather.put(record, &|| Place::file(image))?;
    }
    let sensor = |name: &str| Sensor {
        name: name.to_owned(),
        kind: SensorKind::Camera,
        description: String::new(),
        extrinsics: None,
        intrinsics: None,
    };
    let sensors = HOMES.iter().filter(|h| seen.contains(*h)).map(|h| sensor(h)).collect();
    gather.schema.sensors.insert(String::new(), sensors);
    Ok(())
}
