"""What every task must do, found by its class; those whose data is fetched are tested with ``-m slow``."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from moo.multimodal.search import search_weights
from moo.multimodal.tasks import tasks

FETCHED = ("speech-text", "views")


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(cls, id=name, marks=[pytest.mark.slow] if name in FETCHED else [])
        for name, cls in tasks().items()
    ],
)
def task(request, emoji):
    return request.param.quick()


@pytest.fixture(scope="module")
def X(task):
    return task.sample(2, np.random.default_rng(0))


def test_there_are_the_seven():
    assert list(tasks()) == [
        "anomaly",
        "generation",
        "image-text",
        "retrieval",
        "speech-text",
        "transfer",
        "views",
    ]


def test_has_two_losses_at_least_and_says_what_it_is_chosen_by(task):
    assert task.n_obj >= 2
    assert task.chosen_by in task.metrics
    assert isinstance(task.larger_is_better, bool)
    assert {"validation", "test"} <= task.heldout.keys()
    assert type(task).__doc__


def test_quick_is_quick(task):
    assert len(task.train) <= 400


def test_reports_finite_figures_on_every_held_out_split(task, X):
    report = task.report(X)
    for part in ("validation", "test"):
        for name in (*task.losses, task.chosen_by):
            values = report[f"{part} {name}"]
            assert values.shape == (2,)
            assert np.isfinite(values).all(), f"{part} {name}"


def test_models_at_once_are_as_one_at_a_time(task, X):
    together = task.compute(X).F
    alone = np.concatenate([task.compute(x[None]).F for x in X])
    np.testing.assert_allclose(together, alone, rtol=2e-4, atol=1e-5)


def test_initialisations_follow_the_generator(task, X):
    again = task.sample(2, np.random.default_rng(0))
    np.testing.assert_array_equal(X, again)
    assert not np.array_equal(X[0], X[1])


def test_minibatches_follow_the_generator(task, X):
    losses = [task.compute(X[:1], rng=np.random.default_rng(seed)).F for seed in (0, 0, 1)]
    np.testing.assert_array_equal(losses[0], losses[1])
    assert not np.array_equal(losses[0], losses[2])


def test_gradients_are_those_of_the_losses(task, X):
    """Along a random direction, against a central difference in float64."""
    exact = copy.copy(task)
    J = task.compute(X[:1], jacobian=True).J[0]
    direction = np.random.default_rng(1).standard_normal(task.n_var)
    direction /= np.linalg.norm(direction)
    step = 1e-2
    ends = [exact.compute(X[:1] + sign * step * direction).F[0] for sign in (1, -1)]
    slope = (ends[0] - ends[1]) / (2 * step)
    detached = task.task_name == "transfer"  # what the source says is not trained by the transfer loss
    chosen = slice(0, 1) if detached else slice(None)
    np.testing.assert_allclose((J @ direction)[chosen], slope[chosen], rtol=0.05, atol=5e-3)


def test_is_searched_and_gives_a_plain_module(task):
    found = search_weights(task, n=4 * (task.n_obj + 1), steps=8, learning_rates=(1e-3, 3e-2))
    assert found.chosen is not None
    total = found.table[[f"train {name}" for name in task.names]].sum(axis=1)
    untrained = task.report(task.sample(1, np.random.default_rng(np.random.SeedSequence(0).spawn(1)[0])))
    assert total.min() < sum(untrained[f"train {name}"][0] for name in task.names)
    module = found.module(task)
    assert isinstance(module, nn.Module)
    with torch.no_grad():
        module(**task.inputs(task.heldout["test"]))
