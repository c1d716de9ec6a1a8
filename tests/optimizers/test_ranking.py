"""Sorting and crowding against pymoo's, constraint domination against its definition."""
# ruff: noqa: SIM300 - X and F are no constants

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymoo.operators.survival.rank_and_crowding.metrics import calc_crowding_distance
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

from moo.optimizers.ranking import crowding_distance, fronts, fronts_of_two, place, rank


@st.composite
def objective_vectors(draw, distinct=False):
    n, m = draw(st.integers(1, 60)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if distinct:
        return np.column_stack([rng.permutation(n) * 1.5 - 3.0 for _ in range(m)])
    return rng.integers(draw(st.sampled_from([2, 4, 10_000])), size=(n, m)).astype(float)


def pymoos_ranks(F):
    return NonDominatedSorting().do(F, return_rank=True)[1]


@given(F=objective_vectors())
def test_fronts_are_pymoos(F):
    assert np.array_equal(fronts(F), pymoos_ranks(F))


@given(F=objective_vectors())
def test_the_sweep_is_the_same_in_plain_python(F):
    F = F[:, :2] if F.shape[1] > 1 else np.column_stack([F, -F])
    order = np.lexsort((F[:, 1], F[:, 0]))
    assert np.array_equal(fronts_of_two(F, order), fronts_of_two.py_func(F, order))


@given(F=objective_vectors(distinct=True))
def test_crowding_within_each_front_is_pymoos(F):
    """pymoo divides by the number of objectives, Deb et al. do not."""
    ranks = pymoos_ranks(F)
    crowding = crowding_distance(F, ranks)
    for front in range(ranks.max() + 1):
        rows = ranks == front
        expected = calc_crowding_distance(F[rows]) * F.shape[1] if rows.sum() > 2 else np.inf
        assert crowding[rows] == pytest.approx(expected)


@given(F=objective_vectors(), seed=st.integers(0, 1000))
def test_crowding_does_not_depend_on_the_scale_of_an_objective(F, seed):
    scale = 10.0 ** np.random.default_rng(seed).integers(-3, 4, F.shape[1])
    ranks = fronts(F)
    a, b = crowding_distance(F, ranks), crowding_distance(F * scale, ranks)
    assert a == pytest.approx(b)
    assert (a >= 0).all()
    assert not np.isnan(a).any()


def test_crowding_by_hand():
    F = np.array([[0.0, 4.0], [1.0, 2.0], [2.0, 1.0], [4.0, 0.0]])
    assert crowding_distance(F, np.zeros(4, dtype=int)) == pytest.approx(
        [np.inf, 2 / 4 + 3 / 4, 3 / 4 + 2 / 4, np.inf]
    )


def test_an_objective_in_which_all_are_equal_adds_nothing():
    F = np.column_stack([[0.0, 1.0, 2.0, 4.0], np.full(4, 7.0)])
    crowding = crowding_distance(F, np.zeros(4, dtype=int))
    assert (crowding[[0, 3]] == np.inf).all()
    inner = crowding[[1, 2]]
    assert inner[np.isfinite(inner)] == pytest.approx(np.array([0.5, 0.75])[np.isfinite(inner)])


@given(F=objective_vectors(), seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.0, 0.3, 1.0]))
def test_ranks_follow_constraint_domination(F, seed, share):
    """Deb et al. 2002, definition 1, for every pair."""
    rng = np.random.default_rng(seed)
    CV = np.where(rng.random(len(F)) < share, rng.integers(1, 4, len(F)), 0.0)
    failed = rng.random(len(F)) < share / 3
    F, CV = np.where(failed[:, None], np.nan, F), np.where(failed, np.inf, CV)
    ranks = rank(F, CV)
    for i in range(len(F)):
        for j in range(len(F)):
            both = CV[i] <= 0 and CV[j] <= 0
            dominates = (F[i] <= F[j]).all() and (F[i] < F[j]).any() if both else CV[i] < CV[j]
            assert not dominates or ranks[i] < ranks[j]
    assert sorted(set(ranks)) == list(range(ranks.max() + 1))
    feasible = CV <= 0
    if feasible.any():
        assert np.array_equal(ranks[feasible], pymoos_ranks(F[feasible]))
    for violation in np.unique(CV[~feasible]):
        assert len(set(ranks[CV == violation])) == 1


def test_failed_rows_come_last_and_never_reach_the_sort():
    F = np.array(
        [[-np.inf, -np.inf, -np.inf], [1.0, 1.0, 1.0], [np.nan, 0.0, 0.0], [2.0, 2.0, 2.0], [0.0, 0.0, 0.0]]
    )
    CV = np.array([np.inf, 0.0, np.inf, 0.0, 0.5])
    assert rank(F, CV).tolist() == [3, 0, 3, 1, 2]


@given(F=objective_vectors())
def test_places_go_by_rank_then_room(F):
    ranks = fronts(F)
    crowding = crowding_distance(F, ranks)
    order = place(ranks, crowding)
    assert sorted(order) == list(range(len(F)))
    for a, b in pairwise(order):
        assert ranks[a] < ranks[b] or (ranks[a] == ranks[b] and crowding[a] >= crowding[b])
