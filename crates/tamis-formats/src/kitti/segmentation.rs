//! KITTI semantic and instance segmentation: `training/image_2/x.png` with `training/semantic/x.png` (the number of
//! the class) and `training/instance/x.png` (256 × class + instance), numbered like Cityscapes.

use tamis_core::{Label, LabelType, Mask, MaskKind, Place, Shape};

use crate::cityscapes;
use crate::error::Result;
use crate::gather::Gather;
use crate::out;
use crate::paths;
use crate::probe::{Confidence, Probe};
use crate::reads::{self, Reads};
use crate::source::Source;
use crate::spec::Spec;

static SPEC: Spec = reads::spec(
    "kitti-segmentation",
    "KITTI semantic and instance segmentation",
    "https://www.cvlibs.net/datasets/kitti/eval_semseg.php?benchmark=semantics2015",
    &["png"],
    &[LabelType::SemanticMask, LabelType::InstanceMask],
);

/// KITTI segmentation.
pub(crate) static SEGMENTATION: Reads = Reads { spec: &SPEC, detect, read };

/// The masks of an image.
fn masks<'a>(source: &'a Source, image: &str) -> Vec<(&'a str, MaskKind)> {
    let find = |(home, kind)| {
        let path = out::beside(image, "image_2", home, "png")?;
        Some((source.find(&path)?.path.as_str(), kind))
    };
    [("semantic", MaskKind::Semantic), ("instance", MaskKind::Instance)].into_iter().filter_map(find).collect()
}

fn detect(probe: &Probe<'_>) -> Confidence {
    let first = probe.with_extension("png").iter().find(|e| !masks(probe.source(), &e.path).is_empty());
    match first {
        Some(first) => Confidence::new(91, format!("found a mask of `{}`", first.path)),
        None => Confidence::NONE,
    }
}

fn read(gather: &mut Gather<'_>) -> Result<()> {
    let is_sample = |p: &str| out::below(p, "image_2").1.len() < p.len();
    let images: Vec<&str> = gather.index.all().filter(|p| is_sample(p)).collect();
    if images.is_empty() {
        return Err(gather.nothing("there are no images in `image_2`"));
    }
    gather.classes = cityscapes::classes();
    for image in images {
        let mut record = gather.of_file(image);
        let found = masks(gather.source, image);
        let mut labels = Vec::new();
        for (file, kind) in found {
            gather.used(file);
            let mask = Mask { kind, blob: None, file: Some(file.to_owned()), info: Vec::new() };
            labels.push(Label::new(Shape::Mask(mask)));
        }
        // A picture of the classes' colours, for people.
        let coloured = out::beside(image, "image_2", "semantic_rgb", "png");
        if let Some(file) = coloured.and_then(|p| gather.source.find(&p)) {
            gather.used(&file.path);
        }
        if !labels.is_empty() {
            record.layers.insert(gather.layer.clone(), labels);
        }
        record.split = record.split.or_else(|| paths::split_of_folders(image));
        gather.put(record, &|| Place::file(image))?;
    }
    Ok(())
}
