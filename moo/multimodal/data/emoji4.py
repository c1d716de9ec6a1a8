"""Emoji-4: some 1,900 emoji, each in four drawing styles, with names and keywords, from npm packages."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import tarfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from moo.errors import OptionError, ProblemError, unknown_name
from moo.multimodal.data.base import DataSet, MultimodalData, Samples, check_integer
from moo.multimodal.data.emoji import SHARES, SIZES, concept, drawn
from moo.multimodal.data.local_cache import cache_folder, read_arrays, write_arrays
from moo.multimodal.data.packages import NpmPackage
from moo.multimodal.data.splits import grouped_split, joined_groups
from moo.multimodal.data.text import tf_idf, words

TEXTS = ("name", "keywords", "full")
NAMES = NpmPackage(
    "emojibase-data",
    "17.0.0",
    "emojibase-data-17.0.0.tgz",
    "d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a",
    6.7,
)


def _style(name: str, version: str, sha256: str, megabytes: float) -> NpmPackage:
    file = f"iconify-json-{name}-{version}.tgz"
    return NpmPackage(f"@iconify-json/{name}", version, file, sha256, megabytes)


STYLES = {
    "noto": _style("noto", "1.2.9", "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad", 3.3),
    "twemoji": _style(
        "twemoji", "1.2.5", "19046dff7d8707ce96212ec86468b36ac5f8e60409629dd13f809265c6d0ebb7", 0.9
    ),
    "openmoji": _style(
        "openmoji", "1.2.29", "03181e2c156cab35cf4a62f1f7886bd971d59212e75ac3f189d5a4cae3930fc5", 1.4
    ),
    "fluent-emoji-flat": _style(
        "fluent-emoji-flat", "1.2.6", "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175", 1.4
    ),
}
_SHORTCODES = ("cldr", "emojibase", "github", "iamcal", "joypixels")
_COMPONENTS = "component"
_LOG = logging.getLogger("moo.data")


@dataclass(frozen=True)
class Emoji4(DataSet):
    """Emoji in four drawing styles, with their Unicode group as the class: a row a drawing.

    Modalities: "image" (n, 3, size, size), float32 in [0, 1], red green blue on white; "text" (n, n_words),
    float32, TF-IDF over the words most frequent in the training split, rows of length 1 (or 0). Groups:
    "concept" and "style". Skin tones and parts of emoji are left out.

    Split 70/10/20. What shows the same stays together, in all styles: emoji that differ by gender or
    direction alone, of the same name, or with the same pixels in any style.

    Sources, fetched once by npm, 13.7 MB: names, keywords and shortcodes of emojibase-data (MIT); drawings
    by Noto Emoji (Apache-2.0), Twemoji (CC-BY-4.0), OpenMoji (CC-BY-SA-4.0) and Fluent Emoji (MIT), in
    Iconify's packages; drawn by resvg-py (MIT), which ``pip install 'moo[multimodal]'`` brings. Drawing
    takes some twenty seconds and is kept in the cache.

    Args:
        text: "name" (the Unicode short name, "oncoming fist"), "keywords" (some seven words), or "full"
            (the name, the shortcodes of five systems, and the keywords). With keywords the text alone
            tells most groups; with names text and image each tell what the other does not.
        size: pixels a side, 16 or 32.
        styles: of `STYLES`, one at least.
        n_words: words of the vocabulary.
        seed: of the split.

    Raises:
        OptionError: for an option out of its range.
        ProblemError: by ``load``, when a package cannot be fetched.
        MissingExtraError: by ``load``, without resvg-py.
    """

    text: str = "name"
    size: int = 16
    styles: tuple[str, ...] = tuple(STYLES)
    n_words: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        if self.text not in TEXTS:
            raise OptionError(unknown_name("text", str(self.text), TEXTS))
        if self.size not in SIZES:
            raise OptionError(f"size={self.size!r} is not accepted: give 16 or 32 pixels")
        if isinstance(self.styles, str) or not self.styles or len(set(self.styles)) < len(self.styles):
            accepted = f"different names of {', '.join(STYLES)}"
            raise OptionError(f"styles={self.styles!r} is not accepted: give {accepted}")
        for style in self.styles:
            if style not in STYLES:
                raise OptionError(unknown_name("style", str(style), STYLES))
        check_integer("n_words", self.n_words, 1)
        check_integer("seed", self.seed, 0)

    def load(self) -> MultimodalData:
        emoji, class_names = _named()
        rows: list[tuple[dict[str, Any], str]] = []
        images = []
        for style in self.styles:
            pixels = _cached_drawings(style, self.size)
            there = [(entry, style) for entry in emoji if _plain(entry["hexcode"]) in pixels]
            rows += there
            images += [pixels[_plain(entry["hexcode"])] for entry, _ in there]
        stacked = np.array(images)
        labels = np.array([class_names.index(entry["class"]) for entry, _ in rows])
        concepts = joined_groups(
            [concept(entry["hexcode"]) for entry, _ in rows],
            [entry["label"] for entry, _ in rows],
            [hashlib.sha256(image.tobytes()).hexdigest() for image in images],
        )
        split = grouped_split(labels, concepts, SHARES, self.seed)
        captions = tuple(_caption(entry, self.text) for entry, _ in rows)
        text = tf_idf([words(caption) for caption in captions], split["train"], self.n_words)
        modalities = {
            "image": torch.from_numpy(stacked.astype(np.float32) / 255.0).permute(0, 3, 1, 2).contiguous(),
            "text": torch.from_numpy(text),
        }
        samples = Samples(modalities, torch.from_numpy(labels))
        items = tuple(f"{entry['label']} ({style})" for entry, style in rows)
        groups = {"concept": concepts, "style": np.array([style for _, style in rows])}
        return MultimodalData(samples, class_names, split, items, captions, groups)


# ------------------------------------------------------------------ names


def _named() -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """One entry an emoji that has a group ("class", and its "shortcodes" beside what the package says), and
    the groups in alphabetical order."""
    files = _json_of(
        NAMES,
        ["en/data.json", "meta/groups.json", *(f"en/shortcodes/{name}.json" for name in _SHORTCODES)],
    )
    groups = files["meta/groups.json"]["groups"]
    entries = []
    for entry in files["en/data.json"]:
        name = groups.get(str(entry.get("group")), _COMPONENTS)
        if name != _COMPONENTS:
            codes = [files[f"en/shortcodes/{s}.json"].get(entry["hexcode"], []) for s in _SHORTCODES]
            flat = [code for part in codes for code in ([part] if isinstance(part, str) else part)]
            entries.append({**entry, "class": name, "shortcodes": flat})
    return entries, tuple(sorted({entry["class"] for entry in entries}))


def _caption(entry: Mapping[str, Any], text: str) -> str:
    if text == "name":
        return str(entry["label"])
    if text == "keywords":
        return " ".join(entry.get("tags", []))
    codes = [code.replace("_", " ") for code in entry["shortcodes"]]
    return " ".join(dict.fromkeys([entry["label"], *codes, *entry.get("tags", [])]))


def _plain(hexcode: str) -> str:
    """Code points without the variation selector, which the packages do not set alike."""
    return "-".join(part for part in hexcode.upper().split("-") if part != "FE0F")


def _json_of(package: NpmPackage, files: Sequence[str]) -> dict[str, Any]:
    """The contents of some files of a tarball."""
    found = {}
    with tarfile.open(package.fetched()) as archive:
        for file in files:
            try:
                member = archive.extractfile(f"package/{file}")
            except KeyError:
                member = None
            if member is None:
                raise ProblemError(f"{package.file} holds no {file}")
            found[file] = json.load(io.TextIOWrapper(member, encoding="utf-8"))
    return found


# ------------------------------------------------------------------ drawings


def _cached_drawings(style: str, size: int) -> dict[str, np.ndarray]:
    """Drawings, uint8 (size, size, 3), by plain code points; from the cache where it has them."""
    package = STYLES[style]
    file = cache_folder() / f"emoji4-{style}-{package.version}-{size}px.npz"
    stored = read_arrays(file)
    if (
        stored is None
        or stored.keys() != {"codes", "images"}
        or stored["images"].shape[1:] != (size, size, 3)
    ):
        sources = _sources(package)
        _LOG.info("drawing %d emoji of %s", len(sources), style)
        stored = {"codes": np.array(list(sources)), "images": drawn(list(sources.values()), size)}
        with suppress(OSError):  # a folder that cannot be written means no cache, not no data
            write_arrays(file, **stored)
    return dict(zip(stored["codes"].tolist(), stored["images"], strict=True))


def _sources(package: NpmPackage) -> dict[str, str]:
    """The SVG of each emoji without skin tones, by plain code points."""
    files = _json_of(package, ["chars.json", "icons.json"])
    icons = files["icons.json"]
    found: dict[str, str] = {}
    for code, name in files["chars.json"].items():
        if not _has_skin_tone(code):
            found.setdefault(_plain(code), _svg(icons, name))
    return found


def _has_skin_tone(code: str) -> bool:
    return any("1f3fb" <= part <= "1f3ff" for part in code.lower().split("-"))


def _svg(icons: Mapping[str, Any], name: str) -> str:
    """The drawing of that name; an alias stands for its parent, perhaps mirrored."""
    alias = icons.get("aliases", {}).get(name)
    icon = icons["icons"][alias["parent"] if alias else name]
    width = icon.get("width", icons.get("width", 16))
    height = icon.get("height", icons.get("height", 16))
    body = icon["body"]
    if alias and alias.get("hFlip"):
        body = f'<g transform="translate({width} 0) scale(-1 1)">{body}</g>'
    side = max(width, height)  # a few are not square
    box = f"{(width - side) / 2} {(height - side) / 2} {side} {side}"
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {spaces} viewBox="{box}">{body}</svg>'
