"""The system that IMTL-G and ConFIG solve, against a pseudo-inverse."""

import numpy as np
import pytest

from moo.aggregation.gramians import solve_by_factors, solve_for_ones

EPS = np.finfo(float).eps


def _units(m: int, d: int, seed: int) -> np.ndarray:
    J = np.random.default_rng(seed).standard_normal((m, d))
    return J / np.linalg.norm(J, axis=1, keepdims=True)


def _by_factors(gramian: np.ndarray, k: int | None = None) -> tuple[np.ndarray, bool]:
    solution = np.ones(len(gramian))
    independent = solve_by_factors(gramian.copy(), solution, len(gramian) if k is None else k)
    return solution, independent


def _near(apart: float, m: int = 4) -> np.ndarray:
    """Unit vectors, the last so far from the span of the others."""
    U = _units(m, 12, 0)
    basis = np.linalg.qr(U[:-1].T)[0]
    inside, outside = basis @ basis.T @ U[-1], U[-1] - basis @ basis.T @ U[-1]
    inside, outside = (v / np.linalg.norm(v) for v in (inside, outside))
    return np.vstack([U[:-1], np.sqrt(1 - apart**2) * inside + apart * outside])


@pytest.mark.parametrize("m", [1, 2, 3, 8, 20])
def test_independent_gradients_are_solved_by_factors(m):
    U = _units(m, 100, m)
    solution, independent = _by_factors(U @ U.T)
    assert independent
    np.testing.assert_allclose(U @ U.T @ solution, np.ones(m), rtol=1e-12)
    np.testing.assert_array_equal(solve_for_ones(U @ U.T, EPS), solution)


@pytest.mark.parametrize(("apart", "factors"), [(0.5, True), (0.11, True), (0.09, False), (1e-4, False)])
def test_both_ways_meet_where_gradients_come_near_a_span(apart, factors):
    gramian = _near(apart) @ _near(apart).T
    assert _by_factors(gramian)[1] == factors
    expected = np.linalg.pinv(gramian, hermitian=True) @ np.ones(4)
    np.testing.assert_allclose(solve_for_ones(gramian, EPS), expected, rtol=1e-6)


def test_dependent_gradients_get_the_shortest_solution():
    U = np.vstack([_units(2, 5, 1), _units(2, 5, 1)[:1]])
    assert not _by_factors(U @ U.T)[1]
    expected = np.linalg.pinv(U @ U.T, rcond=1e-12, hermitian=True) @ np.ones(3)
    np.testing.assert_allclose(solve_for_ones(U @ U.T, EPS), expected, atol=1e-9)
    assert expected[0] == pytest.approx(expected[2])
    opposite = np.array([[1.0, -1.0], [-1.0, 1.0]])
    assert not solve_for_ones(opposite, EPS).any()


def test_factors_of_the_leading_equations_leave_the_others_alone():
    U = _units(5, 12, 2)
    gramian = U @ U.T
    gramian[3:], gramian[:, 3:] = np.nan, np.nan
    solution, independent = _by_factors(gramian, 3)
    assert independent
    np.testing.assert_allclose(gramian[:3, :3] @ solution[:3], np.ones(3), rtol=1e-12)
    np.testing.assert_array_equal(solution[3:], np.ones(2))
