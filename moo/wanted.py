"""What an evaluation may be asked for beside values: Jacobians, or the gradient of a scalarization."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import numpy as np

from moo.arrays import Array

Scalarize: TypeAlias = Callable[[Array, Array, Array], Array]  # tensors F, G, H -> (n,); or a `Sloped`
Places: TypeAlias = slice | np.ndarray  # places of some of the rows
Slopes: TypeAlias = tuple[Array, Array | None, Array | None]  # by F, by G and by H; None is zero

DERIVATIVES = ("J", "dG", "dH", "scalar", "gradient")


@dataclass(frozen=True)
class Sloped:
    """A scalarization that knows its own derivatives, so that only the objectives need be differentiated.

    Args:
        function: ``function(F, G, H, rows)`` of the rows at those places: their values (k,) and the slopes of
            those by F (k, n_obj), by G and by H, None for zero.
        on_arrays: it is handed arrays, whatever the objectives are made of.
        separate: the value of a row follows from that row alone, so that a few rows can be had at a time.
    """

    function: Callable[[Array, Array, Array, Places], tuple[Array, Slopes]]
    on_arrays: bool = True
    separate: bool = True

    def __call__(self, F: Array, G: Array, H: Array) -> tuple[Array, Slopes]:
        return self.function(F, G, H, slice(None))

    def part(self, rows: Places) -> Sloped:
        return replace(self, function=lambda F, G, H, _: self.function(F, G, H, rows))


def weighted_sum(weights: Array) -> Sloped:
    """sum_i w_i f_i, of tensors: weights (n, n_obj), a vector for each row."""

    def of_rows(F: Array, G: Array, H: Array, rows: Places) -> tuple[Array, Slopes]:
        return (F * weights[rows]).sum(1), (weights[rows], None, None)

    return Sloped(of_rows, on_arrays=False)


class Wanted(NamedTuple):
    """Which derivatives one evaluation asks for."""

    jacobian: bool = False
    constraint_jacobians: bool = False
    scalarize: Scalarize | None = None

    @property
    def any(self) -> bool:
        return self.jacobian or self.constraint_jacobians or self.scalarize is not None

    def of(self, rows: np.ndarray) -> Wanted:
        """The same for the rows at those places."""
        if not isinstance(self.scalarize, Sloped):
            return self
        return self._replace(scalarize=self.scalarize.part(rows))

    @property
    def flags(self) -> tuple[bool, bool, bool]:
        return self.jacobian, self.constraint_jacobians, self.scalarize is not None
