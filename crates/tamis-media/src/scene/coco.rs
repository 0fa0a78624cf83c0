//! The drawn dataset as a folder in COCO's layout.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tamis_core::geometry::polygon_area;
use tamis_core::{Label, Shape};

use super::demo::{DemoOptions, DemoSample, TYPO, demo};
use super::flaw::Flaw;
use super::things::Kind;
use crate::error::{MediaError, Result};

/// What was drawn, and what is wrong with it; the content of `flaws.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The seed.
    pub seed: u64,
    /// Samples by split.
    pub splits: BTreeMap<String, usize>,
    /// Labels by class as written (with the misspelt one).
    pub classes: BTreeMap<String, usize>,
    /// Every seeded flaw.
    pub flaws: Vec<Flaw>,
}

/// Draws the dataset into a folder: `images/SPLIT/*.jpg`, `annotations/instances_SPLIT.json`, `flaws.json`. Files of the
/// same name are replaced, others are left alone. Equal options give equal bytes.
///
/// # Errors
/// [`MediaError::Write`] for what the operating system refuses.
pub fn write_coco(folder: &Path, options: &DemoOptions) -> Result<Manifest> {
    let mut manifest = Manifest { seed: options.seed, ..Manifest::default() };
    let mut splits = BTreeMap::<&str, (Vec<Value>, Vec<Value>)>::new();
    for split in ["train", "val", "test"] {
        make(&folder.join("images").join(split))?;
        splits.insert(split, (Vec::new(), Vec::new()));
    }
    make(&folder.join("annotations"))?;
    for (number, sample) in (1..).zip(demo(options)) {
        write(&folder.join("images").join(&sample.path), &sample.bytes)?;
        let (images, annotations) = splits.entry(sample.split).or_default();
        images.push(image(number, &sample));
        for label in &sample.labels {
            annotations.push(annotation(number, label));
            *manifest.classes.entry(label.class.clone().unwrap_or_default()).or_default() += 1;
        }
        *manifest.splits.entry(sample.split.to_owned()).or_default() += 1;
        manifest.flaws.extend(sample.flaws);
    }
    for (split, (images, annotations)) in splits {
        let description = format!("A drawn street, seed {}: Tamis demo dataset", options.seed);
        let document = json!({
            "info": { "description": description, "version": "1.0" },
            "licenses": [{ "id": 1, "name": "CC0-1.0", "url": "https://creativecommons.org/publicdomain/zero/1.0/" }],
            "images": images,
            "annotations": annotations,
            "categories": categories(manifest.classes.contains_key(TYPO)),
        });
        write(&folder.join("annotations").join(format!("instances_{split}.json")), &pretty(&document))?;
    }
    let document = serde_json::to_value(&manifest).unwrap_or_default();
    write(&folder.join("flaws.json"), &pretty(&document))?;
    Ok(manifest)
}

fn pretty(document: &Value) -> Vec<u8> {
    let mut text = format!("{document:#}");
    text.push('\n');
    text.into_bytes()
}

fn image(number: u64, sample: &DemoSample) -> Value {
    let mut image = Map::new();
    image.insert("id".to_owned(), number.into());
    let name = sample.path.rsplit('/').next().unwrap_or(&sample.path);
    image.insert("file_name".to_owned(), name.into());
    image.insert("width".to_owned(), sample.size.0.into());
    image.insert("height".to_owned(), sample.size.1.into());
    image.insert("license".to_owned(), 1.into());
    image.extend(sample.fields.clone());
    image.into()
}

fn annotation(image: u64, label: &Label) -> Value {
    let own = label.bounds().unwrap_or_default();
    let (area, segmentation) = match &label.shape {
        Shape::Polygon(ring) => {
            let flat: Vec<f64> = ring.iter().flat_map(|p| [p.x, p.y]).map(round).collect();
            (polygon_area(ring), json!([flat]))
        }
        _ => (own.area(), json!([])),
    };
    json!({
        "id": label.id,
        "image_id": image,
        "category_id": number_of(label.class.as_deref().unwrap_or_default()),
        "bbox": own.to_xywh().map(round),
        "area": round(area),
        "iscrowd": 0,
        "segmentation": segmentation,
    })
}

fn round(v: f64) -> f64 {
    (v * 100.0).round() / 100.0
}

/// Classes are numbered from 1; the misspelt one comes last.
fn number_of(class: &str) -> usize {
    Kind::ALL.iter().position(|kind| kind.names().0 == class).unwrap_or(Kind::ALL.len()) + 1
}

fn categories(has_typo: bool) -> Vec<Value> {
    let names = Kind::ALL.iter().map(|kind| kind.names());
    let typo = has_typo.then_some((TYPO, "outdoor"));
    (1..)
        .zip(names.chain(typo))
        .map(|(id, (name, above)): (usize, _)| json!({ "id": id, "name": name, "supercategory": above }))
        .collect()
}

fn make(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|source| refused(folder, source))
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(file, bytes).map_err(|source| refused(file, source))
}

fn refused(path: &Path, source: std::io::Error) -> MediaError {
    MediaError::Write { path: path.display().to_string(), source }
}
