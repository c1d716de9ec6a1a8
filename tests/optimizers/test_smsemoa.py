"""SMS-EMOA: which rows leave, against moocore's contributions, and its results against pymoo's."""

from __future__ import annotations

import itertools

import moocore
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymoo.algorithms.moo.sms import SMSEMOA as PymooSMSEMOA
from scipy.stats import mannwhitneyu

import moo
from moo.errors import OptionError
from moo.indicators import hypervolume
from moo.optimizers import hv_reduction, smsemoa

SEEDS = st.integers(0, 10**6)


def a_front(m, n, seed, whole):
    """n mutually non-dominated rows; whole numbers give ties and equal rows."""
    rng = np.random.default_rng(seed)
    V = np.abs(rng.normal(size=(4 * n, m)))
    F = V / np.linalg.norm(V, axis=1, keepdims=True)
    F = np.round(6 * F) if whole else F
    return F[moocore.is_nondominated(F, keep_weakly=True)][:n]


@given(st.sampled_from([2, 3]), st.integers(2, 25), SEEDS, st.booleans(), st.data())
def test_always_the_row_of_least_contribution_leaves(m, n, seed, whole, data):
    F = a_front(m, n, seed, whole)
    U = (F - F.min(axis=0)) / np.where(np.ptp(F, axis=0) > 0, np.ptp(F, axis=0), 1.0)
    excess = data.draw(st.integers(0, len(U) - 1))
    reduce = hv_reduction.reduce_two if m == 2 else hv_reduction.reduce_three
    stay = [reduce(U, k, 1.1) for k in range(excess + 1)]
    assert [len(rows) for rows in stay] == [len(U) - k for k in range(excess + 1)]
    for before, after in itertools.pairwise(stay):
        assert set(after) < set(before)
        (left,) = set(before) - set(after)
        contributions = moocore.hv_contributions(U[before], ref=np.full(m, 1.1))
        assert contributions[list(before).index(left)] == pytest.approx(contributions.min(), abs=1e-12)


@pytest.mark.parametrize("m", [2, 3])
def test_the_slow_twin_keeps_the_same_rows(m):
    U = a_front(m, 15, 0, whole=False)
    reduce = hv_reduction.reduce_two if m == 2 else hv_reduction.reduce_three
    assert np.array_equal(reduce(U, 7, 1.1), reduce.py_func(U, 7, 1.1))


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_units_do_not_matter(m):
    F = a_front(m, 12, 1, whole=False) if m > 1 else np.zeros((3, 1))
    scaled = F * 10.0 ** np.arange(m) - 5.0
    assert np.array_equal(smsemoa.reduced(F, 2), smsemoa.reduced(scaled, 2))


@pytest.mark.parametrize("n_offsprings", [None, pytest.param(1, marks=pytest.mark.slow)])
def test_it_is_no_worse_than_pymoos(n_offsprings):
    problem, ref = moo.problems.ZDT1(n_var=10), np.array([1.1, 1.1])

    def quality(method, seed):
        return hypervolume(moo.solve(problem, method, budget=4000, seed=seed).F, ref)

    ours = [quality(moo.SMSEMOA(pop_size=40, n_offsprings=n_offsprings), seed) for seed in range(7)]
    theirs = [quality(moo.Pymoo(PymooSMSEMOA(pop_size=40)), seed) for seed in range(5)]
    assert mannwhitneyu(ours, theirs, alternative="less").pvalue > 0.01


def test_three_objectives_are_spread_by_hypervolume():
    problem, ref = moo.problems.DTLZ2(), np.full(3, 1.1)
    best = hypervolume(moo.solve(problem, moo.SMSEMOA(), budget=25_000, seed=1).F, ref)
    crowded = hypervolume(moo.solve(problem, moo.NSGA2(), budget=25_000, seed=1).F, ref)
    assert best > 0.755 > crowded


@pytest.mark.parametrize("n", [0, -1, 1.5])
def test_numbers_of_offspring_out_of_range_are_refused(n):
    with pytest.raises(OptionError, match="n_offsprings"):
        moo.SMSEMOA(n_offsprings=n)
