"""Hypervolume ascent: the best sets of K points, and the gradient it climbs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moo
from moo.budget import Budget
from moo.errors import OptionError
from moo.evaluation import Evaluator
from moo.indicators import contributions, hypervolume, hypervolume_gradient, nondominated


@given(st.integers(2, 4), st.integers(1, 12), st.integers(0, 10**6))
def test_the_gradient_is_that_of_the_hypervolume(m, n, seed):
    rng = np.random.default_rng(seed)
    F, ref, step = rng.random((n, m)), np.full(m, 0.9), 1e-7
    gradient = hypervolume_gradient(F, ref)
    for i in range(n):
        for k in range(m):
            above, below = F.copy(), F.copy()
            above[i, k] += step
            below[i, k] -= step
            slope = (hypervolume(above, ref) - hypervolume(below, ref)) / (2 * step)
            assert gradient[i, k] == pytest.approx(slope, abs=1e-6)


@given(st.integers(1, 4), st.integers(1, 10), st.integers(0, 10**6))
def test_contributions_are_what_is_lost(m, n, seed):
    F, ref = np.random.default_rng(seed).random((n, m)), np.full(m, 0.9)
    front = F[nondominated(F)]
    whole = hypervolume(front, ref)
    lost = np.zeros(n)
    lost[nondominated(F)] = [whole - hypervolume(np.delete(front, i, axis=0), ref) for i in range(len(front))]
    assert contributions(F, ref) == pytest.approx(lost, abs=1e-12)


def test_rows_that_add_nothing_have_no_gradient():
    F = np.array([[0.2, 0.8], [0.8, 0.2], [0.9, 0.9], [0.2, 0.8], [2.0, 0.1]])
    gradient = hypervolume_gradient(F, np.ones(2))
    assert (gradient[2:] == 0).all()
    assert gradient[0] == pytest.approx([-0.2, -0.6])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("problem", "ref", "n", "best"),
    [
        (moo.problems.FonsecaFleming(10), 1.0, 8, 0.2903),
        (moo.problems.FonsecaFleming(10), 1.0, 10, 0.2998),
        (moo.problems.ZDT1(), 1.1, 10, 0.8274),
        (moo.problems.ZDT2(), 1.1, 10, 0.4968),
    ],
    ids=["fonseca-8", "fonseca-10", "zdt1-10", "zdt2-10"],
)
def test_it_finds_the_best_sets_of_a_few_points(problem, ref, n, best, seed):
    """Best values: multi-start L-BFGS on the exact fronts."""
    optimizer = moo.HypervolumeGradient(n=n, ref=[ref, ref])
    result = moo.solve(problem, optimizer, budget=1200 * n, seed=seed)
    assert len(result.F) == n
    assert hypervolume(result.F, np.full(2, ref)) > best - 1e-3


@pytest.mark.parametrize("seed", range(3))
def test_where_points_between_the_minima_are_the_front_it_begins_with_the_best_of_them(seed):
    """DTLZ2, reference point 1.1: the best hundred points have .7576."""
    result = moo.solve(moo.problems.DTLZ2(), moo.HypervolumeGradient(n=100), budget=2000, seed=seed)
    assert len(result.F) == 100
    assert hypervolume(result.F, np.full(3, 1.1)) > 0.99 * 0.7576


def test_a_few_points_that_say_little_are_no_front_yet():
    """The best three points of DTLZ2 have .33; what is between so few minima told nothing."""
    optimizer = moo.HypervolumeGradient(n=3, ref=[1.1] * 3)
    result = moo.solve(moo.problems.DTLZ2(), optimizer, budget=500, seed=2)
    assert hypervolume(result.F, np.full(3, 1.1)) > 0.3


@pytest.mark.parametrize("optimizer", [moo.HypervolumeGradient(n=10), moo.Hybrid(pop_size=10)])
def test_objectives_that_are_infinite_at_a_bound_are_stepped_back_from(optimizer):
    problem = moo.Problem(
        [lambda x: 1 / x[0], lambda x: x[0].log() + x[1], lambda x: x[1] ** 2], xl=[0, 0], xu=1
    )
    result = moo.solve(problem, optimizer, budget=1500, seed=1)
    assert np.isfinite(result.F).all()
    assert len(result.F) > 5


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("problem", "ref", "best"),
    [
        (moo.problems.FonsecaFleming(10), 1.0, 0.3378),
        (moo.problems.ZDT1(), 1.1, 0.8721),
        (moo.problems.ZDT2(), 1.1, 0.5389),
    ],
    ids=["fonseca", "zdt1", "zdt2"],
)
def test_it_finds_the_best_sets_of_a_hundred_points(problem, ref, best, seed):
    optimizer = moo.HypervolumeGradient(n=100, ref=[ref, ref])
    result = moo.solve(problem, optimizer, budget=120_000, seed=seed)
    assert hypervolume(result.F, np.full(2, ref)) > best - 1e-3


def test_three_objectives():
    problem = moo.problems.DTLZ2()
    few = moo.solve(problem, moo.HypervolumeGradient(n=20), budget=10_000, seed=0)
    genetic = moo.solve(problem, moo.SMSEMOA(pop_size=20), budget=10_000, seed=0)
    assert few.hypervolume() > genetic.hypervolume()


@pytest.mark.parametrize("seed", range(3))
def test_points_spread_along_an_equality(seed):
    problem = moo.Problem(
        [lambda x: (x**2).sum(), lambda x: ((x - 1) ** 2).sum()],
        xl=[-1, -1],
        xu=[2, 2],
        equality=[lambda x: x[0] - x[1] ** 2],
    )
    result = moo.solve(problem, moo.HypervolumeGradient(n=20), budget=10_000, seed=seed)
    assert (result.CV == 0).all()
    assert len(result.F) == 20
    root = np.linspace(0, 1, 2001)
    front = np.stack([root**4 + root**2, (root**2 - 1) ** 2 + (root - 1) ** 2], 1)
    ref = np.array([2.2, 2.2])
    assert hypervolume(result.F, ref) >= 0.97 * hypervolume(front, ref)


def test_one_point_is_the_best_one_point():
    def first(x):
        return x[0] ** 2

    def second(x):
        return (x[0] - 1.0) ** 2

    problem = moo.Problem([first, second], xl=[-1.0], xu=[2.0])
    result = moo.solve(problem, moo.HypervolumeGradient(n=1, ref=[1.0, 1.0]), budget=3000)
    assert result.X[0, 0] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("options", [{"n": 0}, {"ref": [1.0]}, {"ref": [np.nan, 1.0]}])
def test_bad_options_are_refused_in_a_sentence(options):
    with pytest.raises(OptionError, match="is not accepted"):
        moo.solve(moo.problems.ZDT1(), moo.HypervolumeGradient(**options), budget=100)


def test_points_near_the_front_gain_with_the_first_move():
    """VLMOP2, whose Pareto set is a line: a move of a tenth of the box would lead away from it."""
    problem, rng = moo.problems.FonsecaFleming(10), np.random.default_rng(0)
    X = np.linspace(-1.0, 1.0, 60)[:, None] / np.sqrt(10.0) + 0.01 * rng.normal(size=(60, 10))
    optimizer, evaluate = moo.HypervolumeGradient(n=60), Evaluator(problem, Budget.of(10_000), rng)
    points = problem.compute(X)
    state = optimizer.from_points(problem, points, replace(optimizer.init(problem, rng), sample=points))
    volumes = []
    for _ in range(2):
        state = optimizer.step(evaluate, state)
        volumes.append(state.best)
    assert volumes[1] > volumes[0]
