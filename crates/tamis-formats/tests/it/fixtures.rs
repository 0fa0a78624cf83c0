//! Every folder of other tools' fixtures: which format it is taken for, how many samples, labels and errors it has.
//! Where a folder holds more than is read, the last column says what.

use tamis_core::{Report, Severity};
use tamis_formats::{ReadOptions, detect};

use crate::scratch::{open, real};

/// Folder, format, samples, labels, errors, what is not read.
type Row = (&'static str, &'static str, usize, usize, u64, &'static str);

#[rustfmt::skip]
const FOLDERS: &[Row] = &[
    ("datumaro_fixtures/ade20k2017_dataset/dataset", "ade20k", 2, 7, 0, ""),
    ("datumaro_fixtures/ade20k2017_dataset/dataset_with_meta_file", "ade20k", 1, 3, 0, ""),
    ("datumaro_fixtures/ade20k2020_dataset/dataset", "ade20k", 2, 10, 0, ""),
    ("datumaro_fixtures/ade20k2020_dataset/dataset_with_meta_file", "ade20k", 1, 4, 0, ""),
    ("datumaro_fixtures/align_celeba_dataset/dataset", "celeba", 5, 10, 0, ""),
    ("datumaro_fixtures/align_celeba_dataset/dataset_with_meta_file", "celeba", 5, 5, 0, ""),
    ("datumaro_fixtures/ava_dataset", "ava", 4, 10, 0, ""),
    ("datumaro_fixtures/brats_dataset", "files", 4, 0, 0, "NIfTI volumes are kept as files"),
    ("datumaro_fixtures/brats_numpy_dataset", "files", 7, 0, 0, "arrays are kept as files"),
    ("datumaro_fixtures/camvid_dataset", "masks", 4, 4, 0, ""),
    ("datumaro_fixtures/celeba_dataset/dataset", "celeba", 5, 15, 0, ""),
    ("datumaro_fixtures/celeba_dataset/dataset_with_meta_file", "celeba", 5, 5, 0, ""),
    ("datumaro_fixtures/cifar100_dataset", "files", 3, 0, 0, "pickles are not opened: they can run code; the binary version is read"),
    ("datumaro_fixtures/cifar10_dataset", "files", 3, 0, 0, "pickles are not opened: they can run code; the binary version is read"),
    ("datumaro_fixtures/cityscapes_dataset/dataset", "cityscapes", 4, 4, 0, ""),
    ("datumaro_fixtures/cityscapes_dataset/train_dataset", "cityscapes", 4, 4, 0, ""),
    ("datumaro_fixtures/coco_dataset/coco", "coco", 2, 18, 0, ""),
    ("datumaro_fixtures/coco_dataset/coco_captions", "coco", 2, 3, 0, ""),
    ("datumaro_fixtures/coco_dataset/coco_image_info", "coco", 2, 0, 0, ""),
    ("datumaro_fixtures/coco_dataset/coco_instances", "coco", 2, 3, 0, ""),
    ("datumaro_fixtures/coco_dataset/coco_labels", "coco", 2, 3, 0, ""),
    ("datumaro_fixtures/coco_dataset/coco_panoptic", "coco", 2, 2, 0, ""),
    ("datumaro_fixtures/coco_dataset/coco_person_keypoints", "coco", 2, 5, 0, ""),
    ("datumaro_fixtures/coco_dataset/coco_roboflow", "coco", 2, 3, 0, ""),
    ("datumaro_fixtures/coco_dataset/coco_stuff", "coco", 2, 2, 0, ""),
    ("datumaro_fixtures/coco_dataset/mmdet_coco", "coco", 2, 3, 0, ""),
    ("datumaro_fixtures/common_semantic_segmentation_dataset/dataset", "masks", 2, 2, 0, ""),
    ("datumaro_fixtures/common_semantic_segmentation_dataset/non_standard_dataset", "masks", 2, 2, 0, ""),
    ("datumaro_fixtures/common_super_resolution_dataset", "super_resolution", 6, 0, 0, "has no labels"),
    ("datumaro_fixtures/compat/v0.1/project", "datumaro", 3, 3, 3, "the fixture has no images"),
    ("datumaro_fixtures/cvat_dataset/for_images/export_project", "cvat", 6, 12, 0, ""),
    ("datumaro_fixtures/cvat_dataset/for_images/export_task", "cvat", 2, 4, 0, ""),
    ("datumaro_fixtures/cvat_dataset/for_video", "cvat", 3, 3, 0, ""),
    ("datumaro_fixtures/datumaro_dataset/legacy", "datumaro", 4, 7, 0, ""),
    ("datumaro_fixtures/dota_dataset", "dota", 3, 4, 0, ""),
    ("datumaro_fixtures/icdar_dataset/text_localization", "icdar", 2, 3, 0, ""),
    ("datumaro_fixtures/icdar_dataset/text_segmentation", "icdar", 1, 3, 0, ""),
    ("datumaro_fixtures/icdar_dataset/word_recognition", "icdar", 2, 2, 0, ""),
    ("datumaro_fixtures/image_dir_dataset", "files", 2, 0, 0, "images alone"),
    ("datumaro_fixtures/image_zip_dataset", "files", 2, 0, 0, "archives inside of folders are files"),
    ("datumaro_fixtures/imagenet_dataset", "imagefolder", 4, 3, 0, ""),
    ("datumaro_fixtures/imagenet_subsets_dataset", "imagefolder", 12, 9, 0, ""),
    ("datumaro_fixtures/imagenet_txt_dataset/basic", "imagenet-txt", 4, 4, 2, "the fixture lacks two images"),
    ("datumaro_fixtures/imagenet_txt_dataset/custom_labels", "imagenet-txt", 1, 1, 1, "the fixture lacks its image"),
    ("datumaro_fixtures/imagenet_txt_dataset/no_labels", "files", 1, 0, 0, "a list without media or classes"),
    ("datumaro_fixtures/kaggle_dataset/image_csv", "csv", 10, 10, 0, ""),
    ("datumaro_fixtures/kaggle_dataset/image_csv_det", "csv", 3, 18, 0, ""),
    ("datumaro_fixtures/kaggle_dataset/image_csv_multi_label", "csv", 12, 0, 0, "columns of classes become fields"),
    ("datumaro_fixtures/kaggle_dataset/image_mask", "masks", 2, 2, 0, ""),
    ("datumaro_fixtures/kaggle_dataset/image_mask_with_labelmap", "masks", 3, 3, 0, ""),
    ("datumaro_fixtures/kaggle_dataset/image_txt", "files", 7, 0, 0, "lists of unknown columns"),
    ("datumaro_fixtures/kaggle_dataset/image_txt_det", "files", 5, 0, 0, "lists of unknown columns"),
    ("datumaro_fixtures/kaggle_dataset/relaxed_coco", "coco", 2, 2, 0, ""),
    ("datumaro_fixtures/kaggle_dataset/relaxed_voc1", "voc", 2, 2, 0, ""),
    ("datumaro_fixtures/kaggle_dataset/relaxed_voc2", "voc", 2, 2, 0, ""),
    ("datumaro_fixtures/kaggle_dataset/relaxed_yolo", "files", 4, 0, 0, "rows without names of classes"),
    ("datumaro_fixtures/kinetics_dataset", "kinetics", 4, 4, 2, "the fixture lacks two films"),
    ("datumaro_fixtures/kitti_dataset/kitti_3d", "kitti", 1, 3, 0, ""),
    ("datumaro_fixtures/kitti_dataset/kitti_3d_with_subset", "kitti", 3, 5, 0, ""),
    ("datumaro_fixtures/kitti_dataset/kitti_detection", "kitti", 2, 5, 0, ""),
    ("datumaro_fixtures/kitti_dataset/kitti_raw", "kitti_raw", 6, 0, 6, "the tracklets have no size, the cameras no numbers"),
    ("datumaro_fixtures/kitti_dataset/kitti_segmentation", "kitti-segmentation", 2, 2, 0, ""),
    ("datumaro_fixtures/labelme_dataset", "labelme_xml", 1, 10, 0, ""),
    ("datumaro_fixtures/lfw_dataset", "lfw", 3, 6, 0, ""),
    ("datumaro_fixtures/mapillary_vistas_dataset", "mapillary_vistas", 3, 19, 0, ""),
    ("datumaro_fixtures/market1501_dataset", "market1501", 3, 3, 0, ""),
    ("datumaro_fixtures/mars_dataset", "mars", 3, 3, 0, ""),
    ("datumaro_fixtures/mnist_csv_dataset", "files", 2, 0, 0, "pixels in columns"),
    ("datumaro_fixtures/mnist_dataset", "mnist", 5, 5, 4, "the fixture is cut off, and said so"),
    ("datumaro_fixtures/mot_dataset/mot_seq", "mot", 1, 1, 0, ""),
    ("datumaro_fixtures/mot_dataset/mot_seq_with_seqinfo", "mot", 1, 1, 1, "the fixture has no image"),
    ("datumaro_fixtures/mots_dataset", "mots", 3, 5, 0, ""),
    ("datumaro_fixtures/mpii_dataset", "files", 4, 0, 0, "MPII poses are not read"),
    ("datumaro_fixtures/mpii_json_dataset/dataset_with_numpy_files", "mpii", 3, 3, 0, "boxes of heads in arrays are not read"),
    ("datumaro_fixtures/mpii_json_dataset/dataset_wo_numpy_files", "mpii", 3, 3, 0, ""),
    ("datumaro_fixtures/mvtec_dataset", "mvtec", 3, 5, 0, ""),
    ("datumaro_fixtures/nyu_depth_v2_dataset", "files", 2, 0, 0, "HDF5 is kept as files"),
    ("datumaro_fixtures/open_images_dataset/v5", "openimages", 2, 0, 0, ""),
    ("datumaro_fixtures/open_images_dataset/v6", "openimages", 4, 7, 1, "one row of the fixture is broken"),
    ("datumaro_fixtures/roboflow_dataset/coco", "coco", 3, 4, 0, ""),
    ("datumaro_fixtures/roboflow_dataset/createml", "createml", 3, 4, 0, ""),
    ("datumaro_fixtures/roboflow_dataset/multiclass", "csv", 3, 0, 0, "columns of classes become fields"),
    ("datumaro_fixtures/roboflow_dataset/tfrecord", "tfrecord", 3, 4, 3, "the fixture has no images"),
    ("datumaro_fixtures/roboflow_dataset/voc", "voc", 3, 4, 0, ""),
    ("datumaro_fixtures/roboflow_dataset/yolo", "yolo", 3, 4, 0, ""),
    ("datumaro_fixtures/roboflow_dataset/yolo_obb", "dota", 3, 4, 0, ""),
    ("datumaro_fixtures/sampler", "files", 1, 0, 0, "a table without paths"),
    ("datumaro_fixtures/segment_anything_dataset", "segment_anything", 2, 2, 0, ""),
    ("datumaro_fixtures/sly_pointcloud_dataset", "supervisely_clouds", 4, 5, 0, ""),
    ("datumaro_fixtures/synthetic_dataset", "files", 3, 0, 0, "images alone"),
    ("datumaro_fixtures/synthia_dataset/al", "masks", 4, 2, 0, "depths are samples without labels"),
    ("datumaro_fixtures/synthia_dataset/rand", "masks", 2, 2, 0, ""),
    ("datumaro_fixtures/synthia_dataset/rand_custom_labelmap", "masks", 2, 2, 0, ""),
    ("datumaro_fixtures/synthia_dataset/rand_meta_file", "masks", 2, 2, 0, ""),
    ("datumaro_fixtures/synthia_dataset/sf", "masks", 4, 2, 0, "depths are samples without labels"),
    ("datumaro_fixtures/tabular_dataset/adopt-a-buddy", "files", 2, 0, 0, "tables without media"),
    ("datumaro_fixtures/tabular_dataset/electricity.csv", "files", 1, 0, 0, "tables without media"),
    ("datumaro_fixtures/tabular_dataset/electricity_missing.csv", "files", 1, 0, 0, "tables without media"),
    ("datumaro_fixtures/tabular_dataset/women-clothing", "files", 4, 0, 0, "tables without media"),
    ("datumaro_fixtures/tf_detection_api_dataset", "tfrecord", 3, 4, 0, ""),
    ("datumaro_fixtures/vgg_face2_dataset", "vgg_face2", 4, 12, 0, ""),
    ("datumaro_fixtures/video_dataset", "files", 1, 0, 0, "a film alone"),
    ("datumaro_fixtures/voc_dataset/voc_dataset1", "voc", 2, 5, 0, ""),
    ("datumaro_fixtures/voc_dataset/voc_dataset2", "voc", 5, 4, 5, "the fixture has no images"),
    ("datumaro_fixtures/voc_dataset/voc_dataset3", "voc", 1, 1, 0, ""),
    ("datumaro_fixtures/vott_csv_dataset/dataset", "csv", 4, 5, 0, ""),
    ("datumaro_fixtures/vott_csv_dataset/dataset_with_meta_file", "csv", 2, 2, 0, ""),
    ("datumaro_fixtures/vott_json_dataset/dataset", "vott", 3, 4, 0, ""),
    ("datumaro_fixtures/vott_json_dataset/dataset_with_meta_file", "vott", 3, 4, 0, ""),
    ("datumaro_fixtures/widerface_dataset", "widerface", 3, 6, 0, ""),
    ("datumaro_fixtures/yolo_dataset/annotations", "yolo", 1, 2, 0, ""),
    ("datumaro_fixtures/yolo_dataset/labels", "yolo", 2, 4, 0, ""),
    ("datumaro_fixtures/yolo_dataset/strict", "yolo", 1, 2, 0, ""),
    ("labelformat_fixtures/image_file_loading", "files", 1, 0, 0, "images alone"),
    ("labelformat_fixtures/instance_segmentation/COCO", "coco", 3, 4, 5, "the fixture has no images"),
    ("labelformat_fixtures/instance_segmentation/YOLOv8", "yolo", 2, 3, 0, ""),
    ("labelformat_fixtures/object_detection/COCO", "coco", 2, 16, 0, ""),
    ("labelformat_fixtures/object_detection/KITTI", "kitti", 2, 16, 0, ""),
    ("labelformat_fixtures/object_detection/Labelbox", "labelbox", 2, 16, 0, ""),
    ("labelformat_fixtures/object_detection/PascalVOC", "voc", 2, 16, 2, "the fixture has no images"),
    ("labelformat_fixtures/object_detection/YOLOv8", "yolo", 2, 16, 0, ""),
    ("labelformat_fixtures/object_detection/lightly", "lightly", 2, 16, 0, ""),
    ("labelformat_fixtures/semantic_segmentation/pascalvoc", "masks", 2, 2, 0, ""),
];

#[test]
fn every_folder_is_recognised_and_read_to_its_end() {
    if real("datumaro_fixtures").is_none() || real("labelformat_fixtures").is_none() {
        return;
    }
    let mut wrong = Vec::new();
    for &(name, format, samples, labels, errors, unread) in FOLDERS {
        let Some(path) = real(name) else { continue };
        let report = Report::new();
        let source = open(&path, &report);
        let found = detect(&source, &report).unwrap();
        let reader = found.format.read(&source, &ReadOptions::default(), &report).unwrap();
        let (mut all, mut held) = (0, 0);
        for record in reader {
            all += 1;
            held += record.unwrap().layers.values().map(Vec::len).sum::<usize>();
        }
        let got = (found.format.spec().id, all, held, report.count(Severity::Error));
        if got != (format, samples, labels, errors) {
            wrong.push(format!("{name}: {got:?}, {:?}", report.findings()));
        }
        // A folder that is only listed says why.
        assert!(held > 0 || !unread.is_empty() || NO_LABELS.contains(&name), "{name} is not read, and nobody says why");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Folders that have no labels.
const NO_LABELS: &[&str] =
    &["datumaro_fixtures/coco_dataset/coco_image_info", "datumaro_fixtures/open_images_dataset/v5"];
