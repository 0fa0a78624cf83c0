"""FiftyOne in process with its own database, as its documentation reads and writes a dataset."""

import os

import fiftyone as fo
from fiftyone.core.config import FiftyOneConfigError
from fiftyone.core.service import ServiceExecutableNotFound

from measure import Unsupported


class Peer:
    def __init__(self, work, layout, source):
        self.layout, self.source, self.dataset = layout, source, None
        self.kind = {"coco": fo.types.COCODetectionDataset, "voc": fo.types.VOCDetectionDataset}[layout]

    def load(self):
        if self.layout == "coco":
            where = {"data_path": os.path.join(self.source, "images", "train"),
                     "labels_path": os.path.join(self.source, "annotations", "instances_train.json"), "label_types": "detections"}
        else:
            where = {"data_path": os.path.join(self.source, "JPEGImages"), "labels_path": os.path.join(self.source, "Annotations")}
        try:
            fo.list_datasets()
        except (FiftyOneConfigError, ServiceExecutableNotFound):
            raise Unsupported("FiftyOne needs a `mongod`, which its packages do not bring for this system")
        self.dataset = fo.Dataset.from_dir(dataset_type=self.kind, label_field="truth", progress=False, **where)
        return self.dataset.count("truth.detections")

    def save(self, out):
        if self.dataset is None:
            raise Unsupported("nothing was imported")
        labels = os.path.join(out, "labels.json") if self.layout == "coco" else os.path.join(out, "labels")
        self.dataset.export(dataset_type=self.kind, labels_path=labels, label_field="truth", export_media=False, progress=False)

    def close(self):
        if self.dataset is not None:
            self.dataset.delete()
