"""Uncertainty weighting: each loss over a variance that is learned along."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.base import Context, LossWeighting
from moo.aggregation.learned_scale import require_rate, step_log_scale


@dataclass(frozen=True)
class UncertaintyWeighting(LossWeighting):
    """The gradient of sum_i (exp(-s_i) L_i + s_i) / 2, where the log variances s_i, zero at first, go down
    their own gradient (Kendall, Gal and Cipolla 2018, "Multi-task learning using uncertainty to weigh
    losses", with s = log sigma^2).

    Memory: "log_scale" (n, m), the s_i; a call gives the weights exp(-s_i) / 2 of before its step of them.
    A step of s is at most one long.

    Holds: the order of the losses does not matter; in the limit, where s_i = log L_i, invariance to a
    loss's positive factor. Does not hold: no conflict, zero at Pareto-stationary points. Flaws: losses
    must not be negative; a loss that goes to zero gets a weight without bound; the limit is the gradient
    of sum_i log L_i / 2, whatever the gradients are.

    Args:
        learning_rate: of the s_i, above 0 and at most 1.
    """

    learning_rate: float = 0.025

    def __post_init__(self) -> None:
        require_rate(self.learning_rate)

    def weights(self, losses: torch.Tensor, context: Context) -> torch.Tensor:
        return 0.5 * step_log_scale(losses, context, 0.5 * self.learning_rate, "UncertaintyWeighting")
