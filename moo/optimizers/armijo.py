"""Steps along an aggregate of gradients, each row's as long as all its objectives allow."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from moo.optimizers.descent import Box

_SHARE = 1e-4  # of the predicted decrease, that a step must reach
_MOST_HALVINGS = 40


@dataclass
class Armijo:
    """Multi-objective steepest descent's line search (Fliege and Svaiter 2000, algorithm 1), a row at a
    time, projected onto the box: a step along a direction that leads downhill in every objective is
    accepted when every objective falls by a share of what its slope predicts; along any other direction,
    when the weighted sum of the objectives does. Accepted steps are followed by ones twice as long,
    rejected steps are halved.
    """

    box: Box
    trial: torch.Tensor
    learning_rate: float
    stationary: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        n = len(self.trial)
        self.stationary = torch.zeros(n, dtype=torch.bool, device=self.trial.device)
        self.fresh = torch.ones_like(self.stationary)
        self.here, self.direction = self.trial.clone(), torch.zeros_like(self.trial)
        self.length = self.trial.new_full((n,), self.learning_rate)
        self.halvings = self.trial.new_zeros(n)
        self.values = self.slopes = self.weights = self.trial.new_zeros(n, 0)

    def absorb(
        self,
        rows: torch.Tensor,
        values: torch.Tensor,
        slopes: torch.Tensor,
        weights: torch.Tensor,
        direction: torch.Tensor,
    ) -> torch.Tensor:
        """Take in what was found at ``trial[rows]``: values (k, m), the direction (k, d) there, the
        objectives' slopes along it (k, m) and the weights (k, m) of their sum; choose the next points.

        Returns the mask (k,) of the rows whose trial point became their current point.
        """
        if self.values.shape[1] == 0:
            shape = (len(self.trial), values.shape[1])
            self.values, self.slopes, self.weights = (values.new_zeros(shape) for _ in range(3))
        finite = values.isfinite().all(1) & direction.isfinite().all(1)
        accepted = finite & (self.fresh[rows] | self._enough(rows, values))
        at = rows[accepted]
        self.here[at], self.fresh[at], self.halvings[at] = self.trial[at], False, 0.0
        self.values[at], self.slopes[at], self.weights[at] = (
            values[accepted],
            slopes[accepted],
            weights[accepted],
        )
        self.direction[at] = direction[accepted]
        self.length[at] *= 2.0
        self._halve(rows[~accepted])
        moved = self.here[rows] - self.length[rows, None] * self.direction[rows]
        self.trial[rows] = moved.clamp(self.box.lower, self.box.upper)
        return accepted

    def _enough(self, rows: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        slopes, weights = self.slopes[rows], self.weights[rows]
        slack = 1e-14 * self.values[rows].abs()
        excess = values - self.values[rows] + _SHARE * self.length[rows, None] * slopes - slack
        common = (slopes >= 0.0).all(1)
        return torch.where(common, excess.amax(1), (weights * excess).sum(1)) <= 0.0

    def _halve(self, rows: torch.Tensor) -> None:
        self.length[rows] *= 0.5
        self.halvings[rows] += 1
        unusable = self.fresh[rows]  # a start where nothing is known: pulled towards the middle of the box
        middle = (self.box.lower.clamp_min(-1.0) + self.box.upper.clamp_max(1.0)) / 2
        self.here[rows[unusable]] += 0.1 * (middle - self.here[rows[unusable]])
        self.stationary[rows] |= self.halvings[rows] > _MOST_HALVINGS
