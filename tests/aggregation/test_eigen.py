"""Eigenvalues of small matrices against LAPACK's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moo.aggregation import eigen as module
from moo.aggregation.eigen import eigen


def check(A: np.ndarray, find=eigen) -> None:
    given_A = A.copy()
    values, vectors = find(A)
    np.testing.assert_array_equal(A, given_A)
    size = 1e-14 * max(abs(A).max(), 1e-300) * len(A)
    np.testing.assert_allclose(np.sort(values), np.linalg.eigvalsh(A), rtol=0, atol=size)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(len(A)), rtol=0, atol=1e-14 * len(A))
    np.testing.assert_allclose(vectors.T * values @ vectors, A, rtol=0, atol=size)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 10_000), st.sampled_from([0.0, 3.0, 10.0]))
def test_gramians_of_any_rank_and_grading(m, d, seed, decades):
    rng = np.random.default_rng(seed)
    J = rng.standard_normal((m, d)) * 10.0 ** -(decades * rng.random((m, 1)))
    check(J @ J.T / np.sum(J**2))


@pytest.mark.parametrize(
    "A",
    [
        np.zeros((4, 4)),
        np.eye(5),
        np.ones((6, 6)),
        np.diag([1.0, 1e-160, 0.0, 1e-300]),
        np.fliplr(np.eye(5)),
        np.array([[1.0, 1e-20, 1e-170], [1e-20, 1.0, 1e-160], [1e-170, 1e-160, 1.0]]),
        np.array([[1.0, 0.0, 1e-162], [0.0, 1.0, 0.0], [1e-162, 0.0, 0.5]]),
        np.array([[0.0, 1.0], [1.0, 0.0]]),
        np.diag([1.0, 0.0, 0.0, 0.0])
        + np.diag([0.0, 1e-170, 1e-170], 1)
        + np.diag([0.0, 1e-170, 1e-170], -1),
        np.diag(np.full(7, 1e-8), 1) + np.diag(np.full(7, 1e-8), -1) + np.eye(8),
    ],
)
def test_multiple_values_zeros_and_underflow(A):
    check(A)


@pytest.mark.parametrize("m", [20, 64])
def test_larger_matrices(m):
    J = np.random.default_rng(m).standard_normal((m, 30))
    check(J @ J.T / 30)


@pytest.mark.parametrize("m", [1, 2, 3, 8])
def test_compiled_and_interpreted_loops_agree(monkeypatch, m):
    for name in ("_tridiagonal", "_reflect", "_end_of_block", "_sweep"):
        monkeypatch.setattr(module, name, getattr(module, name).py_func)
    J = np.random.default_rng(m).standard_normal((m, 5))
    check(J @ J.T / 5, eigen.py_func)
