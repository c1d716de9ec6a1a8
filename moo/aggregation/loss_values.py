"""What weightings by losses ask of them. They are compiled loops over rows, as those by Gramians are."""

from __future__ import annotations

import numpy as np
import torch

from moo.aggregation.base import Context
from moo.aggregation.gramians import as_array
from moo.errors import OptionError
from moo.sorting import compiled

_LEAST = float(torch.finfo(torch.float32).tiny)


def positive(losses: torch.Tensor, aggregator: str) -> np.ndarray:
    """The losses (n, m) in float64; zero counts as 1e-38, and a row that is not finite is NaN throughout.

    Raises:
        OptionError: when a loss is negative: it is so by its definition, not in one row by accident.
    """
    values, least = _positive(as_array(losses.double()))
    if least < 0.0:
        raise OptionError(
            f"{aggregator} needs losses that are never negative, but one is {least:g}: subtract a lower "
            "bound of each loss from it"
        )
    return values


def recalled(context: Context, name: str, first: np.ndarray) -> np.ndarray:
    """What memory holds under that name, as `Context.recall` does."""
    return as_array(context.recall(name, torch.from_numpy(first)))


def as_tensor(values: np.ndarray, losses: torch.Tensor) -> torch.Tensor:
    """What is to be remembered, in float64, where the losses are."""
    return torch.from_numpy(values).to(losses.device)


@compiled
def _positive(losses: np.ndarray) -> tuple[np.ndarray, float]:
    """`positive`, and the least of all losses."""
    values, least = np.maximum(losses, _LEAST), np.inf
    for row in range(len(losses)):
        for loss in losses[row]:
            least = least if np.isnan(loss) else min(least, loss)
        if not is_finite(losses[row]):
            values[row] = np.nan
    return values, least


@compiled
def is_finite(values: np.ndarray) -> bool:
    """Of a row whose losses were not finite, memory keeps what it held, so that it can recover."""
    for value in values:  # noqa: SIM110 - numba compiles loops, not generators
        if not np.isfinite(value):
            return False
    return True


@compiled
def softmax(logits: np.ndarray) -> np.ndarray:
    """Of each row (n, m)."""
    n, m = logits.shape
    shares = np.empty((n, m))
    for row in range(n):
        largest, total = logits[row, 0], 0.0
        for i in range(1, m):
            largest = max(largest, logits[row, i])
        for i in range(m):
            shares[row, i] = np.exp(logits[row, i] - largest)
            total += shares[row, i]
        for i in range(m):
            shares[row, i] /= total
    return shares
