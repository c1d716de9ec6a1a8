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

from moo.optimizers import ranking
from moo.optimizers.ranking import (
    crowding_distance,
    cut,
    fill,
    fronts,
    gather,
    leading_ranks,
    marked,
    place,
    rank,
    reached_by,
    survivors,
)


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


# ---------------------------------------------------------------------- survival


@given(F=objective_vectors(distinct=True))
def test_crowding_of_a_front_of_two_objectives_needs_one_order(F):
    F = np.column_stack([F[:, 0], -F[:, 0]])
    front, expected = F[:, 0].argsort(), crowding_distance(F, np.zeros(len(F), dtype=int))
    for function in (fill, fill.py_func):
        crowding, taken = np.empty(len(F)), np.zeros(len(F), dtype=bool)
        assert function(F, front, len(F) + 3, crowding, taken) == 3
        assert crowding == pytest.approx(expected)
        assert taken.all()


def test_crowding_of_two_objectives_where_an_objective_is_constant():
    F, crowding = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]), np.empty(3)
    assert fill(F, np.arange(3), 3, crowding, np.zeros(3, dtype=bool)) == 0
    assert crowding.tolist() == [np.inf, 0.0, np.inf]


@given(
    values=st.lists(st.sampled_from([0.0, 5e-324, 0.3, 0.30000000000000004, 1.0, 1e308, np.inf]), min_size=1),
    data=st.data(),
)
def test_as_many_values_reach_the_threshold_as_should(values, data):
    count = data.draw(st.integers(1, len(values)))
    values = np.array(values)
    largest = np.sort(values)[-count]
    for function in (reached_by, reached_by.py_func):
        least = function(values, count)
        assert np.array_equal(values >= least, values >= largest)


def test_marked_rows():
    taken = np.array([True, False, True, True, False])
    for function in (marked, marked.py_func):
        assert function(taken, 3).tolist() == [0, 2, 3]


@given(
    F=objective_vectors(), seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.0, 0.3]), data=st.data()
)
def test_leading_ranks_are_ranks_as_far_as_they_are_needed(F, seed, share, data):
    CV = np.where(np.random.default_rng(seed).random(len(F)) < share, 1.0, 0.0)
    size, expected = data.draw(st.integers(1, len(F))), rank(F, CV)
    ranks, last = leading_ranks(F, CV, size), np.sort(expected)[size - 1]
    assert np.array_equal(ranks[expected <= last], expected[expected <= last])
    assert (ranks[expected > last] > last).all()


def survivors_slowly(F, CV, size):
    """Rank and crowding distance of the best rows, the best first."""
    ranks = rank(F, CV)
    crowding = crowding_distance(F, ranks)
    best = place(ranks, crowding)[:size]
    return ranks[best], crowding[best]


@given(
    F=objective_vectors(distinct=True),
    seed=st.integers(0, 2**32 - 1),
    share=st.sampled_from([0.0, 0.3, 0.9]),
    data=st.data(),
)
def test_survivors_are_the_best_by_rank_then_room(F, seed, share, data):
    """Which of two rows equal in both survives is free."""
    rng = np.random.default_rng(seed)
    CV = np.where(rng.random(len(F)) < share, rng.integers(1, 4, len(F)), 0.0)
    failed = rng.random(len(F)) < share / 3
    F, CV = np.where(failed[:, None], np.nan, F), np.where(failed, np.inf, CV)
    size = data.draw(st.integers(1, len(F)))
    chosen, crowding = survivors(F, CV, size)
    assert (np.diff(chosen) > 0).all()
    ranks = rank(F, CV)[chosen]
    order = np.lexsort((-crowding, ranks))
    best_ranks, best_crowding = survivors_slowly(F, CV, size)
    assert np.array_equal(ranks[order], best_ranks)
    assert crowding[order] == pytest.approx(best_crowding)


@given(F=objective_vectors(), data=st.data())
def test_survivors_where_many_rows_are_equal(F, data):
    size = data.draw(st.integers(1, len(F)))
    chosen, crowding = survivors(F, np.zeros(len(F)), size)
    assert len(chosen) == len(np.unique(chosen)) == len(crowding) == size
    ranks = fronts(F)
    assert np.array_equal(np.sort(ranks[chosen]), np.sort(ranks)[:size])


def test_survivors_of_more_fronts_than_are_found_one_by_one():
    F = np.repeat(np.random.default_rng(0).permutation(np.arange(40.0))[:, None], 2, axis=1)
    for size in (7, 9, 25, 40):
        chosen, crowding = survivors(F, np.zeros(40), size)
        assert np.array_equal(chosen, np.flatnonzero(F[:, 0] < size))
        assert (crowding == np.inf).all()


def test_as_many_survive_as_should_where_crowding_distances_overflow():
    t = np.linspace(-1.0, 1.0, 20)[:, None] * 1.7e308
    for F in (np.hstack([t, -t]), np.hstack([t, -t, -t])):
        chosen, _ = survivors(F, np.zeros(20), 9)
        assert len(np.unique(chosen)) == 9


def test_all_survive_where_there_is_room():
    F = np.random.default_rng(0).random((5, 2))
    assert survivors(F, np.zeros(5), 9)[0].tolist() == [0, 1, 2, 3, 4]


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 30), data=st.data())
def test_the_cut_takes_the_least_crowded_of_the_last_front(seed, n, data):
    rng = np.random.default_rng(seed)
    ranks = np.unique(rng.integers(4, size=n), return_inverse=True)[1]
    crowding = rng.choice([0.5, 1.0, 1.5, np.inf], size=n)
    size = data.draw(st.integers(1, n))
    chosen = cut(ranks, crowding, size)
    assert np.array_equal(chosen, np.sort(np.lexsort((np.arange(n), -crowding, ranks))[:size]))
    assert np.array_equal(chosen, cut.py_func(ranks, crowding, size))


@pytest.mark.parametrize("m", [2, 3])
def test_survival_is_the_same_in_plain_python(m, monkeypatch):
    F, CV = np.random.default_rng(m).random((60, m)), np.zeros(60)
    compiled = survivors(F, CV, 30)
    for name, value in list(vars(ranking).items()):
        if hasattr(value, "py_func"):
            monkeypatch.setattr(ranking, name, value.py_func)
    plain = ranking.survivors(F, CV, 30)
    assert np.array_equal(plain[0], compiled[0])
    assert plain[1] == pytest.approx(compiled[1])


@given(a=st.integers(1, 8), b=st.integers(0, 8), d=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_gathered_rows_are_those_of_the_joined_batches(a, b, d, seed):
    rng = np.random.default_rng(seed)
    batches = [
        (rng.random((n, d)), rng.random((n, 2)), rng.random(n), rng.integers(5, size=n).astype(np.int8))
        for n in (a, b)
    ]
    chosen = np.flatnonzero(rng.random(a + b) < 0.5)
    joined = [np.concatenate(pair)[chosen] for pair in zip(*batches, strict=True)]
    for function in (gather, gather.py_func):
        filled = [np.empty_like(expected) for expected in joined]
        function(*batches[0], *batches[1], chosen, *filled)
        for got, expected in zip(filled, joined, strict=True):
            assert np.array_equal(got, expected)
