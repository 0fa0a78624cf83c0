"""Media written by other people's encoders, for the tests. `python oracle.py FOLDER`; prints what should be found."""

import json
import os
import subprocess
import sys

import numpy as np

folder = sys.argv[1]
found = {}


def path(name):
    return os.path.join(folder, name)


def sounds():
    import soundfile

    rate = 22_050
    time = np.arange(rate * 2) / rate
    left, right = 0.5 * np.sin(2 * np.pi * 440 * time), 0.25 * np.sin(2 * np.pi * 1000 * time)
    stereo = np.stack([left, right], axis=1)
    for name, words in {"a.wav": {}, "f.wav": {"subtype": "FLOAT"}, "a.flac": {}, "b.flac": {"subtype": "PCM_24"},
                        "a.ogg": {"format": "OGG", "subtype": "VORBIS"}, "a.mp3": {"format": "MP3"}}.items():
        soundfile.write(path(name), stereo, rate, **words)
    found["sounds"] = {"rate": rate, "samples": len(time), "names": sorted(n for n in os.listdir(folder))}


def clouds():
    import laspy

    rng = np.random.default_rng(5)
    points = np.round(rng.uniform(-50, 50, (5000, 3)), 3)
    for version, form in (("1.2", 0), ("1.2", 3), ("1.4", 6), ("1.4", 7)):
        header = laspy.LasHeader(point_format=form, version=version)
        header.scales, header.offsets = np.array([0.001] * 3), np.array([0.0] * 3)
        las = laspy.LasData(header)
        las.x, las.y, las.z = points.T
        las.intensity = np.arange(5000, dtype=np.uint16)
        for kind in ("las", "laz"):
            las.write(path(f"p{form}.{kind}"))
    found["clouds"] = {"first": points[0].tolist(), "bounds": [points.min(0).tolist(), points.max(0).tolist()]}


def films():
    import imageio_ffmpeg

    program = imageio_ffmpeg.get_ffmpeg_exe()
    width, height, frames = 64, 48, 50
    raw = b"".join(bytes([4 * at + 20]) * (width * height * 3) for at in range(frames))
    codings = {"a.mp4": ["-c:v", "libx264", "-g", "10", "-keyint_min", "10", "-sc_threshold", "0", "-bf", "2"],
               "s.mp4": ["-c:v", "libx264", "-g", "25", "-movflags", "+faststart"],
               "f.mp4": ["-c:v", "libx264", "-g", "10", "-movflags", "frag_keyframe+empty_moov"],
               "a.mkv": ["-c:v", "libx264", "-g", "10", "-bf", "0"], "a.webm": ["-c:v", "libvpx-vp9", "-g", "10"],
               "a.avi": ["-c:v", "mjpeg", "-q:v", "2"]}
    for name, words in codings.items():
        subprocess.run([program, "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", "25", "-i", "-",
                        "-pix_fmt", "yuvj420p" if name.endswith("avi") else "yuv420p", *words, path(name)], input=raw, check=True)
    found["films"] = {"program": program, "names": sorted(codings)}


for part in (sounds, clouds, films):
    try:
        part()
    except ImportError as error:
        print(f"skipped: {error}", file=sys.stderr)
print(json.dumps(found))
