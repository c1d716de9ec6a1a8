"""ParetoMTL: one point of the front in each of several sectors of objective space."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation import Context
from moo.aggregation.min_norm import min_norm_weights
from moo.optimizers.multi_gradient import MultiGradientState
from moo.optimizers.preferred import Preferred, PreferredState

_MOST_ACTIVE = 6  # constraints of a row that count, the most violated ones


@dataclass(frozen=True)
class ParetoMTL(Preferred):
    """Pareto multi-task learning (Lin, Zhen, Li, Zhang and Kwong 2019, "Pareto multi-task learning",
    algorithm 1). Each row is to stay in the sector of its ray, where no other ray u_j has a larger
    product with the objectives: u_j.z <= u_k.z. The direction is the min-norm point of the hull of the
    objectives' gradients and those of the constraints that are violated (their equation 14); a row outside
    its sector goes by the latter alone first.

    A row may end anywhere in its sector, so the spread is coarser than that of exact rays.
    """

    def _aggregate(
        self, J: torch.Tensor, context: Context, state: MultiGradientState, rows: torch.Tensor
    ) -> torch.Tensor:
        assert isinstance(state, PreferredState)
        Z, J = self._normalised(J, context, state)
        unit = state.rays / state.rays.norm(dim=1, keepdim=True)
        apart = unit[None] - unit[rows, None]  # (k, n, m): row k's constraint against ray j
        violation = torch.einsum("knm,km->kn", apart, Z)
        most, which = violation.topk(min(_MOST_ACTIVE, violation.shape[1]), dim=1)
        active = apart[torch.arange(len(Z), device=Z.device)[:, None], which]
        weights = sector_weights(J @ J.mT, active, most > 0)
        if state.lagrangian is not None:
            # Every gradient holds that of the problem's constraints: weights that sum to one keep it whole.
            weights = weights + (1.0 - weights.sum(1, keepdim=True)) / weights.shape[1]
        context.weights = weights
        return torch.einsum("nm,nmd->nd", context.weights, J)


def sector_weights(gramian: torch.Tensor, active: torch.Tensor, violated: torch.Tensor) -> torch.Tensor:
    """Weights of the gradients (n, m) from their Gramians (n, m, m): the constraints' gradients are the
    combinations ``active`` (n, p, m) of them, of which the mask (n, p) counts."""
    n, m, _ = gramian.shape
    eye = torch.eye(m, dtype=gramian.dtype, device=gramian.device).expand(n, m, m)
    outside = violated.any(1)
    combined = torch.cat([eye, active], 1)
    counts = torch.cat([(~outside)[:, None].expand(n, m), violated], 1)
    extended = combined @ gramian @ combined.mT
    # Vectors that do not count are made so long that the min-norm point does without them.
    long = extended.diagonal(dim1=1, dim2=2).sum(1).clamp_min(1e-300)[:, None] * 1e8
    extended = torch.where(counts[:, :, None] & counts[:, None, :], extended, 0.0)
    extended = extended + torch.diag_embed(torch.where(counts, 0.0, long))
    weights = torch.where(counts, min_norm_weights(extended), 0.0)
    return torch.einsum("np,npm->nm", weights, combined)
