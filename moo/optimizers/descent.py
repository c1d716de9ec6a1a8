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

from moo.optimizers.adam_step import adam_step

if TYPE_CHECKING:
    from moo.problem import Problem

_TINY = 1e-12  # small against slopes of any scale


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

    def slope(self, gradient: torch.Tensor) -> torch.Tensor:
        """The gradient (k, d) in unit coordinates."""
        return gradient if bool((self.width == 1).all()) else gradient * self.width

    def blocked(self, U: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """Where a bound stands in the way of descent."""
        return ((self.lower >= U) & (gradient > 0)) | ((self.upper <= U) & (gradient < 0))


def finite_rows(values: torch.Tensor) -> torch.Tensor:
    """Which rows (n,) of the values (n, d) are finite throughout."""
    finite: torch.Tensor = values.norm(dim=1).isfinite()  # quicker than a look at each, but may overflow
    unsure = torch.nonzero(~finite)[:, 0]
    finite[unsure] = values[unsure].isfinite().all(1)
    return finite


def taken_rows(values: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """These rows, ascending: not a copy where they are all."""
    return values if len(rows) == len(values) else values[rows]


def keep_rows(kept: torch.Tensor, values: torch.Tensor, rows: torch.Tensor) -> None:
    """Copy these rows, without a detour by an index where they are all."""
    if len(rows) == len(kept):
        kept.copy_(values)
    else:
        kept[rows] = values[rows]


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

    def relax(self, leniency: float) -> None:
        """Call rows stationary sooner, by this factor, until `tighten` says otherwise."""
        return

    def tighten(self, rows: torch.Tensor) -> torch.Tensor:
        """Ask for more of these rows; the mask (k,) of those that were measured by the last tolerances."""
        return torch.ones(len(rows), dtype=torch.bool, device=rows.device)

    def stop(self, rows: torch.Tensor) -> None:
        """Call these rows stationary."""
        self.stationary[rows] = True

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
        good = value.isfinite() & finite_rows(gradient)
        bad = rows[~good]
        self.trial[bad] = 0.5 * (self.trial[bad] + self.last_good[bad])
        if len(bad):
            rows, gradient = rows[good], gradient[good]
        keep_rows(self.last_good, self.trial, rows)
        self.count[rows] += 1
        count = self.count[rows]
        rates = torch.full_like(count, step * self.learning_rate)
        box = (self.box.lower, self.box.upper)
        adam_step(self.trial, self.first, self.second, rows, gradient, rates, count, box, _TINY)
        return good

    def restart(self, rows: torch.Tensor) -> None:
        """Nothing to do: the moving averages follow the changed function by themselves."""
