"""Reads a folder with another project's package and prints what it finds as JSON: sorted rows of image name, class and
four corners of the box. Exits with 77 where the package is not installed.

Usage: peers.py READER FOLDER
"""

import collections
import json
import sys
import tempfile
import xml.etree.ElementTree
from pathlib import Path

kind, root = sys.argv[1], Path(sys.argv[2])
CLASSES = "cat,dog"


def only(pattern):
    found = sorted(p for p in root.rglob(pattern))
    assert len(found) == 1, f"{pattern}: {found}"
    return found[0]


def bare(path):
    """The file without its XML declaration, which the reader's lxml refuses in text."""
    copy = Path(tempfile.mkdtemp()) / path.name
    copy.write_text(path.read_text("utf-8").split("?>", 1)[1].lstrip(), "utf-8")
    return copy


def by_labelformat(reader):
    for item in reader.get_labels():
        for o in item.objects:
            yield [Path(item.image.filename).stem, o.category.name, o.box.xmin, o.box.ymin, o.box.xmax, o.box.ymax]


def by_supervision(dataset):
    for path, _, found in dataset:
        for at, corners in enumerate(found.xyxy):
            yield [Path(path).stem, dataset.classes[found.class_id[at]], *map(float, corners)]


def voc_files(kind):
    """The devkit's way: ids from the list, files by id."""
    for split in sorted((root / "ImageSets" / kind).glob("*.txt")):
        yield from split.read_text("utf-8").split("\n")[:-1]


def by_devkit():
    for name in voc_files("Main"):
        assert list((root / "JPEGImages").glob(name + ".*")), name
        top = xml.etree.ElementTree.parse(root / "Annotations" / f"{name}.xml").getroot()
        assert top.tag == "annotation"
        for o in top.iter("object"):
            corners = [float(o.find("bndbox").find(side).text) for side in ("xmin", "ymin", "xmax", "ymax")]
            yield [Path(name).name, o.find("name").text, *corners]


def by_pillow():
    """Numbers of pixels in the masks of classes and of objects: name, folder, number, count."""
    from PIL import Image

    for name in voc_files("Segmentation"):
        for folder in ("SegmentationClass", "SegmentationObject"):
            image = Image.open(root / folder / f"{name}.png")
            assert image.mode == "P", image.mode
            for number, count in collections.Counter(image.tobytes()).items():
                yield [Path(name).name, folder, number, count, *image.size]


def by_webdataset():
    import webdataset

    for shard in sorted(root.rglob("*.tar")):
        for sample in webdataset.WebDataset(str(shard), shardshuffle=False, empty_check=False).decode("pil"):
            image = next(v for k, v in sample.items() if k in ("png", "jpg"))
            yield [sample["__key__"], "", 0.0, 0.0, float(image.size[0]), float(image.size[1])]


def by_pyarrow():
    import pyarrow.parquet

    for row in pyarrow.parquet.read_table(only("*.parquet")).to_pylist():
        for label in json.loads(row["labels"]):
            box = label["shape"]
            yield [Path(row["path"]).stem, label["class"], *(box[k] for k in ("xmin", "ymin", "xmax", "ymax"))]


def by_datumaro(name):
    from datumaro.components.annotation import AnnotationType
    from datumaro.components.dataset import Dataset

    dataset = Dataset.import_from(str(root), name)
    names = [label.name for label in dataset.categories()[AnnotationType.label]]
    for item in dataset:
        for a in item.annotations:
            if a.type == AnnotationType.bbox:
                x, y, w, h = a.get_bbox()
                yield [Path(item.id).name, names[a.label], float(x), float(y), float(x + w), float(y + h)]


def by_label_studio():
    """Through the tool's own converter to COCO, whose file names begin with a hash and two lines."""
    from label_studio_sdk.converter import Converter

    out = Path(tempfile.mkdtemp())
    converter = Converter(str(root / "config.xml"), str(root), download_resources=False)
    converter.convert_to_coco(str(root / "tasks.json"), str(out), is_dir=False, output_image_dir=str(out / "images"))
    found = json.loads((out / "result.json").read_text("utf-8"))
    names = {c["id"]: c["name"] for c in found["categories"]}
    images = {i["id"]: Path(i["file_name"]).stem.split("__", 1)[-1] for i in found["images"]}
    for a in found["annotations"]:
        x, y, w, h = a["bbox"]
        yield [images[a["image_id"]], names[a["category_id"]], x, y, x + w, y + h]


def by_datasets(layout):
    import datasets

    datasets.disable_progress_bars()
    cache = tempfile.mkdtemp()
    files = {"data_files": str(root / "data/train-*.parquet")} if layout == "parquet" else {"data_dir": str(root)}
    found = datasets.load_dataset(layout, split="train", cache_dir=cache, **files)
    assert all(row["image"].size == (64, 48) for row in found)
    category = found.features["objects"]["category"].feature
    for row in found.cast_column("image", datasets.Image(decode=False)):
        objects = row["objects"]
        for (x, y, w, h), name in zip(objects["bbox"], objects["category"], strict=True):
            name = category.int2str(name) if isinstance(name, int) else name
            yield [Path(row["image"]["path"]).stem, name, x, y, x + w, y + h]


def read():
    if kind.startswith("labelformat"):
        from labelformat import formats as f

        make = {
            "coco": lambda: f.COCOObjectDetectionInput(only("*.json")),
            "voc": lambda: f.PascalVOCObjectDetectionInput(root / "Annotations", CLASSES),
            "kitti": lambda: f.KittiObjectDetectionInput(root / "training/label_2", CLASSES, "../image_2"),
            "cvat": lambda: f.CVATObjectDetectionInput(bare(only("*.xml"))),
        }
        return by_labelformat(make[kind.split(":")[1]]())
    if kind.startswith("supervision"):
        from supervision import DetectionDataset as d

        images = str(root / "images")
        make = {
            "coco": lambda: d.from_coco(str(root), str(only("*.json"))),
            "voc": lambda: d.from_pascal_voc(str(root / "JPEGImages"), str(root / "Annotations")),
            "yolo": lambda: d.from_yolo(images, str(root / "labels"), str(root / "data.yaml")),
            "yolo-obb": lambda: d.from_yolo(images, str(root / "labels"), str(root / "data.yaml"), is_obb=True),
            "createml": lambda: d.from_createml(images, str(only("*.json"))),
            "labelme": lambda: d.from_labelme(images, str(only("*.json").parent)),
        }
        return by_supervision(make[kind.split(":")[1]]())
    if kind.startswith("datumaro"):
        return by_datumaro(kind.split(":")[1])
    if kind.startswith("datasets"):
        return by_datasets(kind.split(":")[1])
    if kind == "label_studio_sdk":
        return by_label_studio()
    return {"devkit": by_devkit, "pillow": by_pillow, "webdataset": by_webdataset, "pyarrow": by_pyarrow}[kind]()


try:
    print(json.dumps(sorted(read())))
except ImportError as missing:
    print(missing, file=sys.stderr)
    sys.exit(77)
