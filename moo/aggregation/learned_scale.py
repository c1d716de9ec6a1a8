"""What uncertainty weighting and IMTL-L share: a scale for each loss, learned by gradient descent."""

from __future__ import annotations

import torch

from moo.aggregation.base import Context
from moo.aggregation.loss_values import kept_where_nan, positive
from moo.errors import OptionError

_LONGEST = 1.0  # step of a log scale; longer ones overshoot, as the slope grows with the loss


def step_log_scale(losses: torch.Tensor, context: Context, rate: float, aggregator: str) -> torch.Tensor:
    """The log scales s (n, m) of before; memory holds what a step of ``rate`` down the slope
    1 - exp(-s) L of exp(-s) L + s makes of them."""
    values = positive(losses, aggregator)
    scale = context.recall("log_scale", torch.zeros_like(values))
    step = (rate * ((-scale).exp() * values - 1.0)).clamp(-_LONGEST, _LONGEST)
    context.memory["log_scale"] = kept_where_nan(scale + step, scale)
    return torch.where(values.isfinite(), scale, torch.nan)


def require_rate(rate: float) -> None:
    """
    Raises:
        OptionError: when the learning rate is not in (0, 1].
    """
    if not 0.0 < rate <= 1.0:
        raise OptionError(f"learning_rate={rate!r} is not accepted: give a number above 0, at most 1")
