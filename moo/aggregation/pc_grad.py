"""PCGrad: gradients freed of what opposes the others, one after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from moo.aggregation.base import Context, Weighting
from moo.aggregation.gramians import as_array
from moo.aggregation.surgery import orders
from moo.sorting import compiled


@dataclass(frozen=True)
class PCGrad(Weighting):
    """The sum of the gradients, each projected onto the normal plane of every other that opposes it, in
    random order (Yu et al. 2020, "Gradient surgery for multi-task learning", algorithm 1).

    Holds: no conflict for two objectives, whose order does not matter either; multiplying all gradients
    multiplies the direction; zero where two gradients are opposite. Does not hold: invariance to a loss's
    scale. Flaws: for three objectives and more a projection may undo an earlier one, so that conflicts
    remain, the result depends on the order drawn, and it need not be zero where the point is
    Pareto-stationary. The direction is a sum, not a mean: it is m times as long.

    Of two objectives each meets only the other: nothing is drawn.
    """

    def weights(self, gramian: torch.Tensor, context: Context) -> torch.Tensor:
        n, m, _ = gramian.shape
        met = orders(gramian, context) if m > 2 else np.tile(np.arange(m), (n, m, 1))
        weights = _projected(as_array(gramian.double()), met, torch.finfo(gramian.dtype).tiny)
        return torch.from_numpy(weights).to(gramian)


@compiled
def _projected(gramians: np.ndarray, orders: np.ndarray, tiny: float) -> np.ndarray:
    """Weights (n, m) of the sum of the projected gradients; a square up to ``tiny`` counts as zero."""
    n, m, _ = gramians.shape
    weights = np.zeros((n, m))
    for row in range(n):
        for i in range(m):
            coefficients = np.zeros(m)
            coefficients[i] = 1.0
            for j in orders[row, i]:
                if j != i and gramians[row, j, j] > tiny:
                    product = np.dot(coefficients, gramians[row, j])
                    coefficients[j] -= min(product, 0.0) / gramians[row, j, j]
            weights[row] += coefficients
    return weights
