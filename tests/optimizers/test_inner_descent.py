"""What the rows of `InnerDescent` minimise, where it is not their scalar function itself."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import moo
from moo.budget import Budget
from moo.failures import OnError
from moo.indicators import hypervolume
from moo.loop import Run
from moo.optimizers.inner_descent import _slowed

VALUES = st.floats(-1e15, 1e15)


@given(VALUES, VALUES)
def test_slowed_values_keep_their_order(a, b):
    slowed, _ = _slowed(np.array([a, b]), np.ones((2, 1)))
    apart = abs(a - b) > 1e-12 * max(abs(a), abs(b), 1.0)  # else rounding may bring them together
    assert np.sign(slowed[0] - slowed[1]) in ((np.sign(a - b),) if apart else (0.0, np.sign(a - b)))


@given(st.floats(-10.0, 1e15))
def test_values_that_the_sample_promised_stay_as_they_are(value):
    slowed, slopes = _slowed(np.array([value]), np.array([[3.0, -4.0]]))
    assert slowed[0] == value
    np.testing.assert_array_equal(slopes, [[3.0, -4.0]])


@given(st.floats(-1e6, 0.0), st.floats(0.5, 2.0))
def test_slowed_slopes_are_those_of_the_slowed_values(value, slope):
    step = 1e-6 * max(abs(value), 1.0)
    values, slopes = _slowed(value + slope * np.array([-step, 0.0, step]), np.full((3, 1), slope))
    assert (values[2] - values[0]) / (2 * step) == pytest.approx(slopes[1, 0], rel=1e-4)


def test_minima_in_the_middle_of_a_plateau_are_found_soon():
    """1 - exp(-|x - a|^2) is 1 to the last digit at every random point of the box."""
    problem, optimizer = moo.problems.FonsecaFleming(10), moo.HypervolumeGradient(n=10)
    results = [moo.solve(problem, optimizer, budget=600, seed=seed) for seed in range(9)]
    assert np.median([hypervolume(result.F, np.ones(2)) for result in results]) > 0.29


class Rewards(moo.Problem):
    """One of two rewards at a time, far larger than at random points; their mean is greatest at x1 = 5."""

    stochastic = True

    def __init__(self):
        super().__init__(n_var=8, n_obj=2, xl=-5.0, xu=5.0)

    def objectives(self, x, rng=None):
        share = 0.5 if rng is None else float(rng.random() < 0.5)
        far, place = (x[1:] ** 2).sum(), (x[0] + 5) / 10
        height = share * 1e6 * place + (1 - share) * 0.3e6 * (1 - place)
        reward = 1e-3 * far - height * torch.exp(-0.5 * far)
        return torch.stack([reward, reward])


def test_of_minibatches_the_mean_is_minimised_and_not_that_of_logarithms():
    result = moo.solve(Rewards(), moo.WeightedSum(n=3), budget=6000, seed=0)
    assert result.F.min() < -490_000


def test_minima_under_constraints_are_found_to_what_scales_and_starts_need():
    """BNH's constraints hold at its minima; each further update of the multipliers would cost a descent."""
    problem = moo.problems.BNH()
    run = Run.start(problem, moo.Scalarized(n=10), Budget.of(5000), 0, OnError.of("skip"))
    while run.state.pool is None or run.state.payoff:
        run.state = run.optimizer.step(run.evaluate, run.state)
    assert run.evaluate.cost < 200
    front = problem.pareto_front()
    assert run.state.answer.F.min(axis=0) == pytest.approx(front.min(axis=0), abs=0.05)
