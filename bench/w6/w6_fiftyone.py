"""FiftyOne in process with its own database, as its documentation reads and writes a dataset."""

import os

import fiftyone as fo


class Peer:
    def __init__(self, work, layout, source):
        self.layout, self.source = layout, source
        self.kind = {"coco": fo.types.COCODetectionDataset, "voc": fo.types.VOCDetectionDataset}[layout]

    def load(self):
        if self.layout == "coco":
            where = {"data_path": os.path.join(self.source, "images", "train"),
                     "labels_path": os.path.join(self.source, "annotations", "instances_train.json"), "label_types": "detections"}
        else:
            where = {"data_path": os.path.join(self.source, "JPEGImages"), "labels_path": os.path.join(self.source, "Annotations")}
        self.dataset = fo.Dataset.from_dir(dataset_type=self.kind, label_field="truth", progress=False, **where)
        return self.dataset.count("truth.detections")

    def save(self, out):
        labels = os.path.join(out, "labels.json") if self.layout == "coco" else os.path.join(out, "labels")
        self.dataset.export(dataset_type=self.kind, labels_path=labels, label_field="truth", export_media=False, progress=False)

    def close(self):
        self.dataset.delete()
