"""Minimisers of convex quadratic functions over the non-negative orthant, exact, in compiled loops: the
programs are so small that calling array operations would take most of the time."""

from __future__ import annotations

import numpy as np
import torch

from moo.aggregation.gramians import as_array, solve_by_factors
from moo.sorting import compiled, inlined

_ROUNDS = 10  # times m: pivots before a row stops as it is, which is feasible
_GUESSES = 5  # before pivoting, which always arrives
_TOLERANCE = 16.0  # times the ridge: smaller derivatives would be followed along directions of rounding


def nonnegative_minimiser(M: torch.Tensor, q: torch.Tensor, ridge: float) -> torch.Tensor:
    """argmin over x >= 0 of x^T M x / 2 - q^T x for each row: M (n, m, m), q (n, m) -> (n, m).

    The principal pivoting method (Cottle and Dantzig 1968, "Complementary pivot theory of mathematical
    programming"): one variable after the other grows until its derivative is zero; a variable that
    would become negative meanwhile leaves. The objective falls at every pivot.

    Args:
        M: positive semi-definite, float64, with a diagonal near one.
        q: float64, such that the minimum is finite.
        ridge: added to the diagonal, so that rounding cannot make a pivot negative; a derivative counts
            as zero within a small multiple of this.
    """
    return torch.from_numpy(_minimise_each(as_array(M), as_array(q), ridge)).to(M.device)


@compiled
def _minimise_each(M: np.ndarray, q: np.ndarray, ridge: float) -> np.ndarray:
    x = np.empty_like(q)
    for row in range(len(q)):
        x[row] = minimise(M[row], q[row], ridge)
    return x


@compiled
def minimise(M: np.ndarray, q: np.ndarray, ridge: float) -> np.ndarray:
    """`nonnegative_minimiser` of one row: M (m, m), q (m,) -> (m,), for other compiled functions."""
    x, found = _guessed(M, q, _TOLERANCE * ridge)
    return x if found else _pivoted(M, q, ridge)


@inlined
def _guessed(M: np.ndarray, q: np.ndarray, tolerance: float) -> tuple[np.ndarray, bool]:
    """The minimiser, and whether it was found, by guessing which variables are free: first those along which
    the function falls from zero; then all that are wrong change sides (Kostreva 1978, "Block pivot methods
    for solving the complementarity problem"). Mostly two or three guesses do, but it may go round in circles,
    and it needs free variables that factors can solve for."""
    m = len(q)
    x, free = np.zeros(m), q > 0.0
    index, A, b = np.empty(m, dtype=np.int64), np.empty((m, m)), np.empty(m)
    for _ in range(_GUESSES):
        k = 0
        for i in range(m):
            x[i] = 0.0
            if free[i]:
                index[k], b[k] = i, q[i]
                k += 1
                for j in range(k):
                    A[k - 1, j] = M[i, index[j]]
        if not solve_by_factors(A, b, k):
            break
        for j in range(k):
            x[index[j]] = b[j]
        if not _changes_sides(M, q, x, free, tolerance):
            return x, True
    return x, False


@inlined
def _changes_sides(M: np.ndarray, q: np.ndarray, x: np.ndarray, free: np.ndarray, tolerance: float) -> bool:
    """Whether a free variable is negative or one at rest has a negative derivative: each such changes."""
    changes = False
    for i in range(len(q)):
        if free[i]:
            wrong = x[i] < 0.0
        else:
            slope = -q[i]
            for j in range(len(q)):
                slope += M[i, j] * x[j]
            wrong = slope < -tolerance
        if wrong:
            free[i] = not free[i]
            changes = True
    return changes


@inlined
def _pivoted(M: np.ndarray, q: np.ndarray, ridge: float) -> np.ndarray:
    """`minimise` by principal pivoting.

    A dictionary holds one of each pair, the variable x or its derivative y = M x - q, at zero: D says how
    the pairs' other, free parts answer to those, c what they are: x where ``free``, else y.
    """
    m = len(q)
    D, c, free = M.copy(), -q, np.zeros(m, dtype=np.bool_)
    for i in range(m):
        D[i, i] += ridge
    entering, grown = -1, 0.0
    for _ in range(_ROUNDS * m):
        if entering < 0:
            entering = _steepest(c, free, _TOLERANCE * ridge)
            if entering < 0:
                break
        step, pivot = _room(D, c, free, entering, ridge)
        grown += step
        for i in range(m):
            c[i] += step * D[i, entering]
            if free[i] and c[i] < 0.0:
                c[i] = 0.0
        arrives = pivot == entering
        c[pivot] = grown if arrives else 0.0
        free[pivot] = arrives
        _exchange(D, pivot, ridge)
        if arrives:
            entering, grown = -1, 0.0
    x = _refined(M, q, D, c, free, ridge)
    if entering >= 0:
        x[entering] = grown
    return x


@inlined
def _steepest(c: np.ndarray, free: np.ndarray, tolerance: float) -> int:
    """The pair at rest with the most negative derivative; -1 if none counts."""
    found, lowest = -1, -tolerance
    for i in range(len(c)):
        if not free[i] and c[i] < lowest:
            found, lowest = i, c[i]
    return found


@inlined
def _room(D: np.ndarray, c: np.ndarray, free: np.ndarray, entering: int, ridge: float) -> tuple[float, int]:
    """How far the entering variable grows until its derivative is zero or another variable is, and which."""
    pivot = entering
    room = -c[entering] / max(D[entering, entering], ridge)
    for i in range(len(c)):
        if free[i] and D[i, entering] < 0.0 and c[i] < -D[i, entering] * room:
            room, pivot = -c[i] / D[i, entering], i
    return room, pivot


@inlined
def _exchange(D: np.ndarray, pivot: int, ridge: float) -> None:
    """Exchange x and y of one pair."""
    m = len(D)
    inverse = 1.0 / max(D[pivot, pivot], ridge)
    for i in range(m):
        if i != pivot:
            factor = D[i, pivot] * inverse
            for j in range(m):
                if j != pivot:
                    D[i, j] -= factor * D[pivot, j]
            D[i, pivot] = factor
    for j in range(m):
        D[pivot, j] = inverse if j == pivot else -D[pivot, j] * inverse


@inlined
def _refined(
    M: np.ndarray, q: np.ndarray, D: np.ndarray, c: np.ndarray, free: np.ndarray, ridge: float
) -> np.ndarray:
    """x, after one step of iterative refinement: among free pairs, D is the inverse of M."""
    m = len(q)
    x, residual = np.zeros(m), np.zeros(m)
    for i in range(m):
        if free[i]:
            x[i] = c[i]
    for i in range(m):
        if free[i]:
            residual[i] = q[i] - ridge * x[i]
            for j in range(m):  # rows are too short for a call of np.dot
                residual[i] -= M[i, j] * x[j]
    for i in range(m):
        if free[i]:
            x[i] = c[i]
            for j in range(m):
                x[i] += D[i, j] * residual[j]
            x[i] = max(x[i], 0.0)
    return x
