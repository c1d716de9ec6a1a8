"""Decision variables that are no plain real numbers, and how they become columns of X and back.

Optimizers see rows of float64: an integer is a whole number, a choice the index of its option, a
permutation of n things n columns. A row is canonical when it is exactly that; `repair` makes it so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from moo.errors import ProblemError


class Variable(ABC):
    """One decision variable and its columns."""

    columns: int = 1

    @property
    @abstractmethod
    def bounds(self) -> tuple[float, float]:
        """Lower and upper bound of each of its columns."""

    @abstractmethod
    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n uniform values as columns (n, columns)."""

    @abstractmethod
    def repair(self, values: np.ndarray) -> np.ndarray:
        """The canonical columns (n, columns) nearest to any."""

    @abstractmethod
    def decode(self, values: np.ndarray) -> Any:
        """The user's value of canonical columns (columns,)."""

    @abstractmethod
    def encode(self, value: Any) -> np.ndarray:
        """The columns (columns,) of a user's value, or a `ProblemError`."""

    @abstractmethod
    def described(self) -> dict[str, Any]:
        """As JSON, for results that are read without the problem's code."""


@dataclass(frozen=True)
class Real(Variable):
    """A real number in [low, high]."""

    low: float
    high: float

    def __post_init__(self) -> None:
        numbers = all(_is_number(value) for value in (self.low, self.high))
        if not numbers or not -np.inf < self.low <= self.high < np.inf:
            raise ProblemError(f"Real({self.low!r}, {self.high!r}) is not accepted: give finite low <= high")

    @property
    def bounds(self) -> tuple[float, float]:
        return float(self.low), float(self.high)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self.low + rng.random((n, 1)) * (self.high - self.low)

    def repair(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(np.clip(values, self.low, self.high))

    def decode(self, values: np.ndarray) -> float:
        return float(values[0])

    def encode(self, value: Any) -> np.ndarray:
        if not _is_number(value) or not self.low <= value <= self.high:
            raise ProblemError(f"{value!r} is no number in [{self.low:g}, {self.high:g}]")
        return np.array([float(value)])

    def described(self) -> dict[str, Any]:
        return {"kind": "real", "low": float(self.low), "high": float(self.high)}


class _Whole(Variable):
    """A variable of one column that holds whole numbers within its bounds."""

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        low, high = self.bounds
        return rng.integers(int(low), int(high) + 1, size=(n, 1)).astype(float)

    def repair(self, values: np.ndarray) -> np.ndarray:
        low, high = self.bounds
        return np.asarray(np.clip(np.rint(values), low, high) + 0.0)


@dataclass(frozen=True)
class Integer(_Whole):
    """A whole number from low to high, both included."""

    low: int
    high: int

    def __post_init__(self) -> None:
        whole = all(_is_whole(value) for value in (self.low, self.high))
        if not whole or self.low > self.high:
            raise ProblemError(
                f"Integer({self.low!r}, {self.high!r}) is not accepted: give whole low <= high"
            )

    @property
    def bounds(self) -> tuple[float, float]:
        return float(self.low), float(self.high)

    def decode(self, values: np.ndarray) -> int:
        return int(values[0])

    def encode(self, value: Any) -> np.ndarray:
        if not _is_whole(value) or not self.low <= value <= self.high:
            raise ProblemError(f"{value!r} is no whole number from {self.low} to {self.high}")
        return np.array([float(value)])

    def described(self) -> dict[str, Any]:
        return {"kind": "integer", "low": int(self.low), "high": int(self.high)}


@dataclass(frozen=True)
class Binary(_Whole):
    """False or True."""

    @property
    def bounds(self) -> tuple[float, float]:
        return 0.0, 1.0

    def decode(self, values: np.ndarray) -> bool:
        return bool(values[0])

    def encode(self, value: Any) -> np.ndarray:
        if value not in (False, True):
            raise ProblemError(f"{value!r} is neither True nor False")
        return np.array([float(value)])

    def described(self) -> dict[str, Any]:
        return {"kind": "binary"}


@dataclass(frozen=True)
class Choice(_Whole):
    """One of the options, which have no order."""

    options: Sequence[Any]

    def __post_init__(self) -> None:
        given = self.options
        if isinstance(given, str) or not isinstance(given, Sequence) or len(given) == 0:
            raise ProblemError(f"Choice({given!r}) is not accepted: give a list of options")
        object.__setattr__(self, "options", tuple(given))
        if any(option in self.options[:i] for i, option in enumerate(self.options)):
            raise ProblemError(f"Choice({list(given)!r}) repeats an option: give each once")

    @property
    def bounds(self) -> tuple[float, float]:
        return 0.0, float(len(self.options) - 1)

    def decode(self, values: np.ndarray) -> Any:
        return self.options[int(values[0])]

    def encode(self, value: Any) -> np.ndarray:
        if value not in self.options:
            raise ProblemError(f"{value!r} is none of {list(self.options)!r}")
        return np.array([float(self.options.index(value))])

    def described(self) -> dict[str, Any]:
        plain = (str, int, float, bool, type(None))
        return {"kind": "choice", "options": [o if isinstance(o, plain) else str(o) for o in self.options]}


@dataclass(frozen=True)
class Permutation(Variable):
    """An order of 0 .. n - 1; the objectives receive it as an array of integers."""

    n: int

    def __post_init__(self) -> None:
        if not _is_whole(self.n) or self.n < 2:
            raise ProblemError(f"Permutation({self.n!r}) is not accepted: give a whole number of at least 2")
        object.__setattr__(self, "columns", int(self.n))

    @property
    def bounds(self) -> tuple[float, float]:
        return 0.0, float(self.n - 1)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return rng.permuted(np.tile(np.arange(float(self.n)), (n, 1)), axis=1)

    def repair(self, values: np.ndarray) -> np.ndarray:
        """The order of the numbers, whatever they are (random keys, Bean 1994)."""
        return np.argsort(np.argsort(values, axis=1, kind="stable"), axis=1, kind="stable").astype(float)

    def decode(self, values: np.ndarray) -> np.ndarray:
        return values.astype(int)

    def encode(self, value: Any) -> np.ndarray:
        given = np.asarray(value)
        if given.shape != (self.n,) or not np.array_equal(np.sort(given), np.arange(self.n)):
            raise ProblemError(f"{value!r} is no order of 0 .. {self.n - 1}")
        return given.astype(float)

    def described(self) -> dict[str, Any]:
        return {"kind": "permutation", "n": int(self.n)}


class Variables:
    """Named variables side by side: the columns of X.

    Raises:
        ProblemError: for anything that is no dict of variables by name.
    """

    def __init__(self, stated: Mapping[str, Variable]) -> None:
        if not isinstance(stated, Mapping) or not stated:
            raise ProblemError(
                f"variables={stated!r} are not accepted: give a dict, a name for each variable"
            )
        for name, variable in stated.items():
            if not isinstance(variable, Variable):
                kinds = "moo.Real, Integer, Binary, Choice or Permutation"
                raise ProblemError(f"variable {name!r} is {variable!r}, expected a {kinds} object")
        self.by_name = dict(stated)
        ends = np.cumsum([variable.columns for variable in stated.values()])
        starts = ends - [variable.columns for variable in stated.values()]
        self.slices = {n: slice(int(a), int(b)) for n, a, b in zip(stated, starts, ends, strict=True)}
        bounds = [v.bounds for v in stated.values() for _ in range(v.columns)]
        self.xl, self.xu = np.array(bounds).T.copy()

    @property
    def real(self) -> bool:
        """Whether all of them are real numbers."""
        return all(isinstance(variable, Real) for variable in self.by_name.values())

    @property
    def column_names(self) -> list[str]:
        return [
            name if variable.columns == 1 else f"{name}[{i}]"
            for name, variable in self.by_name.items()
            for i in range(variable.columns)
        ]

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return np.hstack([variable.sample(n, rng) for variable in self.by_name.values()])

    def repair(self, X: np.ndarray) -> np.ndarray:
        """Canonical rows (n, n_var) of any."""
        return np.hstack([v.repair(X[:, self.slices[name]]) for name, v in self.by_name.items()])

    def decode(self, x: np.ndarray) -> dict[str, Any]:
        """The user's values of one canonical row (n_var,)."""
        return {name: v.decode(x[self.slices[name]]) for name, v in self.by_name.items()}

    def encode(self, values: Mapping[str, Any]) -> np.ndarray:
        """The row (n_var,) of the user's values.

        Raises:
            ProblemError: for names that are missing or unknown, and values out of range.
        """
        if set(values) != set(self.by_name):
            raise ProblemError(
                f"values of {sorted(values)} are given, the variables are {list(self.by_name)}"
            )
        parts = []
        for name, variable in self.by_name.items():
            try:
                parts.append(variable.encode(values[name]))
            except ProblemError as error:
                raise ProblemError(f"variable {name!r}: {error}") from None
        return np.concatenate(parts)

    def described(self) -> dict[str, Any]:
        return {name: variable.described() for name, variable in self.by_name.items()}


def variables_of(described: Mapping[str, Mapping[str, Any]]) -> Variables:
    """The variables that `Variables.described` wrote."""
    kinds = {"real": Real, "integer": Integer, "binary": Binary, "choice": Choice, "permutation": Permutation}
    stated = {}
    for name, entry in described.items():
        options = {key: value for key, value in entry.items() if key != "kind"}
        stated[name] = kinds[entry["kind"]](**options)
    return Variables(stated)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
