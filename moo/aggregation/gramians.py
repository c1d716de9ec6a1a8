"""What weightings do with Gramians before they solve anything."""

from __future__ import annotations

from collections.abc import Callable

import torch

_LEAST_REACHED = 1e-9  # of one, which is the least where gradients are independent


def solve_rows(gramian: torch.Tensor, solve: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """``solve`` of Gramians (n, m, m) in float64, back in their dtype; a row that is not finite is given
    to ``solve`` as the identity, and gets NaN.

    A gradient whose square has lost digits to underflow counts as zero: shorter than 4e-16 in float32,
    1e-146 in float64.
    """
    limits = torch.finfo(gramian.dtype)
    lost = gramian.diagonal(dim1=1, dim2=2) < limits.tiny / limits.eps
    G = gramian.double().masked_fill(lost[:, :, None] | lost[:, None, :], 0.0)
    finite = gramian.isfinite().all(2).all(1)
    if finite.all():
        return solve(G).to(gramian.dtype)
    eye = torch.eye(gramian.shape[1], dtype=torch.float64, device=gramian.device)
    weights = solve(torch.where(finite[:, None, None], G, eye))
    return torch.where(finite[:, None], weights, torch.nan).to(gramian.dtype)


def rounding(gramian: torch.Tensor) -> float:
    """How far, relative to its diagonal, a Gramian may be from positive semi-definite for rounding alone;
    what is added to a diagonal to be safe from that."""
    return 2.0 * gramian.shape[1] * torch.finfo(gramian.dtype).eps


def unit_gramian(gramian: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The Gramian of the gradients scaled to length one (n, m, m), and their inverse lengths (n, m).

    Both are zero for a gradient of zero, so that it takes no part. Cosines have full accuracy however
    far apart the lengths are, which an algorithm on the Gramian itself would lose.
    """
    squared = gramian.diagonal(dim1=1, dim2=2)
    nonzero = squared > 0
    inverse = torch.where(nonzero, torch.where(nonzero, squared, 1.0).rsqrt(), 0.0)
    cosines = (gramian * inverse[:, :, None] * inverse[:, None, :]).clamp(-1.0, 1.0)
    return cosines, inverse


def solve_for_ones(unit: torch.Tensor, eps: float) -> torch.Tensor:
    """The shortest least-squares solution (n, m) of U b = 1, with eigenvalues below m eps taken as zero:
    sum_i b_i u_i has the same cosine with every unit gradient u_i if there is such a vector. Zero where
    all that U can reach of 1 is rounding, as where two gradients are opposite."""
    values, vectors = torch.linalg.eigh(unit)
    kept = values > unit.shape[1] * eps * values[:, -1:]
    inverse = torch.where(kept, 1.0 / torch.where(kept, values, 1.0), 0.0)
    solution: torch.Tensor = torch.einsum("nik,nk,njk->ni", vectors, inverse, vectors)
    reached = solution.sum(1, keepdim=True)  # 1^T b, the squared length of sum_i b_i u_i
    return torch.where(reached > _LEAST_REACHED, solution, 0.0)
