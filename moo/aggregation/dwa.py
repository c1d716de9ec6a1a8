"""Dynamic weight average: more weight for the losses that fall slowest."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.base import Context, LossWeighting
from moo.aggregation.loss_values import positive
from moo.errors import OptionError


@dataclass(frozen=True)
class DWA(LossWeighting):
    """Weights m softmax(r / temperature) with r_i = L_i(t-1) / L_i(t-2) of the two calls before (Liu, Johns
    and Davison 2019, "End-to-end multi-task learning with attention", equation 7); one at the first two
    calls.

    The paper's t counts epochs and its losses are their means: aggregate once an epoch, or give losses
    that are averaged.

    Memory: "losses" (n, 2, m), of the last two calls; a row whose losses are not finite keeps it.

    Holds: the order of the losses does not matter; the weights, not the direction, are the same whatever
    positive factor a loss has. Does not hold: no conflict, zero at Pareto-stationary points. Flaws: losses
    must not be negative; with losses that fall slowly all r are near one, and the weights uniform; ratios of
    noisy losses weigh noise.

    Args:
        temperature: the higher, the more uniform; the paper's is 2.
    """

    temperature: float = 2.0

    def __post_init__(self) -> None:
        if not 0.0 < self.temperature < float("inf"):
            raise OptionError(
                f"temperature={self.temperature!r} is not accepted: give a finite number above zero"
            )

    def weights(self, losses: torch.Tensor, context: Context) -> torch.Tensor:
        values = positive(losses, "DWA")
        past = context.recall("losses", torch.full_like(values, torch.nan)[:, None].expand(-1, 2, -1))
        ratio = (past[:, 1] / past[:, 0]).clamp_max(torch.finfo(torch.float64).max)
        known = past.isfinite().all(2).all(1, keepdim=True)
        ratio = torch.where(known, ratio, 1.0)
        now = torch.stack([past[:, 1], values], 1)
        context.memory["losses"] = torch.where(values.isfinite()[:, None], now, past)
        weights = values.shape[1] * (ratio / self.temperature).softmax(1)
        return torch.where(values.isfinite(), weights, torch.nan).to(losses.dtype)
