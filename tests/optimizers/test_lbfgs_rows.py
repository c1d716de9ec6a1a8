"""The compiled steps against what their papers' formulas give."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moo.optimizers.lbfgs_rows import Rows, forget, free_gradient, inverse_times, learn


def rows(d, k, n=1):
    return Rows.of(np.full((n, d), 0.5), np.zeros(d), np.ones(d), k)


def dense_inverse(pairs, diagonal):
    """BFGS's inverse Hessian after these pairs, updated as a matrix (Nocedal and Wright 2006, (6.17))."""
    H, eye = np.diag(diagonal), np.eye(len(diagonal))
    for s, y in pairs:
        rho = 1.0 / (s @ y)
        H = (eye - rho * np.outer(s, y)) @ H @ (eye - rho * np.outer(y, s)) + rho * np.outer(s, s)
    return H


@given(st.integers(0, 1000), st.integers(1, 12))
def test_the_direction_is_that_of_the_dense_bfgs_matrix(seed, n_pairs):
    d, k = 6, 5
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(d, d))
    A = root @ root.T + 0.1 * np.eye(d)
    state, pairs = rows(d, k), []
    for s in rng.normal(size=(n_pairs, d)):
        assert learn(state, 0, s, A @ s)
        pairs.append((s, A @ s))
    kept = pairs[-k:]
    S, Y = (np.array(part) for part in zip(*kept, strict=True))
    diagonal = np.sqrt((S**2).sum(0) / (Y**2).sum(0))
    g = rng.normal(size=d)
    expected = dense_inverse(kept, diagonal) @ g
    assert np.allclose(inverse_times(state, 0, g), expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())


def test_a_pair_along_which_the_function_bends_down_is_not_kept():
    state = rows(3, 4)
    s = np.array([1.0, 0.0, 0.0])
    assert not learn(state, 0, s, -s)
    assert not learn(state, 0, s, np.zeros(3))
    assert not learn(state, 0, s, np.full(3, np.nan))
    assert state.n_pairs[0] == 0


def test_a_row_forgets_alone():
    state = rows(3, 4, n=2)
    s = np.array([1.0, 0.0, 0.0])
    for r in (0, 1):
        learn(state, r, s, s)
    forget(state, 1)
    assert state.n_pairs.tolist() == [1, 0]


def test_a_gradient_that_points_out_of_the_box_is_held_back():
    state = rows(4, 2)
    state.here[0] = [0.0, 0.0, 1.0, 1.0]
    state.gradient[0] = [1.0, -1.0, 1.0, -1.0]
    assert free_gradient(state, 0).tolist() == [0.0, -1.0, 1.0, 0.0]
