"""FAMO: all losses to fall at the same rate, from their values alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.base import Context, LossWeighting
from moo.aggregation.loss_values import kept_where_nan, positive
from moo.errors import OptionError


@dataclass(frozen=True)
class FAMO(LossWeighting):
    """The gradient of sum_i z_i log L_i, scaled to weights of sum one, with z = softmax(xi), where xi goes
    down the gradient of the z-weighted rate at which the log losses fell since the last call (Liu et al.
    2023, "FAMO: fast adaptive multitask optimization", algorithm 1).

    The paper takes the change on one batch of data, before and after the step; here it is the change
    from one call to the next: the same with all data, noisier with a new batch at each call.

    Memory: "logits" (n, m), zero at first, and "logs" (n, m) of the last losses; a row whose losses are not
    finite keeps both.

    Holds: the order of the losses does not matter; up to length, the same direction whatever positive
    factor a loss has. Does not hold: no conflict, zero at Pareto-stationary points. Flaws: losses must not
    be negative, and the smallest ones are weighed most; xi follows what the step did, so it lags.

    Args:
        learning_rate: of xi; the paper's is 0.025.
        decay: of xi towards uniform weights, gamma; the paper's is 0.001.
    """

    learning_rate: float = 0.025
    decay: float = 0.001

    def __post_init__(self) -> None:
        for option in ("learning_rate", "decay"):
            if not 0.0 <= getattr(self, option) < float("inf"):
                given = getattr(self, option)
                raise OptionError(f"{option}={given!r} is not accepted: give a finite number >= 0")

    def weights(self, losses: torch.Tensor, context: Context) -> torch.Tensor:
        logs = positive(losses, "FAMO").log()
        before = context.recall("logs", torch.full_like(logs, torch.nan))
        logits = context.recall("logits", torch.zeros_like(logs))
        shares = logits.softmax(1)
        fall = before - logs
        slope = shares * (fall - (shares * fall).sum(1, keepdim=True))
        moved = logits - self.learning_rate * (slope + self.decay * logits)
        logits = kept_where_nan(moved, logits)
        context.memory["logits"], context.memory["logs"] = logits, kept_where_nan(logs, before)
        return (logits - logs).softmax(1).to(losses.dtype)  # z_i / L_i over its sum
