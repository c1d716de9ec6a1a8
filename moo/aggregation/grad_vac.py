"""GradVac: gradients turned towards the others until their cosines reach what is usual."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from moo.aggregation.base import Context, Weighting
from moo.aggregation.gramians import as_array, unit_gramian
from moo.aggregation.surgery import orders
from moo.errors import OptionError
from moo.sorting import compiled

_LEAST_SINE = 1e-6  # a target this close to parallel cannot be reached by adding a finite multiple


@dataclass(frozen=True)
class GradVac(Weighting):
    """The sum of the gradients, each turned towards every other with which its cosine is below target, in
    random order; targets are moving averages of the cosines met (Wang et al. 2021, "Gradient vaccine",
    algorithm 1).

    Memory: "targets" (n, m, m), zero at first, with which the first call is PCGrad's. A pair whose
    cosine is not finite keeps its target.

    Holds: no conflict for two objectives at the first call; multiplying all gradients multiplies the
    direction. Does not hold: invariance to a loss's scale, zero at Pareto-stationary points. Flaws: those
    of PCGrad; once targets are negative, conflicts are left alone.

    Args:
        beta: share of the new cosine in the moving average, from 0 to 1; the paper's is 0.01.
    """

    beta: float = 0.01

    def __post_init__(self) -> None:
        if not 0.0 <= self.beta <= 1.0:
            raise OptionError(f"beta={self.beta!r} is not accepted: give a number from 0 to 1")

    def weights(self, gramian: torch.Tensor, context: Context) -> torch.Tensor:
        targets = context.recall("targets", torch.zeros_like(gramian))
        drawn = orders(gramian, context)
        weights, moved = _turned(as_array(gramian.double()), as_array(targets.double()), drawn, self.beta)
        context.memory["targets"] = torch.from_numpy(moved).to(targets)
        return torch.from_numpy(weights).to(gramian)


@compiled
def _turned(
    gramians: np.ndarray, targets: np.ndarray, orders: np.ndarray, beta: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (n, m) of the sum of the gradients turned, and the new targets."""
    n, m, _ = gramians.shape
    weights, targets = np.zeros((n, m)), targets.copy()
    for row in range(n):
        unit, inverse = unit_gramian(gramians[row])
        for i in range(m):
            if inverse[i] > 0.0:
                coefficients = np.zeros(m)
                coefficients[i] = 1.0
                for j in orders[row, i]:
                    if j != i and inverse[j] > 0.0:
                        targets[row, i, j] = _turn(coefficients, unit, j, targets[row, i, j], beta)
                weights[row] += coefficients * inverse / inverse[i]
    return weights, targets


@compiled
def _turn(coefficients: np.ndarray, unit: np.ndarray, j: int, target: float, beta: float) -> float:
    """Turn a combination of unit gradients towards the one of index j, in place; the new target."""
    length = np.sqrt(max(np.dot(coefficients, np.dot(unit, coefficients)), 0.0))
    if length == 0.0:
        return target
    cosine = min(max(np.dot(coefficients, unit[j]) / length, -1.0), 1.0)
    sine, target_sine = np.sqrt(1.0 - cosine**2), np.sqrt(1.0 - target**2)
    if cosine < target and target_sine > _LEAST_SINE:
        coefficients[j] += length * (target * sine - cosine * target_sine) / target_sine
    return (1.0 - beta) * target + beta * cosine
