"""The min-norm point of the convex hull of some vectors, from their Gramian; exact and batched."""

from __future__ import annotations

import numpy as np
import torch

from moo.aggregation.gramians import as_array, rounding, unit_gramian
from moo.aggregation.quadratic import minimise
from moo.sorting import compiled


def min_norm_weights(gramian: torch.Tensor, ridge: float | None = None) -> torch.Tensor:
    """argmin over the simplex of w^T G w for each Gramian: (n, m, m) -> (n, m).

    Rows with a non-finite Gramian get NaN. ``ridge`` is how far from positive semi-definite the Gramians
    may be, relative to their diagonals, where it is more than their dtype's rounding.
    """
    ridge = rounding(gramian) / 2.0 if ridge is None else ridge
    if gramian.shape[1] == 1:
        return torch.ones_like(gramian[:, 0])
    if gramian.shape[1] == 2:
        return _min_norm_of_two(gramian)
    finite = gramian.isfinite().all(2).all(1)
    weights = torch.full_like(gramian[:, 0], torch.nan)
    found = torch.from_numpy(_min_norm_of_each(as_array(gramian[finite].double()), ridge))
    weights[finite] = found.to(weights)
    return weights


def _min_norm_of_two(gramian: torch.Tensor) -> torch.Tensor:
    """Each weight by itself, not one as what is left of the other, which may be all but one."""
    weights = (gramian.diagonal(dim1=1, dim2=2).flip(1) - gramian[:, :1, 1]).clamp_min(0.0)
    total = weights.sum(1, keepdim=True)
    return torch.where(total == 0, 0.5, weights / total)


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
    squared = np.diag(G)
    if squared.min() <= 0.0:
        zero = (squared <= 0.0).astype(np.float64)
        return zero / zero.sum()
    cosines, inverse = unit_gramian(G)
    a = inverse / inverse.max()
    weights = minimise(cosines + np.outer(a, a), a, ridge) * a
    return weights / weights.sum()
