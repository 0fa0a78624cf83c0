"""Projects every cuboid of nuScenes' tables into every camera of its frame by the devkit's own classes and prints rows of
instance, channel and the eight corners as pixels; corners behind the camera leave the cuboid out. Exits with 77 where
the devkit is not installed.

Usage: cuboids.py FOLDER_OF_TABLES
"""

import json
import sys
from pathlib import Path

try:
    import numpy
    from nuscenes.utils.data_classes import Box
    from nuscenes.utils.geometry_utils import view_points
    from pyquaternion import Quaternion
except ImportError as missing:
    print(missing, file=sys.stderr)
    sys.exit(77)


def table(name):
    rows = json.loads((Path(sys.argv[1]) / f"{name}.json").read_text("utf-8"))
    return {row["token"]: row for row in rows}


sensors, calibrations, poses = table("sensor"), table("calibrated_sensor"), table("ego_pose")
rows = []
for shot in table("sample_data").values():
    calibration = calibrations[shot["calibrated_sensor_token"]]
    sensor = sensors[calibration["sensor_token"]]
    if sensor["modality"] != "camera" or not shot["is_key_frame"]:
        continue
    for found in table("sample_annotation").values():
        if found["sample_token"] != shot["sample_token"]:
            continue
        box = Box(found["translation"], found["size"], Quaternion(found["rotation"]))
        for frame in (poses[shot["ego_pose_token"]], calibration):
            box.translate(-numpy.array(frame["translation"]))
            box.rotate(Quaternion(frame["rotation"]).inverse)
        corners = box.corners()
        if (corners[2] > 0.1).all():
            pixels = view_points(corners, numpy.array(calibration["camera_intrinsic"]), normalize=True)
            rows.append([found["instance_token"], sensor["channel"], pixels[:2].T.tolist()])
print(json.dumps(rows))
