"""The largest of several parts, made smooth without becoming another problem."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.min_norm import min_norm_weights

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

    log_multipliers: torch.Tensor
    sharpness: torch.Tensor
    gap: torch.Tensor
    estimated: bool = False

    @classmethod
    def start(cls, T: torch.Tensor) -> Minimax:
        """For rows with parts T (n, k)."""
        n, k = T.shape
        return cls(
            torch.full_like(T, 1.0 / k).log(), T.new_full((n,), _FIRST_SHARPNESS), T.new_full((n,), torch.inf)
        )

    def estimate(self, J: torch.Tensor) -> None:
        """Multipliers with which the parts' gradients J (n, k, d) balance best, all rows at once."""
        weights = min_norm_weights(J @ J.mT)
        sound = weights.isfinite().all(1, keepdim=True)
        shares = torch.where(sound, weights, 1.0 / J.shape[1]).clamp_min(_LEAST_MULTIPLIER)
        self.log_multipliers = (shares / shares.sum(1, keepdim=True)).log()
        self.estimated = True

    def smoothed(self, T: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """What stands for the largest of T (k, parts) in these rows: (k,), differentiable."""
        rho = self.sharpness[rows]
        return torch.logsumexp(self.log_multipliers[rows] + rho[:, None] * T, 1) / rho

    def update(self, rows: torch.Tensor, T: torch.Tensor) -> None:
        """New multipliers with the parts at the rows' current points."""
        weighed = self.log_multipliers[rows] + self.sharpness[rows, None] * T
        updated = weighed - torch.logsumexp(weighed, 1, keepdim=True)
        gap = (T.amax(1, keepdim=True) - T).mul(updated.exp()).sum(1)
        slow = gap > _ENOUGH_PROGRESS * self.gap[rows]
        sharper = (self.sharpness[rows] * _GROWTH).clamp_max(_MOST_SHARPNESS)
        self.sharpness[rows] = torch.where(slow, sharper, self.sharpness[rows])
        self.log_multipliers[rows] = updated.clamp_min(-50.0)
        self.gap[rows] = gap

    def settled(self, rows: torch.Tensor, tolerance: float = 1e-5) -> torch.Tensor:
        """Mask (k,) of the rows where every part with a multiplier equals the largest."""
        return self.gap[rows] <= tolerance
