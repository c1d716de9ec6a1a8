"""ConFIG: the vector with equal cosines to all gradients, as long as its projections on them sum to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from moo.aggregation.base import Context, Weighting
from moo.aggregation.gramians import solve_for_ones, solve_rows, unit_gramian
from moo.sorting import compiled


@dataclass(frozen=True)
class ConFIG(Weighting):
    """The vector with equal cosines to all gradients, times the sum of the gradients' projections on it
    (Liu, Chu and Thuerey 2024, "ConFIG: towards conflict-free training of physics informed neural
    networks", equation 2).

    The pseudo-inverse of the unit gradients is taken through their Gramian, at the cost of m^3 a row
    instead of m^2 d, and with half the digits where gradients are nearly dependent.

    Holds, for independent gradients: no conflict and equal cosines; and always: up to length, the same
    direction whatever positive factor a loss has; the order of the objectives does not matter; multiplying
    all gradients multiplies the direction; zero where the unit gradients sum to zero. Flaws: with dependent
    gradients (more objectives than variables, say) equal cosines are a least-squares compromise, which may
    conflict and need not be zero at Pareto-stationary points.
    """

    def weights(self, gramian: torch.Tensor, context: Context) -> torch.Tensor:
        eps = torch.finfo(gramian.dtype).eps
        return solve_rows(gramian, _conflict_free, eps)


@compiled
def _conflict_free(gramians: np.ndarray, eps: float) -> np.ndarray:
    weights = np.zeros(gramians.shape[:2])
    for row in range(len(gramians)):
        unit, inverse = unit_gramian(gramians[row])
        solution = solve_for_ones(unit, eps)
        cosines = np.dot(unit, solution)
        squared = np.dot(solution, cosines)
        if squared > 0.0:
            projections = np.dot(np.sqrt(np.diag(gramians[row])), cosines)
            weights[row] = projections / squared * solution * inverse
    return weights
