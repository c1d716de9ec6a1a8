"""The gradient of the losses' geometric mean."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.base import Context, LossWeighting
from moo.aggregation.loss_values import positive

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
        logs = positive(losses, "GeometricMean").log()
        ratio = (logs.mean(1, keepdim=True) - logs).clamp_max(_LARGEST_LOG).exp()
        return (ratio / logs.shape[1]).to(losses.dtype)
