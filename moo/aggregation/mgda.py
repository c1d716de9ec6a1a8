"""MGDA: the min-norm point of the gradients' convex hull."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.base import Context, Weighting
from moo.aggregation.min_norm import min_norm_weights


@dataclass(frozen=True)
class MGDA(Weighting):
    """The min-norm point of the gradients' convex hull (Desideri 2012, "Multiple-gradient descent
    algorithm"): minus it is a descent direction of every objective, and it is zero exactly where the
    point is Pareto-stationary.

    Holds: no conflict; zero exactly at Pareto-stationary points; the order of the objectives does not
    matter; multiplying all gradients multiplies the direction; with ``normalize``, the same direction
    whatever positive factor a loss has. Flaws: the shortest gradient decides, so that an objective near
    its own minimum halts the others; no say in which point of the front is reached.

    Solved exactly: closed form for two objectives, pivoting in blocks for more.

    Args:
        normalize: scale the gradients to length one first (Desideri 2012, section 4), so that the
            shortest gradient does not decide alone.
    """

    normalize: bool = False

    def weights(self, gramian: torch.Tensor, context: Context) -> torch.Tensor:
        if not self.normalize:
            return min_norm_weights(gramian)
        length = gramian.diagonal(dim1=1, dim2=2).clamp_min(torch.finfo(gramian.dtype).tiny).sqrt()
        return min_norm_weights(gramian / (length[:, :, None] * length[:, None, :])) / length
