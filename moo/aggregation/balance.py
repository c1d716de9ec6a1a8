"""Weights that balance what each objective gains: G w = w^-p, exact and batched."""

from __future__ import annotations

import numpy as np
import torch

from moo.aggregation.gramians import rounding, solve_rows, unit_gramian
from moo.sorting import compiled

_STEPS = 100  # near Pareto-stationarity the weights grow by a factor a step, from one to 1e8
_CONVERGED = 1e-9  # of a weight; convergence is quadratic, so that it has all its digits then


def balancing_weights(gramian: torch.Tensor, p: float) -> torch.Tensor:
    """The w > 0 (n, m) with (G w)_i = w_i^-p, from Gramians (n, m, m); a gradient of zero gets zero.

    Where gradients cancel there is no such w; it is approached with a small multiple of the identity
    added to the Gramian of the gradients of length one.
    """
    return solve_rows(gramian, _balanced, p, rounding(gramian))


@compiled
def _balanced(gramians: np.ndarray, p: float, ridge: float) -> np.ndarray:
    """With w_i = b_i / (|g_i| unit^(p-1)/(p+1)), the equation is U b = (|g_i| / unit)^(p-1) b^-p."""
    n, m, _ = gramians.shape
    weights = np.zeros((n, m))
    for row in range(n):
        cosines, inverse = unit_gramian(gramians[row])
        present = (inverse > 0.0).sum()
        if present == 0:
            continue
        unit = np.sqrt(np.trace(gramians[row]) / present)
        target = np.ones(m)
        for i in range(m):
            cosines[i, i] += ridge if inverse[i] > 0.0 else 1.0
            if inverse[i] > 0.0:
                target[i] = (np.sqrt(gramians[row, i, i]) / unit) ** (p - 1.0)
        weights[row] = _newton(cosines, target, p) * inverse * unit ** ((p - 1.0) / (p + 1.0))
    return weights


@compiled
def _newton(U: np.ndarray, target: np.ndarray, p: float) -> np.ndarray:
    """The b > 0 (m,) with U b = target b^-p: the minimiser of the convex b^T U b / 2 - sum_i target_i
    b_i^(1-p) / (1-p), or its limit with log b_i for p = 1, by damped Newton steps.

    With e the largest relative decrease of a b_i in the full step, the second derivative along the step
    stays below its value at the start over (1 - t e)^(p+1); the t that this bound proves best is taken.
    """
    m = len(U)
    if m == 2 and p == 1.0:
        return np.full(2, np.sqrt(1.0 / (U[0, 0] + U[0, 1])))
    b = target ** (1.0 / (p + 1.0))
    for _ in range(_STEPS):
        gain = target * b ** (1.0 - p)
        A = b.reshape(m, 1) * U * b
        slope = A.sum(1) - gain
        for i in range(m):
            A[i, i] += p * gain[i]
        step = np.linalg.solve(A, -slope)
        decrease = max((-step).max(), 1e-12)
        damping = -np.expm1(-np.log1p(p * decrease) / p) / decrease
        b = b * (1.0 + damping * step)
        if np.abs(step).max() < _CONVERGED:
            break
    return b
