"""The RE suite against the values of two implementations each, and against its own definitions.

re_values.json holds, for three points a problem, what the suite's own Python code (R. Tanabe, repository
ryojitanabe/reproblems with its corrections up to 2021-05-29) and a second implementation computed:
jMetalPy 1.9.0, DESDEO 1.6.1 (desdeo-problem; the constraints, whose violation it sums the wrong way
round), BoTorch 0.18.1 (VehicleSafety, CarSideImpact, DiscBrake) or jMetal 6 in Java (RE42, RE61, RE91).
The random variables of RE91 were at their means.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import moo
import moo.problems
from moo.errors import ProblemError
from moo.problems._re import Listed

VALUES = json.loads(Path(__file__).with_name("re_values.json").read_text())
SUITE = [21, 22, 23, 24, 25, 31, 32, 33, 34, 35, 36, 37, 41, 42, 61, 91]


def encoded(problem: moo.Problem, values: list[float]) -> np.ndarray:
    return problem.encode([dict(zip(problem.var_names, values, strict=True))])


def values_of(problem: moo.Problem, *values: float) -> np.ndarray:
    return np.asarray(problem.compute(encoded(problem, list(values))).F[0])


def test_the_suite_is_complete() -> None:
    assert set(VALUES) == {f"RE{number}" for number in SUITE} <= moo.problems.all_classes().keys()
    for name in VALUES:
        assert getattr(moo.problems, name)().n_obj == int(name[2])


@pytest.mark.parametrize("source", ["suite", "second"])
@pytest.mark.parametrize("name", VALUES)
def test_values_are_those_of_two_sources(name: str, source: str) -> None:
    problem = getattr(moo.problems, name)()
    for point in VALUES[name]["points"]:
        F = values_of(problem, *point["x"])
        np.testing.assert_allclose(F, point[source], rtol=1e-10, atol=1e-9)


BOUNDS = {
    "RE22": ([0, 0, 0], [75, 20, 40]),
    "RE23": ([1, 1, 10, 10], [100, 100, 200, 240]),
    "RE24": ([0.5, 0.5], [4, 50]),
    "RE25": ([1, 0.6, 0], [70, 3, 18]),
    "RE31": ([1e-5, 1e-5, 1], [100, 100, 3]),
    "RE33": ([55, 75, 1000, 11], [80, 110, 3000, 20]),
    "RE35": ([2.6, 0.7, 17, 7.3, 7.3, 2.9, 5], [3.6, 0.8, 28, 8.3, 8.3, 3.9, 5.5]),
    "RE41": ([0.5, 0.45, 0.5, 0.5, 0.875, 0.4, 0.4], [1.5, 1.35, 1.5, 1.5, 2.625, 1.2, 1.2]),
    "RE42": ([150, 20, 13, 10, 14, 0.63], [274.32, 32.31, 25, 11.71, 18, 0.75]),
    "RE61": ([0.01] * 3, [0.45, 0.1, 0.1]),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_are_the_papers(name: str) -> None:
    problem = getattr(moo.problems, name)()
    np.testing.assert_array_equal(problem.xl, BOUNDS[name][0])
    np.testing.assert_array_equal(problem.xu, BOUNDS[name][1])


DISCRETE = {
    "RE22": {"area"},
    "RE23": {"shell", "head"},
    "RE25": {"coils", "wire diameter"},
    "RE35": {"teeth"},
    "RE36": {"gear 1", "gear 2", "gear 3", "gear 4"},
}


@pytest.mark.parametrize("name", VALUES)
def test_whole_numbers_and_tables_are_where_the_paper_has_them(name: str) -> None:
    problem = getattr(moo.problems, name)()
    if name not in DISCRETE:
        assert problem.variables is None
        return
    by_name = problem.variables.by_name
    assert {n for n, variable in by_name.items() if not isinstance(variable, moo.Real)} == DISCRETE[name]


@pytest.mark.parametrize("name", DISCRETE)
def test_the_value_at_any_x_is_that_of_the_nearest_design(name: str) -> None:
    problem = getattr(moo.problems, name)()
    X = np.random.default_rng(2).uniform(problem.xl, problem.xu, (50, problem.n_var))
    np.testing.assert_array_equal(problem.compute(X).F, problem.compute(problem.repair(X)).F)


@pytest.mark.parametrize("name", DISCRETE)
def test_answers_are_canonical_and_named(name: str) -> None:
    result = moo.solve(getattr(moo.problems, name)(), moo.NSGA2(pop_size=12), budget=60, seed=1)
    problem = getattr(moo.problems, name)()
    np.testing.assert_array_equal(problem.repair(result.X), result.X)
    decoded = result.variables[0]
    np.testing.assert_array_equal(problem.encode([decoded])[0], result.X[0])


def test_gradient_methods_refuse_what_is_no_real_number() -> None:
    with pytest.raises(ProblemError, match="area of RE22 is Listed"):
        moo.solve(moo.problems.RE22(), moo.GradientDescent(), budget=50)


def test_a_reinforcement_out_of_the_table_is_refused() -> None:
    problem = moo.problems.RE22()
    assert values_of(problem, 3.10, 10.0, 20.0)[0] == pytest.approx(29.4 * 3.10 + 120)
    for area in (10.0, 3.11):
        with pytest.raises(ProblemError, match=r"variable 'area': .* is none of"):
            values_of(problem, area, 10.0, 20.0)


def test_a_table_gives_the_nearest_entry_to_tensors_and_arrays() -> None:
    table = Listed.of([1.0, 2.5, 7.0])
    places = np.array([-3.0, 0.4, 0.6, 1.9, 5.0])
    expected = [1.0, 1.0, 2.5, 7.0, 7.0]
    np.testing.assert_array_equal(table.numbers(places), expected)
    problem = moo.problems.RE22()
    np.testing.assert_array_equal(table.numbers(problem.to_tensor(places)).numpy(), expected)


# Worked by hand from the papers' statements.
BY_HAND = [
    ("RE22", [6.32, 8.5, 34.0], [29.4 * 6.32 + 0.6 * 289, 180 + 7.735 * 6.32**2 / 8.5 - 6.32 * 34]),
    ("RE22", [0.2, 20.0, 0.0], [5.88, 180 + 7.735 * 0.04 / 20]),
    ("RE24", [0.5, 0.5], [60.5, 18000 / 700 - 1 + 7 + 562000 / 87500 / 1.5 - 1 + 18000 / 1750 - 1]),
    ("RE31", [1.0, 1.0, 3.0], [5 + 10**0.5, 100 / 3, 4.9 + 10**0.5]),
    ("RE33", [80, 75, 3000, 20], [-0.721525, 9.82e6 * 155 / (6e4 * 18025), 25]),
    ("RE36", [12, 12, 12, 12], [5.931, 12, 5.931 / 6.931 - 0.5]),
    ("RE37", [0, 0, 0, 0], [0.692, 0.153, 0.37]),
    ("RE37", [1, 1, 0, 0], [0.3817, 0.3504, 0.0346]),
]


@pytest.mark.parametrize(("name", "x", "expected"), BY_HAND)
def test_values_by_hand(name: str, x: list[float], expected: list[float]) -> None:
    np.testing.assert_allclose(values_of(getattr(moo.problems, name)(), *x), expected, rtol=1e-12)


def test_re21_is_the_four_bar_truss() -> None:
    ours, theirs = moo.problems.RE21(), moo.problems.FourBarTruss()
    X = np.random.default_rng(0).uniform(ours.xl, ours.xu, (20, 4))
    np.testing.assert_array_equal(ours.compute(X).F, theirs.compute(X).F)
    np.testing.assert_array_equal(ours.pareto_front(), theirs.pareto_front())


def test_a_disc_brake_without_a_ring_has_a_finite_stopping_time() -> None:
    """R^3 - r^3 over R^2 - r^2 is (R^2 + R r + r^2) / (R + r), which the quotient is not at R = r."""
    beside, at = values_of(moo.problems.RE33(), 78, 78.000001, 2000, 15), 9.82e6 / (30000 * 1.5 * 78)
    assert beside[1] == pytest.approx(at, rel=1e-6)
    with np.errstate(divide="ignore"):
        assert values_of(moo.problems.RE33(), 78, 78.5, 2000, 15)[1] < at


def test_a_beam_of_no_width_is_violated_finitely() -> None:
    F = values_of(moo.problems.RE22(), 15.0, 0.0, 0.0)
    assert np.isfinite(F).all()
    assert F[1] > 1e9


class TestNoise:
    x = np.full((4, 7), 1.0)

    def test_noise_has_the_papers_size(self) -> None:
        problem = moo.problems.RE91(noisy=True)
        X = np.tile([1.0, 0.9, 1.0, 1.0, 1.5, 0.8, 0.8], (4000, 1))
        F = problem.compute(X, rng=np.random.default_rng(0)).F
        still = moo.problems.RE91().compute(X[:1]).F[0]
        assert np.ptp(F[:, 0]) == 0
        # V-pillar: x8 with -1.95 x2, x10 with 0.02054 x3 - 0.0198 x4 + 0.028 x6
        spread = np.hypot(1.95 * 0.9 * 0.006, (0.02054 - 0.0198 + 0.028 * 0.8) * 10) / 9.9
        assert F[:, 7].std() == pytest.approx(spread, rel=0.05)
        assert F[:, 7].mean() == pytest.approx(still[7], abs=4 * spread / 4000**0.5)

    def test_without_a_generator_it_is_the_problem_at_the_means(self) -> None:
        noisy, still = moo.problems.RE91(noisy=True), moo.problems.RE91()
        np.testing.assert_array_equal(noisy.compute(self.x).F, still.compute(self.x).F)

    def test_a_run_is_repeated_by_its_seed(self) -> None:
        first, second, other = (
            moo.solve(moo.problems.RE91(noisy=True), moo.NSGA2(pop_size=8), budget=40, seed=s)
            for s in (0, 0, 1)
        )
        np.testing.assert_array_equal(first.F, second.F)
        assert not np.array_equal(first.X, other.X)
