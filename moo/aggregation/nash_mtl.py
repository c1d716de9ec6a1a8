"""Nash-MTL: the Nash bargaining solution between the objectives."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.balance import balancing_weights
from moo.aggregation.base import Context, Weighting


@dataclass(frozen=True)
class NashMTL(Weighting):
    """The direction in a ball with the largest product of the objectives' gains, the Nash bargaining
    solution: G w = 1 / w (Navon et al. 2022, "Multi-task learning as a bargaining game", algorithm 1).

    Holds: no conflict; the same direction whatever positive factor a loss has; the order of the objectives
    does not matter. Flaws: the direction has length sqrt(m) however short the gradients are, so that steps
    must shrink by themselves; near a Pareto-stationary point, where gradients cancel, the weights grow
    without bound, and only there the direction is zero (solved with a multiple of the identity near
    rounding added to the Gramian of unit gradients).

    Solved exactly, without state: closed form for two objectives, damped Newton for more.
    """

    def weights(self, gramian: torch.Tensor, context: Context) -> torch.Tensor:
        return balancing_weights(gramian, 1.0)
