"""NSGA-III: its parts against naive ones, its results against pymoo's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymoo.algorithms.moo.nsga3 import NSGA3 as PymooNSGA3
from pymoo.algorithms.moo.nsga3 import HyperplaneNormalization
from scipy.stats import mannwhitneyu

import moo
from moo.errors import OptionError
from moo.indicators import hypervolume
from moo.optimizers import nsga3
from moo.optimizers.operators import stream_of
from moo.optimizers.ranking import fronts
from moo.weights import reference_directions

MS = st.integers(2, 5)
SEEDS = st.integers(0, 10**6)


def unit(directions):
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


@pytest.mark.parametrize("m", [2, 3, 5])
@pytest.mark.parametrize("slow", [False, True], ids=["compiled", "uncompiled"])
def test_the_nearest_direction_is_that_of_the_definition(slow, m):
    rng = np.random.default_rng(0)
    associated = nsga3.associated.py_func if slow else nsga3.associated
    directions = unit(reference_directions(30, m))
    F, rows, ideal, span = rng.random((60, m)), rng.permutation(60)[:40], -rng.random(m), 1 + rng.random(m)
    niches, distances = associated(F, rows, ideal, span, np.ascontiguousarray(directions.T))
    for f, niche, distance in zip((F[rows] - ideal) / span, niches, distances, strict=True):
        feet = (directions @ f)[:, None] * directions
        gaps = ((f - feet) ** 2).sum(axis=1)
        assert gaps[niche] == pytest.approx(gaps.min(), abs=1e-12)
        assert distance == pytest.approx(gaps.min(), abs=1e-12)


@given(MS, SEEDS)
def test_the_plane_goes_through_the_points(m, seed):
    points = np.random.default_rng(seed).random((m, m)) + np.eye(m)
    assert points @ nsga3.plane_through(points) == pytest.approx(np.ones(m))
    assert np.isnan(nsga3.plane_through(np.ones((m, m)))).all()


@given(MS, SEEDS)
def test_normalisation_is_pymoos_where_the_plane_is_sound(m, seed):
    """Over three generations, which hand on ideal, worst and extreme points."""
    rng = np.random.default_rng(seed)
    theirs = HyperplaneNormalization(m)
    ideal, worst, extremes = np.full(m, np.inf), np.full(m, -np.inf), np.empty((0, m))
    for _ in range(3):
        sphere = np.abs(rng.normal(size=(30, m)))
        F = np.concatenate([unit(sphere), np.eye(m) + 1e-4]) * (1 + np.arange(m)) + 0.1 * rng.random()
        ranks = fronts(F)
        ideal, worst, extremes, span = nsga3.normalised(F, ranks, ideal, worst, extremes)
        theirs.update(F, nds=np.flatnonzero(ranks == 0))
        assert ideal == pytest.approx(theirs.ideal_point)
        assert ideal + span == pytest.approx(theirs.nadir_point, rel=1e-6)


@given(st.integers(2, 4), st.integers(4, 30), SEEDS)
def test_no_niche_gets_a_second_row_before_its_turn(m, n, seed):
    rng = np.random.default_rng(seed)
    F = rng.random((60, m))
    ranks = fronts(F)
    n = min(n, len(F))
    directions = np.ascontiguousarray(unit(reference_directions(20, m)).T)
    ideal, span = F.min(axis=0), np.ptp(F, axis=0)
    kept = nsga3.niched(F, ranks, ideal, span, directions, n, stream_of(rng))
    assert len(kept) == len(set(kept)) == n
    last = np.sort(ranks)[n - 1]
    assert set(np.flatnonzero(ranks < last)) <= set(kept)
    assert (ranks[kept] <= last).all()
    k = directions.shape[1]
    niche, _ = nsga3.associated(F, np.arange(len(F)), ideal, span, directions)
    split = np.flatnonzero(ranks == last)
    count = np.bincount(niche[kept], minlength=k)
    left_out = np.setdiff1d(split, kept)
    chosen_late = np.intersect1d(split, kept)
    for row in left_out:  # whoever was chosen instead came from a niche that was no fuller at its turn
        others = chosen_late[niche[chosen_late] != niche[row]]
        assert (count[niche[others]] <= count[niche[row]] + 1).all()


def test_the_slow_twin_keeps_the_same_rows():
    rng = np.random.default_rng(3)
    F = rng.random((40, 3))
    directions = np.ascontiguousarray(unit(reference_directions(15, 3)).T)
    stream = stream_of(rng)
    arguments = (F, fronts(F), F.min(axis=0), np.ptp(F, axis=0), directions, 15)
    fast, slow = (f(*arguments, stream.copy()) for f in (nsga3.niched, nsga3.niched.py_func))
    assert np.array_equal(fast, slow)


# ---------------------------------------------------------------------- the whole


def final_hypervolume(problem, method, seed, low, high, ref=1.1):
    result = moo.solve(problem, method, budget=92 * 100, seed=seed)
    return hypervolume((result.F - low) / (high - low), np.full(len(low), ref))


CASES = {
    "DTLZ2": (moo.problems.DTLZ2, 0.0, 1.0),
    "DTLZ7": (moo.problems.DTLZ7, np.array([0.0, 0.0, 2.614]), np.array([0.859, 0.859, 6.0])),
}


@pytest.mark.parametrize("name", ["DTLZ2", pytest.param("DTLZ7", marks=pytest.mark.slow)])
def test_it_is_no_worse_than_pymoos(name):
    make, low, high = CASES[name]
    low, high = np.broadcast_to(low, 3), np.broadcast_to(high, 3)
    problem = make()
    theirs = moo.Pymoo(PymooNSGA3(reference_directions(92, 3), pop_size=92))
    ours = [final_hypervolume(problem, moo.NSGA3(), seed, low, high) for seed in range(9)]
    pymoos = [final_hypervolume(problem, theirs, seed, low, high) for seed in range(5)]
    assert mannwhitneyu(ours, pymoos, alternative="less").pvalue > 0.01
    assert np.median(ours) > 0.97 * np.median(pymoos)


def test_points_lie_near_their_directions():
    result = moo.solve(moo.problems.DTLZ2(), moo.NSGA3(), budget=92 * 250, seed=1)
    directions = unit(reference_directions(92, 3))
    cosines = (unit(result.F) @ directions.T).max(axis=1)
    assert np.quantile(cosines, 0.1) > 0.999


@pytest.mark.parametrize("n_obj", [2, 5, 8])
def test_any_number_of_objectives(n_obj):
    result = moo.solve(moo.problems.DTLZ2(n_obj=n_obj), moo.NSGA3(pop_size=120), budget=12_000, seed=1)
    radius = np.linalg.norm(result.F, axis=1)
    assert np.median(radius) < 1.1


def test_given_directions_are_where_the_points_go():
    corner = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 0.9]])
    result = moo.solve(moo.problems.DTLZ2(), moo.NSGA3(pop_size=20, directions=corner), budget=8000, seed=1)
    assert (unit(result.F) @ unit(corner).T).max() > 0.999


@pytest.mark.parametrize(
    ("directions", "sentence"),
    [
        ([[1.0, 2.0]], "have 2 entries, DTLZ2 has 3 objectives"),
        ([[-1.0, 1.0, 1.0]], "give an array"),
        ([[0.0, 0.0, 0.0]], "give an array"),
        ([1.0, 2.0, 3.0], "give an array"),
        ([[np.nan, 1.0, 1.0]], "give an array"),
    ],
)
def test_directions_out_of_range_are_refused(directions, sentence):
    with pytest.raises(OptionError, match=sentence):
        moo.solve(moo.problems.DTLZ2(), moo.NSGA3(directions=directions), budget=500)
