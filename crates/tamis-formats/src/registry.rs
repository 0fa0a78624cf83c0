//! Every format there is, in one slice; the order decides between equally sure detectors.

use crate::error::{FormatError, Result};
use crate::format::Format;
use crate::spec::Spec;

/// Every format.
pub static FORMATS: &[&dyn Format] = &[
    &crate::tamis::Tamis,
    &crate::coco::Coco,
    &crate::yolo::Yolo,
    &crate::voc::Voc,
    &crate::labelme::LabelMe,
    &crate::labelme_xml::LABELME_XML,
    &crate::cvat::Cvat,
    &crate::label_studio::LabelStudio,
    &crate::datumaro::Datumaro,
    &crate::vott::Vott,
    &crate::createml::CreateMl,
    &crate::labelbox::Labelbox,
    &crate::supervisely::Supervisely,
    &crate::supervisely_clouds::CLOUDS,
    &crate::tensorbay::TensorBay,
    &crate::bdd100k::Bdd100k,
    &crate::kitti::KittiTracking,
    &crate::kitti::Kitti,
    &crate::kitti::SEGMENTATION,
    &crate::mot::Mots,
    &crate::mot::Mot,
    &crate::dota::Dota,
    &crate::widerface::WiderFace,
    &crate::openimages::OpenImages,
    &crate::faces::CELEBA,
    &crate::faces::VGGFACE2,
    &crate::faces::LFW,
    &crate::ava::AVA,
    &crate::mapillary::MAPILLARY,
    &crate::ade20k::ADE20K,
    &crate::segment_anything::SegmentAnything,
    &crate::icdar::ICDAR,
    &crate::mpii::MPII,
    &crate::kinetics::KINETICS,
    &crate::lightly::LIGHTLY,
    &crate::reid::MARKET,
    &crate::reid::MARS,
    &crate::mvtec::MVTEC,
    &crate::superres::SUPER_RESOLUTION,
    &crate::tfrecord::TfRecord,
    &crate::cityscapes::Cityscapes,
    &crate::webdataset::WebDataset,
    &crate::speech::Manifest,
    &crate::speech::LjSpeech,
    &crate::idx::Mnist,
    &crate::idx::Cifar,
    &crate::imagenet::ImageNetTxt,
    &crate::masks::Masks,
    &crate::conll::Conll,
    &crate::nuscenes::NuScenes,
    &crate::kitti_raw::KittiRaw,
    &crate::table::HuggingFace,
    &crate::table::Jsonl,
    &crate::table::Csv,
    &crate::table::Parquet,
    &crate::imagefolder::ImageFolder,
    &crate::urls::Urls,
    &crate::files::Files,
];

/// The format of a name.
///
/// # Errors
/// [`FormatError::UnknownFormat`] with the names there are.
pub fn find(id: &str) -> Result<&'static dyn Format> {
    let unknown =
        || FormatError::UnknownFormat { id: id.to_owned(), known: FORMATS.iter().map(|f| f.spec().id).collect() };
    FORMATS.iter().copied().find(|f| f.spec().id == id).ok_or_else(unknown)
}

/// The specification of every format.
pub fn specs() -> Vec<&'static Spec> {
    FORMATS.iter().map(|f| f.spec()).collect()
}
