"""The file format in which Karpathy's splits of COCO and Flickr30k are published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from moo.errors import ProblemError
from moo.multimodal.data.folders import json_list, read_json
from moo.multimodal.data.images import Picture, one_line

PARTS = {"train": "train", "restval": "train", "val": "validation", "test": "test"}


def find_karpathy(root: Path, name: str) -> Path | None:
    """The split file, in the folder itself or its ``annotations``; None when it is in neither."""
    return next((file for file in (root / name, root / "annotations" / name) if file.is_file()), None)


def read_karpathy(file: Path, folder: Path, skipped: list[str]) -> list[Picture]:
    """The pictures of a split file with their captions; "restval" is part of "train", as is usual.

    Source: Karpathy & Fei-Fei, Deep visual-semantic alignments for generating image descriptions, 2015.

    Args:
        file: one JSON object: "images", each with "filename", "split" and "sentences" that have a "raw"
            text, and for COCO "filepath" and "cocoid".
        folder: where the pictures are; "filepath" is relative to it.
        skipped: filled with a sentence an entry that cannot be used.

    Raises:
        ProblemError: when the file is missing or is no such JSON.
    """
    pictures = []
    for where, entry in json_list(read_json(file), "images", file):
        try:
            pictures.append(_picture(where, entry, folder))
        except ProblemError as error:
            skipped.append(f"{where}: {error}")
    return pictures


def _picture(where: str, entry: dict[str, Any], folder: Path) -> Picture:
    name, within, part = entry.get("filename"), entry.get("filepath", ""), entry.get("split")
    if not isinstance(name, str) or not name or not isinstance(within, str):
        raise ProblemError(f"filename {name!r} is no name of a picture")
    if not isinstance(part, str) or part not in PARTS:
        raise ProblemError(f"split {part!r} is unknown, expected {', '.join(PARTS)}")
    captions = _captions(entry.get("sentences"))
    if not captions:
        raise ProblemError(f"{name} has no caption")
    return Picture(folder / within / name, where, str(entry.get("cocoid", name)), captions, PARTS[part])


def _captions(sentences: object) -> tuple[str, ...]:
    raw = [s.get("raw") for s in sentences if isinstance(s, dict)] if isinstance(sentences, list) else []
    return tuple(text for text in (one_line(entry) for entry in raw if isinstance(entry, str)) if text)
