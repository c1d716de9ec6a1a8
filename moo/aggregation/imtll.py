"""IMTL-L: each loss times a scale that is learned along."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.base import Context, LossWeighting
from moo.aggregation.learned_scale import require_rate, step_log_scale


@dataclass(frozen=True)
class IMTLL(LossWeighting):
    """The gradient of sum_i (exp(s_i) L_i - s_i), where the s_i, zero at first, go down their own gradient
    (Liu et al. 2021, "Towards impartial multi-task learning", loss balance): uncertainty weighting with the
    sign of s turned and twice the weights, without the assumption of a distribution.

    Memory: "log_scale" (n, m), the -s_i; a call gives the weights exp(s_i) of before its step of them. A
    step of s is at most one long.

    Holds: the order of the losses does not matter; in the limit, where exp(s_i) L_i = 1, invariance to a
    loss's positive factor. Does not hold: no conflict, zero at Pareto-stationary points. Flaws: losses
    must not be negative; a loss that goes to zero gets a weight without bound.

    Args:
        learning_rate: of the s_i, above 0 and at most 1.
    """

    learning_rate: float = 0.025

    def __post_init__(self) -> None:
        require_rate(self.learning_rate)

    def weights(self, losses: torch.Tensor, context: Context) -> torch.Tensor:
        return step_log_scale(losses, context, self.learning_rate, "IMTLL")
