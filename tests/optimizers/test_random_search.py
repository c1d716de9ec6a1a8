"""Random search: uniform samples, and the front of them."""
# ruff: noqa: SIM300 - X and F are no constants

from __future__ import annotations

import numpy as np
import pytest
from contracts.results import front_of
from scipy.stats import kstest

import moo
from moo.errors import OptionError


def first(x):
    return ((x - 1.0) ** 2).sum()


def second(x):
    return ((x + 1.0) ** 2).sum()


@pytest.mark.parametrize("batch_size", [1, 7, 100, 1000])
def test_the_answer_is_the_feasible_front_of_every_sample(batch_size):
    problem = moo.Problem([first, second], xl=-2, xu=2, n_var=2, inequality=[lambda x: 0.5 - x[0]])
    result = moo.solve(problem, moo.RandomSearch(batch_size=batch_size), budget=700, seed=1)
    whole = result.log["F"][: 700 // batch_size * batch_size or 700]  # a batch cut short is in the log alone
    feasible = whole[result.log["CV"][: len(whole)] <= 0]
    assert np.array_equal(np.unique(result.F, axis=0), np.unique(feasible[front_of(feasible)], axis=0))


def test_batches_do_not_decide_the_samples():
    problem = moo.Problem([lambda x: x[0], lambda x: x[1]], xl=[0, 5], xu=[1, 7])
    result = moo.solve(problem, moo.RandomSearch(), budget=2000, seed=1)
    for column, low, width in zip(result.log["F"].T, (0, 5), (1, 2), strict=True):
        assert kstest(column, "uniform", args=(low, width)).pvalue > 1e-3


def test_while_nothing_is_feasible_the_least_violating_sample_is_kept():
    problem = moo.Problem([first, second], xl=-2, xu=2, n_var=2, inequality=[lambda x: 3.0 - x[0]])
    result = moo.solve(problem, moo.RandomSearch(batch_size=10), budget=300, seed=1)
    assert result.CV == pytest.approx([result.log["CV"].min()])


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_has_rows(batch_size):
    with pytest.raises(OptionError, match=f"batch_size={batch_size} is not accepted"):
        moo.RandomSearch(batch_size=batch_size)
