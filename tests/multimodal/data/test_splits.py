"""Splits that keep groups whole, and data that contradicts itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from moo.errors import ProblemError
from moo.multimodal import DataSet, Emoji, MultimodalData, Samples, datasets
from moo.multimodal.data import SPLITS
from moo.multimodal.data.splits import grouped_split, joined_groups

SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}


def test_rows_that_share_a_key_through_others_share_a_group():
    groups = joined_groups(["a", "a", "b", "c", "d"], ["1", "2", "2", "3", "4"])
    assert groups[0] == groups[1] == groups[2]
    assert len(set(groups.tolist())) == 3


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20)), min_size=1, max_size=80), st.integers(0, 9))
def test_a_split_has_every_row_once_and_no_group_twice(rows, seed):
    labels, groups = np.array(rows).T
    split = grouped_split(labels, groups, SHARES, seed)
    assert sorted(np.concatenate(list(split.values())).tolist()) == list(range(len(rows)))
    parts = [set(groups[index].tolist()) for index in split.values()]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]


def test_shares_are_kept_within_each_class():
    labels = np.repeat([0, 1], [400, 100])
    split = grouped_split(labels, np.arange(500), SHARES, 0)
    for label, size in ((0, 400), (1, 100)):
        found = [np.sum(labels[split[name]] == label) for name in SPLITS]
        assert found == [round(0.7 * size), round(0.1 * size), round(0.2 * size)]


def _data(**changed):
    parts = {
        "samples": Samples({"image": torch.zeros(3, 2)}, torch.tensor([0, 1, 0])),
        "class_names": ("a", "b"),
        "split": {name: np.array([k]) for k, name in enumerate(SPLITS)},
    }
    return MultimodalData(**{**parts, **changed})


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"class_names": ("a",)}, "labels run from 0 to 1, expected 0 to 0"),
        ({"items": ("x",)}, "items has 1 entries"),
        ({"split": {"train": np.array([0])}}, "the split 'validation' has no rows"),
        ({"split": {name: np.array([0]) for name in SPLITS}}, "a row is in two splits"),
        ({"split": {name: np.array([9]) for name in SPLITS}}, "names row 9"),
    ],
)
def test_contradicting_data_is_refused(changed, sentence):
    with pytest.raises(ProblemError, match=sentence):
        _data(**changed)


def test_a_modality_of_another_length_is_refused():
    with pytest.raises(ProblemError, match=r"modalities\['text'\] has 2 rows"):
        Samples({"text": torch.zeros(2, 1)}, torch.tensor([0, 1, 0]))


def test_an_unknown_split_is_named_with_the_nearest():
    assert len(_data().part("test")) == 1
    assert len(_data()) == 3
    with pytest.raises(ProblemError, match="did you mean 'test'"):
        _data().part("tets")


def test_data_sets_are_found_by_their_class():
    found = datasets()
    assert found["Emoji"] is Emoji
    assert "DataSet" not in found
    assert all(issubclass(member, DataSet) and isinstance(member(), DataSet) for member in found.values())


def test_a_mask_says_where_a_modality_is():
    samples = Samples(
        {"image": torch.zeros(3, 2), "text": torch.zeros(3, 1)},
        torch.tensor([0, 1, 0]),
        {"text": torch.tensor([True, False, True])},
        {"valence": torch.tensor([0.1, 0.2, 0.3])},
    )
    assert samples.mask("text").tolist() == [True, False, True]
    assert samples.mask("image").all()
    taken = samples.take(np.array([2, 1])).to("cpu")
    assert taken.mask("text").tolist() == [True, False]
    assert taken.targets["valence"].tolist() == pytest.approx([0.3, 0.2])


@pytest.mark.parametrize(
    ("present", "sentence"),
    [
        ({"text": torch.ones(3, dtype=torch.bool)}, "unknown modality 'text'"),
        ({"image": torch.ones(2, dtype=torch.bool)}, r"present\['image'\] has 2 rows"),
    ],
)
def test_a_mask_that_cannot_be_is_refused(present, sentence):
    with pytest.raises(ProblemError, match=sentence):
        Samples({"image": torch.zeros(3, 2)}, torch.tensor([0, 1, 0]), present)


def test_some_rows_may_all_lack_a_modality_and_all_rows_may_not():
    present = {"text": torch.tensor([True, True, False, False])}
    modalities = {"image": torch.zeros(4, 2), "text": torch.zeros(4, 3)}
    samples = Samples(modalities, torch.zeros(4).long(), present)
    assert not samples.take(np.array([2, 3])).mask("text").any()
    split = {"train": np.arange(2), "validation": np.array([2]), "test": np.array([3])}
    assert not MultimodalData(samples, ("a",), split).part("test").mask("text").any()
    nowhere = Samples(modalities, samples.labels, {"text": torch.zeros(4, dtype=torch.bool)})
    with pytest.raises(ProblemError, match="modality 'text' is missing in every row"):
        MultimodalData(nowhere, ("a",), split)


def test_thinned_data_keeps_the_shares_and_is_the_same_every_time():
    split = {"train": np.arange(70), "validation": np.arange(70, 80), "test": np.arange(80, 100)}
    data = MultimodalData(Samples({"image": torch.zeros(100, 2)}, torch.zeros(100).long()), ("a",), split)
    few = data.thinned(20)
    assert [len(few.part(name)) for name in SPLITS] == [14, 2, 4]
    assert all(set(few.split[name]) <= set(split[name]) for name in SPLITS)
    assert all(np.array_equal(few.split[name], data.thinned(20).split[name]) for name in SPLITS)
