"""Writes small folders in the published formats: real JPEGs, real wav files, invented content."""

from __future__ import annotations

import json

import numpy as np
from PIL import Image
from scipy.io import wavfile

CATEGORIES = [  # ids have gaps, and are not listed in order
    {"id": 18, "name": "dog", "supercategory": "animal"},
    {"id": 1, "name": "person", "supercategory": "person"},
    {"id": 90, "name": "toothbrush", "supercategory": "indoor"},
    {"id": 17, "name": "cat", "supercategory": "animal"},
]
CODES = ("ang", "hap", "exc", "neu", "sad", "xxx", "fru")


def picture(file, seed, width=64, height=48, **save):
    """A JPEG of 8 x 6 coloured patches that no other seed has."""
    patches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(patches).resize((width, height)).save(file, "JPEG", **save)


def write_json(file, content):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def edited(file, change):
    """Let ``change`` alter what a JSON file holds."""
    content = json.loads(file.read_text(encoding="utf-8"))
    change(content)
    write_json(file, content)


# ------------------------------------------------------------------ MS-COCO


def coco_name(part, number, year=2014):
    return f"COCO_{part}2014_{number:012d}.jpg" if year == 2014 else f"{number:012d}.jpg"


def coco(root, year=2014, instances=True, train=20, val=4):
    """``train`` pictures with ids 1, 2, ... and ``val`` with ids 1001, ...: two captions each, in the order
    of the captions rather than the pictures."""
    for part, numbers in (("train", range(1, 1 + train)), ("val", range(1001, 1001 + val))):
        names = {number: coco_name(part, number, year) for number in numbers}
        for number, name in names.items():
            picture(root / f"{part}{year}" / name, number)
        _write_captions(root / "annotations" / f"captions_{part}{year}.json", names)
        if instances:
            _write_instances(root / "annotations" / f"instances_{part}{year}.json", list(names))
    return root


def _write_captions(file, names):
    images = [
        {"license": 5, "file_name": name, "height": 48, "width": 64, "id": number}
        for number, name in names.items()
    ]
    annotations = [
        {"image_id": number, "id": 10 * number + k, "caption": f"a {word} scene number {number}\n"}
        for k, word in enumerate(("quiet", "busy"))
        for number in names
    ]
    write_json(file, {"info": {}, "licenses": [], "images": images, "annotations": annotations})


def _write_instances(file, numbers):
    """Picture k has no object for k % 4 = 0; else a cat of area k and, for even k, a larger person."""
    annotations = []
    for number in numbers:
        objects = [(17, number)] * (number % 4 > 0) + [(1, 5000)] * (number % 4 == 2)
        for category, area in objects:
            annotations.append(_instance(number, category, area))
    write_json(file, {"images": [], "annotations": annotations, "categories": CATEGORIES})


def _instance(number, category, area):
    shape = {"segmentation": [[0.0, 1.0, 2.0, 3.0]], "bbox": [0, 0, 1, 1], "iscrowd": 0}
    return {"id": number, "image_id": number, "category_id": category, "area": float(area), **shape}


def coco_karpathy(root, train=10, restval=2, val=2, test=2):
    """The split file over the pictures that `coco` writes; a picture of "restval" is in val2014."""
    parts = ["train"] * train + ["restval"] * restval + ["val"] * val + ["test"] * test
    images = []
    for i, part in enumerate(parts):
        folder, number = ("train", i + 1) if part == "train" else ("val", 1001 + i - train)
        name = coco_name(folder, number)
        picture(root / f"{folder}2014" / name, number)
        entry = {"filepath": f"{folder}2014", "cocoid": number, "filename": name, "split": part}
        images.append(entry | _sentences(number))
    return write_json(root / "dataset_coco.json", {"dataset": "coco", "images": images})


def _sentences(number):
    raw = [f"Two guys look at number {number} .", f"A yard with number {number} ."]
    return {
        "imgid": number,
        "sentids": [2 * number, 2 * number + 1],
        "sentences": [{"tokens": text.split(), "raw": text, "imgid": number} for text in raw],
    }


# ------------------------------------------------------------------ Flickr30k


def flickr_names(n):
    return [f"{1000092795 + i}.jpg" for i in range(n)]


def flickr_pictures(folder, n=30):
    for i, name in enumerate(flickr_names(n)):
        picture(folder / name, i)
    return folder


def flickr_token(file, n=30, k=2):
    lines = [
        f"{name}#{j}\tGuys number {i} look {j} ." for i, name in enumerate(flickr_names(n)) for j in range(k)
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def flickr_table(file, n=30, k=2, heading="image_name| comment_number| comment"):
    lines = [
        f"{name}| {j}| Guys number {i} look {j} ." for i, name in enumerate(flickr_names(n)) for j in range(k)
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([*[heading] * bool(heading), *lines]) + "\n", encoding="utf-8")
    return file


def flickr_karpathy(root, train=8, val=2, test=3):
    names = flickr_names(train + val + test)
    parts = ["train"] * train + ["val"] * val + ["test"] * test
    images = [
        {"filename": name, "split": part, **_sentences(i)}
        for i, (name, part) in enumerate(zip(names, parts, strict=True))
    ]
    return write_json(root / "dataset_flickr30k.json", {"dataset": "flickr30k", "images": images})


# ------------------------------------------------------------------ IEMOCAP


def tone(hertz, seconds=0.1, rate=16_000):
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


def wav(file, signal, rate=16_000):
    file.parent.mkdir(parents=True, exist_ok=True)
    wavfile.write(file, rate, (signal * 32767).astype(np.int16))


def iemocap(root, sessions=(1, 2, 3, 4, 5), dialogs=("impro01", "script01_1", "script01_1b")):
    """In each dialog a turn of each code by each speaker."""
    for session in sessions:
        for dialog in dialogs:
            _write_dialog(root / f"Session{session}", session, f"Ses0{session}F_{dialog}")
    return root


def _write_dialog(folder, session, dialog):
    lines, spoken = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""], []
    for i, (letter, code) in enumerate((letter, code) for letter in "FM" for code in CODES):
        turn = f"{dialog}_{letter}{i:03d}"
        start, end = 6 + i, 7.5 + i
        lines += [
            f"[{start:.4f} - {end:.4f}]\t{turn}\t{code}\t[2.5000, {1 + i / 4:.4f}, 3.0000]",
            *("C-E2:\tNeutral;\t()", "C-F1:\tAnger;\t()", "A-E3:\tval 3; act 2; dom  2;\t()", ""),
        ]
        spoken.append(f"{turn} [{start:08.4f}-{end:08.4f}]: Excuse {code} me [LAUGHTER].")
        voice = tone(120 + 60 * (letter == "F") + 5 * session + 3 * i)
        wav(folder / "sentences" / "wav" / dialog / f"{turn}.wav", 0.5 * voice)
    spoken += [f"{dialog}_FXX0 [030.0000-031.0000]: Hm.", "M: Okay.", "F: Right."]
    for name, content in (("EmoEvaluation", lines), ("transcriptions", spoken)):
        file = folder / "dialog" / name / f"{dialog}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(content) + "\n", encoding="latin-1")
