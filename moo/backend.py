"""How the user's functions are called on a batch and differentiated, with torch and with numpy.

A backend turns X (n, n_var) of its own kind (tensor or array) into F, G and H of that kind, and,
where asked, into Jacobians: autograd for torch, the user's function or finite differences for numpy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from moo.arrays import Array
from moo.errors import MooError, ProblemError
from moo.statement import named
from moo.wanted import Wanted

if TYPE_CHECKING:
    from moo.problem import Problem


ValuesOf: TypeAlias = Callable[[Array], "Values"]


@dataclass
class Values:
    """Raw output of a backend, of its own kind; ``error`` is the first exception of a failed row."""

    F: Array
    G: Array
    H: Array
    failed: np.ndarray
    error: Exception | None = None
    status: np.ndarray | None = None  # index into STATUSES where rows were evaluated elsewhere (n,)
    J: Array | None = None
    dG: Array | None = None
    dH: Array | None = None
    scalar: Array | None = None
    gradient: Array | None = None


class Backend(ABC):
    """Calls the three functions on a batch; a row whose call raises is marked and costs no other.

    Args:
        vectorized: the functions take X (n, n_var) instead of one x (n_var,).
    """

    kind: ClassVar[str]

    def __init__(self, vectorized: bool) -> None:
        self.vectorized = vectorized
        self._row_by_row = False

    @abstractmethod
    def evaluate(self, problem: Problem, X: Array, wanted: Wanted, values_of: ValuesOf) -> Values:
        """F, G, H by ``values_of`` and the wanted derivatives of the rows of X, of this backend's kind."""

    @abstractmethod
    def cost_of_row(self, problem: Problem, wanted: Wanted) -> tuple[int, int]:
        """(n_f, n_vjp) that one row costs with the wanted derivatives."""

    def values(self, problem: Problem, X: Array, rng: np.random.Generator | None = None) -> Values:
        """F, G and H; ``rng`` reaches the objectives of a stochastic problem alone."""
        objectives: Any = problem.objectives
        if problem.stochastic:
            objectives = partial(objectives, rng=rng)
        F, failed, error = self._call(_on_values(problem, objectives), X, problem.n_obj, "objectives")
        if problem.maximises:
            F = F * self.constant(problem.sign, X)
        none = X[:, :0]
        values = Values(F, none, none, failed, error)
        if problem.n_ieq_constr:
            self._add(
                values,
                "G",
                _on_values(problem, problem.inequality),
                X,
                problem.n_ieq_constr,
                "inequality constraints",
            )
        if problem.n_eq_constr:
            self._add(
                values,
                "H",
                _on_values(problem, problem.equality),
                X,
                problem.n_eq_constr,
                "equality constraints",
            )
        return values

    def _add(
        self, values: Values, letter: str, function: Callable[..., Any], X: Array, width: int, what: str
    ) -> None:
        """Call one kind of constraints; a row that failed anywhere has failed."""
        part, failed, error = self._call(function, X, width, what)
        setattr(values, letter, part)
        values.failed |= failed
        values.error = values.error or error

    def _call(
        self, function: Callable[..., Any], X: Array, width: int, what: str
    ) -> tuple[Array, np.ndarray, Exception | None]:
        """All rows in one call or, where that fails, one by one; the function gets its own copy of X."""
        if len(X) == 0:
            return self.nan_row(X, width)[None][:0], np.zeros(0, dtype=bool), None
        if not self._row_by_row:
            try:
                batch = self._call_batch(function, self.copy(X), width, what)
                return batch, np.zeros(len(X), dtype=bool), None
            except MooError:
                raise
            except Exception:  # found again, and named, row by row below
                self._row_by_row = not self.vectorized
        return self._call_rows(function, self.copy(X), width, what)

    def _call_rows(
        self, function: Callable[..., Any], X: Array, width: int, what: str
    ) -> tuple[Array, np.ndarray, Exception | None]:
        rows, failed, error = [], np.zeros(len(X), dtype=bool), None
        for i in range(len(X)):
            try:
                if self.vectorized:
                    rows.append(self._columns(function(X[i : i + 1]), 1, width, what)[0])
                else:
                    rows.append(self._vector(function(X[i]), width, what))
            except MooError:
                raise
            except Exception as raised:
                rows.append(self.nan_row(X, width))
                failed[i], error = True, error or named(raised, what)
        return self.stack(rows), failed, error

    @abstractmethod
    def _call_batch(self, function: Callable[..., Any], X: Array, width: int, what: str) -> Array:
        """All rows in one call: (n, width). Whatever it raises sends the batch row by row."""

    def _vector(self, output: Any, width: int, what: str) -> Array:
        """The output for one x as a vector (width,), or a sentence on what is wrong with it."""
        if isinstance(output, (list, tuple)):
            _check_width(len(output), width, what)
            return self.stack([self._scalar(value, what) for value in output])
        values = self._checked(output, what)
        if values.ndim == 0:
            values = values.reshape(1)
        _check_width(len(values) if values.ndim == 1 else tuple(values.shape), width, what)
        return values

    def _scalar(self, output: Any, what: str) -> Array:
        value = self._checked(output, what)
        if int(np.prod(value.shape)) != 1:
            raise ProblemError(
                f"one of the {what} returned shape {tuple(value.shape)} for one x, expected one number"
            )
        return value.reshape(())

    def _columns(self, output: Any, n: int, width: int, what: str) -> Array:
        """The output for a batch of n candidates as (n, width)."""
        if isinstance(output, (list, tuple)):
            _check_width(len(output), width, what)
            return self.stack([self._column(value, n, what) for value in output], 1)
        values = self._checked(output, what)
        if values.ndim == 1 and width == 1:
            values = values.reshape(-1, 1)
        if tuple(values.shape) != (n, width):
            hint = ", so it looks transposed" if tuple(values.shape) == (width, n) else ""
            raise ProblemError(
                f"{what} returned shape {tuple(values.shape)} for {n} candidates, expected "
                f"({n}, {width}): a row is a candidate{hint}"
            )
        return values

    def _column(self, output: Any, n: int, what: str) -> Array:
        value = self._checked(output, what)
        if tuple(value.shape) not in {(n,), (n, 1)}:
            raise ProblemError(
                f"one of the {what} returned shape {tuple(value.shape)} for a batch of {n} candidates, "
                f"expected ({n},); vectorized=True hands it X of shape (n, n_var)"
            )
        return value.reshape(n)

    def _checked(self, output: Any, what: str) -> Array:
        if output is None:
            raise ProblemError(f"one of the {what} returned None, expected a number: is a return missing?")
        value = self.number(output, what)
        if self.is_complex(value):
            raise ProblemError(f"one of the {what} returned a complex number, expected a real one")
        return value

    @abstractmethod
    def copy(self, X: Array) -> Array:
        """X with numbers of its own, on the same autograd graph."""

    @abstractmethod
    def number(self, output: Any, what: str) -> Array:
        """The output of a user's function as an array or tensor, or a `ProblemError`."""

    @abstractmethod
    def constant(self, values: np.ndarray, X: Array) -> Array:
        """Fixed numbers in X's kind and dtype."""

    @abstractmethod
    def is_complex(self, value: Array) -> bool: ...

    @abstractmethod
    def stack(self, values: list[Array], axis: int = 0) -> Array: ...

    @abstractmethod
    def nan_row(self, X: Array, width: int) -> Array:
        """What stands for a row whose call raised."""


def _on_values(problem: Problem, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a row; where variables are stated by name, of the values they stand for."""
    variables = problem.variables
    return function if variables is None else lambda x: function(variables.decode(x))


def _check_width(given: Any, width: int, what: str) -> None:
    if given != width:
        raise ProblemError(f"the {what} returned {given} values for one x, expected {width}")
