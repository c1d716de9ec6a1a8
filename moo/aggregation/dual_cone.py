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
            if inverse[i] > 0.0:
                weights[row, i] += 1.0 / m
                added = _added(cosines, cosines[i], ridge)
                for j in range(m):
                    weights[row, j] += added[j] * inverse[j] / inverse[i] / m
    return weights


@compiled
def _projections_of_mean(gramians: np.ndarray, ridge: float) -> np.ndarray:
    n, m, _ = gramians.shape
    weights = np.zeros((n, m))
    for row in range(n):
        cosines, inverse = unit_gramian(gramians[row])
        lengths = np.sqrt(np.diag(gramians[row]))
        longest = lengths.max()
        if longest > 0.0:
            u = lengths / longest
            products = np.zeros(m)
            for i in range(m):
                for j in range(m):
                    products[i] += cosines[i, j] * u[j]
            weights[row] = (u + _added(cosines, products, ridge)) * inverse * longest / m
    return weights


@compiled
def _added(cosines: np.ndarray, products: np.ndarray, ridge: float) -> np.ndarray:
    """argmin over x >= 0 of |g + sum_i x_i u_i| (m,), from the inner products (m,) of the unit gradients u_i
    with g, a combination of theirs with weights >= 0: the projection of g onto the cone is g + sum_i x_i u_i.

    Scaling the gradients to length one changes neither the cone nor the projection.
    """
    if len(products) == 2:
        return np.maximum(-products, 0.0)
    return minimise(cosines, -products, ridge)
