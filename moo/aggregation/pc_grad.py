"""PCGrad: gradients freed of what opposes the others, one after the other."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.base import Context, Weighting
from moo.aggregation.surgery import lookup, orders


@dataclass(frozen=True)
class PCGrad(Weighting):
    """The sum of the gradients, each projected onto the normal plane of every other that opposes it, in
    random order (Yu et al. 2020, "Gradient surgery for multi-task learning", algorithm 1).

    Holds: no conflict for two objectives, whose order does not matter either; multiplying all gradients
    multiplies the direction; zero where two gradients are opposite. Does not hold: invariance to a loss's
    scale. Flaws: for three objectives and more a projection may undo an earlier one, so that conflicts
    remain, the result depends on the order drawn, and it need not be zero where the point is
    Pareto-stationary. The direction is a sum, not a mean: it is m times as long.

    Closed form for two objectives, which draws nothing.
    """

    def weights(self, gramian: torch.Tensor, context: Context) -> torch.Tensor:
        squared = gramian.diagonal(dim1=1, dim2=2)
        usable = squared > torch.finfo(gramian.dtype).tiny
        inverse = torch.where(usable, 1.0 / torch.where(usable, squared, 1.0), 0.0)
        if gramian.shape[1] == 2:
            return 1.0 - gramian[:, :1, 1].clamp_max(0.0) * inverse
        return _operate(gramian, inverse, orders(gramian, context))


def _operate(gramian: torch.Tensor, inverse: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """Every gradient's operation at once: coefficients (n, m, m), row i those of gradient i's result."""
    n, m, _ = gramian.shape
    coefficients = torch.eye(m, dtype=gramian.dtype, device=gramian.device).repeat(n, 1, 1)
    itself = torch.arange(m, device=gramian.device)
    for j in order.unbind(2):
        product = (coefficients * lookup(gramian, j)).sum(2)
        removed = torch.where(j == itself, 0.0, product.clamp_max(0.0) * inverse.gather(1, j))
        coefficients.scatter_add_(2, j[:, :, None], -removed[:, :, None])
    return coefficients.sum(1)
