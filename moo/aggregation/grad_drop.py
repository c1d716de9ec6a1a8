"""GradDrop: in each coordinate, the gradients of one sign only, which is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.base import Aggregator, Context


@dataclass(frozen=True)
class GradDrop(Aggregator):
    """In each coordinate the sum of the positive or of the negative entries: of the positive ones with
    the probability of their share of the absolute sum (Chen et al. 2020, "Just pick a sign", algorithm 1,
    lines 10 to 15, without leaks).

    Holds: the order of the objectives does not matter; multiplying all gradients multiplies the direction.
    Does not hold: no conflict, invariance to a loss's scale, zero at Pareto-stationary points (there it is
    zero in no coordinate on which signs differ). Flaws: depends on the coordinates; where signs differ,
    its mean is (p^2 - q^2) / (p + q) = p - q for sums p of the positive and -q of the negative entries:
    the sum of the gradients, with noise. Has no weights: needs J itself.
    """

    def aggregate(self, J: torch.Tensor, context: Context) -> torch.Tensor:
        drawn = torch.from_numpy(context.rng.random((len(J), J.shape[2]))).to(J.device)
        positive, negative = torch.zeros_like(J[:, 0]), torch.zeros_like(J[:, 0])
        for gradient in J.unbind(1):  # no temporary of J's size
            positive += gradient.clamp_min(0.0)
            negative += gradient.clamp_max(0.0)
        size = positive - negative
        picked = torch.where(drawn * size < positive, positive, negative)
        return picked.masked_fill_(~size.isfinite().all(1, keepdim=True), torch.nan)
