"""What uncertainty weighting and IMTL-L share: a scale for each loss, learned by gradient descent."""

from __future__ import annotations

import numpy as np
import torch

from moo.aggregation.base import Context
from moo.aggregation.loss_values import as_tensor, is_finite, positive, recalled
from moo.errors import OptionError
from moo.sorting import compiled

_LONGEST = 1.0  # step of a log scale; longer ones overshoot, as the slope grows with the loss


def step_log_scale(losses: torch.Tensor, context: Context, rate: float, aggregator: str) -> torch.Tensor:
    """The factors exp(-s) (n, m) of the log scales s of before; memory holds what a step of ``rate`` down the
    slope 1 - exp(-s) L of exp(-s) L + s makes of them."""
    values = positive(losses, aggregator)
    scale = recalled(context, "log_scale", np.zeros(values.shape))
    factors, stepped = _stepped(values, scale, rate)
    context.memory["log_scale"] = as_tensor(stepped, losses)
    return torch.from_numpy(factors).to(losses)


@compiled
def _stepped(values: np.ndarray, scale: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    factors, stepped = np.exp(-scale), scale.copy()
    for row in range(len(values)):
        if is_finite(values[row]):
            step = rate * (factors[row] * values[row] - 1.0)
            stepped[row] += np.minimum(np.maximum(step, -_LONGEST), _LONGEST)
        else:
            factors[row] = np.nan
    return factors, stepped


def require_rate(rate: float) -> None:
    """
    Raises:
        OptionError: when the learning rate is not in (0, 1].
    """
    if not 0.0 < rate <= 1.0:
        raise OptionError(f"learning_rate={rate!r} is not accepted: give a number above 0, at most 1")
