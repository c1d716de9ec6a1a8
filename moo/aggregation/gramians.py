"""What weightings do with Gramians before they solve anything. Solvers are compiled loops over rows: the
systems are so small that calling array operations would take most of the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

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
    return np.ascontiguousarray(values.detach().cpu().numpy())


@compiled
def _prepared(gramians: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """A copy without the gradients whose square is below ``least``, and which rows (n,) are finite."""
    n, m, _ = gramians.shape
    G, sound = gramians.copy(), np.ones(n, dtype=np.bool_)
    for row in range(n):
        for i in range(m):
            for j in range(m):
                sound[row] &= np.isfinite(gramians[row, i, j])
                if gramians[row, i, i] < least or gramians[row, j, j] < least:
                    G[row, i, j] = 0.0
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
    solution, independent = solve_by_factors(unit)
    if independent:
        return solution
    values, vectors = np.linalg.eigh(unit)
    solution[:] = 0.0
    for k in range(m):
        if values[k] > m * eps * values[m - 1]:
            solution += vectors[:, k] * (vectors[:, k].sum() / values[k])
    reached = solution.sum()  # 1^T b, the squared length of sum_i b_i u_i
    return solution if reached > _LEAST_REACHED else np.zeros(m)


@compiled
def solve_by_factors(unit: np.ndarray) -> tuple[np.ndarray, bool]:
    """The solution of U b = 1 by Cholesky's factors, twenty times as fast as by eigenvalues; and whether
    every gradient is far from the span of those before it, without which it says nothing."""
    m = len(unit)
    L, b = np.zeros((m, m)), np.ones(m)
    for i in range(m):
        for j in range(i + 1):
            rest = unit[i, j]
            for k in range(j):
                rest -= L[i, k] * L[j, k]
            if i > j:
                L[i, j] = rest / L[j, j]
            elif rest > _APART:
                L[i, i] = np.sqrt(rest)
            else:
                return b, False
        for j in range(i):
            b[i] -= L[i, j] * b[j]
        b[i] /= L[i, i]
    for i in range(m - 1, -1, -1):
        for j in range(i + 1, m):
            b[i] -= L[j, i] * b[j]
        b[i] /= L[i, i]
    return b, True
