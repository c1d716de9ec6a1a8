"""What lets one function serve numpy arrays and torch tensors: it hands back what it was given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np

Array: TypeAlias = Any  # a numpy array or a torch tensor
F = TypeVar("F", bound=Callable[..., Any])


def math_of(x: Array) -> Any:
    """The module whose functions take x: numpy for an array, torch for a tensor."""
    if isinstance(x, np.ndarray):
        return np
    import torch

    return torch


def like(x: Array, values: np.ndarray) -> Array:
    """The values as x is: an array or, beside a tensor, a tensor of its kind."""
    return values if isinstance(x, np.ndarray) else x.new_tensor(values)


def places(mask: Array) -> Array:
    """Where a mask (n,) is true, as an index of the mask's kind."""
    return mask.nonzero()[0] if isinstance(mask, np.ndarray) else mask.nonzero(as_tuple=True)[0]


def overflowing(function: F) -> F:
    """A function that may be handed infinite or huge numbers, which it passes on without a warning, as torch
    does: rows that are not finite are refused where it matters."""
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")(function)
