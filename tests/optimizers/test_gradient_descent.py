"""Multi-gradient descent: Pareto-stationary ends, bounds, constraints, minibatches."""

import dataclasses

import numpy as np
import pytest

import moo
from moo.aggregation import aggregators
from moo.aggregation.mgda import MGDA
from moo.errors import OptionError


def first(x):
    return ((x - 1.0) ** 2).sum()


def second(x):
    return ((x + 1.0) ** 2).sum()


def on_the_segment(X, tolerance):
    """The Pareto set of the two quadratics is x = t (1, .., 1), t in [-1, 1]."""
    t = X.mean(axis=1, keepdims=True)
    return np.abs(X - t).max() < tolerance and np.abs(t).max() <= 1.0 + tolerance


@pytest.mark.parametrize("aggregator", ["mgda", MGDA(normalize=True)])
def test_rows_end_on_the_pareto_set(aggregator):
    problem = moo.Problem([first, second], xl=[-2.0] * 4, xu=[2.0] * 4)
    optimizer = moo.GradientDescent(n=20, aggregator=aggregator)
    result = moo.solve(problem, optimizer, budget=20_000)
    assert len(result.X) > 5
    assert on_the_segment(result.X, 0.02)


def test_the_mean_ends_at_the_minimiser_of_the_equal_sum():
    problem = moo.Problem([first, second], xl=[-2.0] * 4, xu=[2.0] * 4)
    result = moo.solve(problem, moo.GradientDescent(n=5, aggregator="mean"), budget=10_000)
    assert np.abs(result.X).max() < 0.01


def test_any_callable_is_an_aggregator():
    problem = moo.Problem([first, second], xl=[-2.0] * 2, xu=[2.0] * 2)
    only_first = moo.GradientDescent(n=4, aggregator=lambda J: J[:, 0])
    result = moo.solve(problem, only_first, budget=4000)
    assert np.abs(result.F[:, 0]).min() < 1e-3


def test_an_active_constraint_and_bound_hold():
    problem = moo.Problem([first, second], xl=[-2.0, -0.5], xu=[2.0, 2.0], inequality=[lambda x: 0.3 - x[0]])
    result = moo.solve(problem, moo.GradientDescent(n=20), budget=20_000)
    assert result.feasible
    assert (result.X[:, 0] >= 0.3 - 1e-6).all()
    assert (result.X[:, 1] >= -0.5).all()


def test_rows_at_rest_cost_nothing_more():
    problem = moo.Problem([first, second], xl=[-2.0], xu=[2.0])
    result = moo.solve(problem, moo.GradientDescent(n=5, tolerance=1e-3), budget=100_000)
    assert result.status == "converged"
    assert result.cost.total < 50_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"aggregator": "mgd"}, "did you mean 'mgda'"),
        ({"n": 0}, "n=0"),
        ({"learning_rate": 0.0}, "learning_rate=0.0"),
        ({"tolerance": -1.0}, "tolerance=-1.0"),
    ],
)
def test_bad_options_get_one_sentence(options, message):
    with pytest.raises(OptionError, match=message):
        moo.GradientDescent(**options)


@pytest.mark.parametrize("aggregator", ["mgda", MGDA(normalize=True)])
def test_with_armijos_rule_no_objective_ever_rises(aggregator):
    """Rosenbrock's valley and a bowl elsewhere: a curved front, where a fixed step overshoots."""

    def valley(x):
        return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2

    problem = moo.Problem([valley, second], xl=[-2.0] * 2, xu=[2.0] * 2)
    optimizer = moo.GradientDescent(n=6, aggregator=aggregator, inner="armijo", tolerance=1e-4)
    start = np.random.default_rng(1).uniform(-2, 2, (6, 2))
    optimizer = dataclasses.replace(optimizer, sampling=start)
    result = moo.solve(problem, optimizer, budget=20_000)
    begun = problem.evaluate(start, return_values_of=["F"])
    for f in result.F:  # every end dominates a start
        assert (f <= begun + 1e-9).all(axis=1).any()


def test_armijos_rule_ends_on_the_pareto_set():
    problem = moo.Problem([first, second], xl=[-2.0] * 4, xu=[2.0] * 4)
    result = moo.solve(problem, moo.GradientDescent(n=20, inner="armijo"), budget=20_000)
    assert result.status == "converged"
    assert on_the_segment(result.X, 1e-4)


def test_diagnostics_follow_the_run():
    problem = moo.Problem([first, second], xl=[-2.0] * 4, xu=[2.0] * 4)
    seen = moo.solve(problem, moo.GradientDescent(n=20), budget=20_000).diagnostics
    assert len(seen["cost"]) > 10
    assert (np.diff(seen["cost"]) > 0).all()
    assert seen["cosine"][-1, 0, 1] == pytest.approx(-1.0, abs=0.05)  # on the Pareto set they are opposite
    assert seen["conflict"][-1] > seen["conflict"][0]


@pytest.mark.parametrize(
    "options", [{"inner": "newton"}, {"aggregator": 3}, {"aggregator": "mgda-normalised"}]
)
def test_unknown_names_are_refused(options):
    with pytest.raises(OptionError, match="unknown"):
        moo.GradientDescent(**options)


@pytest.mark.parametrize("name", sorted(aggregators()))
def test_every_aggregator_drives_descent(name):
    """From one corner, with losses above zero, each ends lower in at least one objective."""
    problem = moo.Problem([first, second], xl=[-2.0] * 3, xu=[2.0] * 3)
    start = np.array([[1.5, -1.5, 1.8], [-1.0, 1.9, 0.3]])
    begun = problem.evaluate(start, return_values_of=["F"])
    result = moo.solve(problem, moo.GradientDescent(n=2, aggregator=name, sampling=start), budget=2000)
    assert len(result.F) >= 1
    assert (result.F.min(axis=0) < begun.min(axis=0)).any()
    weights = result.diagnostics["weights"]
    assert weights.shape[1] == 2
    if name not in ("GradDrop", "TorchJD"):  # which give none
        assert np.isfinite(weights).all()


def test_weights_from_losses_alone_cost_one_backward_pass():
    problem = moo.Problem([first, second], xl=[-2.0] * 3, xu=[2.0] * 3)
    by_losses = moo.solve(problem, moo.GradientDescent(n=4, aggregator="geometricmean"), budget=1000)
    by_gradients = moo.solve(problem, moo.GradientDescent(n=4, aggregator="mgda"), budget=1000)
    assert by_losses.cost.n_vjp <= by_losses.cost.n_f
    assert by_gradients.cost.n_vjp > 1.9 * by_gradients.cost.n_f
    with pytest.raises(OptionError, match="weights from losses alone"):
        moo.GradientDescent(aggregator="dwa", inner="armijo")
