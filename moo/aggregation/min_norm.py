"""The min-norm point of the convex hull of some vectors, from their Gramian; exact and batched."""

from __future__ import annotations

import torch

from moo.aggregation.gramians import rounding, unit_gramian
from moo.aggregation.quadratic import nonnegative_minimiser


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
    weights[finite] = _min_norm_of_many(gramian[finite].double(), ridge).to(gramian.dtype)
    return weights


def _min_norm_of_two(gramian: torch.Tensor) -> torch.Tensor:
    """Each weight by itself, not one as what is left of the other, which may be all but one."""
    weights = (gramian.diagonal(dim1=1, dim2=2).flip(1) - gramian[:, :1, 1]).clamp_min(0.0)
    total = weights.sum(1, keepdim=True)
    return torch.where(total == 0, 0.5, weights / total)


def _min_norm_of_many(gramian: torch.Tensor, ridge: float) -> torch.Tensor:
    """On gradients u_i of length one, with a_i the shortest length over |g_i| and M = U + a a^T: the
    minimiser y of y^T M y / 2 - a^T y over y >= 0 has the optimality conditions of the weights times
    their gradients' lengths, but for a factor. So a short gradient has the accuracy of a long one."""
    unit, inverse = unit_gramian(gramian)
    zero = inverse == 0
    a = inverse / inverse.amax(1, keepdim=True).clamp_min(torch.finfo(torch.float64).tiny)
    y = nonnegative_minimiser(unit + a[:, :, None] * a[:, None, :], a, ridge)
    weights = torch.where(zero.any(1, keepdim=True), zero.to(a.dtype), y * a)
    return weights / weights.sum(1, keepdim=True)
