"""Curves over corruptions, and losses on corrupted samples as objectives, against plain modules."""

from __future__ import annotations

import copy
from functools import partial

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn import functional

import moo
from moo.errors import OptionError, ProblemError
from moo.multimodal import ImageTextProblem, ModelProblem, fit_stream
from moo.multimodal.corruption import with_imbalance, with_label_noise, with_missing, with_noise
from moo.multimodal.robustness import (
    RobustTask,
    measured,
    retrained_curve,
    robustness_curve,
    with_robust_losses,
)
from moo.multimodal.tasks.image_text import ImageText

NOISY_IMAGE = partial(with_noise, modality="image", scale=1.0)
NOISE = {"noisy image": NOISY_IMAGE}


def noise_at(scale):
    return partial(with_noise, modality="image", scale=scale)


def wrong_labels_at(share):
    return partial(with_label_noise, share=share)


def image_and_text_losses(problem, x, samples):
    logits = problem.module(x)(**samples.modalities)
    return [functional.cross_entropy(part, samples.labels).item() for part in (logits.image, logits.text)]


@pytest.fixture
def X(problem):
    return problem.sample(2, np.random.default_rng(0))


# ------------------------------------------------------------------ corrupted tests


def test_a_curve_shows_what_the_modules_do_on_the_corrupted_test_split(problem, X, data):
    curve = robustness_curve(problem, X, noise_at, [0.0, 1.0, 4.0])
    assert curve["level"].tolist() == [0.0, 0.0, 1.0, 1.0, 4.0, 4.0]
    assert curve["model"].tolist() == [0, 1] * 3
    assert set(curve.columns) == {"level", "model", *problem.losses, *problem.metrics}
    for _, row in curve.iterrows():
        samples = noise_at(row["level"])(data, parts=("test",)).part("test")
        expected = image_and_text_losses(problem, X[int(row["model"])], samples)
        assert row[["image loss", "text loss"]].tolist() == pytest.approx(expected, abs=1e-5)
    assert curve["text loss"].nunique() == 2  # images alone are noisy: one value a model
    assert curve["image loss"].nunique() == 6


def test_at_level_zero_a_curve_is_what_the_task_reports(problem, X):
    for part in ("train", "validation", "test"):
        curve, reported = robustness_curve(problem, X, noise_at, [0], part=part), problem.report(X)
        for name in (*problem.losses, *problem.metrics):
            np.testing.assert_allclose(curve[name], reported[f"{part} {name}"], atol=1e-6)


def test_a_curve_takes_one_model_and_leaves_the_task_as_it_was(problem, X):
    before = problem.report(X)
    one = robustness_curve(problem, X[1], noise_at, [0.5])
    assert one["model"].tolist() == [0]
    both = robustness_curve(problem, X, noise_at, [0.5])
    assert one["image loss"].item() == pytest.approx(both["image loss"][1], abs=1e-6)
    after = problem.report(X)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_missing_modalities_reach_models_that_ask_who_is_present(data):
    task = ImageText(data, batch_size=None)
    x = task.sample(1, np.random.default_rng(0))
    lost = robustness_curve(task, x, lambda share: partial(with_missing, shares={"image": share}), [0, 0.5])
    samples = with_missing(data, {"image": 0.5}, parts=("test",)).part("test")
    logits = task.module(x[0])(present=samples.present, **samples.modalities)
    expected = [functional.cross_entropy(logits["fused"], samples.labels).item()]
    kept = samples.mask("image")
    expected.append(functional.cross_entropy(logits["image"][kept], samples.labels[kept]).item())
    assert lost.loc[1, ["fused loss", "image loss"]].tolist() == pytest.approx(expected, abs=1e-5)
    assert lost["fused loss"].nunique() == 2


def test_models_are_measured_on_any_samples(problem, X, data):
    figures = measured(problem, X, data.part("validation"))
    reported = problem.report(X)
    assert figures.keys() == {*problem.losses, *problem.metrics}
    np.testing.assert_allclose(figures["text loss"], reported["validation text loss"], atol=1e-6)


# ------------------------------------------------------------------ corrupted training


def test_a_retrained_curve_is_the_mean_of_the_runs_with_its_interval(data):
    optimizer = moo.WeightedSum(n=3, learning_rate=0.05)
    build = partial(ImageTextProblem, batch_size=None)
    curve = retrained_curve(
        *(build, data, wrong_labels_at, [0.0, 0.5]),
        optimizer=optimizer,
        budget=60,
        seeds=[1, 4, 5],
        chosen_by="text loss",
    )
    assert curve["n"].unique().tolist() == [3]
    assert sorted(curve["figure"].unique()) == ["image accuracy", "image loss", "text accuracy", "text loss"]
    noisy = build(with_label_noise(data, 0.5))
    runs = [moo.solve(noisy, optimizer, budget=60, seed=seed).metrics for seed in (1, 4, 5)]
    best = [int(run["validation text loss"].argmin()) for run in runs]
    values = np.array([run["test image loss"][i] for run, i in zip(runs, best, strict=True)])
    row = curve[(curve["level"] == 0.5) & (curve["figure"] == "image loss")].iloc[0]
    low, high = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    assert row[["mean", "low", "high"]].tolist() == pytest.approx([values.mean(), low, high])


def test_one_seed_has_no_interval_and_a_task_knows_what_to_choose_by(data):
    optimizer = moo.WeightedSum(n=3)
    curve = retrained_curve(ImageText, data, wrong_labels_at, [0.2], optimizer=optimizer, budget=30, seeds=1)
    assert curve[["low", "high"]].isna().all(axis=None)
    assert curve["mean"].notna().all()


def test_wrong_labels_in_training_cost_accuracy_on_the_clean_test_split():
    build = partial(ImageText, fusion="late", hidden=None, width=4)
    optimizer = moo.WeightedSum(n=3, learning_rate=0.05)
    curve = retrained_curve(
        *(build, _separable(), wrong_labels_at, [0.0, 0.95]), optimizer=optimizer, budget=1500, seeds=2
    )
    fused = curve[curve["figure"] == "fused accuracy"].set_index("level")["mean"]
    assert fused[0.0] > 0.9
    assert fused[0.95] < 0.5


def _separable():
    """120 rows whose image and text each show the class."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(120) % 3
    shown = functional.one_hot(labels, 3).float()
    image = shown[:, :, None, None].expand(-1, -1, 8, 8) + 0.1 * torch.rand(120, 3, 8, 8, generator=generator)
    samples = moo.multimodal.Samples({"image": image, "text": shown.clone()}, labels)
    split = dict(zip(("train", "validation", "test"), np.split(np.arange(120), [60, 90]), strict=True))
    return moo.multimodal.MultimodalData(samples, ("a", "b", "c"), split)


# ------------------------------------------------------------------ robustness as objectives


def test_robust_objectives_are_the_losses_of_plain_modules_on_clean_and_corrupted_samples(problem, X, data):
    robust = with_robust_losses(problem, NOISE)
    assert robust.names == ["image loss", "text loss", "noisy image image loss", "noisy image text loss"]
    noisy = NOISY_IMAGE(data, parts=("train",)).part("train")
    expected = [
        [*image_and_text_losses(problem, x, data.part("train")), *image_and_text_losses(problem, x, noisy)]
        for x in X
    ]
    np.testing.assert_allclose(robust.compute(X).F, expected, atol=1e-5)


def test_clean_and_corrupted_losses_of_a_step_are_of_the_same_rows(problem, X, data):
    robust = with_robust_losses(problem, NOISE, of="image loss")
    rng = np.random.default_rng(7)
    F = robust.compute(X, rng=rng).F
    index = np.random.default_rng(7).choice(40, 16, replace=False)
    noisy = NOISY_IMAGE(data, parts=("train",)).part("train")
    for x, row in zip(X, F, strict=True):
        expected = image_and_text_losses(problem, x, data.part("train").take(index))
        expected.append(image_and_text_losses(problem, x, noisy.take(index))[0])
        assert row.tolist() == pytest.approx(expected, abs=1e-5)
    plain = np.random.default_rng(7)
    problem.compute(X, rng=plain)
    assert rng.bit_generator.state == plain.bit_generator.state  # as many draws as the task itself makes


def test_without_corruption_the_further_losses_equal_the_clean_ones_dropout_included(data):
    task = ImageText(data, batch_size=16, modality_dropout=0.4)
    robust = with_robust_losses(task, {"same": noise_at(0.0)})
    X = robust.sample(2, np.random.default_rng(0))
    for seed in range(3):
        F = robust.compute(X, rng=np.random.default_rng(seed)).F
        assert np.array_equal(F[:, :3], F[:, 3:])
    assert not np.array_equal(F, robust.compute(X, rng=np.random.default_rng(9)).F)


def test_gradients_of_robust_objectives_are_those_of_plain_modules(problem, X, data):
    robust = with_robust_losses(problem, NOISE, of=["image loss"])
    J = robust.compute(X, jacobian=True).J
    model = problem.module(X[0])
    noisy = NOISY_IMAGE(data, parts=("train",)).part("train")
    loss = functional.cross_entropy(model(**noisy.modalities).image, noisy.labels)
    parts = torch.autograd.grad(loss, list(model.parameters()), materialize_grads=True)
    expected = torch.cat([part.reshape(-1) for part in parts]).numpy()
    np.testing.assert_allclose(J[0, 2], expected, atol=1e-5)


def test_a_robust_task_reports_both_on_every_split(problem, X, data):
    robust = with_robust_losses(problem, {**NOISE, "relabelled": wrong_labels_at(0.5)}, of="text loss")
    reported, plain = robust.report(X), problem.report(X)
    assert all(np.array_equal(reported[name], plain[name]) for name in plain)
    corrupted = robustness_curve(problem, X, noise_at, [1.0])
    np.testing.assert_allclose(
        reported["test noisy image image accuracy"], corrupted["image accuracy"], atol=1e-6
    )
    np.testing.assert_allclose(reported["train relabelled text loss"], robust.compute(X).F[:, 3], atol=1e-5)
    assert "test relabelled image loss" not in reported


@pytest.mark.parametrize("optimizer", [moo.WeightedSum(n=3), moo.GradientDescent(n=3), moo.NSGA2(pop_size=8)])
def test_every_family_solves_a_robust_task(problem, optimizer):
    robust = with_robust_losses(problem, NOISE, of="image loss")
    first, again = (moo.solve(robust, optimizer, budget=100, seed=0) for _ in range(2))
    assert np.isfinite(first.F).all()
    assert np.array_equal(first.F, again.F)
    assert first.F.shape[1] == 3
    assert len(first.metrics["test noisy image image loss"]) == len(first.X)


def test_a_robust_task_keeps_what_choosing_and_curves_need(data):
    task = ImageText(data, batch_size=None)
    robust = with_robust_losses(task, NOISE, of="fused loss")
    assert (robust.chosen_by, robust.data) == ("fused accuracy", data)
    assert np.array_equal(robust.xu, task.xu)
    x = robust.sample(1, np.random.default_rng(0))
    assert np.array_equal(x, task.sample(1, np.random.default_rng(0)))
    ours, plain = (robustness_curve(t, x, noise_at, [1.0]) for t in (robust, task))
    assert ours.equals(plain)
    free = with_robust_losses(ImageText(data, bound=None), NOISE)
    assert np.isinf(free.xu).all()


def test_weight_on_the_loss_on_noise_lowers_it_and_weight_on_the_clean_loss_that():
    task = ImageText(_separable(), batch_size=None, hidden=None, width=4)
    robust = with_robust_losses(task, {"noisy": noise_at(6.0)}, of="image loss")
    weights = np.eye(4)[[1, 3]]
    run = moo.solve(robust, moo.WeightedSum(weights=weights, learning_rate=0.05), budget=300, seed=1)
    clean, noisy = run.metrics["train image loss"], run.metrics["train noisy image loss"]
    assert clean[0] < clean[1]
    assert noisy[1] < noisy[0] - 0.1


def test_a_copied_task_solves_to_the_same_numbers(problem):
    robust = with_robust_losses(problem, NOISE)
    X = robust.sample(2, np.random.default_rng(0))
    assert np.array_equal(copy.deepcopy(robust).compute(X).F, robust.compute(X).F)


# ------------------------------------------------------------------ bad input


def test_a_task_without_data_has_nothing_to_corrupt(data, X):
    train = data.part("train")
    losses = {"loss": lambda output, samples: output.square().mean()}

    class Flat(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(12, 3)

        def forward(self, image, text):
            return self.layer(text)

    bare = ModelProblem(Flat, losses, train=train)
    with pytest.raises(ProblemError, match="ModelProblem has no data to corrupt: give a task"):
        robustness_curve(bare, X, noise_at, [1.0])
    with pytest.raises(ProblemError, match="ModelProblem has no data to corrupt"):
        with_robust_losses(bare, NOISE)


@pytest.mark.parametrize(
    ("corruption", "levels", "message"),
    [
        (noise_at, [], r"levels=\[\] is not accepted: give a list of numbers"),
        (noise_at, 0.5, r"levels=0.5 is not accepted: give a list of numbers"),
        (noise_at, ["much"], r"levels=\['much'\] is not accepted: give a list of numbers"),
        (None, [1.0], "corruption=None does not make a corruption of a level"),
        (lambda data, level: data, [1.0], "does not make a corruption of a level"),
        (lambda level: lambda data: data, [1.0], r"is no corruption: give a function \(data, \*, parts\)"),
        (lambda level: lambda data, parts: None, [1.0], "is no corruption"),
        (NOISY_IMAGE, [1.0], "data is float, expected moo.multimodal.MultimodalData"),
        (lambda level: partial(with_noise, modality="imag", scale=level), [1.0], "did you mean 'image'"),
    ],
)
def test_odd_corruptions_and_levels_are_one_sentence(problem, X, corruption, levels, message):
    with pytest.raises(OptionError, match=message):
        robustness_curve(problem, X, corruption, levels)


def test_unknown_splits_models_and_figures_are_one_sentence(problem, X, data):
    with pytest.raises(OptionError, match="unknown split 'tst': did you mean 'test'"):
        robustness_curve(problem, X, noise_at, [1.0], part="tst")
    with pytest.raises(ProblemError, match="X has shape"):
        robustness_curve(problem, X[:, 1:], noise_at, [1.0])
    run = {"optimizer": moo.WeightedSum(n=2), "budget": 20}
    with pytest.raises(OptionError, match=r"no metric of its own to choose a model by: give chosen_by="):
        retrained_curve(partial(ImageTextProblem, batch_size=None), data, wrong_labels_at, [0.1], **run)
    with pytest.raises(OptionError, match="unknown chosen_by 'fused acuracy': did you mean 'fused accuracy'"):
        retrained_curve(ImageText, data, wrong_labels_at, [0.1], **run, chosen_by="fused acuracy")
    for seeds in (0, [], 1.5):
        with pytest.raises(OptionError, match=r"seeds=.* is not accepted: give how many"):
            retrained_curve(ImageText, data, wrong_labels_at, [0.1], **run, seeds=seeds)


def test_robust_losses_need_known_losses_and_the_same_rows(problem):
    with pytest.raises(OptionError, match="unknown loss 'imge loss': did you mean 'image loss'"):
        with_robust_losses(problem, NOISE, of="imge loss")
    with pytest.raises(OptionError, match="names no loss: give at least one"):
        with_robust_losses(problem, NOISE, of=[])
    for corruptions in ({}, NOISY_IMAGE):
        with pytest.raises(OptionError, match=r"is not accepted: give \{name: corruption\}"):
            with_robust_losses(problem, corruptions)
    with pytest.raises(ProblemError, match="'rare' changes which rows the split 'train' has"):
        with_robust_losses(problem, {"rare": partial(with_imbalance, ratio=4)})


def test_a_stream_cannot_measure_losses_on_corrupted_samples(problem, data):
    robust = RobustTask(problem, NOISE)
    with pytest.raises(ProblemError, match="none of the 1 batches could be used"):
        fit_stream(robust, [data.part("train")])
    with pytest.raises(ProblemError, match="a loss on corrupted samples needs a second pass"):
        robust.losses["noisy image image loss"](None, data.part("train"))
