"""Fronts against closed forms, published numbers and an independent search."""

from __future__ import annotations

import moocore
import numpy as np
import pytest
from scipy.optimize import minimize

import moo.problems
from moo.problem import Problem

E4 = np.exp(-4)


def front(problem: Problem, n: int) -> np.ndarray:
    return problem.pareto_front(n_pareto_points=n, use_cache=False, set_cache=False)


def zdt3_hypervolume() -> float:
    """Over f1 in [0, 1.1], what lies between 1.1 and the lowest f2 up to f1."""
    x = np.linspace(0, 1, 1_000_001)
    lowest = np.minimum.accumulate(1 - np.sqrt(x) - x * np.sin(10 * np.pi * x))
    return float(np.mean(1.1 - lowest) + 0.1 * (1.1 - lowest[-1]))


def zdt6_hypervolume(a: float = 0.2807753191) -> float:
    return 0.1 * (1 - a) + (1 - a**3) / 3 + 0.1 * 1.1


def fonseca_hypervolume() -> float:
    """The integral of 1 - f2 over f1, with t from 1 to -1, and nothing outside the front's ends."""
    t = np.linspace(-1, 1, 200_001)
    f1, f2 = 1 - np.exp(-((t - 1) ** 2)), 1 - np.exp(-((t + 1) ** 2))
    return float(-np.trapezoid(1 - f2, f1) + E4 * 1.0)


HYPERVOLUMES = [
    ("ZDT1", 10_000, [1.1, 1.1], 2 / 3 + 0.21, 2e-4),
    ("ZDT2", 10_000, [1.1, 1.1], 1 / 3 + 0.21, 2e-4),
    ("ZDT3", 10_000, [1.1, 1.1], zdt3_hypervolume(), 2e-4),
    ("ZDT4", 10_000, [1.1, 1.1], 2 / 3 + 0.21, 2e-4),
    ("ZDT6", 10_000, [1.1, 1.1], zdt6_hypervolume(), 2e-4),
    ("Schaffer", 10_000, [4.0, 4.0], 40 / 3, 2e-3),
    ("FonsecaFleming", 10_000, [1.0, 1.0], fonseca_hypervolume(), 2e-4),
    ("DTLZ1", 5_000, [0.5] * 3, 0.5**3 * 5 / 6, 2e-3),
    ("DTLZ2", 5_000, [1.0] * 3, 1 - np.pi / 6, 1e-2),
    ("DTLZ3", 5_000, [1.0] * 3, 1 - np.pi / 6, 1e-2),
    ("DTLZ4", 5_000, [1.0] * 3, 1 - np.pi / 6, 1e-2),
]


@pytest.mark.parametrize(("name", "n", "reference", "exact", "missing"), HYPERVOLUMES)
def test_hypervolume_of_the_front(
    name: str, n: int, reference: list[float], exact: float, missing: float
) -> None:
    """A finite subset of the front has a little less than the whole, never more."""
    value = moocore.hypervolume(front(getattr(moo.problems, name)(), n), ref=reference)
    assert exact - missing < value < exact + 1e-6


def test_the_integral_for_fonseca_is_the_known_number() -> None:
    assert fonseca_hypervolume() == pytest.approx(0.3421, abs=5e-5)


def test_fonsecas_front_is_the_same_for_every_n() -> None:
    fronts = [front(moo.problems.FonsecaFleming(n_var=n), 50) for n in (1, 2, 10)]
    np.testing.assert_allclose(fronts[0], fronts[1], atol=1e-12)
    np.testing.assert_allclose(fronts[0], fronts[2], atol=1e-12)


# The ends of the fronts: exact where by hand, else the digits that are published.
ENDS = [
    ("ZDT1", [0, 0], [1, 1], 0),
    ("ZDT3", [0, -0.7733690], [0.8518328654, 1], 1e-7),
    ("ZDT6", [0.2807753191, 0], [1, 1 - 0.2807753191**2], 1e-9),
    ("DTLZ1", [0] * 3, [0.5] * 3, 0),
    ("DTLZ4", [0] * 3, [1] * 3, 0),
    ("DTLZ6", [0] * 3, [np.sqrt(0.5), np.sqrt(0.5), 1], 1e-15),
    ("DTLZ7", [0, 0, 2.61400858], [0.859400, 0.859400, 6], 1e-6),
    ("Schaffer", [0, 0], [4, 4], 0),
    ("FonsecaFleming", [0, 0], [1 - E4, 1 - E4], 1e-15),
    ("BNH", [0, 4], [136, 50], 0),
    ("SRN", [10.1, -217.739], [222.969, 2.61], 1e-3),
    ("OSY", [-274, 4], [-42, 76], 0),
    ("TNK", [0.041664, 0.041664], [1.03845, 1.03845], 1e-5),
    ("FourBarTruss", [1237.8414230005742, 0.002761423749158419], [2886.3695604236013, 0.04], 1e-9),
    ("WeldedBeam", [2.380957, 4.3904e-4], [36.4209, 0.01575916], 1e-4),
]


@pytest.mark.parametrize(("name", "ideal", "nadir", "tolerance"), ENDS)
def test_ideal_and_nadir(name: str, ideal: list[float], nadir: list[float], tolerance: float) -> None:
    problem = getattr(moo.problems, name)()
    np.testing.assert_allclose(problem.ideal_point(), ideal, rtol=1e-12, atol=tolerance)
    np.testing.assert_allclose(problem.nadir_point(), nadir, rtol=1e-12, atol=tolerance)


@pytest.mark.parametrize("name", ["DTLZ1", "DTLZ2", "DTLZ3", "DTLZ4", "DTLZ7"])
@pytest.mark.parametrize("n_obj", [2, 4, 6])
def test_dtlz_fronts_of_other_sizes_are_attained(name: str, n_obj: int) -> None:
    problem = getattr(moo.problems, name)(n_obj=n_obj)
    F = problem.compute(problem.pareto_set()).F
    order, expected = np.lexsort(F.T.round(6)), problem.pareto_front()
    np.testing.assert_allclose(F[order], expected[np.lexsort(expected.T.round(6))], atol=1e-9)
    assert (problem.ideal_point() < 0.5).sum() >= n_obj - 1


@pytest.mark.parametrize("name", ["DTLZ5", "DTLZ6"])
def test_two_objectives_bend_to_a_quarter_circle(name: str) -> None:
    F = getattr(moo.problems, name)(n_obj=2).pareto_front()
    np.testing.assert_allclose(np.linalg.norm(F, axis=1), 1, rtol=1e-14)


@pytest.mark.parametrize("name", ["DTLZ5", "DTLZ6"])
def test_no_front_where_the_papers_curve_is_not_the_front(name: str) -> None:
    """For four objectives the curve is (c / 2, c / 2, c / sqrt 2, s) with c^2 + s^2 = 1: a point with
    f4 = 0 and f1 < 1 / 2 is dominated by none of it."""
    problem = getattr(moo.problems, name)(n_obj=4)
    assert problem.pareto_front() is None
    assert problem.ideal_point() is None
    x = np.ones((1, problem.n_var))
    x[0, 0] = 0.0
    F = problem.compute(x).F[0]
    assert F[0] < 0.5
    assert F[3] == 0


def test_pymoos_srinivas_front_is_the_middle_part_of_ours() -> None:
    from pymoo.problems.multi.srn import SRN

    theirs, ours = SRN().pareto_front(), front(moo.problems.SRN(), 5000)
    middle = ours[(ours[:, 0] >= theirs[:, 0].min()) & (ours[:, 0] <= theirs[:, 0].max())]
    assert len(middle) < 0.9 * len(ours)
    np.testing.assert_allclose(middle.sum(1), theirs.sum(1).mean(), atol=1e-3)


@pytest.mark.parametrize("deflection", [0.015, 0.012, 0.002])
def test_welded_beam_against_slsqp(deflection: float) -> None:
    """The cheapest beam of at most this deflection, from several starts, with autograd's gradients."""
    problem = moo.problems.WeldedBeam()
    F = front(problem, 4000)

    def values(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        found = problem.compute(x[None], jacobian=True, constraint_jacobians=True)
        return found.F[0], found.J[0], found.G[0], found.dG[0]

    constraints = [
        {"type": "ineq", "fun": lambda x: -values(x)[2], "jac": lambda x: -values(x)[3]},
        {
            "type": "ineq",
            "fun": lambda x: 1 - values(x)[0][1] / deflection,
            "jac": lambda x: -values(x)[1][1] / deflection,
        },
    ]
    costs = []
    for start in ([0.5, 4.0, 9.0, 0.6], [0.3, 6.0, 9.5, 0.3], [1.5, 1.0, 9.5, 4.0]):
        found = minimize(
            lambda x: values(x)[0][0],
            start,
            jac=lambda x: values(x)[1][0],
            method="SLSQP",
            bounds=list(zip(problem.xl, problem.xu, strict=True)),
            constraints=constraints,
            options={"ftol": 1e-12, "maxiter": 300},
        )
        if found.success and values(found.x)[2].max() < 1e-8:
            costs.append(found.fun)
    expected = np.interp(deflection, F[::-1, 1], F[::-1, 0])
    assert min(costs) == pytest.approx(expected, rel=1e-5)
