"""MOO-SVGD: rows that descend together and keep apart in objective space."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log

import torch

from moo.aggregation import Context
from moo.aggregation.mgda import MGDA
from moo.optimizers.base import require
from moo.optimizers.multi_gradient import MultiGradient, MultiGradientState


@dataclass(frozen=True)
class MOOSVGD(MultiGradient):
    """Multi-objective Stein variational gradient descent (Liu, Tong and Liu 2021, "Profiling Pareto front
    with multi-objective Stein variational gradient descent", algorithm 1): each row follows the min-norm
    directions g* of all rows, weighted by a kernel between their objectives, and is pushed away from rows
    with similar ones:

        direction_i = sum_j k(z_i, z_j) g*_j - repulsion grad_(x_j) k(z_i, z_j),

    k Gaussian with the median bandwidth, z the objectives over their ranges. The ends of a front are
    reached by repulsion alone, and only nearly.

    Args:
        repulsion: how much keeping apart counts against descending.
        n, inner, learning_rate, tolerance, sampling: as `MultiGradient`.
    """

    repulsion: float = 0.02
    tolerance: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.repulsion >= 0, "repulsion", self.repulsion, "a number >= 0")

    def _aggregate(
        self, J: torch.Tensor, context: Context, state: MultiGradientState, rows: torch.Tensor
    ) -> torch.Tensor:
        assert context.losses is not None
        inner = Context()
        descent = MGDA()(J, inner)
        context.weights = inner.weights
        finite = context.losses.isfinite().all(1)
        known = context.losses[finite] if finite.any() else torch.zeros_like(context.losses)
        span = (known.amax(0) - known.amin(0)).clamp_min(1e-12)
        Z = context.losses / span
        apart = Z[:, None] - Z
        square = apart.square().sum(2)
        typical = square[square.isfinite()].median() / max(log(len(Z) + 1.0), 1.0)
        bandwidth = typical.clamp_min(1e-12)
        kernel = torch.where(square.isfinite(), (-square / bandwidth).exp(), 0.0)
        pushed = 2.0 / bandwidth * kernel[:, :, None] * apart.nan_to_num()
        repelled = torch.einsum("ijm,jmd->id", pushed, (J / span[:, None]).nan_to_num())
        followed = kernel @ descent.nan_to_num()
        direction: torch.Tensor = (followed - self.repulsion * repelled) / kernel.sum(1, keepdim=True)
        return torch.where(finite[:, None], direction, torch.nan)
