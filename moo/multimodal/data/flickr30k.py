"""Flickr30k: pictures of people and what they do, each with five captions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from moo.errors import OptionError, ProblemError, unknown_name
from moo.multimodal.data.folders import read_lines
from moo.multimodal.data.images import CaptionedPictures, Collection, Picture, one_line
from moo.multimodal.data.karpathy import find_karpathy, read_karpathy

SPLIT_FILE = "dataset_flickr30k.json"
SOURCES = ("karpathy", "random")
_INNER = ("", "flickr30k-images", "flickr30k_images", "flickr30k_images/flickr30k_images")
_TOKEN = re.compile(r"(?P<name>[^\t]*[^\t#])#\d+\t(?P<caption>.*)")
_TABLE = re.compile(r"(?P<name>[^|]*[^|\s])\s*\|\s*\d+(\s*\||\s)(?P<caption>.*)")


@dataclass(frozen=True)
class Flickr30k(CaptionedPictures):
    """Flickr30k: 31,783 pictures with five captions each, and no classes: every label is 0.

    Rows, modalities, splits and options are those of `CaptionedPictures`; ``groups["image"]`` says which
    rows show the same picture. What the folder holds, as published or as in the usual copy:

    - the pictures in ``flickr30k-images``, ``flickr30k_images``, its folder of the same name, or the
      folder itself;
    - the captions in a file ``*.token`` (``1000092795.jpg#0<TAB>caption``), or in ``results.csv``
      (``1000092795.jpg| 0| caption`` with or without its heading, the second separator missing in one
      row), beside the pictures or above them;
    - ``dataset_flickr30k.json``, if Karpathy's split is wanted (29,000 / 1,014 / 1,000 pictures); it has
      the captions, so that the other file is not needed then.

    Sources: Young, Lai, Hodosh & Hockenmaier, From image descriptions to visual denotations, 2014;
    captions CC-BY-SA 3.0; the pictures remain under Flickr's terms of use.

    Args:
        root: the folder.
        size, n_words, captions_per_image, limit, seed: as in `CaptionedPictures`.
        split: "karpathy"; "random" (a tenth of the pictures for the test, a tenth of the others for the
            validation); None for Karpathy's where its file is, else random.

    Raises:
        OptionError: for an option out of its range.
        ProblemError: by ``load``, when a file is missing or nothing in it can be used.
        MissingExtraError: by ``load``, without Pillow.
    """

    split: str | None = None

    expects: ClassVar[str] = (
        "the folder with flickr30k-images/ and results_20130124.token of Flickr30k, which the University "
        "of Illinois gives on request (https://shannon.cs.illinois.edu/DenotationGraph; captions "
        "CC-BY-SA 3.0, pictures under Flickr's terms)"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.split is not None and self.split not in SOURCES:
            raise OptionError(unknown_name("split", str(self.split), SOURCES))

    def _listed(self, root: Path, skipped: list[str]) -> Collection:
        split_file = find_karpathy(root, SPLIT_FILE)
        if self.split == "karpathy" and split_file is None:
            raise ProblemError(f"there is no file {root / SPLIT_FILE}: put it there, or give split='random'")
        if self.split != "random" and split_file is not None:
            return Collection(read_karpathy(split_file, _pictures_folder(root), skipped))
        return Collection(_captioned(root, skipped))


def _pictures_folder(root: Path) -> Path:
    inner = [root / name for name in _INNER[1:]]
    holding = (folder for folder in [*inner, root] if next(folder.glob("*.jpg"), None) is not None)
    return next(holding, inner[0])


def _caption_file(root: Path) -> tuple[Path, Callable[[str], tuple[str, str]]]:
    """The file of the captions and what reads a line of it."""
    for pattern, read in (("*.token", _token_line), ("results.csv", _table_line)):
        for inner in _INNER:
            found = sorted(file for file in (root / inner).glob(pattern) if not file.name.startswith("._"))
            if found:
                return found[0], read
    raise ProblemError(
        f"there is no file of captions in {root}: expected results_20130124.token or results.csv"
    )


def _captioned(root: Path, skipped: list[str]) -> list[Picture]:
    file, read = _caption_file(root)
    folder = _pictures_folder(root)
    first: dict[str, str] = {}
    captions: dict[str, list[str]] = {}
    for where, name, caption in _entries(file, read, skipped):
        first.setdefault(name, where)
        captions.setdefault(name, []).append(caption)
    return [Picture(folder / name, first[name], name, tuple(some)) for name, some in captions.items()]


def _entries(
    file: Path, read: Callable[[str], tuple[str, str]], skipped: list[str]
) -> Iterator[tuple[str, str, str]]:
    """Where, picture and caption of each line that can be used."""
    for i, (where, line) in enumerate(read_lines(file)):
        if i == 0 and read is _table_line and "_name" in line.partition("|")[0]:
            continue  # the heading, which has lost its first byte in some copies
        try:
            yield where, *read(line)
        except ProblemError as error:
            skipped.append(f"{where}: {error}")


def _token_line(line: str) -> tuple[str, str]:
    match = _TOKEN.fullmatch(line)
    if match is None:
        raise ProblemError("expected PICTURE.jpg#NUMBER, a tab and the caption")
    return _usable(match)


def _table_line(line: str) -> tuple[str, str]:
    match = _TABLE.fullmatch(line.strip())
    if match is None:
        raise ProblemError("expected PICTURE.jpg| NUMBER| CAPTION")
    return _usable(match)


def _usable(match: re.Match[str]) -> tuple[str, str]:
    name, caption = match["name"].strip(), one_line(match["caption"])
    if not caption:
        raise ProblemError(f"{name} has an empty caption")
    return name, caption
