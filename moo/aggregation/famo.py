"""FAMO: all losses to fall at the same rate, from their values alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from moo.aggregation.base import Context, LossWeighting
from moo.aggregation.loss_values import as_tensor, is_finite, positive, recalled, softmax
from moo.errors import OptionError
from moo.sorting import compiled


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
        values = positive(losses, "FAMO")
        before = recalled(context, "logs", np.full(values.shape, np.nan))
        logits = recalled(context, "logits", np.zeros(values.shape))
        weights, logits, logs = _followed(values, before, logits, self.learning_rate, self.decay)
        context.memory["logits"], context.memory["logs"] = as_tensor(logits, losses), as_tensor(logs, losses)
        return torch.from_numpy(weights).to(losses)


@compiled
def _followed(
    values: np.ndarray, before: np.ndarray, logits: np.ndarray, learning_rate: float, decay: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The weights (n, m), the new logits and what is now known of the log losses."""
    now, shares = np.log(values), softmax(logits)
    logits, logs = logits.copy(), before.copy()
    for row in range(len(values)):
        fall = before[row] - now[row]
        slope = shares[row] * (fall - (shares[row] * fall).sum())
        moved = logits[row] - learning_rate * (slope + decay * logits[row])
        if is_finite(moved):
            logits[row] = moved
        if is_finite(now[row]):
            logs[row] = now[row]
    return softmax(logits - now), logits, logs  # z_i / L_i over its sum
