"""What every data set must do, found by its class; those that are fetched are tested with ``-m slow``."""

from __future__ import annotations

import dataclasses
import inspect

import numpy as np
import pytest

from moo.multimodal.data import SPLITS, datasets

OF_FOLDERS = ("CocoCaptions", "Flickr30k", "IEMOCAP")  # their own tests write the folders
FETCHED = ("Emoji4", "UciViews", "VaderSpoken")
SMALLER = {"VaderSpoken": {"rows": 400}}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[pytest.mark.slow] if name in FETCHED else [])
        for name in datasets()
        if name not in OF_FOLDERS
    ],
)
def source(request):
    return datasets()[request.param](**SMALLER.get(request.param, {}))


@pytest.fixture(scope="module")
def data(source, cache):
    with pytest.MonkeyPatch.context() as patch:
        if type(source).__name__ not in FETCHED:  # what was fetched once stays in the user's own cache
            patch.setenv("XDG_CACHE_HOME", str(cache))
        return source.load()


def test_all_are_found():
    assert set(datasets()) == {*OF_FOLDERS, *FETCHED, "Emoji"}


def test_is_a_frozen_dataclass_that_says_where_it_is_from(source):
    assert dataclasses.is_dataclass(source)
    assert type(source).__dataclass_params__.frozen
    doc = inspect.getdoc(type(source))
    assert "Args:" in doc
    assert any(licence in doc for licence in ("MIT", "CC"))


def test_splits_are_whole_and_apart(data):
    rows = np.concatenate([data.split[name] for name in SPLITS])
    assert len(np.unique(rows)) == len(rows) == len(data)


def test_every_class_is_in_every_split(data):
    for name in SPLITS:
        assert set(data.part(name).labels.tolist()) == set(range(len(data.class_names)))


def test_features_are_finite(data):
    for values in data.samples.modalities.values():
        assert values.isfinite().all()
        assert values.std() > 0


def test_groups_that_belong_together_are_in_one_split(data):
    for key in {"concept", "session", "speaker"} & data.groups.keys():
        of_part = [set(data.groups[key][data.split[name]].tolist()) for name in SPLITS]
        assert not of_part[0] & of_part[1]
        assert not (of_part[0] | of_part[1]) & of_part[2]


def test_the_same_options_give_the_same_data(source, data, cache):
    with pytest.MonkeyPatch.context() as patch:
        if type(source).__name__ not in FETCHED:
            patch.setenv("XDG_CACHE_HOME", str(cache))
        again = source.load()
    for name, values in data.samples.modalities.items():
        assert np.array_equal(values, again.samples.modalities[name])
    for name in SPLITS:
        np.testing.assert_array_equal(data.split[name], again.split[name])
