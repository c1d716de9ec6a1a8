"""FairGrad: the alpha-fair direction."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.balance import balancing_weights
from moo.aggregation.base import Context, Weighting
from moo.errors import OptionError


@dataclass(frozen=True)
class FairGrad(Weighting):
    """The alpha-fair direction: G w = w^(-1/alpha) (Ban and Ji 2024, "Fair resource allocation in
    multi-task learning", equation 4).

    Holds: no conflict; the order of the objectives does not matter. Does not hold: invariance to a loss's
    scale, but for alpha = 1, which is Nash-MTL. Flaws: multiplying all gradients by a multiplies the
    direction by a^((1-alpha)/(1+alpha)): for alpha > 1 it grows as the gradients shrink; near a
    Pareto-stationary point the weights grow without bound, as Nash-MTL's do, and rounding leaves the
    direction a hundredth of its usual length where it should be zero, more for larger alpha.

    Solved exactly by damped Newton steps.

    Args:
        alpha: 1 for proportional fairness, 2 for the least potential delay; towards infinity all
            objectives gain the same, towards 0 the direction is the sum of the gradients.
    """

    alpha: float = 2.0

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < float("inf"):
            raise OptionError(f"alpha={self.alpha!r} is not accepted: give a finite number above zero")

    def weights(self, gramian: torch.Tensor, context: Context) -> torch.Tensor:
        return balancing_weights(gramian, 1.0 / self.alpha)
