"""Weights that balance what each objective gains: G w = w^-p, exact and batched."""

from __future__ import annotations

import torch

from moo.aggregation.gramians import rounding, solve_rows, unit_gramian

_STEPS = 100  # near Pareto-stationarity the weights grow by a factor a step, from one to 1e8


def balancing_weights(gramian: torch.Tensor, p: float) -> torch.Tensor:
    """The w > 0 (n, m) with (G w)_i = w_i^-p, from Gramians (n, m, m); a gradient of zero gets zero.

    Where gradients cancel there is no such w; it is approached with a small multiple of the identity
    added to the Gramian of the gradients of length one.
    """
    ridge = rounding(gramian)

    def solve(G: torch.Tensor) -> torch.Tensor:
        cosines, inverse = unit_gramian(G)
        squared = G.diagonal(dim1=1, dim2=2)
        unit = (squared.sum(1) / (inverse > 0).sum(1).clamp_min(1)).sqrt()[:, None]
        unit = torch.where(unit > 0, unit, 1.0)
        # With w_i = b_i / (|g_i| unit^(p-1)/(p+1)), the equation is U b = (|g_i| / unit)^(p-1) b^-p.
        lengths = torch.where(inverse > 0, squared.sqrt() / unit, 1.0)
        eye = torch.eye(G.shape[1], dtype=G.dtype, device=G.device)
        present = torch.diag_embed(torch.where(inverse > 0, ridge, 1.0))
        b = _newton(cosines + present * eye, lengths ** (p - 1.0), p)
        return b * inverse * unit ** ((p - 1.0) / (p + 1.0))

    return solve_rows(gramian, solve)


def _newton(U: torch.Tensor, target: torch.Tensor, p: float) -> torch.Tensor:
    """The b > 0 with U b = target b^-p: the minimiser of the convex b^T U b / 2 - sum_i target_i
    b_i^(1-p) / (1-p), or its limit with log b_i for p = 1, by damped Newton steps.

    With e the largest relative decrease of a b_i in the full step, the second derivative along the step
    stays below its value at the start over (1 - t e)^(p+1); the t that this bound proves best is taken.
    """
    if U.shape[1] == 2 and p == 1.0:
        return (1.0 / (U[:, 0, 0] + U[:, 0, 1])).sqrt()[:, None].expand(-1, 2)
    b = target ** (1.0 / (p + 1.0))
    for _ in range(_STEPS):
        gain = target * b ** (1.0 - p)
        bUb = b[:, :, None] * U * b[:, None, :]
        slope = bUb.sum(2) - gain
        step = _solve(bUb + torch.diag_embed(p * gain), -slope)
        decrease = (-step).amax(1, keepdim=True).clamp_min(1e-12)
        damping = -torch.expm1(-torch.log1p(p * decrease) / p) / decrease
        b = b * (1.0 + damping * step)
        if (step.abs() < 1e-9).all():  # convergence is quadratic: b has all its digits
            break
    return b


def _solve(A: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    factor, _ = torch.linalg.cholesky_ex(A)
    solved: torch.Tensor = torch.cholesky_solve(right[:, :, None], factor)[:, :, 0]
    return solved
