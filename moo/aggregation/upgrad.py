"""UPGrad: the mean of the gradients' projections onto the cone that harms no objective."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.base import Context, Weighting
from moo.aggregation.dual_cone import project_each


@dataclass(frozen=True)
class UPGrad(Weighting):
    """The mean of the gradients, each projected first onto the cone {d : J d >= 0} (Quinton and Rey
    2024, "Jacobian descent for multi-objective optimization", proposition 1).

    Holds: no conflict; linear in each gradient's length ("linear under scaling"); the order of the
    objectives does not matter; zero where a positive combination of the gradients is. Does not hold:
    invariance to a loss's scale. Flaws: m quadratic programs a row; a long gradient dominates the mean.

    Solved exactly: closed form for two objectives, pivoting in blocks for more.
    """

    def weights(self, gramian: torch.Tensor, context: Context) -> torch.Tensor:
        return project_each(gramian)
