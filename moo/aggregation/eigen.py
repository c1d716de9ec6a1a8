"""Eigenvalues and eigenvectors of small symmetric matrices, for compiled functions: with fewer than ten rows,
calling LAPACK takes two to four times as long."""

from __future__ import annotations

import numpy as np

from moo.sorting import compiled, inlined

_NEGLIGIBLE = 1e-40  # squared, beside entries near one
_ROUNDS = 60  # an eigenvalue takes about two


@compiled
def eigen(A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues (m,), in no order, and eigenvectors (m, m), one a row, of a symmetric matrix (m, m) whose
    largest entry is near one; to rounding relative to the largest eigenvalue.

    Householder's reflections to a tridiagonal matrix, then the implicit QL method (Bowdler, Martin, Reinsch
    and Wilkinson 1968, "The QR and QL algorithms for symmetric matrices").
    """
    diagonal, beside, vectors = _tridiagonal(A)
    for k in range(len(A)):
        for _ in range(_ROUNDS):
            end = _end_of_block(diagonal, beside, k)
            if end == k:
                break
            _sweep(diagonal, beside, vectors, k, end)
    return diagonal, vectors


@inlined
def _tridiagonal(A: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The diagonal (m,) of T, what is beside it, ended by zero (m,), and Q (m, m) with A = Q^T T Q."""
    m = len(A)
    T, Q, v, p = A.copy(), np.eye(m), np.zeros(m), np.empty(m)
    for k in range(m - 2):
        v[k] = 0.0
        below = 0.0
        for i in range(k + 1, m):
            v[i] = T[i, k]
            below += v[i] ** 2 if i > k + 1 else 0.0
        if below > _NEGLIGIBLE:
            length = np.sqrt(below + v[k + 1] ** 2)
            v[k + 1] += length if v[k + 1] > 0.0 else -length
            _reflect(T, Q, v, p, 2.0 / (below + v[k + 1] ** 2))
    beside = np.zeros(m)
    for i in range(m - 1):
        beside[i] = T[i + 1, i]
    return np.diag(T).copy(), beside, Q


@inlined
def _reflect(T: np.ndarray, Q: np.ndarray, v: np.ndarray, p: np.ndarray, beta: float) -> None:
    """T becomes H T H and Q becomes H Q, with H = 1 - beta v v^T; p (m,) is room to work in."""
    m = len(v)
    along = 0.0
    for i in range(m):
        p[i] = 0.0
        for j in range(m):
            p[i] += beta * T[i, j] * v[j]
        along += p[i] * v[i]
    for i in range(m):
        p[i] -= 0.5 * beta * along * v[i]
    for i in range(m):
        for j in range(m):
            T[i, j] -= v[i] * p[j] + p[i] * v[j]
    p[:] = 0.0
    for i in range(m):
        for j in range(m):
            p[j] += beta * v[i] * Q[i, j]
    for i in range(m):
        for j in range(m):
            Q[i, j] -= v[i] * p[j]


@inlined
def _end_of_block(diagonal: np.ndarray, beside: np.ndarray, k: int) -> int:
    """The first index from k on beside which there is nothing but rounding."""
    eps = np.finfo(np.float64).eps
    while abs(beside[k]) > eps * (abs(diagonal[k]) + abs(diagonal[min(k + 1, len(beside) - 1)])):
        k += 1
    return k


@inlined
def _sweep(diagonal: np.ndarray, beside: np.ndarray, vectors: np.ndarray, start: int, end: int) -> None:
    """Rotations from the end of a block to its start, with Wilkinson's shift, in place."""
    half = (diagonal[start + 1] - diagonal[start]) / (2.0 * beside[start])
    root = np.sqrt(half**2 + 1.0)
    g = diagonal[end] - diagonal[start] + beside[start] / (half + root if half >= 0.0 else half - root)
    s, c, p = 1.0, 1.0, 0.0
    for i in range(end - 1, start - 1, -1):
        f, b = s * beside[i], c * beside[i]
        r = np.sqrt(f**2 + g**2)
        beside[i + 1] = r
        s, c = (f / r, g / r) if r > 0.0 else (0.0, 1.0)
        g = diagonal[i + 1] - p
        r = (diagonal[i] - g) * s + 2.0 * c * b
        p = s * r
        diagonal[i + 1] = g + p
        g = c * r - b
        for j in range(vectors.shape[1]):
            x, y = vectors[i, j], vectors[i + 1, j]
            vectors[i, j], vectors[i + 1, j] = c * x - s * y, s * x + c * y
    diagonal[start] -= p
    beside[start], beside[end] = g, 0.0
