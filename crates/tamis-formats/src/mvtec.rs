//! MVTec anomaly detection: `<category>/<split>/<defect>/000.png`, and for defects other than `good` a black and white
//! mask `<category>/ground_truth/<defect>/000_mask.png`.

use serde_json::json;
use tamis_core::{Label, LabelType, Place, Rle, SampleRecord, Shape};

use crate::error::Result;
use crate::gather::Gather;
use crate::paths::{folder, is_image, name, stem};
use crate::pixels;
use crate::probe::{Confidence, Probe};
use crate::reads::{self, Reads};
use crate::spec::Spec;

static SPEC: Spec = reads::spec(
    "mvtec",
    "MVTec anomaly detection",
    "https://www.mvtec.com/company/research/datasets/mvtec-ad",
    &["png"],
    &[LabelType::Classification, LabelType::Rle],
);

/// MVTec anomaly detection.
pub(crate) static MVTEC: Reads = Reads { spec: &SPEC, detect, read };

/// Category with its folders, split and defect of an image (or `ground_truth` for the split of a mask).
fn parts(path: &str) -> Option<(&str, &str, &str)> {
    let home = folder(path);
    let above = folder(home);
    (!above.is_empty()).then(|| (folder(above), name(above), name(home)))
}

fn is_mask(path: &str) -> bool {
    parts(path).is_some_and(|(_, split, _)| split == "ground_truth")
}

fn detect(probe: &Probe<'_>) -> Confidence {
    let is_one = |p: &str| is_mask(p) && stem(p).ends_with("_mask");
    match probe.with_extension("png").iter().find(|e| is_one(&e.path)) {
        Some(first) => Confidence::new(90, format!("found `{}`", first.path)),
        None => Confidence::NONE,
    }
}

fn read(gather: &mut Gather<'_>) -> Result<()> {
    let is_sample = |p: &str| is_image(p) && !is_mask(p) && parts(p).is_some();
    let images: Vec<&str> = gather.index.all().filter(|p| is_sample(p)).collect();
    if images.is_empty() {
        return Err(gather.nothing("there are no images `<category>/<split>/<defect>/<image>`"));
    }
    for image in images {
        let Some((category, split, defect)) = parts(image) else { continue };
        let split = crate::paths::split_of(split).or_else(|| Some(split.to_owned()));
        let mut record = SampleRecord { split, ..gather.of_file(image) };
        if !category.is_empty() {
            record.fields.insert("category".to_owned(), json!(category));
        }
        let mut labels = vec![Label::new(Shape::Classification).with_class(defect)];
        let bare = stem(name(image));
        let mask = gather.index.stem(&format!("{category}/ground_truth/{defect}/{bare}_mask"));
        if let Some(mask) = mask {
            gather.used(mask);
            labels.extend(
                defect_of(gather, mask, record.stated_size).map(|rle| Label::new(Shape::Rle(rle)).with_class(defect)),
            );
        }
        record.layers.insert(gather.layer.clone(), labels);
        gather.put(record, &|| Place::file(image))?;
    }
    Ok(())
}

/// What is white in a mask.
fn defect_of(gather: &Gather<'_>, mask: &str, size: Option<(u32, u32)>) -> Option<Rle> {
    let numbers = pixels::numbers(gather.source, mask, &gather.judge)?;
    if size.is_some_and(|s| s != (numbers.0, numbers.1)) {
        gather.judge.error("size", Place::file(mask), "the mask and its image differ in size; left out");
        return None;
    }
    pixels::where_is(&numbers, |n| n > 0)
}
