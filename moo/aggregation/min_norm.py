"""The min-norm point of the convex hull of some vectors, from their Gramian; exact and batched."""

from __future__ import annotations

import numpy as np
import torch

from moo.aggregation.gramians import rounding, solve_rows, unit_gramian
from moo.aggregation.quadratic import minimise
from moo.sorting import compiled, inlined


def min_norm_weights(gramian: torch.Tensor, ridge: float | None = None) -> torch.Tensor:
    """argmin over the simplex of w^T G w for each Gramian: (n, m, m) -> (n, m).

    Rows with a non-finite Gramian get NaN. ``ridge`` is how far from positive semi-definite the Gramians
    may be, relative to their diagonals, where it is more than their dtype's rounding.
    """
    return solve_rows(gramian, _min_norm_of_each, rounding(gramian) / 2.0 if ridge is None else ridge)


@compiled
def _min_norm_of_each(gramians: np.ndarray, ridge: float) -> np.ndarray:
    weights = np.empty(gramians.shape[:2])
    for row in range(len(gramians)):
        weights[row] = min_norm(gramians[row], ridge)
    return weights


@compiled
def min_norm(G: np.ndarray, ridge: float) -> np.ndarray:
    """`min_norm_weights` of one Gramian (m, m), finite -> (m,), for other compiled functions.

    On gradients u_i of length one, with a_i the shortest length over |g_i| and M = U + a a^T: the
    minimiser y of y^T M y / 2 - a^T y over y >= 0 has the optimality conditions of the weights times
    their gradients' lengths, but for a factor. So a short gradient has the accuracy of a long one.
    """
    if len(G) == 2:
        return _min_norm_of_two(G)
    m = len(G)
    weights, n_zero = np.zeros(m), 0
    for i in range(m):
        if G[i, i] <= 0.0:
            weights[i] = 1.0
            n_zero += 1
    if n_zero:
        return weights / n_zero
    M, inverse = unit_gramian(G)
    a = inverse / inverse.max()
    for i in range(m):
        for j in range(m):
            M[i, j] += a[i] * a[j]
    weights = minimise(M, a, ridge) * a
    return weights / weights.sum()


@inlined
def _min_norm_of_two(G: np.ndarray) -> np.ndarray:
    """Each weight by itself, not one as what is left of the other, which may be all but one."""
    first, second = max(G[1, 1] - G[0, 1], 0.0), max(G[0, 0] - G[0, 1], 0.0)
    total = first + second
    return np.array([first / total, second / total]) if total > 0.0 else np.array([0.5, 0.5])
