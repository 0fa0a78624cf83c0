//! Every folder of other tools' fixtures: which format it is taken for, how many samples, labels and errors it has.
//! Where a folder holds more than is read, the last column says what.

use tamis_core::{Report, Severity};
use tamis_formats::{ReadOptions, detect};

use crate::scratch::{open, real};

/// Folder, format, samples, labels, errors, what is not read.
type Row = (&'static str, &'static str, usize, usize, u64, &'static str);

#[rustfmt::skip]
const FOLDERS: &[Row] = &[
    ("datumaro_fixtures/ade20k2017_dataset/dataset", "masks", 2, 2, 0, ""),
    ("datumaro_fixtures/ade20k2017_dataset/dataset_with_meta_file", "masks", 1, 1, 0, ""),
    ("datumaro_fixtures/ade20k2020_dataset/dataset", "masks", 9, 2, 0, "the images of single instances count as images where no list names the classes"),
    ("datumaro_fixtures/ade20k2020_dataset/dataset_with_meta_file", "masks", 4, 1, 0, "the images of single instances count as images where no list names the classes"),
    ("datumaro_fixtures/align_celeba_dataset/dataset", "imagefolder", 5, 5, 0, "attributes, landmarks and identities in text tables are not read"),
    ("datumaro_fixtures/align_celeba_dataset/dataset_with_meta_file", "imagefolder", 5, 5, 0, "attributes, landmarks and identities in text tables are not read"),
    ("datumaro_fixtures/ava_dataset", "imagefolder", 4, 4, 0, "actions in AVA tables are not read"),
    ("datumaro_fixtures/brats_dataset", "files", 4, 0, 0, "NIfTI volumes are kept as files"),
    ("datumaro_fixtures/brats_numpy_dataset", "files", 7, 0, 0, "arrays are kept as files"),
    ("datumaro_fixtures/camvid_dataset", "masks", 4, 4, 0, ""),
    ("datumaro_fixtures/celeba_dataset/dataset", "imagefolder", 5, 5, 0, "attributes, boxes and identities in text tables are not read"),
    ("datumaro_fixtures/celeba_dataset/dataset_with_meta_file", "imagefolder", 5, 5, 0, "attributes, boxes and identities in text tables are not read"),
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
    ("datumaro_fixtures/common_super_resolution_dataset", "imagefolder", 6, 6, 0, "pairs of images are not known as such"),
    ("datumaro_fixtures/compat/v0.1/project", "datumaro", 3, 3, 3, "the fixture has no images"),
    ("datumaro_fixtures/cvat_dataset/for_images/export_project", "cvat", 6, 12, 0, ""),
    ("datumaro_fixtures/cvat_dataset/for_images/export_task", "cvat", 2, 4, 0, ""),
    ("datumaro_fixtures/cvat_dataset/for_video", "cvat", 3, 3, 0, ""),
    ("datumaro_fixtures/datumaro_dataset/legacy", "datumaro", 4, 7, 0, ""),
    ("datumaro_fixtures/dota_dataset", "dota", 3, 4, 0, ""),
    ("datumaro_fixtures/icdar_dataset/text_localization", "files", 4, 0, 0, "ICDAR text files are not read"),
    ("datumaro_fixtures/icdar_dataset/text_segmentation", "files", 3, 0, 0, "ICDAR text files are not read"),
    ("datumaro_fixtures/icdar_dataset/word_recognition", "files", 3, 0, 0, "ICDAR text files are not read"),
    ("datumaro_fixtures/image_dir_dataset", "files", 2, 0, 0, "images alone"),
    ("datumaro_fixtures/image_zip_dataset", "files", 2, 0, 0, "archives inside of folders are files"),
    ("datumaro_fixtures/imagenet_dataset", "files", 4, 0, 0, "one image outside of all class folders: too unsure"),
    ("datumaro_fixtures/imagenet_subsets_dataset", "files", 12, 0, 0, "images outside of class folders: too unsure"),
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
    ("datumaro_fixtures/kinetics_dataset", "files", 4, 0, 0, "classes of films in own tables are not read"),
    ("datumaro_fixtures/kitti_dataset/kitti_3d", "kitti", 1, 3, 0, ""),
    ("datumaro_fixtures/kitti_dataset/kitti_3d_with_subset", "kitti", 3, 5, 0, ""),
    ("datumaro_fixtures/kitti_dataset/kitti_detection", "kitti", 2, 5, 0, ""),
    ("datumaro_fixtures/kitti_dataset/kitti_raw", "files", 7, 0, 0, "no tracklets and no times"),
    ("datumaro_fixtures/kitti_dataset/kitti_segmentation", "imagefolder", 4, 4, 0, "masks in `instance` are not known as such"),
    ("datumaro_fixtures/labelme_dataset", "voc", 5, 0, 7, "the XML of the old LabelMe has polygons, which are not read"),
    ("datumaro_fixtures/lfw_dataset", "files", 6, 0, 0, "pairs and landmarks of faces are not read"),
    ("datumaro_fixtures/mapillary_vistas_dataset", "coco", 3, 6, 0, "the panoptic files are read; polygons are not"),
    ("datumaro_fixtures/market1501_dataset", "imagefolder", 3, 3, 0, "identities in file names are not read"),
    ("datumaro_fixtures/mars_dataset", "imagefolder", 3, 3, 0, "identities are the folders"),
    ("datumaro_fixtures/mnist_csv_dataset", "files", 2, 0, 0, "pixels in columns"),
    ("datumaro_fixtures/mnist_dataset", "mnist", 5, 5, 4, "the fixture is cut off, and said so"),
    ("datumaro_fixtures/mot_dataset/mot_seq", "mot", 1, 1, 0, ""),
    ("datumaro_fixtures/mot_dataset/mot_seq_with_seqinfo", "mot", 1, 1, 1, "the fixture has no image"),
    ("datumaro_fixtures/mots_dataset", "mots", 3, 5, 0, ""),
    ("datumaro_fixtures/mpii_dataset", "files", 4, 0, 0, "MPII poses are not read"),
    ("datumaro_fixtures/mpii_json_dataset/dataset_with_numpy_files", "files", 7, 0, 0, "MPII poses are not read"),
    ("datumaro_fixtures/mpii_json_dataset/dataset_wo_numpy_files", "files", 4, 0, 0, "MPII poses are not read"),
    ("datumaro_fixtures/mvtec_dataset", "imagefolder", 5, 5, 0, "masks of `ground_truth` are not known as such"),
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
    ("datumaro_fixtures/segment_anything_dataset", "files", 4, 0, 0, "masks of Segment Anything are not read"),
    ("datumaro_fixtures/sly_pointcloud_dataset", "supervisely", 2, 2, 10, "cuboids of point clouds are not read, and said so"),
    ("datumaro_fixtures/synthetic_dataset", "files", 3, 0, 0, "images alone"),
    ("datumaro_fixtures/synthia_dataset/al", "imagefolder", 6, 6, 0, "masks in `GT` are not known as such"),
    ("datumaro_fixtures/synthia_dataset/rand", "imagefolder", 4, 4, 0, "masks in `GT` are not known as such"),
    ("datumaro_fixtures/synthia_dataset/rand_custom_labelmap", "imagefolder", 4, 4, 0, "masks in `GT` are not known as such"),
    ("datumaro_fixtures/synthia_dataset/rand_meta_file", "imagefolder", 4, 4, 0, "masks in `GT` are not known as such"),
    ("datumaro_fixtures/synthia_dataset/sf", "imagefolder", 6, 6, 0, "masks in `GT` are not known as such"),
    ("datumaro_fixtures/tabular_dataset/adopt-a-buddy", "files", 2, 0, 0, "tables without media"),
    ("datumaro_fixtures/tabular_dataset/electricity.csv", "files", 1, 0, 0, "tables without media"),
    ("datumaro_fixtures/tabular_dataset/electricity_missing.csv", "files", 1, 0, 0, "tables without media"),
    ("datumaro_fixtures/tabular_dataset/women-clothing", "files", 4, 0, 0, "tables without media"),
    ("datumaro_fixtures/tf_detection_api_dataset", "tfrecord", 3, 4, 0, ""),
    ("datumaro_fixtures/vgg_face2_dataset", "imagefolder", 4, 4, 0, "boxes and landmarks in tables are not read"),
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
    ("labelformat_fixtures/object_detection/lightly", "files", 5, 0, 0, "Lightly predictions are not read"),
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
