"""The min-norm point of the convex hull of some vectors, from their Gramian; exact and batched."""

from __future__ import annotations

import torch

_ACTIVE_SET_ROUNDS = 4  # times m: rounds of the active-set method before it stops as it is


def min_norm_weights(gramian: torch.Tensor) -> torch.Tensor:
    """argmin over the simplex of w^T G w for each Gramian: (n, m, m) -> (n, m).

    Rows with a non-finite Gramian get NaN.
    """
    if gramian.shape[1] == 1:
        return torch.ones_like(gramian[:, 0])
    if gramian.shape[1] == 2:
        return _min_norm_of_two(gramian)
    finite = gramian.isfinite().all(2).all(1)
    weights = torch.full_like(gramian[:, 0], torch.nan)
    weights[finite] = _min_norm_active_set(gramian[finite].double()).to(gramian.dtype)
    return weights


def _min_norm_of_two(gramian: torch.Tensor) -> torch.Tensor:
    cross = gramian[:, 0, 1]
    apart = gramian[:, 0, 0] + gramian[:, 1, 1] - 2 * cross
    first = (gramian[:, 1, 1] - cross) / torch.where(apart > 0, apart, torch.ones_like(apart))
    first = torch.where(apart > 0, first, torch.full_like(first, 0.5)).clamp(0.0, 1.0)
    return torch.stack([first, 1.0 - first], 1)


def _min_norm_active_set(gramian: torch.Tensor) -> torch.Tensor:
    """Lawson and Hanson's (1974) non-negative least squares on all rows at once.

    With M = G / trace + 11^T, the minimiser of v^T M v / 2 - 1^T v over v >= 0 is a positive multiple
    of the min-norm weights: its optimality conditions are the same but for that factor.
    """
    n, m, _ = gramian.shape
    trace = gramian.diagonal(dim1=1, dim2=2).sum(1).clamp_min(torch.finfo(torch.float64).tiny)
    M = gramian / trace[:, None, None] + 1.0
    v = torch.zeros(n, m, dtype=torch.float64, device=gramian.device)
    v.scatter_(1, M.diagonal(dim1=1, dim2=2).argmin(1, keepdim=True), 1.0)
    free = v > 0
    v = _solve_free(M, free)
    for _ in range(_ACTIVE_SET_ROUNDS * m):
        gain = torch.where(free, -torch.inf, 1.0 - (M @ v[:, :, None])[:, :, 0])
        best, entering = gain.max(1)
        improving = best > 1e-13
        if not improving.any():
            break
        free[improving, entering[improving]] = True
        v, free = _back_to_feasible(M, v, free)
    return v / v.sum(1, keepdim=True)


def _solve_free(M: torch.Tensor, free: torch.Tensor) -> torch.Tensor:
    """The minimiser with only the free weights away from zero; the others' equations become v = 0."""
    both = free[:, :, None] & free[:, None, :]
    eye = torch.eye(M.shape[1], dtype=M.dtype, device=M.device)
    masked: torch.Tensor = torch.where(both, M + 1e-15 * eye, eye * ~free[:, :, None])
    solved: torch.Tensor = torch.linalg.solve(masked, free.to(M.dtype))
    return solved


def _back_to_feasible(
    M: torch.Tensor, v: torch.Tensor, free: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Move towards the free minimiser until no weight is negative, dropping those that reach zero."""
    for _ in range(M.shape[1]):
        target = _solve_free(M, free)
        negative = free & (target <= 0)
        if not negative.any():
            return target, free
        ratio = torch.where(negative, v / (v - target).clamp_min(1e-300), torch.inf)
        step = ratio.min(1, keepdim=True).values.clamp(0.0, 1.0)
        v = torch.where(free, v + step * (target - v), 0.0).clamp_min(0.0)
        free = free & ~(negative & (ratio <= step))
    return _solve_free(M, free), free
