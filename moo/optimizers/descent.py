"""Descent of many rows at once: what a row's next point is, given its value and gradient here.

A method is handed points in *unit coordinates* (a bounded variable runs from 0 to 1), so that one
step size fits variables of every scale. It never sees the problem: `points` says what to evaluate,
`absorb` takes in what came back. Rows do not influence each other. `Adam` steps tensors where they are,
`LBFGS` arrays in the main memory.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from moo.arrays import Array, math_of
from moo.optimizers.adam_step import adam_step

if TYPE_CHECKING:
    from moo.problem import Problem

_TINY = 1e-12  # small against slopes of any scale


@dataclass(frozen=True)
class Box:
    """Unit coordinates of a problem's box, as arrays or tensors; an unbounded variable keeps its own unit."""

    origin: Array
    width: Array
    xl: Array
    xu: Array
    lower: Array
    upper: Array

    @classmethod
    def of(cls, problem: Problem, *, arrays: bool = False) -> Box:
        """In the problem's precision, in which bounds that it cannot hold are rounded inwards."""
        xl, xu = problem.xl, problem.xu
        if not (arrays and problem.dtype == "float64"):
            inside = [
                _rounded(problem.to_tensor(bound), bound, towards)
                for bound, towards in ((xl, np.inf), (xu, -np.inf))
            ]
            xl, xu = (bound.cpu().numpy() for bound in inside) if arrays else inside
        xp = math_of(xl)
        bounded = xp.isfinite(xl) & xp.isfinite(xu)
        origin = xp.where(bounded, xl, 0.0)
        width = xp.where(bounded, xu - xl, 1.0)
        safe = xp.where(width > 0, width, 1.0)
        return cls(origin, width, xl, xu, (xl - origin) / safe, (xu - origin) / safe)

    def to_unit(self, X: Array) -> Array:
        if isinstance(X, np.ndarray):
            X = X.astype(self.xl.dtype, copy=False)
        safe = math_of(X).where(self.width > 0, self.width, 1.0)
        return ((X - self.origin) / safe).clip(self.lower, self.upper)

    def to_user(self, U: Array) -> Array:
        """Numbers of its own, clipped again: the scaling back may round a point at a bound to outside it."""
        if self._in_user_units:
            return U + 0.0
        if isinstance(U, np.ndarray):
            return (self.origin + U * self.width).clip(self.xl, self.xu)
        return torch.addcmul(self.origin, U, self.width).clamp_(self.xl, self.xu)

    def slope(self, gradient: Array) -> Array:
        """The gradient (k, d) in unit coordinates."""
        return gradient if self._in_user_units else gradient * self.width

    @cached_property
    def _in_user_units(self) -> bool:
        """Whether there is nothing to scale, as where nothing is bounded; points are in the box already."""
        return not bool(((self.width != 1) | (self.origin != 0)).any())

    def blocked(self, U: Array, gradient: Array) -> Array:
        """Where a bound stands in the way of descent."""
        return ((self.lower >= U) & (gradient > 0)) | ((self.upper <= U) & (gradient < 0))


def _rounded(bound: torch.Tensor, exact: np.ndarray, towards: float) -> torch.Tensor:
    """A bound (d,) that rounding took beyond the exact one, at the next number on the right side."""
    beyond = (bound.double() - torch.as_tensor(exact, device=bound.device)) * np.sign(towards) < 0
    if not bool(beyond.any()):
        return bound
    return torch.where(beyond, torch.nextafter(bound, torch.full_like(bound, towards)), bound)


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

    trial: Array
    stationary: Array

    @abstractmethod
    def absorb(self, rows: Array, value: Array, gradient: Array, step: float) -> Array:
        """Take in value (k,) and gradient (k, d), in unit coordinates, of ``trial[rows]`` and choose
        the rows' next trial points; ``step`` in (0, 1] scales methods with a step-size schedule.

        Returns a mask (k,) of the rows whose trial point was accepted as their current point.
        """

    def relax(self, leniency: float) -> None:
        """Call rows stationary sooner, by this factor, until `tighten` says otherwise."""
        return

    def tighten(self, rows: Array) -> Array:
        """Ask for more of these rows; the mask (k,) of those that were measured by the last tolerances."""
        mask: Array = math_of(rows).ones_like(rows, dtype=bool)
        return mask

    def stop(self, rows: Array) -> None:
        """Call these rows stationary."""
        self.stationary[rows] = True

    @abstractmethod
    def restart(self, rows: Array) -> None:
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
