"""Corruptions do what they say, to the rows they name, and to nothing else."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from moo.errors import OptionError, ProblemError
from moo.multimodal import MultimodalData, Samples
from moo.multimodal.corruption import with_imbalance, with_label_noise, with_missing, with_noise
from moo.multimodal.data import SPLITS

NAMES = ("image", "text", "audio")
EACH = {
    "noise": partial(with_noise, modality="image", scale=0.5),
    "labels": partial(with_label_noise, share=0.3),
    "imbalance": partial(with_imbalance, ratio=4),
    "missing": partial(with_missing, shares={"image": 0.3, "text": 0.2}),
}


def made(n=300, n_classes=3, modalities=NAMES, seed=0):
    """n rows of equally large classes, 2/3 of them for training."""
    rng = np.random.default_rng(seed)
    values = {
        "image": torch.from_numpy(rng.random((n, 2, 3, 3)) * 2 + 1).float(),
        "text": torch.from_numpy(rng.normal(5, [1.0, 100.0, 0.0], (n, 3))).float(),
        "audio": torch.from_numpy(rng.normal(size=(n, 4, 5))).float(),
    }
    labels = torch.arange(n) % n_classes
    split = dict(zip(SPLITS, np.split(rng.permutation(n), [n * 4 // 6, n * 5 // 6]), strict=True))
    samples = Samples({name: values[name] for name in modalities}, labels)
    return MultimodalData(samples, tuple("abcdefghij"[:n_classes]), split)


@pytest.fixture(scope="module")
def full():
    return made()


def state(data):
    """Copies of everything that a corruption could change."""
    parts = [data.samples.modalities, data.samples.present, {"labels": data.samples.labels}]
    tensors = [{name: values.clone() for name, values in part.items()} for part in parts]
    return tensors, {name: rows.copy() for name, rows in data.split.items()}


def same(first, second):
    (tensors, split), (others, other_split) = first, second
    return (
        all(a.keys() == b.keys() for a, b in zip(tensors, others, strict=True))
        and all(torch.equal(a[k], b[k]) for a, b in zip(tensors, others, strict=True) for k in a)
        and all(np.array_equal(split[name], other_split[name]) for name in split)
    )


# ------------------------------------------------------------------ all of them


@pytest.mark.parametrize("corrupt", EACH.values(), ids=EACH)
def test_the_data_given_stay_as_they_were_and_the_seed_alone_decides(full, corrupt):
    before = state(full)
    first, again, other = (state(corrupt(full, seed=seed)) for seed in (3, 3, 4))
    assert same(state(full), before)
    assert same(first, again)
    assert not same(first, before)
    assert not same(first, other)


@pytest.mark.parametrize("corrupt", EACH.values(), ids=EACH)
def test_only_the_named_splits_change_and_each_by_itself(full, corrupt):
    alone, both = corrupt(full, parts=("test",)), corrupt(full, parts=("test", "train"))
    for data, untouched in ((alone, ("train", "validation")), (both, ("validation",))):
        for part in untouched:
            now, before = data.part(part), full.part(part)
            assert torch.equal(now.labels, before.labels)
            assert all(torch.equal(now.modalities[name], before.modalities[name]) for name in NAMES)
            assert all(now.mask(name).all() for name in NAMES)
    for name in NAMES:
        assert torch.equal(alone.part("test").modalities[name], both.part("test").modalities[name])
        assert torch.equal(alone.part("test").mask(name), both.part("test").mask(name))
    assert torch.equal(alone.part("test").labels, both.part("test").labels)


@pytest.mark.parametrize("corrupt", EACH.values(), ids=EACH)
def test_one_split_may_be_named_without_a_tuple(full, corrupt):
    assert same(state(corrupt(full, parts="test")), state(corrupt(full, parts=("test",))))


def test_all_four_compose(full):
    data = full
    for corrupt in (EACH["imbalance"], EACH["labels"], EACH["missing"], EACH["noise"]):
        data = corrupt(data)
    train = data.part("train")
    clean = full.samples.take(data.split["train"])
    assert len(train) < len(full.part("train"))
    wrong = (train.labels != clean.labels).float().mean()
    assert wrong.item() == pytest.approx(0.3, abs=0.01)
    absent = ~train.mask("image")
    assert absent.float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert not train.modalities["image"][absent].any()
    assert not torch.equal(train.modalities["image"][~absent], clean.modalities["image"][~absent])


# ------------------------------------------------------------------ noise


def test_noise_of_images_has_its_scale_in_the_deviations_of_all_training_entries(full):
    difference = with_noise(full, "image", 0.5).part("train").modalities["image"]
    difference = difference - full.part("train").modalities["image"]
    unit = full.part("train").modalities["image"].numpy().std()
    assert difference.std().item() == pytest.approx(0.5 * unit, rel=0.05)
    assert abs(difference.mean().item()) < 0.05 * unit


def test_noise_of_vectors_follows_each_columns_own_deviation(full):
    difference = with_noise(full, "text", 2.0, parts=("test",)).part("test").modalities["text"]
    difference = (difference - full.part("test").modalities["text"]).numpy()
    unit = full.part("train").modalities["text"].numpy().std(0)
    assert difference.std(0)[:2] == pytest.approx(2.0 * unit[:2], rel=0.3)
    assert (difference[:, 2] == 0).all()  # a constant column has no deviation


def test_noise_of_another_scale_is_the_same_noise_scaled(full):
    clean = full.part("train").modalities["audio"]
    one, three = (with_noise(full, "audio", k).part("train").modalities["audio"] - clean for k in (1.0, 3.0))
    torch.testing.assert_close(three, 3.0 * one, atol=1e-5, rtol=1e-4)
    assert torch.equal(
        with_noise(full, "audio", 0.0).samples.modalities["audio"], full.samples.modalities["audio"]
    )


def test_noise_leaves_absent_rows_zero_and_has_its_unit_from_the_others(full):
    missing = with_missing(full, {"image": 0.5})
    noisy = with_noise(missing, "image", 1.0).part("train")
    absent = ~noisy.mask("image")
    assert not noisy.modalities["image"][absent].any()
    there = missing.part("train").modalities["image"][~absent]
    added = noisy.modalities["image"][~absent] - there
    assert added.std().item() == pytest.approx(there.std().item(), rel=0.05)


# ------------------------------------------------------------------ labels


@given(share=st.floats(0, 1), n_classes=st.integers(2, 6), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_exactly_the_share_of_labels_is_wrong_and_they_stay_labels(share, n_classes, seed):
    data = made(60, n_classes, ("text",))
    noisy = with_label_noise(data, share, seed=seed)
    clean, labels = data.part("train").labels, noisy.part("train").labels
    assert int((labels != clean).sum()) == round(share * len(clean))
    assert 0 <= int(labels.min()) <= int(labels.max()) < n_classes


def test_every_other_class_is_equally_likely():
    data = made(6000, 4, ("text",))
    clean, labels = (d.part("train").labels for d in (data, with_label_noise(data, 1.0)))
    steps = np.bincount(((labels - clean) % 4).numpy(), minlength=4)
    assert steps[0] == 0
    assert steps[1:] == pytest.approx(np.full(3, 4000 / 3), rel=0.08)


def test_a_larger_share_keeps_the_wrong_labels_of_a_smaller_one(full):
    small, large = (with_label_noise(full, share).samples.labels for share in (0.2, 0.5))
    changed = small != full.samples.labels
    assert torch.equal(small[changed], large[changed])


# ------------------------------------------------------------------ imbalance


@given(ratio=st.floats(1, 30), n_classes=st.integers(2, 6), thin=st.integers(0, 30))
@settings(deadline=None, max_examples=40)
def test_classes_have_the_exponential_profile_and_no_more_rows_than_before(ratio, n_classes, thin):
    data = made(600, n_classes, ("text",))
    rows = data.split["train"]
    last = np.flatnonzero(data.samples.labels[rows].numpy() == 0)
    data = replace(data, split={**data.split, "train": np.delete(rows, last[:thin])})  # class a is rarer
    before = np.bincount(data.part("train").labels, minlength=n_classes)
    sizes = np.bincount(with_imbalance(data, ratio).part("train").labels, minlength=n_classes)
    order = np.argsort(-before, kind="stable")
    largest = sizes[order[0]]
    profile = largest * ratio ** (-np.arange(n_classes) / (n_classes - 1))
    assert (sizes <= before).all()
    np.testing.assert_allclose(sizes[order], profile, atol=1.01)
    assert (np.abs(before - sizes) <= 1).any()  # no more is thrown away than the profile asks for


def test_imbalance_keeps_a_subset_of_the_rows_and_all_samples(full):
    thinned = with_imbalance(full, 10)
    assert set(thinned.split["train"]) < set(full.split["train"])
    assert thinned.samples is full.samples
    sizes = sorted(np.bincount(thinned.part("train").labels))
    assert sizes[-1] / sizes[0] == pytest.approx(10, rel=0.1)


# ------------------------------------------------------------------ missing modalities


@given(
    shares=st.tuples(st.floats(0, 0.99), st.floats(0, 0.99)).filter(lambda s: sum(s) <= 0.98),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=40)
def test_of_two_modalities_each_row_keeps_one_and_the_shares_are_exact(shares, seed):
    data = made(120, 3, ("image", "text"))
    train = with_missing(data, dict(zip(("image", "text"), shares, strict=True)), seed=seed).part("train")
    for name, share in zip(("image", "text"), shares, strict=True):
        absent = ~train.mask(name)
        assert int(absent.sum()) == round(share * len(train))
        assert not train.modalities[name][absent].any()
        assert torch.equal(train.modalities[name][~absent], data.part("train").modalities[name][~absent])
    assert (train.mask("image") | train.mask("text")).all()


@given(first=st.floats(0, 0.6), second=st.floats(0, 0.6), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_no_row_loses_its_last_modality_in_two_calls_either(first, second, seed):
    data = with_missing(made(120), {"image": first, "audio": first}, seed=seed)
    train = with_missing(data, {"text": second, "audio": second / 3}, seed=seed).part("train")
    assert torch.stack([train.mask(name) for name in NAMES]).any(0).all()


def test_three_modalities_are_lost_independently():
    data = made(6000)
    train = with_missing(data, {"image": 0.5, "audio": 0.4}).part("train")
    both = (~train.mask("image") & ~train.mask("audio")).float().mean().item()
    assert both == pytest.approx(0.5 * 0.4, abs=0.02)


def test_a_larger_share_contains_a_smaller_one(full):
    small, large = (with_missing(full, {"image": share}).samples.mask("image") for share in (0.2, 0.6))
    assert not large[~small].any()
    assert int((~large).sum()) == 3 * int((~small).sum())


def test_a_modality_may_be_missing_in_all_test_rows(full):
    lost = with_missing(full, {"text": 1.0}, parts=("test",))
    there = lost.samples.mask("text")
    assert not there[lost.split["test"]].any()
    assert there[lost.split["train"]].all()


def test_values_that_are_not_finite_are_zero_once_they_are_absent(full):
    values = full.samples.modalities["audio"].clone()
    values[full.split["train"]] = torch.nan
    samples = replace(full.samples, modalities={**full.samples.modalities, "audio": values})
    lost = with_missing(replace(full, samples=samples), {"audio": 0.5})
    train = lost.part("train")
    assert not train.modalities["audio"][~train.mask("audio")].any()
    assert train.modalities["audio"][train.mask("audio")].isnan().all()


# ------------------------------------------------------------------ bad input


def _with(data, name, values):
    return replace(data, samples=replace(data.samples, modalities={**data.samples.modalities, name: values}))


@pytest.mark.parametrize(
    ("corrupt", "message"),
    [
        (lambda d: with_noise(d, "imge", 1.0), r"unknown modality 'imge': did you mean 'image'\?"),
        (lambda d: with_missing(d, {"txt": 0.1}), r"unknown modality 'txt': did you mean 'text'\?"),
        (lambda d: with_noise(d, "image", -1.0), r"scale=-1.0 is not accepted: give a finite number >= 0"),
        (lambda d: with_noise(d, "image", np.nan), r"scale=nan is not accepted"),
        (lambda d: with_noise(d, "image", "1"), r"scale='1' is not accepted"),
        (lambda d: with_label_noise(d, 1.5), r"share=1.5 is not accepted: give a finite number from 0 to 1"),
        (lambda d: with_label_noise(d, True), r"share=True is not accepted"),
        (lambda d: with_missing(d, {"image": -0.1}), r"shares\['image'\]=-0.1 is not accepted"),
        (lambda d: with_missing(d, "image"), r"shares='image' is not accepted: give \{modality: share\}"),
        (lambda d: with_imbalance(d, 0.5), r"ratio=0.5 is not accepted: give a finite number >= 1"),
        (lambda d: with_imbalance(d, 1e4), r"ratio=10000.0 leaves class 'c' no sample in the split 'train'"),
        (lambda d: with_label_noise(d, 0.1, parts=("tests",)), r"unknown split 'tests': did you mean 'test'"),
        (
            lambda d: with_label_noise(d.samples, 0.1),
            r"data is Samples, expected moo.multimodal.MultimodalData",
        ),
    ],
)
def test_options_out_of_range_are_one_sentence(full, corrupt, message):
    with pytest.raises(OptionError, match=message) as raised:
        corrupt(full)
    assert "\n" not in str(raised.value)


def test_features_that_are_not_finite_or_no_numbers_get_no_noise(full):
    values = full.samples.modalities["text"].clone()
    values[7, 1] = torch.nan
    with pytest.raises(ProblemError, match="'text' has 1 rows that are not finite, the first is row 7"):
        with_noise(_with(full, "text", values), "text", 1.0)
    with pytest.raises(ProblemError, match=r"'text' holds torch.int64, expected floating-point"):
        with_noise(_with(full, "text", torch.ones(len(full), 4, dtype=torch.int64)), "text", 1.0)


def test_noise_has_no_unit_where_no_training_row_has_the_modality(full):
    present = torch.zeros(len(full), dtype=torch.bool)
    present[full.split["test"]] = True
    data = replace(full, samples=replace(full.samples, present={"audio": present}))
    with pytest.raises(ProblemError, match="'audio' is missing in every training row"):
        with_noise(data, "audio", 1.0, parts=("test",))


def test_a_class_without_samples_cannot_be_thinned(full):
    labels = full.samples.labels.numpy()
    rows = full.split["validation"]
    split = {**full.split, "validation": rows[labels[rows] != 1]}
    with pytest.raises(ProblemError, match="class 'b' has no sample in the split 'validation'"):
        with_imbalance(replace(full, split=split), 2, parts=("validation",))


def test_labels_of_one_class_cannot_be_wrong():
    with pytest.raises(ProblemError, match="the data has one class, so no label can be wrong"):
        with_label_noise(made(60, 1), 0.1)
    assert len(with_imbalance(made(60, 1), 5).part("train")) == 40


def test_a_modality_is_not_taken_from_every_training_row_nor_from_rows_without_another(full):
    with pytest.raises(ProblemError, match="'image' would be missing in every training row: leave it out"):
        with_missing(full, {"image": 1.0})
    two = made(60, modalities=("image", "text"))
    with pytest.raises(
        ProblemError, match=r"'text' cannot be taken from 24 of the 40 rows .* 20 of them have"
    ):
        with_missing(two, {"image": 0.5, "text": 0.6})
    with pytest.raises(ProblemError, match=r"'text' cannot be taken from 4 of the 40 rows .* 0 of them have"):
        with_missing(made(60, modalities=("text",)), {"text": 0.1})
