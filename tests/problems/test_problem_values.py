"""Values against pymoo's problems, which are an independent source, and against numbers by hand."""

from __future__ import annotations

import numpy as np
import pytest
from pymoo.problems import get_problem

import moo.problems
from moo.errors import ProblemError
from moo.problem import Problem


def assert_same(ours: Problem, theirs: str, **sizes: int) -> None:
    other = get_problem(theirs, **sizes)
    X = np.random.default_rng(1).uniform(ours.xl, ours.xu, (200, ours.n_var))
    evaluation = ours.compute(X)
    np.testing.assert_allclose(
        evaluation.F, other.evaluate(X, return_values_of=["F"]), rtol=1e-10, atol=1e-12
    )
    if other.n_ieq_constr:
        G = other.evaluate(X, return_values_of=["G"])
        np.testing.assert_allclose(evaluation.G, G, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["ZDT1", "ZDT2", "ZDT3", "ZDT4", "ZDT6"])
@pytest.mark.parametrize("n_var", [2, 11])
def test_zdt_is_pymoos(name: str, n_var: int) -> None:
    assert_same(getattr(moo.problems, name)(n_var=n_var), name.lower(), n_var=n_var)


@pytest.mark.parametrize("name", [f"DTLZ{i}" for i in range(1, 8)])
@pytest.mark.parametrize(("n_obj", "n_var"), [(2, 2), (2, 6), (3, 12), (5, 9)])
def test_dtlz_is_pymoos(name: str, n_obj: int, n_var: int) -> None:
    ours = getattr(moo.problems, name)(n_obj=n_obj, n_var=n_var)
    assert_same(ours, name.lower(), n_obj=n_obj, n_var=n_var)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("BNH", "bnh"),
        ("OSY", "osy"),
        ("TNK", "tnk"),
        ("SRN", "srn"),
        ("Kursawe", "kursawe"),
        ("WeldedBeam", "welded_beam"),
    ],
)
def test_the_others_are_pymoos(name: str, theirs: str) -> None:
    assert_same(getattr(moo.problems, name)(), theirs)


BY_HAND = [
    ("ZDT1", {"n_var": 3}, [0.25, 1, 1], [0.25, 10 * (1 - np.sqrt(0.025))]),
    ("ZDT3", {"n_var": 3}, [0.25, 0, 0], [0.25, 0.25]),  # sin(2.5 pi) = 1
    ("ZDT4", {"n_var": 2}, [1, 0.25], [1, 21.0625 - np.sqrt(21.0625)]),  # g = 11 + 1/16 + 10
    ("ZDT6", {"n_var": 2}, [0, 1 / 16], [1, 5.5 - 1 / 5.5]),  # g = 1 + 9 / 2
    ("DTLZ1", {"n_var": 3}, [0.5, 0.25, 0.5], [0.0625, 0.1875, 0.25]),
    ("DTLZ2", {"n_var": 3}, [1 / 3, 0, 1], [1.25 * np.sqrt(0.75), 0, 0.625]),
    ("DTLZ4", {"n_var": 3}, [0, 1, 0.5], [0, 1, 0]),
    ("DTLZ5", {"n_var": 3}, [0, 0.3, 0.5], [np.sqrt(0.5), np.sqrt(0.5), 0]),
    ("DTLZ7", {"n_var": 4}, [0, 0.5, 0, 0], [0, 0.5, 6]),  # 1 + sin(1.5 pi) = 0
    ("Schaffer", {}, [-1], [1, 9]),
    ("FonsecaFleming", {"n_var": 4}, [0.5] * 4, [0, 1 - np.exp(-4)]),
    ("Kursawe", {}, [1, 0, -1], [-20 * np.exp(-0.2), 2]),
    ("Viennet", {}, [0, 0], [0, 17 + 1 / 27, -0.1]),
    ("Viennet", {}, [-2, -1], [2.5 + np.sin(5), 15, 1 / 6 - 1.1 * np.exp(-5)]),
    ("BNH", {}, [5, 3], [136, 4]),
    ("SRN", {}, [-2.5, 2.5], [24.5, -24.75]),
    ("OSY", {}, [5, 1, 5, 0, 5, 0], [-274, 76]),
    ("TNK", {}, [1, 0.5], [1, 0.5]),
    ("FourBarTruss", {}, [1, np.sqrt(2), np.sqrt(2), 1], [200 * (5 + 2**0.25), 0.04]),
    ("WeldedBeam", {}, [1, 2, 10, 1], [1.10471 * 2 + 0.04811 * 160, 2.1952e-3]),
]


@pytest.mark.parametrize(("name", "sizes", "x", "expected"), BY_HAND)
def test_values_by_hand(name: str, sizes: dict[str, int], x: list[float], expected: list[float]) -> None:
    problem = getattr(moo.problems, name)(**sizes)
    F = problem.compute(np.array([x], dtype=float)).F[0]
    np.testing.assert_allclose(F, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("TNK", [1, 1], [-0.9, 0]),  # the angle is pi / 4, cos(4 pi) = 1
        ("TNK", [0, 0], [1.1, 0]),
        ("BNH", [0, 0], [0, (7.7 - 73) / 7.7]),
        ("SRN", [15, 0], [0, 25]),
        ("OSY", [1, 1, 3, 4, 3, 4], [0, -4 / 6, -1, -2, 0, 0]),
    ],
)
def test_constraints_by_hand(name: str, x: list[float], expected: list[float]) -> None:
    G = getattr(moo.problems, name)().compute(np.array([x], dtype=float)).G[0]
    np.testing.assert_allclose(G, expected, rtol=1e-12, atol=1e-15)


def test_dtlz_defaults_are_the_papers() -> None:
    sizes = [getattr(moo.problems, f"DTLZ{i}")(n_obj=4).n_var for i in range(1, 8)]
    assert sizes == [8, 13, 13, 13, 13, 13, 23]


@pytest.mark.parametrize("sizes", [{"n_obj": 1}, {"n_obj": 3, "n_var": 2}, {"n_obj": 2.0}, {"n_obj": True}])
def test_bad_sizes_of_dtlz_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(ProblemError, match="is not accepted: expected"):
        moo.problems.DTLZ2(**sizes)


@pytest.mark.parametrize("bound", [1.9, -5, float("nan")])
def test_a_box_that_cuts_schaffers_front_is_refused(bound: float) -> None:
    with pytest.raises(ProblemError, match=r"bound=.* is not accepted"):
        moo.problems.Schaffer(bound=bound)
