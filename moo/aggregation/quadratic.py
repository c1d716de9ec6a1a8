"""Minimisers of convex quadratic functions over the non-negative orthant; exact and batched."""

from __future__ import annotations

from dataclasses import dataclass

import torch

_ROUNDS = 10  # times m: pivots before a row stops as it is, which is feasible
_TOLERANCE = 16.0  # times the ridge: smaller derivatives would be followed along directions of rounding


def nonnegative_minimiser(M: torch.Tensor, q: torch.Tensor, ridge: float) -> torch.Tensor:
    """argmin over x >= 0 of x^T M x / 2 - q^T x for each row: M (n, m, m), q (n, m) -> (n, m).

    The principal pivoting method (Cottle and Dantzig 1968, "Complementary pivot theory of mathematical
    programming"): one variable after the other grows until its derivative is zero; a variable that
    would become negative meanwhile leaves. The objective falls at every pivot.

    Args:
        M: positive semi-definite, float64, with a diagonal near one.
        q: float64, such that the minimum is finite.
        ridge: added to the diagonal, so that rounding cannot make a pivot negative; a derivative counts
            as zero within a small multiple of this.
    """
    M = M + ridge * torch.eye(M.shape[1], dtype=M.dtype, device=M.device)
    x = torch.zeros_like(q)
    rows = torch.arange(len(q), device=q.device)
    table = _Tableau.start(M, q)
    for _ in range(_ROUNDS * q.shape[1]):
        busy = table.choose(_TOLERANCE * ridge)
        at_work = int(busy.sum())
        if 2 * at_work < len(rows):
            x[rows[~busy]] = table.rows(~busy).solution(M[rows[~busy]], q[rows[~busy]])
            rows, table = rows[busy], table.rows(busy)
        if at_work == 0:
            break
        table.advance(ridge)
    if len(rows):
        x[rows] = table.solution(M[rows], q[rows])
    return x


@dataclass
class _Tableau:
    """Each row's dictionary: variables x and derivatives y = M x - q, one of each pair held at zero.

    Attributes:
        D: (k, m, m) how the pair's free part answers to the held parts.
        c: (k, m) the free parts' values: x where ``free``, else y.
        free: (k, m) the pairs whose x is free.
        entering: (k,) the variable that grows.
        grown: (k,) how far it has grown.
        busy: (k,) whether there is one.
    """

    D: torch.Tensor
    c: torch.Tensor
    free: torch.Tensor
    entering: torch.Tensor
    grown: torch.Tensor
    busy: torch.Tensor

    @classmethod
    def start(cls, M: torch.Tensor, q: torch.Tensor) -> _Tableau:
        idle = torch.zeros(len(q), dtype=torch.bool, device=q.device)
        free = torch.zeros_like(q, dtype=torch.bool)
        return cls(M, -q, free, idle.long(), torch.zeros_like(q[:, 0]), idle)

    def rows(self, chosen: torch.Tensor) -> _Tableau:
        return _Tableau(*(getattr(self, name)[chosen] for name in _Tableau.__dataclass_fields__))

    def choose(self, tolerance: float) -> torch.Tensor:
        """Idle rows let the variable with the most negative derivative grow; the rows that are at work."""
        lowest, candidate = torch.where(self.free, 0.0, self.c).min(1)
        self.entering = torch.where(self.busy, self.entering, candidate)
        self.busy = self.busy | (lowest < -tolerance)
        return self.busy

    def advance(self, ridge: float) -> None:
        """Grow until the derivative is zero or another variable is, and pivot there."""
        entering = self.entering[:, None]
        column = self.D.gather(2, entering[:, :, None].expand(-1, self.D.shape[1], 1))[:, :, 0]
        slope = column.gather(1, entering).clamp_min(ridge)
        blocking = self.free & (column < 0)
        room = torch.where(blocking, self.c / torch.where(blocking, -column, 1.0), torch.inf)
        room = room.scatter(1, entering, -self.c.gather(1, entering) / slope)
        step, pivot = room.min(1)
        step = torch.where(self.busy, step, 0.0)
        self.grown = self.grown + step
        arrives = pivot == self.entering
        c = self.c + step[:, None] * column
        c = torch.where(self.free, c.clamp_min(0.0), c)
        at_pivot = _one_hot(pivot, c) & self.busy[:, None]
        self.c = torch.where(at_pivot, torch.where(arrives, self.grown, 0.0)[:, None], c)
        self.free = torch.where(at_pivot, arrives[:, None], self.free)
        self._pivot(pivot, at_pivot, ridge)
        self.grown = torch.where(arrives, 0.0, self.grown)
        self.busy = self.busy & ~arrives

    def _pivot(self, pivot: torch.Tensor, at_pivot: torch.Tensor, ridge: float) -> None:
        """Exchange x and y of the pair ``pivot`` in the rows that have one set in ``at_pivot``."""
        m = self.D.shape[1]
        column = self.D.gather(2, pivot[:, None, None].expand(-1, m, 1))
        row = self.D.gather(1, pivot[:, None, None].expand(-1, 1, m))
        inverse = 1.0 / column.gather(1, pivot[:, None, None]).clamp_min(ridge)
        row = torch.where(at_pivot[:, None, :], inverse, -row * inverse)
        column = torch.where(at_pivot[:, :, None], 1.0, column) * self.busy[:, None, None]
        cleared = self.D.masked_fill(at_pivot[:, :, None] | at_pivot[:, None, :], 0.0)
        self.D = torch.baddbmm(cleared, column, row)

    def solution(self, M: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
        """x, after one step of iterative refinement: among free pairs, D is the inverse of M."""
        x = torch.where(self.free, self.c, 0.0)
        residual = torch.where(self.free, q - (M @ x[:, :, None])[:, :, 0], 0.0)
        refined = x + torch.where(self.free, (self.D @ residual[:, :, None])[:, :, 0], 0.0)
        unfinished = _one_hot(self.entering, x) & self.busy[:, None]
        return torch.where(unfinished, self.grown[:, None], refined.clamp_min(0.0))


def _one_hot(index: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return index[:, None] == torch.arange(like.shape[1], device=like.device)
