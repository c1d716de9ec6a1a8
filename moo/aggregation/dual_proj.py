"""DualProj: the mean of the gradients, projected onto the cone that harms no objective."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.base import Context, Weighting
from moo.aggregation.dual_cone import project_mean


@dataclass(frozen=True)
class DualProj(Weighting):
    """The mean of the gradients, projected onto the cone {d : J d >= 0} (Lopez-Paz and Ranzato 2017,
    "Gradient episodic memory for continual learning", equation 11; under this name in Quinton and Rey
    2024).

    Holds: no conflict; the order of the objectives does not matter; multiplying all gradients multiplies
    the direction; zero where a positive combination of the gradients is. Does not hold: invariance to a
    loss's scale. Flaws: the longest gradient decides the mean, and the others only bound it.

    Solved exactly: closed form for two objectives, pivoting in blocks for more.
    """

    def weights(self, gramian: torch.Tensor, context: Context) -> torch.Tensor:
        return project_mean(gramian)
