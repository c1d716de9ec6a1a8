"""What the problems of the RE suite share: variables from tables, summed constraint violations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from moo.arrays import Array, math_of
from moo.errors import ProblemError
from moo.problems._reference import _Stored
from moo.variables import Integer, Variable, Variables


@dataclass(frozen=True)
class Listed(Integer):
    """A number out of an increasing table; its column of X holds the place in the table, 0 first."""

    values: tuple[float, ...] = ()

    @classmethod
    def of(cls, values: Sequence[float]) -> Listed:
        return cls(0, len(values) - 1, tuple(values))

    def decode(self, values: np.ndarray) -> Any:
        return self.values[int(values[0])]

    def encode(self, value: Any) -> np.ndarray:
        if value not in self.values:
            raise ProblemError(f"{value!r} is none of {list(self.values)!r}")
        return np.array([float(self.values.index(value))])

    def described(self) -> dict[str, Any]:
        return {"kind": "choice", "options": list(self.values)}

    def numbers(self, column: Array) -> Array:
        """The numbers (n,) at the places nearest to a column (n,)."""
        xp = math_of(column)
        place = xp.round(column).clip(0, len(self.values) - 1)
        if isinstance(column, np.ndarray):
            return np.array(self.values)[place.astype(int)]
        return xp.as_tensor(self.values, dtype=column.dtype, device=column.device)[place.long()]


class _Columns(Variables):
    """Variables of a problem whose functions take batches of columns and round them themselves."""

    def decode(self, x: np.ndarray) -> Any:
        return x if x.ndim == 2 else super().decode(x)


class _RealWorld(_Stored):
    """A problem of Tanabe and Ishibuchi, "An easy-to-use real-world multi-objective optimization
    problem suite", Applied Soft Computing 89:106078, 2020.

    Args:
        stated: the variables by their names; gradients are refused where one is no real number.
        names: of the objectives.
    """

    def __init__(self, stated: Mapping[str, Variable], names: Sequence[str]) -> None:
        columns = _Columns(stated)
        super().__init__(xl=columns.xl, xu=columns.xu, var_names=list(stated), names=list(names))
        if not columns.real:
            self.variables = columns


def violation(*slacks: Array) -> Array:
    """(n,) what is missing, summed: each slack (n,) is that of a constraint slack >= 0."""
    missing = slacks[0] * 0.0
    for slack in slacks:
        missing = missing + (-slack).clip(0.0)
    return missing
