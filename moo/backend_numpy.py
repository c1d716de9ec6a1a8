"""Numpy: functions are called row by row or on the batch, derivatives are given or differenced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from moo.backend import Backend, Values, ValuesOf
from moo.errors import ProblemError
from moo.wanted import Scalarize, Sloped, Slopes, Wanted

if TYPE_CHECKING:
    from moo.problem import Problem

_NUMBERS_AT_ONCE = 10_000_000  # of one batch of finite-difference points (80 MB)
_STEP = float(np.sqrt(np.finfo(float).eps))  # forward differences: error about 1e-8 relative


class NumpyBackend(Backend):
    """Derivatives are the user's ``jacobian(x) -> (n_obj, n_var)``, the user's
    ``vjp(x, w) -> (n_var,)`` or forward differences; those of constraints the user's
    ``constraint_jacobian(x) -> (n_constr, n_var)`` or differences.

    Args:
        vectorized: the functions take X (n, n_var) instead of one x (n_var,).
        jacobian: the user's Jacobian of the objectives, vectorized likewise.
        vjp: the user's products of slopes (n_obj,) with the Jacobian, vectorized likewise.
        constraint_jacobian: the user's Jacobian of the constraints, inequality before equality, likewise.
    """

    kind = "numpy"

    def __init__(
        self,
        vectorized: bool,
        jacobian: Callable[..., Any] | None = None,
        vjp: Callable[..., Any] | None = None,
        constraint_jacobian: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(vectorized)
        self.jacobian, self.vjp, self.constraint_jacobian = jacobian, vjp, constraint_jacobian
        self._row_by_row = not vectorized  # numpy has no vmap to try first

    def needs_differences(self, problem: Problem, wanted: Wanted) -> bool:
        """Whether the wanted derivatives are not all given."""
        constraints = self._needs_constraints(problem, wanted) and self.constraint_jacobian is None
        objectives = wanted.jacobian or wanted.scalarize is not None
        return constraints or (objectives and self.jacobian is None and self.vjp is None)

    def _needs_constraints(self, problem: Problem, wanted: Wanted) -> bool:
        """Whether the constraints' Jacobians are wanted, or the slopes of something may be made of them."""
        return problem.n_constr > 0 and (wanted.constraint_jacobians or wanted.scalarize is not None)

    def _needs_jacobian(self, wanted: Wanted) -> bool:
        """Whether the objectives' Jacobian is wanted, or nothing less will do."""
        return wanted.jacobian or (wanted.scalarize is not None and self.vjp is None)

    def cost_of_row(self, problem: Problem, wanted: Wanted) -> tuple[int, int]:
        n_f = 1 + problem.n_var * self.needs_differences(problem, wanted)
        given = self.jacobian is not None or self.vjp is not None
        one = self.vjp is not None and wanted.scalarize is not None
        of_constraints = self.constraint_jacobian is not None and self._needs_constraints(problem, wanted)
        n_vjp = problem.n_obj * (given and self._needs_jacobian(wanted)) + one
        return n_f, n_vjp + problem.n_constr * of_constraints

    def evaluate(self, problem: Problem, X: np.ndarray, wanted: Wanted, values_of: ValuesOf) -> Values:
        values = values_of(X)
        if not wanted.any:
            return values
        if wanted.constraint_jacobians:
            values.dG, values.dH = (np.empty((len(X), 0, problem.n_var)) for _ in range(2))
        if self.needs_differences(problem, wanted):
            values.J, values.dG, values.dH = self._differences(problem, X, values, values_of)
        if self._needs_jacobian(wanted):
            self._given_jacobian(problem, X, values)
        if self.constraint_jacobian is not None and self._needs_constraints(problem, wanted):
            given = self._given(problem, X, values, self.constraint_jacobian, problem.n_constr, "constraint")
            values.dG, values.dH = np.split(given, [problem.n_ieq_constr], axis=1)
        if wanted.scalarize is not None:
            self._chain(problem, X, values, wanted.scalarize)
        return values

    def _chain(self, problem: Problem, X: np.ndarray, values: Values, scalarize: Scalarize) -> None:
        """The gradient of scalarize(F, G, H) by the chain rule over what is known of the objectives' and
        constraints' derivatives."""
        values.scalar, slopes = _sloped(scalarize, values)
        gradient = np.zeros(X.shape)
        if self.vjp is not None and slopes[0] is not None:
            gradient += self._product(problem, X, slopes[0], values)
            slopes = (None, *slopes[1:])
        for slope, J in zip(slopes, (values.J, values.dG, values.dH), strict=True):
            if slope is not None and J is not None:
                gradient += np.einsum("ni,nij->nj", slope, J)
        values.gradient = gradient

    def _given_jacobian(self, problem: Problem, X: np.ndarray, values: Values) -> None:
        """The Jacobian of the objectives that the user gave, or gave the products of, if any."""
        m = problem.n_obj
        if self.jacobian is not None:
            J = self._given(problem, X, values, self.jacobian, m, "objective")
            values.J = problem.sign[:, None] * J
        elif self.vjp is not None:
            each = np.broadcast_to(np.eye(m)[:, None], (m, len(X), m))
            values.J = np.stack([self._product(problem, X, w, values) for w in each], 1)

    def _given(
        self,
        problem: Problem,
        X: np.ndarray,
        values: Values,
        jacobian: Callable[..., Any],
        width: int,
        of: str,
    ) -> np.ndarray:
        """The user's Jacobian (n, width, n_var) of the objectives or constraints; rows where it raises count
        as failed, like those of the functions."""
        size, option = (width, problem.n_var), "jacobian" if of == "objective" else "constraint_jacobian"

        def flat(x: np.ndarray) -> np.ndarray:
            J = _as_floats(jacobian(x), f"{option}=")
            expected = (len(x), *size) if self.vectorized else size
            if J.shape != expected:
                raise ProblemError(
                    f"{option}= returned shape {J.shape}, expected {expected}: "
                    f"{'candidates, ' if self.vectorized else ''}{of}s, decision variables"
                )
            return J.reshape(-1, width * size[1]) if self.vectorized else J.ravel()

        columns, failed, error = self._call(flat, X, width * size[1], option)
        values.failed |= failed
        values.error = values.error or error
        return np.asarray(columns).reshape(-1, *size)

    def _product(self, problem: Problem, X: np.ndarray, slopes: np.ndarray, values: Values) -> np.ndarray:
        """Slopes (n, n_obj) of the minimised objectives times their Jacobians, by the user's vjp."""
        vjp, d = self.vjp, problem.n_var
        assert vjp is not None

        def product(both: np.ndarray) -> np.ndarray:
            gradient = _as_floats(vjp(both[..., :d], both[..., d:]), "vjp=")
            if gradient.shape != both[..., :d].shape:
                raise ProblemError(
                    f"vjp= returned shape {gradient.shape}, expected {both[..., :d].shape}: "
                    f"{'candidates, ' if self.vectorized else ''}decision variables"
                )
            return gradient

        both = np.hstack([X, slopes * problem.sign])
        gradient, failed, error = self._call(product, both, d, "vjp")
        values.failed |= failed
        values.error = values.error or error
        return np.asarray(gradient)

    def _differences(
        self, problem: Problem, X: np.ndarray, base: Values, values_of: ValuesOf
    ) -> list[np.ndarray]:
        """Forward differences of F, G and H; a step that would leave the box goes backward."""
        n, d = X.shape
        derivatives = [np.empty((n, part.shape[1], d)) for part in (base.F, base.G, base.H)]
        h = _STEP * np.maximum(1.0, np.abs(X))
        h = np.where(X + h > problem.xu, -h, h)
        chunk = max(1, _NUMBERS_AT_ONCE // (d * d))
        for start in range(0, n, chunk):
            rows = slice(start, start + chunk)
            shifted = X[rows, None, :] + h[rows, :, None] * np.eye(d)
            moved = values_of(shifted.reshape(-1, d))
            parts = zip(derivatives, (base.F, base.G, base.H), (moved.F, moved.G, moved.H), strict=True)
            for derivative, at, after in parts:
                change = after.reshape(len(shifted), d, at.shape[1]) - at[rows, None, :]
                derivative[rows] = np.swapaxes(change / h[rows, :, None], 1, 2)
        return derivatives

    def _call_batch(self, function: Callable[..., Any], X: np.ndarray, width: int, what: str) -> np.ndarray:
        # the compiled functions know one kind of array
        return np.ascontiguousarray(self._columns(function(X), len(X), width, what), dtype=float)

    def _column(self, output: Any, n: int, what: str) -> np.ndarray:
        if isinstance(output, np.ndarray) and output.dtype.kind == "f" and output.shape == (n,):
            return output  # mostly there is nothing to convert or to refuse
        return np.asarray(super()._column(output, n, what))

    def number(self, output: Any, what: str) -> np.ndarray:
        value = np.asarray(output)
        kind = value.dtype.kind
        if kind == "f":
            return value
        if kind not in "biuc":
            raise ProblemError(
                f"one of the {what} returned {type(output).__name__}, expected a number or an array"
            )
        return value if kind == "c" else value.astype(float)

    def copy(self, X: np.ndarray) -> np.ndarray:
        return X.copy()

    def constant(self, values: np.ndarray, X: np.ndarray) -> np.ndarray:
        return values

    def is_complex(self, value: np.ndarray) -> bool:
        return value.dtype.kind == "c"

    def stack(self, values: list[np.ndarray], axis: int = 0) -> np.ndarray:
        if axis == 0:
            return np.stack(values)
        stacked = np.empty((len(values[0]), len(values)))  # a third of what np.stack takes
        for i, column in enumerate(values):
            stacked[:, i] = column
        return stacked

    def nan_row(self, X: np.ndarray, width: int) -> np.ndarray:
        return np.full(width, np.nan)


def _as_floats(output: Any, what: str) -> np.ndarray:
    """
    Raises:
        ProblemError: for what are no real numbers.
    """
    try:
        values = np.asarray(output)
        if values.dtype.kind in "biuf":
            return values.astype(float, copy=False)
    except ValueError:  # rows of several lengths
        pass
    raise ProblemError(f"{what} returned {type(output).__name__}, expected an array of real numbers")


def _sloped(scalarize: Scalarize, values: Values) -> tuple[np.ndarray, Slopes]:
    """Values (n,) of a scalarization and its slopes, which torch finds where it does not know them."""
    if isinstance(scalarize, Sloped) and scalarize.on_arrays:
        return scalarize(values.F, values.G, values.H)
    import torch

    parts = [torch.tensor(part, requires_grad=True) for part in (values.F, values.G, values.H)]
    slopes: Sequence[torch.Tensor | None]
    if isinstance(scalarize, Sloped):
        scalar, slopes = scalarize(*[part.detach() for part in parts])
    else:
        with torch.enable_grad():
            scalar = scalarize(*parts)
            slopes = torch.autograd.grad(scalar.sum(), parts, allow_unused=True)
    F, G, H = (None if slope is None else slope.numpy() for slope in slopes)
    return scalar.detach().numpy(), (F, G, H)
