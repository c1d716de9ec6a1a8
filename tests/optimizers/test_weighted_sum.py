"""Weighted sums against closed forms, with every inner method."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

import moo
from moo.errors import OptionError, ProblemError

INNER = ["lbfgs", "adam", "slsqp", "ga"]


def first(x):
    return ((x - 1.0) ** 2).sum()


def second(x):
    return ((x + 1.0) ** 2).sum()


def quadratics(**options):
    """Minimiser of w1 f1 + w2 f2 is (w1 - w2) / (w1 + w2) in every variable."""
    return moo.Problem([first, second], xl=[-2.0] * 3, xu=[2.0] * 3, **options)


@pytest.mark.parametrize("inner", INNER)
def test_one_weight_vector_gives_the_closed_form_minimiser(inner):
    result = moo.solve(quadratics(), moo.WeightedSum(weights=[0.7, 0.3], inner=inner), budget=3000)
    assert result.X.shape == (1, 3)
    assert result.X[0] == pytest.approx(0.4, abs=2e-2 if inner == "ga" else 2e-4)
    assert result.weights == pytest.approx(np.array([[0.7, 0.3]]))
    assert result.weighted[0] == pytest.approx(0.7 * 3 * 0.36 + 0.3 * 3 * 1.96, abs=1e-3)


@pytest.mark.parametrize("inner", ["lbfgs", "slsqp"])
def test_many_weight_vectors_lie_on_the_closed_form_front(inner):
    result = moo.solve(quadratics(), moo.WeightedSum(n=11, inner=inner), budget=6000)
    assert len(result.X) == 11
    difference = (result.weights[:, 0] - result.weights[:, 1])[:, None]
    assert np.allclose(result.X, difference, atol=1e-4)
    assert np.allclose(np.sqrt(result.F / 3).sum(axis=1), 2.0, atol=1e-4)
    assert result.status == "converged"


@pytest.mark.parametrize("inner", INNER)
def test_an_active_constraint_holds_and_binds(inner):
    def above(x):  # keeps x1 >= 0.8, where the sum alone would have 0
        return 0.8 - x[0]

    problem = quadratics(inequality=[above])
    result = moo.solve(problem, moo.WeightedSum(weights=[0.5, 0.5], inner=inner), budget=4000)
    assert result.feasible
    assert 0.8 - 1e-6 <= result.X[0, 0] <= 0.8 + (2e-2 if inner == "ga" else 1e-3)
    tolerance = {"ga": 5e-2, "adam": 1e-2}.get(inner, 1e-3)
    assert result.X[0, 1:] == pytest.approx(0.0, abs=tolerance)


@pytest.mark.parametrize("inner", ["lbfgs", "adam", "slsqp"])
def test_an_equality_is_met(inner):
    problem = quadratics(equality=[lambda x: x[0] + x[1] - 1.0])
    result = moo.solve(problem, moo.WeightedSum(weights=[0.5, 0.5], inner=inner), budget=4000)
    assert result.feasible
    assert result.X[0] == pytest.approx([0.5, 0.5, 0.0], abs=2e-3)


@pytest.mark.parametrize("inner", INNER)
def test_an_active_bound_holds(inner):
    problem = moo.Problem([first, second], xl=[-2.0] * 2, xu=[0.25, 2.0])
    result = moo.solve(problem, moo.WeightedSum(weights=[1.0, 0.0], inner=inner), budget=3000)
    assert result.X[0, 0] <= 0.25
    assert result.X[0] == pytest.approx([0.25, 1.0], abs=2e-2 if inner == "ga" else 1e-4)


def test_units_do_not_decide_where_the_weight_vectors_are_spread():
    plain = quadratics()
    scaled = moo.Problem([lambda x: 1e4 * first(x), lambda x: 1e-3 * second(x)], xl=[-2.0] * 3, xu=[2.0] * 3)
    spread = moo.solve(plain, moo.WeightedSum(n=7), budget=5000).X
    assert np.allclose(moo.solve(scaled, moo.WeightedSum(n=7), budget=5000).X, spread, atol=1e-3)


def test_a_concave_front_leaves_only_its_ends():
    result = moo.solve(moo.problems.ZDT2(), moo.WeightedSum(n=20), budget=10_000)
    inside = (result.F > 0.05).all(axis=1) & (result.F < 0.95).all(axis=1)
    assert not inside.any()


def test_welded_beam_agrees_with_scipys_slsqp_from_many_starts():
    problem = moo.problems.WeldedBeam()
    weights = np.array([0.1, 1000.0])
    rng = np.random.default_rng(0)
    best = np.inf
    for start in problem.sample(10, rng):
        found = minimize(
            lambda x: float(problem.compute(x[None]).F[0] @ weights),
            start,
            bounds=list(zip(problem.xl, problem.xu, strict=True)),
            constraints={"type": "ineq", "fun": lambda x: -problem.compute(x[None]).G[0]},
            method="SLSQP",
        )
        if found.success:
            best = min(best, found.fun)
    result = moo.solve(problem, moo.WeightedSum(weights=weights), budget=4000)
    assert result.feasible
    assert result.weighted[0] <= best * 1.002


def test_numpy_objectives_are_descended_by_counted_finite_differences():
    problem = quadratics(backend="numpy")
    result = moo.solve(problem, moo.WeightedSum(weights=[0.7, 0.3]), budget=3000)
    assert result.X[0] == pytest.approx(0.4, abs=1e-3)
    assert result.cost.n_vjp == 0
    assert (result.cost.n_f - 50) % 4 == 0  # the sample, then one point and three differences a time


def test_unbounded_variables_are_fine_but_not_for_the_genetic_algorithm():
    problem = moo.Problem([first, second], n_var=2)
    result = moo.solve(problem, moo.WeightedSum(weights=[0.7, 0.3]), budget=2000)
    assert result.X[0] == pytest.approx(0.4, abs=1e-4)
    with pytest.raises(ProblemError, match="needs finite bounds"):
        moo.solve(problem, moo.WeightedSum(inner="ga"), budget=100)


def test_three_objectives():
    goals = torch.eye(3, dtype=torch.float64)
    problem = moo.Problem(
        lambda x: ((x - goals.to(x.dtype)) ** 2).sum(1), n_obj=3, xl=[-1.0] * 3, xu=[2.0] * 3
    )
    result = moo.solve(problem, moo.WeightedSum(n=15), budget=6000)
    assert np.allclose(result.X, result.weights, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inner": "slqp"}, "did you mean 'slsqp'"),
        ({"n": 0}, "n=0 is not accepted"),
        ({"learning_rate": -1.0}, "learning_rate=-1.0"),
        ({"pop_size": 2}, "pop_size=2"),
    ],
)
def test_bad_options_get_one_sentence(options, message):
    with pytest.raises(OptionError, match=message):
        moo.WeightedSum(**options)


def test_weights_of_another_length_get_one_sentence():
    with pytest.raises(OptionError, match=r"expected \(n, 2\)"):
        moo.solve(quadratics(), moo.WeightedSum(weights=[1.0, 1.0, 1.0]), budget=100)
