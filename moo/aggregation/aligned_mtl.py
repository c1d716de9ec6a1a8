"""Aligned-MTL: the mean of the gradients after their principal components are made equally long."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.base import Context, Weighting
from moo.aggregation.gramians import solve_rows
from moo.errors import OptionError, unknown_name

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
        return solve_rows(gramian, lambda G: self._align(G, eps))

    def _align(self, G: torch.Tensor, eps: float) -> torch.Tensor:
        m = G.shape[1]
        unit = G.diagonal(dim1=1, dim2=2).sum(1)[:, None, None]
        squares, vectors = torch.linalg.eigh(G / torch.where(unit > 0, unit, 1.0))
        kept = squares > m * eps * squares[:, -1:]
        squares = torch.where(kept, squares, 0.0)
        ratio = torch.where(kept, self._common(squares, kept) / torch.where(kept, squares, 1.0), 0.0)
        aligned: torch.Tensor = torch.einsum("nik,nk,njk->ni", vectors, ratio.sqrt(), vectors) / m
        return aligned

    def _common(self, squares: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        """(n, 1) the square that all take, from the squares (n, m) in ascending order."""
        m, rank = squares.shape[1], kept.sum(1, keepdim=True)
        if self.scale == "rmse":
            return squares.sum(1, keepdim=True) / rank.clamp_min(1)
        offset = (rank - 1).clamp_min(0) // 2 if self.scale == "median" else 0
        return squares.gather(1, (m - rank + offset).clamp_max(m - 1))
