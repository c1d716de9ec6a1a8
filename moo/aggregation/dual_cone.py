"""Projections onto the cone of the directions that harm no objective, from Gramians."""

from __future__ import annotations

import numpy as np
import torch

from moo.aggregation.gramians import rounding, solve_rows, unit_gramian
from moo.aggregation.quadratic import minimise
from moo.sorting import compiled


def project_each(gramian: torch.Tensor) -> torch.Tensor:
    """Weights (n, m) of the mean of the gradients' projections, from Gramians (n, m, m)."""
    return solve_rows(gramian, _mean_of_projections, rounding(gramian))


def project_mean(gramian: torch.Tensor) -> torch.Tensor:
    """Weights (n, m) of the projection of the gradients' mean, from Gramians (n, m, m)."""
    return solve_rows(gramian, _projections_of_mean, rounding(gramian))


@compiled
def _mean_of_projections(gramians: np.ndarray, ridge: float) -> np.ndarray:
    n, m, _ = gramians.shape
    weights = np.zeros((n, m))
    for row in range(n):
        cosines, inverse = unit_gramian(gramians[row])
        for i in range(m):
            target = np.zeros(m)
            target[i] = np.sqrt(gramians[row, i, i])
            weights[row] += _projected(cosines, target, ridge) * inverse / m
    return weights


@compiled
def _projections_of_mean(gramians: np.ndarray, ridge: float) -> np.ndarray:
    n, m, _ = gramians.shape
    weights = np.empty((n, m))
    for row in range(n):
        cosines, inverse = unit_gramian(gramians[row])
        weights[row] = _projected(cosines, np.sqrt(np.diag(gramians[row])), ridge) * inverse / m
    return weights


@compiled
def _projected(cosines: np.ndarray, u: np.ndarray, ridge: float) -> np.ndarray:
    """argmin over v >= u of v^T U v (m,): the projection of sum_i u_i g_i onto the cone, as weights.

    Scaling the gradients to length one changes neither the cone nor the projection.
    """
    longest = u.max()
    if longest == 0.0:
        return u
    if len(u) == 2:
        return np.maximum(u, max(-cosines[0, 1], 0.0) * u[::-1])
    along = np.zeros(len(u))
    for i in range(len(u)):
        for j in range(len(u)):
            along[i] -= cosines[i, j] * (u[j] / longest)
    return u + longest * minimise(cosines, along, ridge)
