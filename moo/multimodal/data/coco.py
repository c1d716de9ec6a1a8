"""MS-COCO: everyday scenes with captions and the objects in them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, TypeGuard

from moo.errors import OptionError, ProblemError, unknown_name
from moo.multimodal.data.folders import json_list, read_json
from moo.multimodal.data.images import CaptionedPictures, Collection, Picture, one_line
from moo.multimodal.data.karpathy import find_karpathy, read_karpathy

YEARS = (2014, 2017)
SOURCES = ("karpathy", "official")
SPLIT_FILE = "dataset_coco.json"
NONE = "none"  # the class of a picture without objects
_PARTS = {"train": "train", "val": "test"}


@dataclass(frozen=True)
class CocoCaptions(CaptionedPictures):
    """MS-COCO: about 123,000 pictures of everyday scenes with some five captions each, and their objects.

    Rows, modalities and options are those of `CaptionedPictures`. What the folder holds: the pictures in
    ``train2014`` and ``val2014`` (or 2017), and in ``annotations`` the files ``captions_train2014.json``
    and ``captions_val2014.json``; if objects are wanted also ``instances_train2014.json`` and
    ``instances_val2014.json``; if Karpathy's split is wanted ``dataset_coco.json``, there or in the
    folder itself, which has the captions, so that the captions files are not needed then.

    With the instances files a row has ``targets["objects"]`` (n, 80), float32: 1 for each category that is
    in the picture, in the order of the published category ids (which have gaps). Its label is the
    supercategory of the largest of its objects by area (12, in alphabetical order; the first listed of
    equals), and a thirteenth, "none", when it has no object. Without those files every label is 0.

    Sources: Lin et al., Microsoft COCO: common objects in context, 2014; Chen et al., Microsoft COCO
    captions, 2015; annotations CC-BY 4.0; the pictures remain under Flickr's terms of use.

    Args:
        root: the folder.
        size, n_words, captions_per_image, limit, seed: as in `CaptionedPictures`.
        year: 2014 or 2017.
        split: "official" (the published validation part is the test split; the validation split is a
            tenth of the pictures of the published training part) or "karpathy" (113,287 / 5,000 /
            5,000 pictures, of 2014).

    Raises:
        OptionError: for an option out of its range.
        ProblemError: by ``load``, when a file is missing or nothing in it can be used.
        MissingExtraError: by ``load``, without Pillow.
    """

    year: int = 2014
    split: str = "official"

    expects: ClassVar[str] = (
        "the folder with train2014/, val2014/ and annotations/ of MS-COCO (https://cocodataset.org; "
        "annotations CC-BY 4.0, pictures under Flickr's terms)"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.year, int) or self.year not in YEARS:
            raise OptionError(f"year={self.year!r} is not accepted: give 2014 or 2017")
        if self.split not in SOURCES:
            raise OptionError(unknown_name("split", str(self.split), SOURCES))
        if self.split == "karpathy" and self.year != 2014:
            raise OptionError(f"split='karpathy' is of the year 2014, not {self.year}: give year=2014")

    def _listed(self, root: Path, skipped: list[str]) -> Collection:
        read = self._karpathy if self.split == "karpathy" else self._official
        pictures = read(root, skipped)
        files = [root / "annotations" / f"instances_{name}{self.year}.json" for name in _PARTS]
        if not any(file.is_file() for file in files):
            return Collection(pictures)
        return _with_objects(pictures, files, skipped)

    def _karpathy(self, root: Path, skipped: list[str]) -> list[Picture]:
        file = find_karpathy(root, SPLIT_FILE)
        if file is None:
            raise ProblemError(
                f"there is no file {root / SPLIT_FILE}: put it there, or give split='official'"
            )
        return read_karpathy(file, root, skipped)

    def _official(self, root: Path, skipped: list[str]) -> list[Picture]:
        pictures = []
        for name, part in _PARTS.items():
            file = root / "annotations" / f"captions_{name}{self.year}.json"
            pictures += _captioned(file, root / f"{name}{self.year}", part, skipped)
        return pictures


def _is_id(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


# ------------------------------------------------------------------ captions_*.json


def _captioned(file: Path, folder: Path, part: str, skipped: list[str]) -> list[Picture]:
    """The pictures of a captions file that have a caption."""
    found = read_json(file)
    names = _names(json_list(found, "images", file), skipped)
    captions: dict[int, list[str]] = {number: [] for number in names}
    for where, entry in json_list(found, "annotations", file):
        number, text = entry.get("image_id"), entry.get("caption")
        if not _is_id(number) or number not in captions:
            skipped.append(f"{where}: image_id {number!r} is not among the images")
        elif not isinstance(text, str) or not text.strip():
            skipped.append(f"{where}: the caption of image {number} is no text")
        else:
            captions[number].append(one_line(text))
    pictures = []
    for number, (where, name) in names.items():
        if captions[number]:
            pictures.append(Picture(folder / name, where, str(number), tuple(captions[number]), part))
        else:
            skipped.append(f"{where}: {name} has no caption")
    return pictures


def _names(entries: list[tuple[str, dict[str, Any]]], skipped: list[str]) -> dict[int, tuple[str, str]]:
    """Where each picture is listed and its file name, by its id."""
    names: dict[int, tuple[str, str]] = {}
    for where, entry in entries:
        number, name = entry.get("id"), entry.get("file_name")
        if not _is_id(number) or not isinstance(name, str) or not name:
            skipped.append(f"{where}: expected an id and a file_name, not {number!r} and {name!r}")
        elif number in names:
            skipped.append(f"{where}: the id {number} is listed already, as {names[number][1]}")
        else:
            names[number] = where, name
    return names


# ------------------------------------------------------------------ instances_*.json


def _with_objects(pictures: list[Picture], files: list[Path], skipped: list[str]) -> Collection:
    """The pictures with their label and objects, from all of the instances files."""
    supercategories: dict[int, str] = {}
    objects: dict[str, list[tuple[float, int]]] = {picture.key: [] for picture in pictures}
    for file in files:
        found = read_json(file, without=("segmentation",))  # nine tenths of the file
        supercategories |= _supercategories(json_list(found, "categories", file), skipped)
        for where, entry in json_list(found, "annotations", file):
            _add_object(objects, supercategories, where, entry, skipped)
    class_names = (*sorted(set(supercategories.values())), NONE)
    column = {category: i for i, category in enumerate(sorted(supercategories))}
    class_of = {category: class_names.index(name) for category, name in supercategories.items()}
    labelled = [_labelled(picture, objects[picture.key], column, class_of) for picture in pictures]
    return Collection(labelled, class_names, len(column))


def _supercategories(entries: list[tuple[str, dict[str, Any]]], skipped: list[str]) -> dict[int, str]:
    """The supercategory of each category id."""
    found: dict[int, str] = {}
    for where, entry in entries:
        number, name = entry.get("id"), entry.get("supercategory")
        if _is_id(number) and isinstance(name, str):
            found[number] = name
        else:
            skipped.append(f"{where}: expected an id and a supercategory, not {number!r} and {name!r}")
    return found


def _add_object(
    objects: Mapping[str, list[tuple[float, int]]],
    supercategories: Mapping[int, str],
    where: str,
    entry: dict[str, Any],
    skipped: list[str],
) -> None:
    """Add the area and the category of an object to those of its picture, where that is used."""
    picture, category, area = entry.get("image_id"), entry.get("category_id"), entry.get("area")
    if not _is_id(picture):
        skipped.append(f"{where}: image_id {picture!r} is no id")
    elif not _is_id(category) or category not in supercategories:
        skipped.append(f"{where}: category_id {category!r} is not among the categories")
    elif not isinstance(area, int | float) or not 0 <= area < math.inf:
        skipped.append(f"{where}: area {area!r} is no area")
    elif str(picture) in objects:
        objects[str(picture)].append((area, category))


def _labelled(
    picture: Picture,
    objects: list[tuple[float, int]],
    column: Mapping[int, int],
    class_of: Mapping[int, int],
) -> Picture:
    """The picture with its objects' columns, and the class of the largest; without any, the last class."""
    if not objects:
        return replace(picture, label=len(set(class_of.values())))
    largest = max(objects, key=lambda entry: entry[0])[1]
    shown = tuple(sorted({column[category] for _, category in objects}))
    return replace(picture, label=class_of[largest], objects=shown)
