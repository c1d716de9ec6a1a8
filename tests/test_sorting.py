"""Compiled sorting against its definition, against moocore and against itself uncompiled."""

from __future__ import annotations

import moocore
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moo import sorting
from moo.sorting import fronts_of_three, fronts_of_two, leading_fronts, order_ties, orders_of, peel_two


@st.composite
def objective_vectors(draw, m=None, most=70):
    """Few distinct values make many rows equal in one or all objectives."""
    n = draw(st.integers(1, most))
    m = draw(st.integers(2, 3)) if m is None else m
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.integers(draw(st.sampled_from([2, 4, 10_000])), size=(n, m)).astype(float)


def fronts_slowly(F):
    """By definition: the non-dominated rows, then those of the rest, and so on."""
    ranks, rank = np.full(len(F), -1), 0
    while (ranks < 0).any():
        left = np.flatnonzero(ranks < 0)
        A = F[left]
        beaten = ((A[:, None] <= A).all(axis=2) & (A[:, None] < A).any(axis=2)).any(axis=0)
        ranks[left[~beaten]] = rank
        rank += 1
    return ranks


@given(F=objective_vectors())
def test_orders_are_lexicographic_in_the_first_column_and_sorted_in_the_others(F):
    orders = orders_of(F)
    assert [tuple(row) for row in F[orders[:, 0]]] == sorted(map(tuple, F))
    for j, order in enumerate(orders.T):
        assert sorted(order) == list(range(len(F)))
        assert (np.diff(F[order, j]) >= 0).all()


@given(F=objective_vectors(), few=st.sampled_from([0, 1000]))
def test_ties_are_ordered_the_same_in_plain_python_and_by_either_sort(F, few):
    order = F[:, 0].argsort()
    compiled, plain = order.copy(), order.copy()
    order_ties(F, compiled)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting, "_FEW", few)
        order_ties.py_func(F, plain)
    assert np.array_equal(F[compiled], F[plain])


def test_many_ties_are_ordered():
    """More than insertion sorts."""
    F = np.column_stack([np.zeros(500), np.random.default_rng(0).permuted(np.arange(500.0))])
    assert np.array_equal(F[orders_of(F)[:, 0], 1], np.arange(500.0))


@given(F=objective_vectors(m=2))
def test_fronts_of_two_objectives(F):
    order = orders_of(F)[:, 0]
    assert np.array_equal(fronts_of_two(F, order), fronts_slowly(F))
    assert np.array_equal(fronts_of_two.py_func(F, order), fronts_slowly(F))


@given(F=objective_vectors(m=2))
def test_the_first_front_of_two_objectives_is_peeled_off(F):
    order, ranks = orders_of(F)[:, 0], fronts_slowly(F)
    for function in (peel_two, peel_two.py_func):
        rest, front = order.copy(), np.empty(len(F) + 1, dtype=int)
        members = function(F, rest, front)
        assert np.array_equal(front[:members], order[ranks[order] == 0])
        assert np.array_equal(rest[: len(F) - members], order[ranks[order] > 0])


@given(F=objective_vectors(m=3))
def test_fronts_of_three_objectives(F):
    orders = orders_of(F)
    assert np.array_equal(fronts_of_three(F, orders), fronts_slowly(F))
    assert np.array_equal(fronts_of_three.py_func(F, orders), fronts_slowly(F))


@given(F=objective_vectors(m=3), data=st.data())
def test_leading_fronts_are_right_as_far_as_they_are_needed(F, data):
    size = data.draw(st.integers(1, len(F)))
    expected = fronts_slowly(F)
    last = np.sort(expected)[size - 1]
    for function in (leading_fronts, leading_fronts.py_func):
        ranks = function(F, F.argsort(axis=0), size)
        needed = expected <= last
        assert np.array_equal(ranks[needed], expected[needed])
        assert (ranks[~needed] > last).all()


def test_more_fronts_than_are_peeled():
    F = np.repeat(np.random.default_rng(0).permuted(np.arange(100.0))[:, None], 3, axis=1)
    ranks = leading_fronts(F, orders_of(F), 50)
    assert np.array_equal(ranks, F[:, 0])


def test_everything_below_is_the_same_in_plain_python(monkeypatch):
    """All the way down, not the outermost function alone."""
    F = np.random.default_rng(3).integers(6, size=(60, 3)).astype(float)
    orders = orders_of(F)
    compiled = leading_fronts(F, orders, 30), fronts_of_three(F, orders)
    for name, value in list(vars(sorting).items()):
        if hasattr(value, "py_func"):
            monkeypatch.setattr(sorting, name, value.py_func)
    assert np.array_equal(sorting.orders_of(F), orders)
    assert np.array_equal(sorting.leading_fronts(F, orders, 30), compiled[0])
    assert np.array_equal(sorting.fronts_of_three(F, orders), compiled[1])


@pytest.mark.parametrize("m", [2, 3])
def test_large_sets_are_sorted_as_by_moocore(m):
    F = np.random.default_rng(0).random((3000, m))
    orders = orders_of(F)
    ranks = fronts_of_two(F, orders[:, 0]) if m == 2 else fronts_of_three(F, orders)
    assert np.array_equal(ranks, moocore.pareto_rank(F))
