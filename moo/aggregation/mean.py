"""The mean of the gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.base import Context, Weighting, combine


@dataclass(frozen=True)
class Mean(Weighting):
    """The mean of the gradients: gradient descent on the equally weighted sum, which, tuned with equal
    care, is hard to beat in training networks (Kurin et al. 2022, "In defense of the unitary
    scalarization for deep multi-task learning").

    Holds: the order of the objectives does not matter; multiplying all gradients multiplies the direction.
    Does not hold: no conflict, invariance to a loss's scale, zero at Pareto-stationary points. Flaws: of a
    front it finds one point, never on a concave part; the loss with the longest gradient decides.
    """

    def aggregate(self, J: torch.Tensor, context: Context) -> torch.Tensor:
        return combine(
            self.weights(J, context), J, context
        )  # without the Gramian: the sizes are all it takes

    def weights(self, gramian: torch.Tensor, context: Context) -> torch.Tensor:
        return gramian.new_full(gramian.shape[:2], 1.0 / gramian.shape[1])
