"""What weightings by losses ask of them."""

from __future__ import annotations

import torch

from moo.errors import OptionError

_LEAST = torch.finfo(torch.float32).tiny


def positive(losses: torch.Tensor, aggregator: str) -> torch.Tensor:
    """The losses (n, m) in float64; zero counts as 1e-38, and a row that is not finite is NaN throughout.

    Raises:
        OptionError: when a loss is negative: it is so by its definition, not in one row by accident.
    """
    if (losses < 0).any():
        raise OptionError(
            f"{aggregator} needs losses that are never negative, but one is "
            f"{float(losses.nan_to_num().min()):g}: subtract a lower bound of each loss from it"
        )
    finite = losses.isfinite().all(1, keepdim=True)
    return torch.where(finite, losses.double().clamp_min(_LEAST), torch.nan)


def kept_where_nan(new: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    """The new memory, but the old one in rows whose losses were not finite, so that they can recover."""
    sound = new.isfinite().flatten(1).all(1)
    return torch.where(sound.reshape(-1, *[1] * (new.ndim - 1)), new, old)
