"""Dynamic weight average: more weight for the losses that fall slowest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from moo.aggregation.base import Context, LossWeighting
from moo.aggregation.loss_values import as_tensor, is_finite, positive, recalled, softmax
from moo.errors import OptionError
from moo.sorting import compiled

_LARGEST = float(np.finfo(np.float64).max)


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
        past = recalled(context, "losses", np.full((len(values), 2, values.shape[1]), np.nan))
        weights, now = _averaged(values, past, self.temperature)
        context.memory["losses"] = as_tensor(now, losses)
        return torch.from_numpy(weights).to(losses)


@compiled
def _averaged(values: np.ndarray, past: np.ndarray, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """The weights (n, m), and the losses of the last two calls."""
    n, m = values.shape
    ratios, now = np.ones((n, m)), past.copy()
    for row in range(n):
        if is_finite(past[row].ravel()):
            for i in range(m):
                ratios[row, i] = min(past[row, 1, i] / past[row, 0, i], _LARGEST)
        if is_finite(values[row]):
            now[row, 0], now[row, 1] = past[row, 1], values[row]
        else:
            ratios[row] = np.nan
    return m * softmax(ratios / temperature), now
