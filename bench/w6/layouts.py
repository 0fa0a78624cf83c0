"""Datasets of boxes in the layouts of COCO and VOC, drawn by a fixed seed. Standard library only.

Pictures are few and small: every image file is a hard link to one of them, since media are read where they lie.
"""

import json
import os
import random
import struct
import zlib

CLASSES = [f"class{i:02}" for i in range(80)]
WIDTH, HEIGHT = 640, 480
LINKS = 30_000
"""Links to one file, below what file systems allow."""


def picture(grey):
    """A PNG of one grey."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
    rows = (b"\0" + bytes([grey]) * WIDTH) * HEIGHT
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def place_images(folder, names):
    """Puts image files of these names into a folder."""
    os.makedirs(folder)
    for at, name in enumerate(names):
        path = os.path.join(folder, name)
        if at % LINKS == 0:
            first = path
            with open(path, "wb") as file:
                file.write(picture(at // LINKS * 20))
        else:
            os.link(first, path)


def boxes(rng, count):
    """Class and x, y, width, height of some boxes, to a tenth of a pixel."""
    for _ in range(count):
        width, height = rng.randint(40, 3000) / 10, rng.randint(40, 2500) / 10
        x, y = rng.randint(0, int((WIDTH - width) * 10)) / 10, rng.randint(0, int((HEIGHT - height) * 10)) / 10
        yield rng.randrange(len(CLASSES)), x, y, width, height


def shares(rng, images, labels):
    """How many boxes each image has: few have many, some none."""
    weights = [rng.expovariate(1) for _ in range(images)]
    total = sum(weights)
    counts = [int(weight / total * labels) for weight in weights]
    for at in rng.sample(range(images), labels - sum(counts)):
        counts[at] += 1
    return counts


def coco(folder, images, labels):
    """`images/train/*.png` and `annotations/instances_train.json`; two of three boxes have an outline of 12 points."""
    rng = random.Random(6)
    names = [f"{at + 1:012}.png" for at in range(images)]
    place_images(os.path.join(folder, "images", "train"), names)
    head = {
        "info": {"description": "drawn"}, "licenses": [],
        "images": [{"id": at + 1, "file_name": name, "width": WIDTH, "height": HEIGHT} for at, name in enumerate(names)],
        "categories": [{"id": at + 1, "name": name, "supercategory": "thing"} for at, name in enumerate(CLASSES)],
    }
    os.makedirs(os.path.join(folder, "annotations"))
    number = 0
    with open(os.path.join(folder, "annotations", "instances_train.json"), "w") as file:
        file.write(json.dumps(head)[:-1] + ', "annotations": [')
        for image, count in enumerate(shares(rng, images, labels)):
            for kind, x, y, width, height in boxes(rng, count):
                outline = []
                if number % 3:
                    for at in range(12):
                        side = (at % 3 + 0.5) / 3
                        px, py = [(side, 0), (1, side), (1 - side, 1), (0, 1 - side)][at // 3]
                        outline += [round(x + px * width, 2), round(y + py * height, 2)]
                number += 1
                file.write((", " if number > 1 else "") + json.dumps({
                    "id": number, "image_id": image + 1, "category_id": kind + 1, "iscrowd": 0,
                    "bbox": [x, y, width, height], "area": round(width * height, 2), "segmentation": [outline] if outline else [],
                }))
        file.write("]}")


def voc(folder, images, labels):
    """`JPEGImages`, `Annotations/*.xml`, `ImageSets/Main/train.txt`; `labelmap.txt` for readers that ask for one."""
    rng = random.Random(7)
    stems = [f"{at + 1:06}" for at in range(images)]
    place_images(os.path.join(folder, "JPEGImages"), [stem + ".png" for stem in stems])
    os.makedirs(os.path.join(folder, "Annotations"))
    for stem, count in zip(stems, shares(rng, images, labels)):
        parts = [f"<annotation><folder>VOC</folder><filename>{stem}.png</filename><size><width>{WIDTH}</width>"
                 f"<height>{HEIGHT}</height><depth>1</depth></size><segmented>0</segmented>"]
        for kind, x, y, width, height in boxes(rng, count):
            parts.append(
                f"<object><name>{CLASSES[kind]}</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>"
                f"<bndbox><xmin>{int(x) + 1}</xmin><ymin>{int(y) + 1}</ymin>"
                f"<xmax>{int(x + width) + 1}</xmax><ymax>{int(y + height) + 1}</ymax></bndbox></object>")
        with open(os.path.join(folder, "Annotations", stem + ".xml"), "w") as file:
            file.write("".join(parts) + "</annotation>\n")
    os.makedirs(os.path.join(folder, "ImageSets", "Main"))
    with open(os.path.join(folder, "labelmap.txt"), "w") as file:
        file.writelines(f"{name}:{at},{at},{at}::\n" for at, name in enumerate(["background", *CLASSES]))
    with open(os.path.join(folder, "ImageSets", "Main", "train.txt"), "w") as file:
        file.writelines(stem + "\n" for stem in stems)
