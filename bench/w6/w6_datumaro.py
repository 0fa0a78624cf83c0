"""Datumaro in process, as its documentation reads and writes a dataset."""

from datumaro.components.dataset import Dataset

FORMAT = {"coco": "coco_instances", "voc": "voc_detection"}


class Peer:
    def __init__(self, work, layout, source):
        self.layout, self.source = layout, source

    def load(self):
        self.dataset = Dataset.import_from(self.source, FORMAT[self.layout])
        return sum(len({annotation.group or id(annotation) for annotation in item.annotations}) for item in self.dataset)

    def save(self, out):
        self.dataset.export(out, FORMAT[self.layout], save_media=False)

    def close(self):
        del self.dataset
