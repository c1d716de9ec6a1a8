"""Pictures from files, and data sets of pictures with captions."""

from __future__ import annotations

import hashlib
import warnings
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from moo.errors import MissingExtraError, ProblemError
from moo.multimodal.data.base import MultimodalData, Samples, check_integer
from moo.multimodal.data.folders import (
    FolderDataSet,
    because,
    cached_rows,
    held_out,
    split_rows,
)
from moo.multimodal.data.splits import joined_groups, thinned
from moo.multimodal.data.text import tf_idf, words

SHARE = 0.1  # of the pictures, for a split that the source does not give
_VERSION = 1  # of what read_picture makes of a file
_AT_ONCE = 4096  # rows turned from bytes into numbers together

# ------------------------------------------------------------------ one picture


def read_picture(file: Path, size: int) -> np.ndarray:
    """The middle of a picture, uint8 (size, size, 3), red green blue.

    It is turned as its EXIF orientation says, cut to the largest square about its centre and made
    ``size`` pixels a side by Pillow's antialiased bicubic filter. Of a JPEG's scales (1/1 to 1/8) the
    smallest is decoded that still has twice the pixels a side.

    Raises:
        ProblemError: when the file is missing, truncated or no picture.
        MissingExtraError: without Pillow.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise MissingExtraError("pillow", "multimodal") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata, for example
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _square(file, size)
    except FileNotFoundError:
        raise ProblemError(f"there is no picture {file}") from None
    except UnidentifiedImageError:
        raise ProblemError(f"{file} is no picture of a known format") from None
    except Exception as error:  # of a damaged file, Pillow's decoders raise nearly anything
        reason = getattr(error, "strerror", None) or str(error)
        raise ProblemError(f"{file} cannot be read as a picture: {reason}") from None


def _square(file: Path, size: int) -> np.ndarray:
    from PIL import Image, ImageOps

    with Image.open(file) as image:
        image.draft("RGB", (2 * size, 2 * size))
        upright = ImageOps.exif_transpose(image).convert("RGB")
        return np.array(ImageOps.fit(upright, (size, size), Image.Resampling.BICUBIC))


# ------------------------------------------------------------------ pictures with captions


def one_line(caption: str) -> str:
    """A caption without the line breaks and double spaces that some have."""
    return " ".join(caption.split())


@dataclass(frozen=True)
class Picture:
    """What a source says of one picture.

    Attributes:
        file: where it should be.
        where: the place in the source that names it, for people.
        key: what tells it from the others of the source.
        captions: at least one.
        part: the split it is in; "" where the source gives none.
        label: index of its class.
        objects: indices of the categories of what it shows.
    """

    file: Path
    where: str
    key: str
    captions: tuple[str, ...]
    part: str = ""
    label: int = 0
    objects: tuple[int, ...] = ()


@dataclass(frozen=True)
class Collection:
    """The pictures of a source, what their labels stand for, and how many categories of objects it has."""

    pictures: list[Picture]
    class_names: tuple[str, ...] = ("picture",)
    n_objects: int = 0


@dataclass(frozen=True)
class CaptionedPictures(FolderDataSet):
    """Pictures with captions: a row is a picture with one of its captions.

    Modalities: "image" (n, 3, size, size), float32 in [0, 1], red green blue, the middle square of the
    picture (`read_picture`); "text" (n, n_words), float32, the caption as a bag of words: TF-IDF over
    the words most frequent in the training split, each row of length 1 or all zero. ``texts`` are the
    captions as written, ``items`` the file names, and ``groups["image"]`` numbers (n,) by picture:
    the rows of one picture, and of others with the very same pixels at this size, share one.

    A picture's rows are in one split. Where a split would hold a picture that "test" (or, for "train",
    "validation") also has, under its own name or as the same pixels, it is left out of that split and
    ``skipped`` says so. A split that the source does not give gets a tenth of the pictures, at random.

    Pictures are decoded once and kept in ``$XDG_CACHE_HOME/moo`` (``~/.cache/moo``), until the list of
    files, one of their sizes or times of change, or ``size`` differs. Memory: 3 size^2 bytes a picture
    (98 MB for 31,783 of 32 pixels), and four times that a row of the data.

    Args:
        root: as in `FolderDataSet`.
        size: pixels a side, at least 8.
        n_words: words of the vocabulary.
        captions_per_image: rows of a picture at most, its first captions in the source; None for all.
        limit: pictures at most, drawn at random in proportion to the splits that the source gives, at
            least two of each; None for all.
        seed: of the draws.
    """

    size: int = 32
    n_words: int = 512
    captions_per_image: int | None = 1
    limit: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("size", 8), ("n_words", 1), ("seed", 0)):
            check_integer(name, getattr(self, name), least)
        for name in ("captions_per_image", "limit"):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), 1)

    @abstractmethod
    def _listed(self, root: Path, skipped: list[str]) -> Collection:
        """What the source in ``root`` lists; ``skipped`` is filled."""

    def _read(self, root: Path, skipped: list[str]) -> MultimodalData:
        listed = self._listed(root, skipped)
        if not listed.pictures:
            raise ProblemError(f"{root} has no picture with a caption{because(skipped)}")
        pictures, pixels = _readable(self._limited(listed.pictures), self.size, skipped)
        groups = joined_groups([picture.key for picture in pictures], _hashes(pixels))
        given = {picture.part for picture in listed.pictures}
        parts = _parts(pictures, groups, given, self.seed, skipped)
        captions = [
            picture.captions[: self.captions_per_image] if part else ()
            for picture, part in zip(pictures, parts, strict=True)
        ]
        of = np.repeat(np.arange(len(pictures)), [len(some) for some in captions])  # picture of each row
        split = split_rows(parts[of], skipped)
        texts = tuple(caption for some in captions for caption in some)
        text = tf_idf([words(caption) for caption in texts], split["train"], self.n_words)
        modalities = {"image": _numbers(pixels, of), "text": torch.from_numpy(text)}
        return MultimodalData(
            _samples(modalities, [pictures[i] for i in of], listed.n_objects),
            listed.class_names,
            split,
            items=tuple(pictures[i].file.name for i in of),
            texts=texts,
            groups={"image": groups[of]},
            skipped=tuple(skipped),
        )

    def _limited(self, pictures: list[Picture]) -> list[Picture]:
        if self.limit is None or self.limit >= len(pictures):
            return pictures
        parts = np.array([picture.part for picture in pictures])
        split = {str(part): np.flatnonzero(parts == part) for part in np.unique(parts)}
        kept = thinned(split, self.limit, self.seed)
        return [pictures[i] for i in np.sort(np.concatenate(list(kept.values())))]


def _readable(pictures: list[Picture], size: int, skipped: list[str]) -> tuple[list[Picture], np.ndarray]:
    """The pictures whose files can be read, and their pixels, uint8 (n, size, size, 3)."""
    files = [picture.file for picture in pictures]
    kind = f"pictures-{size}px-{_VERSION}"
    pixels, reasons = cached_rows(files, partial(read_picture, size=size), (size, size, 3), np.uint8, kind)
    for i, reason in reasons.items():
        n = len(pictures[i].captions)
        skipped.append(f"{pictures[i].where}: {reason}; left out with its captions ({n})")
    if len(reasons) == len(pictures):
        raise ProblemError(f"none of the {len(pictures)} pictures can be read{because(skipped)}")
    if not reasons:
        return pictures, pixels
    kept = [i for i in range(len(pictures)) if i not in reasons]
    return [pictures[i] for i in kept], pixels[kept]


def _hashes(pixels: np.ndarray) -> list[str]:
    return [hashlib.sha256(picture.tobytes()).hexdigest() for picture in pixels]


def _numbers(pixels: np.ndarray, of: np.ndarray) -> torch.Tensor:
    """Bytes (k, size, size, 3) as float32 (n, 3, size, size) in [0, 1], a row for each index of ``of``."""
    image = torch.empty(len(of), 3, *pixels.shape[1:3])
    for start in range(0, len(of), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        image[rows] = torch.from_numpy(pixels[of[rows]]).permute(0, 3, 1, 2) / 255.0
    return image


def _samples(modalities: dict[str, torch.Tensor], shown: Sequence[Picture], n_objects: int) -> Samples:
    labels = torch.tensor([picture.label for picture in shown])
    if not n_objects:
        return Samples(modalities, labels)
    objects = torch.zeros(len(shown), n_objects)
    for row, picture in zip(objects, shown, strict=True):
        row[list(picture.objects)] = 1.0
    return Samples(modalities, labels, targets={"objects": objects})


# ------------------------------------------------------------------ the split


def _parts(
    pictures: list[Picture], groups: np.ndarray, given: set[str], seed: int, skipped: list[str]
) -> np.ndarray:
    """The split of each picture (n,), "" for one that is left out.

    Args:
        pictures: n of them.
        groups: of each (n,); groups stay whole.
        given: the splits of all that the source lists, readable or not.
        seed: of the draw for splits that are not given.
        skipped: filled.
    """
    parts = np.array([picture.part for picture in pictures], dtype="<U10")
    if given == {""}:
        parts = np.where(held_out(groups, SHARE, seed), "test", "train").astype("<U10")
    for better, worse in (("test", ["train", "validation"]), ("validation", ["train"])):
        _leave_out(parts, better, worse, pictures, groups, skipped)
    if "validation" not in given:
        train = np.flatnonzero(parts == "train")
        parts[train[held_out(groups[train], SHARE, seed)]] = "validation"
    return parts


def _leave_out(
    parts: np.ndarray,
    better: str,
    worse: list[str],
    pictures: list[Picture],
    groups: np.ndarray,
    skipped: list[str],
) -> None:
    """Take from the splits ``worse`` what ``better`` has too."""
    there = {groups[i]: pictures[i].file.name for i in np.flatnonzero(parts == better)}
    for i in np.flatnonzero(np.isin(parts, worse)):
        if groups[i] in there:
            skipped.append(
                f"{pictures[i].where}: {pictures[i].file.name} shows what {there[groups[i]]} of the split "
                f"{better!r} shows; left out of {str(parts[i])!r}"
            )
            parts[i] = ""
