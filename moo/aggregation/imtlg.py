"""IMTL-G: the combination of the gradients with equal cosines to all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from moo.aggregation.base import Context, Weighting
from moo.aggregation.gramians import solve_for_ones, solve_rows, unit_gramian
from moo.sorting import compiled

_LEAST_SUM = 1e-9  # of the weights, relative to the sum of their sizes


@dataclass(frozen=True)
class IMTLG(Weighting):
    """The combination of the gradients, with weights of sum one, whose projections on all of them are
    equal (Liu et al. 2021, "Towards impartial multi-task learning", gradient balance; with a
    pseudo-inverse where gradients are dependent, after Quinton and Rey 2024). The pseudo-inverse is that
    of the Gramian of unit gradients, so that it does not depend on the losses' scales.

    Holds, for independent gradients: equal cosines with all of them; the same line, if not the same way
    along it, whatever positive factor a loss has; and always: the order of the objectives does not matter;
    multiplying all gradients multiplies the direction. Flaws: weights may be negative; where the sum of the
    unscaled weights is negative, the direction increases every objective, and where it is near zero, it is
    very long (zero where the sum is zero to rounding). Zero is not promised at Pareto-stationary points.
    """

    def weights(self, gramian: torch.Tensor, context: Context) -> torch.Tensor:
        eps = torch.finfo(gramian.dtype).eps
        return solve_rows(gramian, _impartial, eps)


@compiled
def _impartial(gramians: np.ndarray, eps: float) -> np.ndarray:
    weights = np.zeros(gramians.shape[:2])
    for row in range(len(gramians)):
        unit, inverse = unit_gramian(gramians[row])
        longest = inverse.max()
        if longest > 0.0:
            solution = solve_for_ones(unit, eps) * inverse / longest
            total = solution.sum()
            if abs(total) > _LEAST_SUM * np.abs(solution).sum():
                weights[row] = solution / total
    return weights
