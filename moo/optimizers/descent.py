"""Descent of many rows at once: what a row's next point is, given its value and gradient here.

A method is handed points in *unit coordinates* (a bounded variable runs from 0 to 1), so that one
step size fits variables of every scale. It never sees the problem: `points` says what to evaluate,
`absorb` takes in what came back. Everything is a tensor; rows do not influence each other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from moo.problem import Problem


@dataclass(frozen=True)
class Box:
    """Unit coordinates of a problem's box; an unbounded variable keeps its own unit."""

    origin: torch.Tensor
    width: torch.Tensor
    xl: torch.Tensor
    xu: torch.Tensor
    lower: torch.Tensor
    upper: torch.Tensor

    @classmethod
    def of(cls, problem: Problem) -> Box:
        xl, xu = problem.to_tensor(problem.xl), problem.to_tensor(problem.xu)
        bounded = xl.isfinite() & xu.isfinite()
        origin = torch.where(bounded, xl, torch.zeros_like(xl))
        width = torch.where(bounded, xu - xl, torch.ones_like(xl))
        safe = torch.where(width > 0, width, torch.ones_like(width))
        return cls(origin, width, xl, xu, (xl - origin) / safe, (xu - origin) / safe)

    def to_unit(self, X: torch.Tensor) -> torch.Tensor:
        safe = torch.where(self.width > 0, self.width, torch.ones_like(self.width))
        return ((X - self.origin) / safe).clamp(self.lower, self.upper)

    def to_user(self, U: torch.Tensor) -> torch.Tensor:
        """Clamped again: the scaling back may round a point at a bound to just outside it."""
        return (self.origin + U * self.width).clamp(self.xl, self.xu)

    def blocked(self, U: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """Where a bound stands in the way of descent."""
        return ((self.lower >= U) & (gradient > 0)) | ((self.upper <= U) & (gradient < 0))


class Descent(ABC):
    """Rows descending together. ``trial`` (n, d) holds the points to evaluate next, ``stationary``
    (n,) the rows that have nothing left to gain."""

    trial: torch.Tensor
    stationary: torch.Tensor

    @abstractmethod
    def absorb(
        self, rows: torch.Tensor, value: torch.Tensor, gradient: torch.Tensor, step: float
    ) -> torch.Tensor:
        """Take in value (k,) and gradient (k, d), in unit coordinates, of ``trial[rows]`` and choose
        the rows' next trial points; ``step`` in (0, 1] scales methods with a step-size schedule.

        Returns a mask (k,) of the rows whose trial point was accepted as their current point.
        """

    @abstractmethod
    def restart(self, rows: torch.Tensor) -> None:
        """The function of these rows has changed: forget what was learnt about it, keep the point."""


@dataclass
class Adam(Descent):
    """Adam (Kingma and Ba 2015, algorithm 1) with projection onto the box.

    A row whose gradient is not finite goes half of the way back to where it was finite last.
    """

    box: Box
    trial: torch.Tensor
    learning_rate: float
    beta1: float = 0.9
    beta2: float = 0.999
    stationary: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.stationary = torch.zeros(len(self.trial), dtype=torch.bool, device=self.trial.device)
        self.last_good = self.trial.clone()
        self.first = torch.zeros_like(self.trial)
        self.second = torch.zeros_like(self.trial)
        self.count = torch.zeros(len(self.trial), 1, dtype=self.trial.dtype, device=self.trial.device)

    def absorb(
        self, rows: torch.Tensor, value: torch.Tensor, gradient: torch.Tensor, step: float
    ) -> torch.Tensor:
        good = value.isfinite() & gradient.isfinite().all(1)
        bad = rows[~good]
        self.trial[bad] = 0.5 * (self.trial[bad] + self.last_good[bad])
        rows, gradient = rows[good], gradient[good]
        here = self.trial[rows]
        self.last_good[rows] = here
        self.count[rows] += 1
        self.first[rows] = self.beta1 * self.first[rows] + (1 - self.beta1) * gradient
        self.second[rows] = self.beta2 * self.second[rows] + (1 - self.beta2) * gradient**2
        mean = self.first[rows] / (1 - self.beta1 ** self.count[rows])
        spread = (self.second[rows] / (1 - self.beta2 ** self.count[rows])).sqrt()
        moved = here - step * self.learning_rate * mean / (spread + 1e-12)
        self.trial[rows] = moved.clamp(self.box.lower, self.box.upper)
        return good

    def restart(self, rows: torch.Tensor) -> None:
        """Nothing to do: the moving averages follow the changed function by themselves."""


_MEMORY = 10  # curvature pairs
_ARMIJO = 1e-4  # share of the predicted decrease a step must reach
_MOST_BACKTRACKS = 25
_MOST_NUDGES = 10  # starts without a finite gradient are pulled inwards so many times
_FIRST_STEP = 0.1  # of the box, along the largest gradient component
_CURVATURE = 1e-10  # least s.y / |s||y| of a pair worth keeping


@dataclass
class LBFGS(Descent):
    """Projected L-BFGS with a backtracking line search of its own for every row.

    Two-loop recursion (Nocedal and Wright 2006, algorithm 7.4) on the variables no bound holds back,
    Armijo's rule along the projected path (Bertsekas 1976). A point is evaluated together with its
    gradient, so an accepted step costs one evaluation and one backward pass.
    """

    box: Box
    trial: torch.Tensor
    gradient_tolerance: float = 1e-6
    value_tolerance: float = 1e-10
    stationary: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        n, d = self.trial.shape
        new = self.trial.new_zeros
        self.stationary = torch.zeros(n, dtype=torch.bool, device=self.trial.device)
        self.fresh = torch.ones_like(self.stationary)  # the trial point is a start, not a step
        self.here, self.value, self.gradient = self.trial.clone(), new(n), new(n, d)
        self.direction, self.length = new(n, d), new(n)
        self.S, self.Y = new(_MEMORY, n, d), new(_MEMORY, n, d)
        self.inverse_curvature = new(_MEMORY, n)  # 1 / s.y, zero where there is no pair
        self.rejections, self.standing = new(n), new(n)

    def restart(self, rows: torch.Tensor) -> None:
        self.fresh[rows] = True
        self.stationary[rows] = False
        self.trial[rows] = self.here[rows]
        self._forget(rows)

    def _forget(self, rows: torch.Tensor) -> None:
        self.inverse_curvature[:, rows] = 0.0
        self.rejections[rows] = self.standing[rows] = 0.0

    def absorb(
        self, rows: torch.Tensor, value: torch.Tensor, gradient: torch.Tensor, step: float
    ) -> torch.Tensor:
        finite = value.isfinite() & gradient.isfinite().all(1)
        value = torch.where(finite, value, torch.inf)
        gradient = torch.where(finite[:, None], gradient, 0.0)
        fresh = self.fresh[rows]
        self._nudge(rows[fresh & ~finite])
        move = self.trial[rows] - self.here[rows]
        slope = (self.gradient[rows] * move).sum(1)
        rounding = 1e-15 * self.value[rows].abs()
        enough = finite & (value <= self.value[rows] + _ARMIJO * slope + rounding) & (slope < 0)
        accepted = torch.where(fresh, finite, enough)
        self._accept(rows, accepted, fresh, move, value, gradient)
        rejected = ~accepted & ~fresh
        self._shorten(rows[rejected], value[rejected], slope[rejected])
        self._next_trial(rows)
        return accepted

    def _nudge(self, rows: torch.Tensor) -> None:
        """Pull starts that cannot be differentiated a tenth towards the middle of the box."""
        middle = (self.box.lower.clamp_min(-1.0) + self.box.upper.clamp_max(1.0)) / 2
        self.here[rows] += 0.1 * (middle - self.here[rows])
        self.rejections[rows] += 1
        self.stationary[rows] |= self.rejections[rows] > _MOST_NUDGES

    def _accept(
        self,
        rows: torch.Tensor,
        accepted: torch.Tensor,
        fresh: torch.Tensor,
        move: torch.Tensor,
        value: torch.Tensor,
        gradient: torch.Tensor,
    ) -> None:
        stepped = accepted & ~fresh
        self._remember(rows[stepped], move[stepped], gradient[stepped] - self.gradient[rows[stepped]])
        gained = self.value[rows[stepped]] - value[stepped]
        scale = self.value[rows[stepped]].abs().clamp_min(1.0)
        still = gained <= self.value_tolerance * scale
        self.standing[rows[stepped]] = torch.where(still, self.standing[rows[stepped]] + 1, 0.0)
        at = rows[accepted]
        self.here[at], self.value[at], self.gradient[at] = self.trial[at], value[accepted], gradient[accepted]
        self.fresh[at] = False
        self.rejections[at] = 0.0
        blocked = self.box.blocked(self.here[at], self.gradient[at])
        free_gradient = torch.where(blocked, 0.0, self.gradient[at])
        flat = free_gradient.abs().amax(1) <= self.gradient_tolerance
        self.stationary[at] = flat | (self.standing[at] >= 3)
        self._aim(at, free_gradient, blocked)

    def _remember(self, rows: torch.Tensor, s: torch.Tensor, y: torch.Tensor) -> None:
        """Push the pair into the rows' memories, the oldest falls out; keep only positive curvature."""
        product = (s * y).sum(1)
        keep = product > _CURVATURE * s.norm(dim=1) * y.norm(dim=1)
        rows, s, y, product = rows[keep], s[keep], y[keep], product[keep]
        for memory, newest in ((self.S, s), (self.Y, y), (self.inverse_curvature, 1.0 / product)):
            memory[:-1, rows] = memory[1:, rows]
            memory[-1, rows] = newest

    def _aim(self, rows: torch.Tensor, free_gradient: torch.Tensor, blocked: torch.Tensor) -> None:
        """The quasi-Newton direction of the free variables; steepest descent where it is none."""
        direction = -torch.where(blocked, 0.0, self._two_loop(rows, free_gradient))
        slope = (direction * free_gradient).sum(1)
        steep = slope > -1e-8 * direction.norm(dim=1) * free_gradient.norm(dim=1)
        steep |= (self.inverse_curvature[:, rows] == 0).all(0)
        direction = torch.where(steep[:, None], -free_gradient, direction)
        first = _FIRST_STEP / free_gradient.abs().amax(1).clamp_min(1e-30)
        self.direction[rows] = direction
        self.length[rows] = torch.where(steep, first, torch.ones_like(first))

    def _two_loop(self, rows: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        S, Y, inverse = self.S[:, rows], self.Y[:, rows], self.inverse_curvature[:, rows]
        q, alphas = gradient.clone(), []
        for i in reversed(range(_MEMORY)):
            alphas.append(inverse[i] * (S[i] * q).sum(1))
            q -= alphas[-1][:, None] * Y[i]
        newest = inverse[-1] * (Y[-1] ** 2).sum(1)
        q /= torch.where(newest > 0, newest, torch.ones_like(newest))[:, None]
        for i in range(_MEMORY):
            beta = inverse[i] * (Y[i] * q).sum(1)
            q += (alphas[_MEMORY - 1 - i] - beta)[:, None] * S[i]
        return q

    def _shorten(self, rows: torch.Tensor, value: torch.Tensor, slope: torch.Tensor) -> None:
        """Shorten the step by the minimiser of the parabola through what is known, within [0.1, 0.5];
        a row that never gets anywhere tries steepest descent once, then is done."""
        excess = value - self.value[rows] - slope
        parabola = torch.where(excess.isfinite() & (excess > 0), -slope / (2 * excess), 0.3)
        self.length[rows] *= parabola.clamp(0.1, 0.5)
        self.rejections[rows] += 1
        stuck = rows[self.rejections[rows] > _MOST_BACKTRACKS]
        had_memory = (self.inverse_curvature[:, stuck] != 0).any(0)
        self.stationary[stuck[~had_memory]] = True
        again = stuck[had_memory]
        self._forget(again)
        blocked = self.box.blocked(self.here[again], self.gradient[again])
        self._aim(again, torch.where(blocked, 0.0, self.gradient[again]), blocked)

    def _next_trial(self, rows: torch.Tensor) -> None:
        step = torch.where(self.fresh[rows, None], 0.0, self.length[rows, None] * self.direction[rows])
        self.trial[rows] = (self.here[rows] + step).clamp(self.box.lower, self.box.upper)
