"""EPO: to the points of the front that lie exactly on given rays."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import torch

from moo.aggregation import Context
from moo.aggregation.min_norm import min_norm_weights
from moo.errors import ProblemError
from moo.optimizers.multi_gradient import MultiGradientState
from moo.optimizers.preferred import Preferred

if TYPE_CHECKING:
    from moo.problem import Problem

_MOST_OBJECTIVES = 6  # of which the linear program has 792 vertices to look at
_ON_RAY = 1e-4  # non-uniformity below which a row counts as on its ray
_SLACK = 1e-9


@dataclass(frozen=True)
class EPO(Preferred):
    """Exact Pareto-optimal search (Mahapatra and Rajan 2020, "Multi-task learning with user preferences",
    algorithm 1). A row away from its ray moves so that its objectives come into the ray's proportions,
    uphill in some of them where it must; on the ray it goes downhill in all.

    The linear program for the gradients' weights (their equation 24) is solved exactly, for all rows at
    once, by looking at every vertex: for up to six objectives.
    """

    def _check(self, problem: Problem) -> None:
        super()._check(problem)
        if problem.n_obj > _MOST_OBJECTIVES:
            raise ProblemError(
                f"EPO takes up to {_MOST_OBJECTIVES} objectives, {problem.title} has {problem.n_obj}: "
                'choose Scalarized("chebyshev", rays=...), which ends on the same points'
            )

    def _aggregate(
        self, J: torch.Tensor, context: Context, state: MultiGradientState, rows: torch.Tensor
    ) -> torch.Tensor:
        assert state.weights is not None
        Z, J = self._normalised(J, context, state)
        inverse = 1.0 / torch.as_tensor(state.weights, dtype=Z.dtype, device=Z.device)[rows]
        context.weights = epo_weights(J @ J.mT, Z, inverse / inverse.sum(1, keepdim=True))
        return torch.einsum("nm,nmd->nd", context.weights, J)


def epo_weights(gramian: torch.Tensor, Z: torch.Tensor, r: torch.Tensor) -> torch.Tensor:
    """Weights (n, m) from Gramians (n, m, m) and objectives Z > 0 (n, m) for r (n, m) > 0: r_j z_j is to be
    the same for all j."""
    m = Z.shape[1]
    C = gramian / gramian.diagonal(dim1=1, dim2=2).sum(1).clamp_min(1e-300)[:, None, None]
    relative = r * Z
    share = relative / relative.sum(1, keepdim=True)
    uneven = (share * (share * m).clamp_min(1e-300).log()).sum(1, keepdim=True)
    anchor = r * ((share * m).clamp_min(1e-300).log() - uneven)
    balancing = uneven > _ON_RAY
    pull = torch.einsum("nij,nj->ni", C, torch.where(balancing, anchor, 1.0))
    falling = pull > 0
    largest = relative >= relative.amax(1, keepdim=True)
    # Objectives that the anchor does not lower may rise, the one that is farthest out may not.
    least = torch.where(largest | ~falling.any(1, keepdim=True), 0.0, pull.clamp_max(0.0))
    least = torch.where(falling & ~largest, -torch.inf, least)
    least = torch.where(balancing, least, 0.0)
    best, found = best_vertex(pull, C, least)
    return torch.where(found[:, None], best, min_norm_weights(gramian))


def best_vertex(c: torch.Tensor, C: torch.Tensor, least: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """argmax over the simplex of c.w subject to C w >= least, of rows c (n, m), C (n, m, m), least (n, m),
    -inf where there is no bound: the vertices, and the mask (n,) of the rows that have one."""
    n, m = c.shape
    bounds = torch.cat([torch.eye(m, dtype=c.dtype, device=c.device).expand(n, m, m), C], 1)
    values = torch.cat([torch.zeros_like(c), least], 1)
    chosen = torch.tensor(list(combinations(range(2 * m), m - 1)), dtype=torch.long, device=c.device)
    k = len(chosen)
    A = torch.cat([torch.ones(n, k, 1, m, dtype=c.dtype, device=c.device), bounds[:, chosen]], 2)
    b = torch.cat([torch.ones(n, k, 1, dtype=c.dtype, device=c.device), values[:, chosen]], 2)
    usable = b.isfinite().all(2)
    solved, info = torch.linalg.solve_ex(A, torch.where(b.isfinite(), b, 0.0)[..., None])
    w = solved[..., 0]
    inside = (w >= -_SLACK).all(2) & (torch.einsum("nij,nkj->nki", C, w) >= least[:, None] - _SLACK).all(2)
    good = usable & (info == 0) & w.isfinite().all(2) & inside
    value = torch.where(good, torch.einsum("nm,nkm->nk", c, w.nan_to_num()), -torch.inf)
    best, at = value.max(1)
    w = w[torch.arange(n, device=c.device), at].nan_to_num().clamp_min(0.0)
    return w / w.sum(1, keepdim=True).clamp_min(1e-300), best.isfinite()
