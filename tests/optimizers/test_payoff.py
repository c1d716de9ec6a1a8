"""The weight vectors of the individual minima, and the points tried between them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import moo
from moo.optimizers.payoff import between_minima, payoff_weights


def problem_of(n_obj, n_var=6, xl=0.0, xu=1.0):
    return moo.Problem([lambda x: x[0]] * n_obj, n_var=n_var, xl=xl, xu=xu)


@pytest.mark.parametrize("n_obj", [1, 2, 3, 5, 20])
def test_weights_are_on_the_simplex_and_each_objective_leads_once(n_obj):
    W = payoff_weights(n_obj)
    assert W.sum(axis=1) == pytest.approx(1.0)
    assert (W > 0).all()
    assert (W[:n_obj].argmax(axis=1) == np.arange(n_obj)).all()
    if n_obj > 2:
        assert (W[n_obj:].argmin(axis=1) == np.arange(n_obj)).all()


def test_minima_that_differ_in_two_variables_span_a_grid_over_both():
    """DTLZ2: a triangle between three minima would leave half of the square."""
    corners = np.full((6, 6), 0.5)
    corners[:, :2] = [[0, 0], [0, 1], [1, 0.3], [1, 1], [0.2, 1], [0, 0.6]]
    X = between_minima(problem_of(3), corners, 100)
    assert X.shape == (14**2, 6)
    assert (X[:, 2:] == 0.5).all()
    levels = np.linspace(0.0, 1.0, 14)
    assert {tuple(x) for x in X[:, :2].round(9)} == {(a, b) for a in levels.round(9) for b in levels.round(9)}


def test_minima_that_differ_in_more_variables_span_a_simplex():
    corners = np.random.default_rng(0).random((6, 6))
    X = between_minima(problem_of(3), corners, 50)
    assert len(X) == 47
    shares = np.linalg.lstsq(corners[3:].T, X.T, rcond=None)[0].T
    assert (shares > -1e-9).all()
    assert shares.sum(axis=1) == pytest.approx(1.0)
    assert shares @ corners[3:] == pytest.approx(X)


@given(st.integers(2, 8), st.integers(1, 120), st.integers(0, 10**6))
def test_points_are_within_the_box_and_about_as_many_as_wanted(n_obj, n, seed):
    rng = np.random.default_rng(seed)
    corners = np.full((len(payoff_weights(n_obj)), 6), 0.25)
    moving = rng.choice(6, min(rng.integers(1, 6), 6), replace=False)
    corners[:, moving] = rng.random((len(corners), len(moving)))
    X = between_minima(problem_of(n_obj), corners, n)
    if n <= n_obj:
        assert X is None or len(X) <= 2 * n
    else:
        assert n - n_obj <= len(X) <= 2 * n
        assert ((X >= 0) & (X <= 1)).all()


def test_two_minima_are_joined_by_a_line():
    X = between_minima(problem_of(2), np.array([[0.0] * 6, [1.0] * 6]), 5)
    assert np.sort(X[:, 0]) == pytest.approx([0.25, 0.5, 0.75])


def test_tensors_give_tensors_within_their_own_bounds():
    problem = problem_of(3, xl=0.1, xu=0.7)
    corners = torch.full((6, 6), 0.1)
    corners[1:3, 0], corners[2:5, 1] = 0.7, 0.7
    X = between_minima(problem, corners, 50)
    assert isinstance(X, torch.Tensor)
    assert ((X.double() >= 0.1) & (X.double() <= 0.7)).all()


def test_unbounded_variables_span_a_grid_too():
    corners = np.zeros((6, 6))
    corners[1:3, 0], corners[2:5, 1] = 1e3, -400.0
    X = between_minima(problem_of(3, xl=-np.inf, xu=np.inf), corners, 50)
    assert np.ptp(X, axis=0) == pytest.approx([1e3, 400.0, 0, 0, 0, 0])


def test_nothing_is_between_choices():
    problem = moo.Problem(
        [lambda x: x[0], lambda x: -x[0]], variables={"kind": moo.Choice(["a", "b"])}, backend="numpy"
    )
    assert between_minima(problem, np.array([[0.0], [1.0]]), 10) is None
