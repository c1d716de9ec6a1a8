"""What one evaluation of a problem takes, with and without derivatives: measured, not assumed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from moo.arrays import Array
from moo.errors import MooError
from moo.problem import Problem

_ROWS = 16
_ENOUGH_SECONDS = 0.02  # of repeats; an evaluation that takes longer is measured once
_MOST_REPEATS = 20


@dataclass(frozen=True)
class Timing:
    """Seconds a row, in a batch of 16 rows (of one, where a row takes more than 20 ms).

    Attributes:
        f: the objective vector alone.
        gradient: with the gradient of one scalarization; NaN where it cannot be had.
        jacobian: with the whole Jacobian; NaN where it cannot be had.
        n_obj: the rows of the Jacobian.
    """

    f: float
    gradient: float
    jacobian: float
    n_obj: int

    @property
    def vjp_cost(self) -> float:
        """The constant c of this problem's F-equivalents: what a backward pass costs, in evaluations
        (with the Jacobian, per row of it)."""
        return max(0.0, (self.jacobian - self.f) / self.n_obj / self.f) if self.f > 0 else float("nan")


def measure(problem: Problem) -> Timing:
    """Time a few evaluations on a sample of the problem; they are not counted in any budget.

    Raises:
        MooError: for what the problem's functions are refused for.
    """
    rng = np.random.default_rng(0)
    one = problem.sample(1, rng)
    single = _seconds(lambda: problem.compute(one, rng=rng))  # the first call also compiles and loads
    X = one if single > _ENOUGH_SECONDS else problem.sample(_ROWS, rng)
    f = _best(lambda: problem.compute(X, rng=rng)) / len(X)
    return Timing(
        f=f,
        gradient=_with(lambda: problem.compute(X, scalarize=_total, rng=rng)) / len(X),
        jacobian=_with(lambda: problem.compute(X, jacobian=True, rng=rng)) / len(X),
        n_obj=problem.n_obj,
    )


def _total(F: Array, G: Array, H: Array) -> Array:
    return F.sum(1)


def _with(evaluate: Callable[[], object]) -> float:
    """Seconds with derivatives; NaN for a problem that has none."""
    try:
        return _best(evaluate)
    except MooError:
        return float("nan")


def _best(evaluate: Callable[[], object]) -> float:
    """The least of a few, since other work on the machine only ever adds."""
    times = [_seconds(evaluate)]
    while sum(times) < _ENOUGH_SECONDS and len(times) < _MOST_REPEATS:
        times.append(_seconds(evaluate))
    return min(times)


def _seconds(evaluate: Callable[[], object]) -> float:
    began = time.perf_counter()
    evaluate()
    return time.perf_counter() - began
