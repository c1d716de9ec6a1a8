"""Indicators against closed forms and brute force."""

from __future__ import annotations

from math import comb, factorial

import numpy as np
import pytest
from contracts.results import area, front_of
from hypothesis import given
from hypothesis import strategies as st

from moo import indicators

NOT_FINITE = np.array([[np.nan, 0.0], [-np.inf, 0.0], [0.0, np.inf], [np.nan, np.nan], [-np.inf, np.inf]])


@st.composite
def objective_vectors(draw, m=None, least=1, most=30):
    m = m or draw(st.integers(1, 4))
    n, values = draw(st.integers(least, most)), draw(st.sampled_from([2, 5, 1000]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.integers(values, size=(n, m)) / values


# ---------------------------------------------------------------------- hypervolume


def test_the_hypervolume_of_the_front_of_zdt1_is_its_closed_form():
    """1.1^2 minus the area below 1 - sqrt(f1) and that to the left of 0: 1.21 - 1/3."""
    f1 = np.linspace(0, 1, 200_001)
    front = np.column_stack([f1, 1 - np.sqrt(f1)])
    assert indicators.hypervolume(front, np.full(2, 1.1)) == pytest.approx(1.21 - 1 / 3, abs=1e-5)


@pytest.mark.parametrize(
    ("F", "ref", "volume"),
    [
        ([[0.5, 0.5]], [1, 1], 0.25),
        ([[0.25, 0.75], [0.75, 0.25]], [1, 1], 0.1875 * 2 - 0.0625),
        ([[0.5, 0.5], [0.5, 0.5], [0.6, 0.6]], [1, 1], 0.25),
        ([[1.0, 0.0]], [1, 1], 0.0),
        ([[2.0, -5.0]], [1, 1], 0.0),
        ([[0.5, 0.5, 0.5]], [1, 1, 1], 0.125),
        ([[3.0]], [5.0], 2.0),
    ],
)
def test_hypervolumes_by_hand(F, ref, volume):
    assert indicators.hypervolume(np.array(F, dtype=float), np.array(ref, dtype=float)) == pytest.approx(
        volume
    )


@given(F=objective_vectors(m=2))
def test_the_hypervolume_is_the_area_of_the_staircase(F):
    ref = np.array([0.8, 0.9])
    assert indicators.hypervolume(F, ref) == pytest.approx(area(F, ref), abs=1e-12)


@pytest.mark.parametrize("m", [7, 8])
def test_many_objectives_are_approximated_closely(m):
    """One point, and the union of two boxes by inclusion and exclusion."""
    ref = np.ones(m)
    assert indicators.hypervolume(np.full((1, m), 0.25), ref) == pytest.approx(0.75**m, rel=5e-3)
    two = np.full((2, m), 0.25)
    two[0, 0] = two[1, 1] = 0.0
    exact = 2 * 0.75 ** (m - 1) - 0.75**m
    assert indicators.hypervolume(two, ref) == pytest.approx(exact, rel=5e-3)


def test_the_approximation_agrees_with_the_exact_hypervolume(monkeypatch):
    F = np.random.default_rng(0).random((20, 6))
    exact = indicators.hypervolume(F, np.full(6, 1.1))
    monkeypatch.setattr(indicators, "_EXACT_UP_TO", 5)
    assert indicators.hypervolume(F, np.full(6, 1.1)) == pytest.approx(exact, rel=2e-3)


def test_the_simplex_of_six_objectives_is_still_exact():
    """Two thirds of the way from each corner: all six boxes by inclusion and exclusion."""
    m = 6
    F = 1.0 - 0.5 * np.eye(m)  # point i is at 1/2 in objective i and at the reference in no other
    F[F == 1.0] = 0.9
    exact = sum(
        (-1) ** (k + 1) * comb(m, k) * 0.1 ** (m - 1) * (0.5 if k == 1 else 0.1) for k in range(1, m + 1)
    )
    assert indicators.hypervolume(F, np.ones(m)) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("rows", range(1, len(NOT_FINITE) + 1))
def test_rows_that_are_not_finite_are_left_out_of_everything(rows):
    F = np.array([[0.25, 0.75], [0.75, 0.25]])
    front, ref = np.array([[0.0, 0.5], [0.5, 0.0]]), np.ones(2)
    dirty = np.concatenate([NOT_FINITE[:rows], F])
    assert indicators.hypervolume(dirty, ref) == indicators.hypervolume(F, ref)
    assert indicators.igd_plus(dirty, front) == indicators.igd_plus(F, front)
    assert indicators.epsilon_additive(dirty, front) == indicators.epsilon_additive(F, front)
    assert indicators.nondominated(dirty).tolist() == [False] * rows + [True, True]


def test_nothing_finite_has_no_quality():
    for F in (NOT_FINITE, np.empty((0, 2))):
        assert indicators.hypervolume(F, np.ones(2)) == 0.0
        assert indicators.igd_plus(F, np.zeros((1, 2))) == np.inf
        assert indicators.epsilon_additive(F, np.zeros((1, 2))) == np.inf
        assert not indicators.nondominated(F).any()


def test_three_objectives_with_minus_infinity_do_not_end_the_process():
    """moocore 0.3.2 ends with a segmentation fault when it is handed these."""
    F = np.array([[-np.inf, 0.0, 0.0], [0.0, 0.5, 0.5], [np.inf, -1.0, 0.0]])
    assert indicators.nondominated(F).tolist() == [False, True, False]
    assert indicators.hypervolume(F, np.ones(3)) == pytest.approx(0.25)


# ---------------------------------------------------------------------- distances to a front


def test_igd_plus_by_hand():
    """Only what F lacks counts: (0, 1) is 0.5 from (0, 0.5), and (0.2, 0.2) is better than (1, 1)."""
    front = np.array([[0.0, 0.5], [1.0, 1.0]])
    F = np.array([[0.0, 1.0], [0.2, 0.2]])
    nearest = min(0.5, 0.2)
    assert indicators.igd_plus(F, front) == pytest.approx((nearest + 0.0) / 2)


def test_additive_epsilon_by_hand():
    front = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert indicators.epsilon_additive(np.array([[0.3, 1.0], [1.0, 0.1]]), front) == pytest.approx(0.3)
    assert indicators.epsilon_additive(np.array([[-0.5, -0.5]]), front) == pytest.approx(-0.5)


@given(F=objective_vectors(m=3), front=objective_vectors(m=3))
def test_distances_are_those_of_their_definitions(F, front):
    lacking = np.maximum(F[None] - front[:, None], 0.0)
    assert indicators.igd_plus(F, front) == pytest.approx(np.linalg.norm(lacking, axis=2).min(axis=1).mean())
    shift = (F[None] - front[:, None]).max(axis=2).min(axis=1).max()
    assert indicators.epsilon_additive(F, front) == pytest.approx(shift)


# ---------------------------------------------------------------------- R2, spacing


def test_r2_of_one_point_by_hand():
    """The mean of max(w, 1 - w) over w in [0, 1] is 3/4; nothing is nearer than the utopian point."""
    assert indicators.r2(np.array([[1.0, 1.0]]), np.zeros(2)) == pytest.approx(0.75)
    assert indicators.r2(np.array([[3.0, 3.0]]), np.ones(2)) == pytest.approx(1.5)
    assert indicators.r2(np.zeros((1, 2)), np.zeros(2)) == 0.0
    assert indicators.r2(np.array([[-1.0, -1.0]]), np.zeros(2)) == 0.0
    assert indicators.r2(np.array([[0.4]]), np.zeros(1)) == pytest.approx(0.4)


def test_r2_of_one_point_in_three_objectives():
    """The mean of the largest of three weights that sum to one is (1 + 1/2 + 1/3) / 3."""
    assert indicators.r2(np.ones((1, 3)), np.zeros(3)) == pytest.approx(11 / 18, abs=0.02)


@given(F=objective_vectors(m=2))
def test_r2_is_the_mean_over_weights(F):
    """The integral over w by a fine sum."""
    w = (np.arange(2000) + 0.5) / 2000
    weights = np.column_stack([w, 1 - w])
    mean = (weights[:, None] * F[None]).max(axis=2).min(axis=1).mean()
    assert indicators.r2(F, np.zeros(2)) == pytest.approx(mean, abs=1e-5)


@given(F=objective_vectors(m=3), extra=objective_vectors(m=3))
def test_more_points_are_never_worse_for_r2(F, extra):
    assert indicators.r2(np.concatenate([F, extra]), np.zeros(3)) <= indicators.r2(F, np.zeros(3)) + 1e-12


@pytest.mark.parametrize(("m", "k"), [(2, 11), (3, 500), (5, 500), (10, 500), (1, 500)])
def test_the_lattice_has_at_most_k_distinct_weights(m, k):
    weights = indicators.simplex_lattice(m, k)
    assert weights.shape[1] == m
    assert len(weights) <= k
    assert weights.sum(axis=1) == pytest.approx(1.0)
    assert (weights >= 0).all()
    assert len(np.unique(weights, axis=0)) == len(weights)
    assert all((weights == vertex).all(axis=1).any() for vertex in np.eye(m))


def test_spacing_by_hand():
    """Manhattan distances to the nearest: 2, 2 and 4; an even front has none."""
    F = np.array([[0.0, 6.0], [1.0, 5.0], [3.0, 3.0]])
    assert indicators.spacing(F) == pytest.approx(np.std([2.0, 2.0, 4.0], ddof=1))
    even = np.linspace(0, 1, 11)
    assert indicators.spacing(np.column_stack([even, 1 - even])) == pytest.approx(0, abs=1e-12)
    assert np.isnan(indicators.spacing(F[:1]))
    assert np.isnan(indicators.spacing(NOT_FINITE))


@given(F=objective_vectors(least=2))
def test_spacing_is_its_definition(F):
    distances = np.abs(F[:, None] - F[None]).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.min(axis=1)
    assert indicators.spacing(F) == pytest.approx(
        np.sqrt(((nearest - nearest.mean()) ** 2).sum() / (len(F) - 1)), abs=1e-12
    )


def test_rows_that_are_not_finite_are_in_no_indicator():
    F = np.array([[0.25, 0.75], [0.75, 0.25], [0.4, 0.4]])
    dirty = np.concatenate([NOT_FINITE, F])
    assert indicators.r2(dirty, np.zeros(2)) == indicators.r2(F, np.zeros(2))
    assert indicators.spacing(dirty) == indicators.spacing(F)
    assert indicators.better_than(dirty, np.ones(2)).tolist() == [False] * len(NOT_FINITE) + [True] * 3
    assert indicators.r2(NOT_FINITE, np.zeros(2)) == np.inf


# ---------------------------------------------------------------------- even points


@pytest.mark.parametrize("m", [2, 5, 8])
def test_even_points_fill_the_cube(m):
    points = indicators.even_points(4096, m)
    assert points.shape == (4096, m)
    assert ((points >= 0) & (points < 1)).all()
    assert points.mean(axis=0) == pytest.approx(0.5, abs=2e-3)
    corner = (points < 0.8).all(axis=1).mean()
    assert corner == pytest.approx(0.8**m, abs=0.01)


@given(F=objective_vectors(m=3))
def test_the_first_row_that_dominates_a_point(F):
    points = indicators.even_points(40, 3)
    found = indicators.first_dominating(points, F)
    for point, first in zip(points, found, strict=True):
        at = np.flatnonzero((point >= F).all(axis=1))
        assert first == (at[0] if len(at) else len(F))


# ---------------------------------------------------------------------- filters and scales


@given(F=objective_vectors())
def test_the_filter_is_the_brute_force_one(F):
    mask = indicators.nondominated(F)
    assert np.array_equal(mask, front_of(F))


@given(F=objective_vectors(), k=st.integers(1, 35))
def test_a_subset_is_of_distinct_rows_and_keeps_the_ends(F, k):
    chosen = indicators.subset(F, k)
    assert len(chosen) == len(set(chosen.tolist())) == min(k, len(F))
    assert set(chosen.tolist()) <= set(range(len(F)))
    if k >= F.shape[1]:
        assert np.array_equal(F[chosen].min(axis=0), F.min(axis=0))


def test_a_subset_is_spread():
    t = np.linspace(0, 1, 101)
    chosen = indicators.subset(np.column_stack([t, 1000 * (1 - t)]), 5)
    assert sorted(t[chosen].tolist()) == pytest.approx([0, 0.25, 0.5, 0.75, 1], abs=0.02)


@given(F=objective_vectors(), k=st.integers(0, 35))
def test_a_subset_by_hypervolume_is_of_distinct_rows(F, k):
    chosen = indicators.hypervolume_subset(F, k, np.full(F.shape[1], 0.9))
    assert len(chosen) == len(set(chosen.tolist())) == min(k, len(F))
    assert set(chosen.tolist()) <= set(range(len(F)))


@given(F=objective_vectors(least=6, most=12), k=st.integers(1, 4))
def test_a_subset_by_hypervolume_is_greedy(F, k):
    """Each step as good as the best of all rows would have been."""
    ref = np.full(F.shape[1], 1.1)
    chosen = indicators.hypervolume_subset(F, k, ref)
    for size in range(k):
        best = max(indicators.hypervolume(F[[*chosen[:size], row]], ref) for row in range(len(F)))
        assert indicators.hypervolume(F[chosen[: size + 1]], ref) == pytest.approx(best)


@pytest.mark.parametrize("m", range(3, 9))
def test_the_reference_point_follows_the_lattice_of_about_k_points(m):
    """Ishibuchi et al. 2018: 1 + 1/H, the largest H with no more than k lattice points."""
    for k in (50, 100, 500):
        ref = indicators.reference_point(m, k)
        H = round(1 / (ref[0] - 1))
        assert (ref == 1 + 1 / H).all()
        assert ref.shape == (m,)
        assert H == 1 or comb(H + m - 1, m - 1) <= k
        assert comb(H + m, m - 1) > k


def test_the_reference_point_of_three_objectives_and_a_hundred_points():
    assert indicators.reference_point(3) == pytest.approx(1 + 1 / 12)
    assert indicators.reference_point(2).tolist() == [1.1, 1.1]
    assert indicators.reference_point(1).tolist() == [1.1]


def test_normalising_maps_ideal_and_nadir_to_zero_and_one():
    ideal, nadir = np.array([1.0, -5.0, 2.0]), np.array([3.0, 5.0, 2.0])
    F = np.array([ideal, nadir, [2.0, 0.0, 3.0]])
    assert indicators.normalise(F, ideal, nadir).tolist() == [[0, 0, 0], [1, 1, 0], [0.5, 0.5, 1.0]]


def test_the_volume_below_a_simplex():
    """Points on f1 + f2 + f3 = 1: what they do not dominate has the volume of a tetrahedron."""
    k = 60
    grid = np.array([(i, j, k - i - j) for i in range(k + 1) for j in range(k + 1 - i)]) / k
    assert indicators.hypervolume(grid, np.ones(3)) == pytest.approx(1 - 1 / factorial(3), abs=0.02)
