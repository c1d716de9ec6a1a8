"""Projected L-BFGS on a batch of rows, each with a line search and a memory of its own."""

from __future__ import annotations

from dataclasses import InitVar, dataclass

import numpy as np
import torch

from moo.optimizers.base import require_memory
from moo.optimizers.descent import Box, Descent
from moo.optimizers.lbfgs_rows import Rows, absorb, forget

_MEMORY = 8  # curvature pairs
_TIGHTER = 0.1  # what `tighten` multiplies the leniency with


@dataclass
class LBFGS(Descent):
    """L-BFGS on the variables no bound holds back, with Armijo's rule along the projected path (Bertsekas
    1976). A point is evaluated together with its gradient, so an accepted step costs one evaluation and
    one backward pass. Steps are made in the main memory and in double precision, wherever the gradients
    come from; their points are of the precision of ``starts`` (n, d).

    A row is stationary once its free gradient is below ``gradient_tolerance`` times the steepest it has
    met, or three steps in a row gained less than ``value_tolerance`` of the value and of all
    that was gained before; ``leniency`` (n,) multiplies the latter.
    """

    box: Box
    starts: InitVar[torch.Tensor]
    gradient_tolerance: float = 1e-6
    value_tolerance: float = 1e-10

    def __post_init__(self, starts: torch.Tensor) -> None:
        n, d = starts.shape
        instead = 'give fewer rows, or inner="adam"'
        require_memory((2 * _MEMORY + 4) * n * d, f"L-BFGS on {n} rows of {d:,} variables", instead)
        lower, upper = (_array(bound.to(starts.dtype)) for bound in (self.box.lower, self.box.upper))
        self.state = Rows.of(starts.detach().cpu().numpy(), lower, upper, _MEMORY)

    @property
    def trial(self) -> torch.Tensor:  # type: ignore[override]
        return self._as_given(self.state.trial)

    @property
    def here(self) -> torch.Tensor:
        """The rows' current points (n, d)."""
        return self._as_given(self.state.here)

    @property
    def value(self) -> torch.Tensor:
        """Their values (n,)."""
        return self._as_given(self.state.value)

    @property
    def stationary(self) -> torch.Tensor:  # type: ignore[override]
        return torch.from_numpy(self.state.stationary).to(self.box.lower.device)

    def _as_given(self, values: np.ndarray) -> torch.Tensor:
        """Where and in the precision in which the starts were given."""
        given = values.astype(self.state.trial.dtype, copy=False)
        return torch.from_numpy(given).to(self.box.lower.device)

    def relax(self, leniency: float) -> None:
        self.state.leniency.fill(leniency)

    def tighten(self, rows: torch.Tensor) -> torch.Tensor:
        at = _rows(rows)
        before = self.state.leniency[at]
        self.state.leniency[at] = np.maximum(before * _TIGHTER, 1.0)
        return torch.from_numpy(before <= 1.0).to(rows.device)

    def stop(self, rows: torch.Tensor) -> None:
        self.state.stationary[_rows(rows)] = True

    def move(self, rows: torch.Tensor, points: torch.Tensor) -> None:
        """Begin these rows anew, from these points (k, d)."""
        self.state.here[_rows(rows)] = _array(points)
        self.restart(rows)

    def restart(self, rows: torch.Tensor) -> None:
        at, state = _rows(rows), self.state
        state.fresh[at], state.stationary[at] = True, False
        state.trial[at] = state.here[at]
        for row in at:
            forget(state, row)

    def absorb(
        self, rows: torch.Tensor, value: torch.Tensor, gradient: torch.Tensor, step: float
    ) -> torch.Tensor:
        at, tolerances = _rows(rows), (self.gradient_tolerance, self.value_tolerance)
        accepted = absorb(self.state, at, _array(value), _array(gradient), *tolerances)
        return torch.from_numpy(accepted).to(self.box.lower.device)


def _array(values: torch.Tensor) -> np.ndarray:
    """The numbers in the main memory, row after row."""
    array: np.ndarray = values.detach().to("cpu", torch.float64).contiguous().numpy()
    return array


def _rows(rows: torch.Tensor) -> np.ndarray:
    places: np.ndarray = rows.cpu().numpy()
    return places
