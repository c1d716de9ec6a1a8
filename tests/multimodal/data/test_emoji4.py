"""Emoji-4 on small packages in the layout of the real ones."""

from __future__ import annotations

import io
import json
import tarfile
from types import SimpleNamespace

import numpy as np
import pytest

from moo.errors import OptionError, ProblemError
from moo.multimodal.data import emoji4
from moo.multimodal.data.emoji4 import Emoji4

COLOURS = ("red", "lime", "blue", "black", "gold", "teal", "navy", "pink")
GROUPS = {"0": "smileys-emotion", "2": "component", "4": "food-drink", "9": "flags"}


def entry(i):
    group = (0, 4, 9)[i % 3]
    return {"hexcode": f"1F6{i:02X}", "label": f"thing {i}", "tags": ["some", f"tag{i}"], "group": group}


ENTRIES = [
    *(entry(i) for i in range(60)),
    {"hexcode": "1F3FB", "label": "light skin tone", "group": 2},
    {"hexcode": "1F1E6", "label": "regional indicator A"},
]


def square(i, rest=""):
    colour = COLOURS[i % 8]
    return f'<rect x="{i % 7}" y="{i // 7}" width="9" height="9" fill="{colour}"/>{rest}'


def write(file, contents):
    with tarfile.open(file, "w:gz") as archive:
        for name, content in contents.items():
            data = json.dumps(content).encode("utf-8")
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return SimpleNamespace(file=file.name, version="1", fetched=lambda: file)


def names(folder, leave_out=()):
    contents = {"en/data.json": ENTRIES, "meta/groups.json": {"groups": GROUPS}}
    codes = {entry["hexcode"]: [f"code_{i}", "same"] for i, entry in enumerate(ENTRIES)}
    contents |= {f"en/shortcodes/{name}.json": codes for name in emoji4._SHORTCODES}
    return write(folder / "names.tgz", {k: v for k, v in contents.items() if k not in leave_out})


def style(folder, name, n=60):
    chars = {f"1f6{i:02x}" + ("-fe0f" if i % 2 else ""): f"thing-{i}" for i in range(n)}
    chars |= {"1f600-1f3fb": "thing-0", "1f1e6": "thing-1"}
    icons = {f"thing-{i}": {"body": square(i, f"<!-- {name} -->")} for i in range(2, n)}
    icons["wide"] = {"body": '<rect width="40" height="10" fill="red"/>', "width": 40, "height": 10}
    icons["half"] = {"body": '<rect width="10" height="20" fill="red"/>'}
    aliases = {"thing-0": {"parent": "wide"}, "thing-1": {"parent": "half", "hFlip": True}}
    icons = {"icons": icons, "aliases": aliases, "width": 20, "height": 20}
    return write(folder / f"{name}.tgz", {"chars.json": chars, "icons.json": icons})


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    return names(folder), {name: style(folder, name, n) for name, n in (("one", 60), ("two", 40))}


@pytest.fixture(autouse=True)
def small(packages, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(emoji4, "NAMES", packages[0])
    monkeypatch.setattr(emoji4, "STYLES", packages[1])


def loaded(**options):
    return Emoji4(**{"styles": ("one", "two"), **options}).load()


class TestRows:
    def test_are_drawings_of_emoji_that_have_a_group(self):
        data = loaded()
        assert len(data) == 100
        assert data.class_names == ("flags", "food-drink", "smileys-emotion")
        assert data.groups["style"].tolist() == ["one"] * 60 + ["two"] * 40
        assert data.items[0] == "thing 0 (one)"
        assert "light skin tone (one)" not in data.items

    def test_have_the_class_of_their_group(self):
        data = loaded()
        assert [data.class_names[k] for k in data.samples.labels[:3]] == [
            "smileys-emotion",
            "food-drink",
            "flags",
        ]

    @pytest.mark.parametrize(
        ("text", "caption"),
        [("name", "thing 5"), ("keywords", "some tag5"), ("full", "thing 5 code 5 same some tag5")],
    )
    def test_say_what_was_asked_for(self, text, caption):
        assert loaded(text=text).texts[5] == caption

    @pytest.mark.parametrize("size", [16, 32])
    def test_have_pictures_of_that_size(self, size):
        image = loaded(size=size).samples.modalities["image"]
        assert image.shape == (100, 3, size, size)
        assert 0.0 <= float(image.min()) <= float(image.max()) == 1.0


class TestDrawings:
    def test_that_are_wide_keep_their_shape(self):
        image = loaded().samples.modalities["image"][0]
        red = (image[0] > 0.9) & (image[1] < 0.1)
        assert red.any(0).all()  # as wide as the picture
        assert red.any(1).sum() < 8  # but not as high

    def test_that_are_mirrored_are(self):
        image = loaded().samples.modalities["image"][1]
        red = (image[1] < 0.1).any(0)
        assert not red[:8].any()
        assert red[8:].all()

    def test_are_made_once(self, monkeypatch):
        first = loaded()
        monkeypatch.setattr(emoji4, "drawn", lambda *_: pytest.fail("drawn again"))
        again = loaded()
        assert np.array_equal(first.samples.modalities["image"], again.samples.modalities["image"])


class TestSplit:
    def test_keeps_an_emoji_together_in_all_styles(self):
        data = loaded()
        parts = {}
        for name, rows in data.split.items():
            for row in rows:
                parts.setdefault(data.texts[row], set()).add(name)
        assert all(len(found) == 1 for found in parts.values())

    def test_keeps_equal_pixels_together(self):
        data = loaded()
        pictures = [
            set(map(bytes, data.part(p).modalities["image"].numpy().reshape(-1, 768))) for p in data.split
        ]
        assert not pictures[0] & pictures[2]
        assert not pictures[0] & pictures[1]


class TestBadInput:
    def test_a_package_without_a_file_is_named(self, tmp_path, monkeypatch):
        monkeypatch.setattr(emoji4, "NAMES", names(tmp_path, leave_out=("meta/groups.json",)))
        with pytest.raises(ProblemError, match=r"names.tgz holds no meta/groups.json"):
            loaded()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"text": "nam"}, "did you mean 'name'"),
            ({"size": 24}, "size=24 is not accepted"),
            ({"styles": ()}, "give different names of one, two"),
            ({"styles": "one"}, "give different names of one, two"),
            ({"styles": ("one", "one")}, "give different names of one, two"),
            ({"styles": ("on",)}, "did you mean 'one'"),
            ({"n_words": 0}, "n_words=0"),
            ({"seed": -1}, "seed=-1"),
        ],
    )
    def test_options_out_of_range(self, options, message):
        with pytest.raises(OptionError, match=message):
            loaded(**options)
