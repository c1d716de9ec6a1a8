"""Aligned-MTL: the mean of the gradients after their principal components are made equally long."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from moo.aggregation.base import Context, Weighting
from moo.aggregation.eigen import eigen
from moo.aggregation.gramians import solve_rows
from moo.errors import OptionError, unknown_name
from moo.sorting import compiled

_SCALES = ("min", "median", "rmse")


@dataclass(frozen=True)
class AlignedMTL(Weighting):
    """The mean of the gradients after the singular values of J are all set to one number (Senushkin et
    al. 2023, "Independent component alignment for multi-task learning", algorithm 1). Singular values
    that are zero to rounding stay so.

    Holds: the order of the objectives does not matter; multiplying all gradients multiplies the direction;
    the aligned gradients have a condition number of one. Does not hold: no conflict, invariance to a loss's
    scale, zero at Pareto-stationary points. Flaws: with "min" the steps are as short as the smallest
    singular value, so that nearly dependent gradients all but stop the descent.

    Args:
        scale: the common singular value: "min" (the paper's), "median" or "rmse", the root of the mean
            square, of those that are not zero. Of an even number the median is the lower one.
    """

    scale: str = "min"

    def __post_init__(self) -> None:
        if self.scale not in _SCALES:
            raise OptionError(unknown_name("scale", str(self.scale), _SCALES))

    def weights(self, gramian: torch.Tensor, context: Context) -> torch.Tensor:
        eps = torch.finfo(gramian.dtype).eps
        return solve_rows(gramian, _aligned, _SCALES.index(self.scale), eps)


@compiled
def _aligned(gramians: np.ndarray, scale: int, eps: float) -> np.ndarray:
    n, m, _ = gramians.shape
    weights = np.zeros((n, m))
    for row in range(n):
        unit = np.trace(gramians[row])
        if unit == 0.0:
            continue
        squares, vectors = eigen(gramians[row] / unit)
        least = m * eps * squares.max()
        common = _common(np.sort(squares[squares > least]), scale)
        for k in range(m):
            if squares[k] > least:
                factor = vectors[k].sum() * np.sqrt(common / squares[k]) / m
                for i in range(m):
                    weights[row, i] += factor * vectors[k, i]
    return weights


@compiled
def _common(squares: np.ndarray, scale: int) -> float:
    """The square that all (rank,), in ascending order, take."""
    if _SCALES[scale] == "rmse":
        return squares.mean()
    return squares[(len(squares) - 1) // 2 if _SCALES[scale] == "median" else 0]
