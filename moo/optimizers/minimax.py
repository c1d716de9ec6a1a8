"""The largest of several parts, made smooth without becoming another problem."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from moo.aggregation.min_norm import min_norm_weights
from moo.arrays import Array, like, math_of, overflowing

_LEAST_MULTIPLIER = 0.02  # of an estimate, which may be wrong
_FIRST_SHARPNESS = 20.0
_GROWTH = 3.0
_MOST_SHARPNESS = 1e5
_ENOUGH_PROGRESS = 0.25  # a gap that falls by less than this factor makes the smoothing sharper


@dataclass
class Minimax:
    """The exponential method of multipliers for min over x of max_i t_i(x) (Bertsekas 1982, "Constrained
    optimization and Lagrange multiplier methods", section 5.1): minimise

        (1 / rho) log sum_i lambda_i exp(rho t_i(x)),

    then multiply each lambda_i by exp(rho t_i) and scale them to sum to one. With the right multipliers
    the minimisers are those of the maximum for a finite rho.
    """

    log_multipliers: Array
    sharpness: Array
    gap: Array
    estimated: bool = False

    @classmethod
    def start(cls, T: Array) -> Minimax:
        """For rows with parts T (n, k), an array or a tensor."""
        full_like = math_of(T).full_like
        one = T[:, 0]
        return cls(
            full_like(T, -np.log(T.shape[1])), full_like(one, _FIRST_SHARPNESS), full_like(one, np.inf)
        )

    @overflowing
    def estimate(self, J: Array) -> None:
        """Multipliers with which the parts' gradients J (n, k, d) balance best, all rows at once."""
        xp = math_of(J)
        weights = min_norm_weights(torch.as_tensor(J @ J.swapaxes(1, 2)))
        weights = like(J, weights.numpy()) if xp is np else weights
        sound = xp.isfinite(weights).all(1)[:, None]
        shares = xp.where(sound, weights, 1.0 / J.shape[1]).clip(_LEAST_MULTIPLIER)
        self.log_multipliers = xp.log(shares / shares.sum(1)[:, None])
        self.estimated = True

    @overflowing
    def smoothed(self, T: Array, rows: Array) -> tuple[Array, Array]:
        """What stands for the largest of T (k, parts) in these rows: (k,), and its slopes by T (k, parts)."""
        xp = math_of(T)
        rho = self.sharpness[rows]
        weighed = self.log_multipliers[rows] + rho[:, None] * T
        total = _log_sum(weighed)
        return total / rho, xp.exp(weighed - total[:, None])

    @overflowing
    def update(self, rows: Array, T: Array) -> None:
        """New multipliers with the parts at the rows' current points."""
        xp = math_of(T)
        weighed = self.log_multipliers[rows] + self.sharpness[rows][:, None] * T
        updated = weighed - _log_sum(weighed)[:, None]
        gap = ((xp.amax(T, 1)[:, None] - T) * xp.exp(updated)).sum(1)
        slow = gap > _ENOUGH_PROGRESS * self.gap[rows]
        sharper = (self.sharpness[rows] * _GROWTH).clip(None, _MOST_SHARPNESS)
        self.sharpness[rows] = xp.where(slow, sharper, self.sharpness[rows])
        self.log_multipliers[rows] = updated.clip(-50.0)
        self.gap[rows] = gap

    def settled(self, rows: Array, tolerance: float = 1e-5) -> Array:
        """Mask (k,) of the rows where every part with a multiplier equals the largest."""
        return self.gap[rows] <= tolerance


def _log_sum(values: Array) -> Array:
    """log of the sum of the exponentials in each row of values (n, k)."""
    xp = math_of(values)
    top = xp.amax(values, 1)
    return top + xp.log(xp.exp(values - top[:, None]).sum(1))
