"""The gradient of the losses' geometric mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from moo.aggregation.base import Context, LossWeighting
from moo.aggregation.loss_values import positive
from moo.sorting import compiled

_LARGEST_LOG = 80.0  # weights stay finite in float32, also for a loss of zero


@dataclass(frozen=True)
class GeometricMean(LossWeighting):
    """The gradient of the losses' geometric mean M: weights M / (m L_i) (Chennupati et al. 2019,
    "MultiNet++": the geometric loss strategy, GLS).

    Holds: up to length, the same direction whatever positive factor a loss has; the order of the losses
    does not matter. Does not hold: no conflict, zero at Pareto-stationary points. Flaws: losses must not
    be negative; the smallest loss is weighed most, also where all that is left of it is noise.
    """

    def weights(self, losses: torch.Tensor, context: Context) -> torch.Tensor:
        return torch.from_numpy(_shares(positive(losses, "GeometricMean"))).to(losses)


@compiled
def _shares(values: np.ndarray) -> np.ndarray:
    weights = np.log(values)
    for row in range(len(values)):
        below = weights[row].mean() - weights[row]
        weights[row] = np.exp(np.minimum(below, _LARGEST_LOG)) / len(below)
    return weights
