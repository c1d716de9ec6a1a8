"""Projections onto the cone of the directions that harm no objective, from Gramians."""

from __future__ import annotations

import torch

from moo.aggregation.gramians import rounding, solve_rows, unit_gramian
from moo.aggregation.quadratic import nonnegative_minimiser


def project_each(gramian: torch.Tensor) -> torch.Tensor:
    """Weights (n, m) of the mean of the gradients' projections, from Gramians (n, m, m)."""
    ridge = rounding(gramian)

    def solve(G: torch.Tensor) -> torch.Tensor:
        cosines, inverse = unit_gramian(G)
        n, m, _ = G.shape
        units = torch.eye(m, dtype=G.dtype, device=G.device).expand(n, m, m)
        projected = _projected(cosines.repeat_interleave(m, 0), units.reshape(n * m, m), ridge).reshape(
            n, m, m
        )
        lengths = G.diagonal(dim1=1, dim2=2).sqrt()
        return torch.einsum("ni,nij->nj", lengths, projected) * inverse / m

    return solve_rows(gramian, solve)


def project_mean(gramian: torch.Tensor) -> torch.Tensor:
    """Weights (n, m) of the projection of the gradients' mean, from Gramians (n, m, m)."""
    ridge = rounding(gramian)

    def solve(G: torch.Tensor) -> torch.Tensor:
        cosines, inverse = unit_gramian(G)
        lengths = G.diagonal(dim1=1, dim2=2).sqrt()
        longest = lengths.amax(1, keepdim=True)
        target = lengths / torch.where(longest > 0, longest, 1.0)
        return _projected(cosines, target, ridge) * longest * inverse / G.shape[1]

    return solve_rows(gramian, solve)


def _projected(cosines: torch.Tensor, u: torch.Tensor, ridge: float) -> torch.Tensor:
    """argmin over v >= u of v^T U v (n, m): the projection of sum_i u_i g_i onto the cone, as weights.

    Scaling the gradients to length one changes neither the cone nor the projection.
    """
    if u.shape[1] == 2:
        opposed = (-cosines[:, 0, 1]).clamp_min(0.0)[:, None]
        return torch.maximum(u, opposed * u.flip(1))
    pull = (cosines @ u[:, :, None])[:, :, 0]
    return u + nonnegative_minimiser(cosines, -pull, ridge)
