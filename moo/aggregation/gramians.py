"""What weightings do with Gramians before they solve anything. Solvers are compiled loops over rows: the
systems are so small that calling array operations would take most of the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from moo.aggregation.eigen import eigen
from moo.sorting import compiled

_APART = 0.01  # squared distance of a unit gradient from a span that is far
_LEAST_REACHED = 1e-9  # of one, which is the least where gradients are independent


def solve_rows(gramian: torch.Tensor, solve: Callable[..., np.ndarray], *options: Any) -> torch.Tensor:
    """``solve(G, *options)`` of Gramians (n, m, m) as a float64 array, (n, m), back in their dtype and on
    their device; a row that is not finite is left out and gets NaN.

    A gradient whose square has lost digits to underflow counts as zero: shorter than 4e-16 in float32,
    1e-146 in float64.
    """
    limits = torch.finfo(gramian.dtype)
    G, sound = _prepared(as_array(gramian.double()), limits.tiny / limits.eps)
    if sound.all():
        weights = solve(G, *options)
    else:
        weights = np.full(G.shape[:2], np.nan)
        weights[sound] = solve(G[sound], *options)
    return torch.from_numpy(weights).to(gramian)


def as_array(values: torch.Tensor) -> np.ndarray:
    """The values for a compiled function: an array of C order in the processor's memory."""
    return np.ascontiguousarray(values.numpy(force=True))


@compiled
def _prepared(gramians: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """A copy without the gradients whose square is below ``least``, and which rows (n,) are finite."""
    n, m, _ = gramians.shape
    G, sound = gramians.copy(), np.empty(n, dtype=np.bool_)
    for row in range(n):
        finite = True
        for i in range(m):
            for j in range(m):
                finite &= np.isfinite(gramians[row, i, j])
            if gramians[row, i, i] < least:
                G[row, i] = 0.0
                G[row, :, i] = 0.0
        sound[row] = finite
    return G, sound


def rounding(gramian: torch.Tensor) -> float:
    """How far, relative to its diagonal, a Gramian may be from positive semi-definite for rounding alone;
    what is added to a diagonal to be safe from that."""
    return 2.0 * gramian.shape[1] * torch.finfo(gramian.dtype).eps


@compiled
def unit_gramian(G: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The Gramian of the gradients scaled to length one (m, m), and their inverse lengths (m,).

    Both are zero for a gradient of zero, so that it takes no part. Cosines have full accuracy however
    far apart the lengths are, which an algorithm on the Gramian itself would lose.
    """
    m = len(G)
    cosines, inverse = np.empty((m, m)), np.zeros(m)
    for i in range(m):
        if G[i, i] > 0.0:
            inverse[i] = 1.0 / np.sqrt(G[i, i])
    for i in range(m):
        for j in range(m):
            cosines[i, j] = min(max(G[i, j] * inverse[i] * inverse[j], -1.0), 1.0)
    return cosines, inverse


@compiled
def solve_for_ones(unit: np.ndarray, eps: float) -> np.ndarray:
    """The shortest least-squares solution (m,) of U b = 1, with eigenvalues below m eps taken as zero:
    sum_i b_i u_i has the same cosine with every unit gradient u_i if there is such a vector. Zero where
    all that U can reach of 1 is rounding, as where two gradients are opposite."""
    m = len(unit)
    solution = np.ones(m)
    if solve_by_factors(unit.copy(), solution, m):
        return solution
    values, vectors = eigen(unit)
    least = m * eps * values.max()
    solution[:] = 0.0
    for k in range(m):
        if values[k] > least:
            solution += vectors[k] * (vectors[k].sum() / values[k])
    reached = solution.sum()  # 1^T b, the squared length of sum_i b_i u_i
    return solution if reached > _LEAST_REACHED else np.zeros(m)


@compiled
def solve_by_factors(A: np.ndarray, b: np.ndarray, k: int) -> bool:
    """Put the solution of the leading k equations of A x = b into b[:k], and Cholesky's factor into the lower
    triangle of A, of which nothing else is read; ten times as fast as by eigenvalues. Whether every gradient
    is far from the span of those before it, without which b says nothing."""
    for i in range(k):
        for j in range(i + 1):
            rest = A[i, j]
            for p in range(j):
                rest -= A[i, p] * A[j, p]
            if i > j:
                A[i, j] = rest / A[j, j]
            elif rest > _APART:
                A[i, i] = np.sqrt(rest)
            else:
                return False
        for j in range(i):
            b[i] -= A[i, j] * b[j]
        b[i] /= A[i, i]
    for i in range(k - 1, -1, -1):
        for j in range(i + 1, k):
            b[i] -= A[j, i] * b[j]
        b[i] /= A[i, i]
    return True
