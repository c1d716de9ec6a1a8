"""WFG against pymoo and the paper: values, optimal sets, fronts of many objectives, slopes, sizes."""

from __future__ import annotations

import moocore
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pymoo.problems import get_problem

import moo.problems
from moo.errors import ProblemError
from moo.problem import Problem
from moo.problems import _wfg as wfg
from moo.problems._front import nondominated

WFG = [f"WFG{i}" for i in range(1, 10)]
SIZES = [(2, 4, 24), (2, 3, 9), (3, 4, 24), (5, 8, 18)]
unit = st.floats(0.0, 1.0)


def made(name: str, n_obj: int, k: int, n_var: int) -> Problem:
    if name in ("WFG2", "WFG3"):
        n_var += (n_var - k) % 2
    problem: Problem = getattr(moo.problems, name)(n_obj=n_obj, k=k, n_var=n_var)
    return problem


@pytest.mark.parametrize(("n_obj", "k", "n_var"), [(2, 4, 24), (2, 6, 13), (3, 4, 24), (5, 8, 18)])
@pytest.mark.parametrize("name", WFG)
def test_values_are_pymoos(name: str, n_obj: int, k: int, n_var: int) -> None:
    """Of WFG8 pymoo's are the paper's, u the mean of all variables before; pygmo's are others."""
    ours = made(name, n_obj, k, n_var)
    theirs = get_problem(name.lower(), n_var=ours.n_var, n_obj=n_obj, k=k)
    X = np.random.default_rng(3).uniform(ours.xl, ours.xu, (100, ours.n_var))
    np.testing.assert_allclose(ours.compute(X).F, theirs.evaluate(X), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("n_obj", "k", "n_var"), SIZES)
@pytest.mark.parametrize("name", WFG)
def test_the_optimal_set_is_in_the_box_and_reaches_the_front(
    name: str, n_obj: int, k: int, n_var: int
) -> None:
    problem = made(name, n_obj, k, n_var)
    front = problem.pareto_front()
    if front is None:
        assert (name, n_obj > 2) == ("WFG3", True)
        assert problem.pareto_set() is None
        return
    X = problem.pareto_set()
    assert ((problem.xl <= X) & (problem.xu >= X)).all()
    np.testing.assert_allclose(problem.compute(X).F, front, atol=1e-10)
    assert nondominated(front).all()
    np.testing.assert_allclose(problem.nadir_point(), 2.0 * np.arange(1, n_obj + 1), atol=1e-12)


@pytest.mark.parametrize("name", WFG[3:])
def test_concave_fronts_are_the_ellipsoid(name: str) -> None:
    front = getattr(moo.problems, name)(n_obj=4).pareto_front()
    np.testing.assert_allclose(((front / [2, 4, 6, 8]) ** 2).sum(1), 1)


@pytest.mark.parametrize("name", [n for n in WFG if n != "WFG3"])
def test_nothing_is_below_the_front_of_three_objectives(name: str) -> None:
    problem = getattr(moo.problems, name)(n_obj=3, n_var=10)
    rng = np.random.default_rng(0)
    X = problem.pareto_set()[rng.integers(300, size=3000)]
    moved = X + (rng.random(X.shape) < 0.3) * rng.normal(size=X.shape) * 0.1 * problem.xu
    F = problem.compute(np.clip(moved, problem.xl, problem.xu)).F
    excess = (problem.pareto_front()[None] - F[:, None]) / [2, 4, 6]
    assert excess.min(axis=2).max() < 1e-9


@pytest.mark.parametrize(("name", "volume"), [("WFG4", 8 - 2 * np.pi), ("WFG3", 4.0)])
def test_hypervolume_of_two_objectives(name: str, volume: float) -> None:
    """The quarter ellipse has the area pi / 4 * 2 * 4, the triangle 4."""
    front = getattr(moo.problems, name)().pareto_front(n_pareto_points=5000, use_cache=False, set_cache=False)
    assert volume - 5e-3 < moocore.hypervolume(front, ref=[2.0, 4.0]) < volume


def test_wfg2_has_five_pieces() -> None:
    f1 = np.sort(moo.problems.WFG2().pareto_front()[:, 0])
    assert (np.diff(f1) > 0.05).sum() == 4


def test_wfg3s_line_is_not_the_front_of_three_objectives() -> None:
    """At the distance 1/3 and the places 1: no point (t, 2 t, 6 (1 - t)) of the line is as good."""
    problem = moo.problems.WFG3(n_obj=3)
    y = np.array([[1.0] * 4 + [0.675] * 20])
    F = problem.compute(y * problem.xu).F[0]
    np.testing.assert_allclose(F, [5 / 3, 5 / 3, 1 / 3])
    t = np.linspace(0, 1, 10_001)
    assert not ((t <= F[0]) & (2 * t <= F[1]) & (6 * (1 - t) <= F[2])).any()


@pytest.mark.parametrize("name", WFG)
def test_slopes_are_finite_wherever_x_is(name: str) -> None:
    problem = getattr(moo.problems, name)(n_var=10)
    rng = np.random.default_rng(1)
    Y = rng.choice([0.0, 1e-300, 1e-12, 0.349, 0.35, 0.351, 0.5, 1.0], size=(60, 10))
    evaluation = problem.compute(Y * problem.xu, jacobian=True)
    assert np.isfinite(evaluation.F).all()
    assert np.isfinite(evaluation.J).all()


def test_wfg1_survives_the_rounding_of_its_optimum() -> None:
    """x / 2 i misses 0.35 in the last digit, and (1e-16)^0.02 is 0.48."""
    problem = moo.problems.WFG1()
    F = problem.compute(0.35 * problem.xu[None] * np.array([[0.0] * 4 + [1.0] * 20])).F
    np.testing.assert_allclose(F, [[0, 4]], atol=1e-12)


@given(arrays(np.float64, (3, 4), elements=unit), st.integers(1, 4))
def test_transformations_stay_in_the_unit_interval(y: np.ndarray, A: int) -> None:
    u = y[:, ::-1]
    for moved in (
        wfg.b_poly(y, 0.02), wfg.b_flat(y, 0.8, 0.75, 0.85), wfg.b_param(y, u), wfg.s_linear(y),
        wfg.s_decept(y), wfg.s_multi(y, 30, 10), wfg.s_multi(y, 30, 95), wfg.r_sum(y),
        wfg.r_nonsep(y, 4), wfg.means_after(y), wfg.means_before(y),
    ):  # fmt: skip
        assert ((moved >= 0) & (moved <= 1 + 1e-12)).all()


@given(arrays(np.float64, (2, 5), elements=unit))
def test_r_nonsep_is_the_papers_sum(y: np.ndarray) -> None:
    """Written with indices as in the paper, Table XI."""
    A, n = 5, 5
    expected = [
        sum(row[j] + sum(abs(row[j] - row[(j + 1 + s) % n]) for s in range(A - 1)) for j in range(n))
        / (n / A * 3 * (1 + 2 * A - 6))
        for row in y
    ]
    np.testing.assert_allclose(wfg.r_nonsep(y, A), expected, atol=1e-14)
    np.testing.assert_allclose(wfg.r_nonsep(torch.tensor(y), A).numpy(), expected, atol=1e-14)


def test_special_points_of_the_shifts() -> None:
    y = np.array([0.0, 0.35, 1.0])
    np.testing.assert_allclose(wfg.s_linear(y), [1, 0, 1])
    np.testing.assert_allclose(wfg.s_decept(y), [0.05, 0, 0.05], atol=1e-12)
    np.testing.assert_allclose(wfg.s_decept(np.array([0.349, 0.351])), 1)
    np.testing.assert_allclose(wfg.s_multi(y, 30, 10), [1, 0, 1], atol=1e-12)
    np.testing.assert_allclose(wfg.exponent_of(np.array([0.0, 0.5, 1.0])), [0.02, 1, 50])


@pytest.mark.parametrize(
    ("name", "sizes", "said"),
    [
        ("WFG1", {"n_obj": 1}, "n_obj=1 is not accepted"),
        ("WFG1", {"n_obj": 3, "k": 3}, "k=3 is not accepted: expected a multiple of n_obj - 1 = 2"),
        ("WFG1", {"k": 0}, "k=0 is not accepted"),
        ("WFG4", {"n_var": 4}, "n_var=4 is not accepted: expected more variables than k=4"),
        ("WFG2", {"n_var": 7}, "an even number more"),
        ("WFG3", {"n_obj": 3, "n_var": 9}, "an even number more"),
    ],
)
def test_bad_sizes_are_refused(name: str, sizes: dict[str, int], said: str) -> None:
    with pytest.raises(ProblemError, match=said):
        getattr(moo.problems, name)(**sizes)


def test_the_papers_sizes_are_the_defaults() -> None:
    assert [(p.k, p.n_var) for p in (moo.problems.WFG1(n_obj=m) for m in (2, 3, 5))] == [
        (4, 24), (4, 24), (8, 28),
    ]  # fmt: skip
