"""Projected L-BFGS on a batch of rows, each with a line search and a memory of its own."""

from __future__ import annotations

from dataclasses import InitVar, dataclass

import numpy as np

from moo.optimizers.base import require_memory
from moo.optimizers.descent import Box, Descent
from moo.optimizers.lbfgs_rows import Rows, absorb, forget

_MEMORY = 8  # curvature pairs
_TIGHTER = 0.1  # what `tighten` multiplies the leniency with


@dataclass
class LBFGS(Descent):
    """L-BFGS on the variables no bound holds back, with Armijo's rule along the projected path (Bertsekas
    1976). A point is evaluated together with its gradient, so an accepted step costs one evaluation and
    one backward pass. It takes and gives arrays, steps in double precision, and its trial points are of the
    precision of ``starts`` (n, d).

    A row is stationary once its free gradient is below ``gradient_tolerance`` times the steepest it has
    met, or three steps in a row gained less than ``value_tolerance`` of the value and of all
    that was gained before; ``leniency`` (n,) multiplies the latter.
    """

    box: Box
    starts: InitVar[np.ndarray]
    gradient_tolerance: float = 1e-6
    value_tolerance: float = 1e-10

    def __post_init__(self, starts: np.ndarray) -> None:
        require_room(*starts.shape)
        lower, upper = (_double(bound) for bound in (self.box.lower, self.box.upper))
        self.state = Rows.of(starts, lower, upper, _MEMORY)

    @property
    def trial(self) -> np.ndarray:
        return self.state.trial

    @property
    def here(self) -> np.ndarray:
        """The rows' current points (n, d)."""
        return self.state.here.astype(self.state.trial.dtype, copy=False)

    @property
    def value(self) -> np.ndarray:
        """Their values (n,)."""
        return self.state.value

    @property
    def stationary(self) -> np.ndarray:
        return self.state.stationary

    def relax(self, leniency: float) -> None:
        self.state.leniency.fill(leniency)

    def tighten(self, rows: np.ndarray) -> np.ndarray:
        before = self.state.leniency[rows]
        self.state.leniency[rows] = np.maximum(before * _TIGHTER, 1.0)
        mask: np.ndarray = before <= 1.0
        return mask

    def move(self, rows: np.ndarray, points: np.ndarray) -> None:
        """Begin these rows anew, from these points (k, d)."""
        self.state.here[rows] = points
        self.restart(rows)

    def restart(self, rows: np.ndarray) -> None:
        state = self.state
        state.fresh[rows], state.stationary[rows] = True, False
        state.trial[rows] = state.here[rows]
        for row in rows:
            forget(state, row)

    def absorb(self, rows: np.ndarray, value: np.ndarray, gradient: np.ndarray, step: float) -> np.ndarray:
        tolerances = self.gradient_tolerance, self.value_tolerance
        accepted: np.ndarray = absorb(self.state, rows, _double(value), _double(gradient), *tolerances)
        return accepted


def require_room(n: int, d: int) -> None:
    """
    Raises:
        ProblemError: when L-BFGS on n rows of d variables does not fit into the memory that is free.
    """
    instead = 'give fewer rows, or inner="adam"'
    require_memory((2 * _MEMORY + 4) * n * d, f"L-BFGS on {n} rows of {d:,} variables", instead)


def _double(values: np.ndarray) -> np.ndarray:
    """The numbers in double precision, row after row."""
    return np.ascontiguousarray(values, dtype=np.float64)
