"""Torch: functions of one x are vmapped over the rows, derivatives come from autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from moo.backend import Backend, Values, ValuesOf
from moo.errors import ProblemError
from moo.wanted import DERIVATIVES, Sloped, Wanted

if TYPE_CHECKING:
    from moo.problem import Problem


_STAY_ON_GRAPH = (
    "compute it from x with torch functions (no float(), .item(), .detach() or numpy), or state the "
    'problem with backend="numpy"'
)


class TorchBackend(Backend):
    """Rows are independent, so one backward pass of a column's sum is that column's gradient for
    every row: a Jacobian is n_obj backward passes, whatever the number of rows."""

    kind = "torch"
    _graph_checked = False

    def cost_of_row(self, problem: Problem, wanted: Wanted) -> tuple[int, int]:
        passes = problem.n_obj * wanted.jacobian + (wanted.scalarize is not None)
        return 1, passes + problem.n_constr * wanted.constraint_jacobians

    def evaluate(self, problem: Problem, X: torch.Tensor, wanted: Wanted, values_of: ValuesOf) -> Values:
        if not wanted.any:
            with torch.no_grad():
                return values_of(X.detach())
        separate = wanted.scalarize is None or getattr(wanted.scalarize, "separate", False)
        size = problem.rows_at_once(len(X)) if separate else len(X)
        if size >= len(X):
            return self._derived(problem, X, wanted, values_of)
        return self._in_parts(problem, X, wanted, values_of, size)

    def _derived(self, problem: Problem, X: torch.Tensor, wanted: Wanted, values_of: ValuesOf) -> Values:
        """Values and derivatives of all rows of X, on one graph."""
        X = X.detach()  # a leaf of its own
        with torch.enable_grad():
            X.requires_grad_()
            values = values_of(X)
            self._check_graph(problem, X, values)
            self._differentiate(values, X, wanted)
        for name in ("F", "G", "H"):
            setattr(values, name, getattr(values, name).detach())
        return values

    def _in_parts(
        self, problem: Problem, X: torch.Tensor, wanted: Wanted, values_of: ValuesOf, size: int
    ) -> Values:
        """The same, ``size`` rows at a time: the graph of one part is gone before the next is made."""
        n, none = len(X), X[:, :0]
        whole = Values(none, none, none, failed=np.zeros(n, dtype=bool))
        for start in range(0, n, size):
            rows = slice(start, min(start + size, n))
            whole_batch = wanted.scalarize
            scalarize = whole_batch.part(rows) if isinstance(whole_batch, Sloped) else None
            part = self._derived(problem, X[rows], wanted._replace(scalarize=scalarize), values_of)
            for name in ("F", "G", "H", *DERIVATIVES):
                values = getattr(part, name)
                if values is not None:
                    if start == 0:
                        setattr(whole, name, _empty(n, values))
                    getattr(whole, name)[rows] = values
            whole.failed[rows] = part.failed
            whole.error = whole.error or part.error
        return whole

    def _differentiate(self, values: Values, X: torch.Tensor, wanted: Wanted) -> None:
        if isinstance(wanted.scalarize, Sloped):
            values.scalar, values.gradient = _pulled_back(values, X, wanted.scalarize)
        elif wanted.scalarize is not None:
            scalar = wanted.scalarize(values.F, values.G, values.H)
            values.gradient = _gradient(scalar, X)
            values.scalar = scalar.detach()
        if wanted.jacobian:
            values.J = _jacobian(values.F, X)
        if wanted.constraint_jacobians:
            values.dG, values.dH = _jacobian(values.G, X), _jacobian(values.H, X)

    def _check_graph(self, problem: Problem, X: torch.Tensor, values: Values) -> None:
        """Once a problem: does every objective and constraint lead back to x?"""
        if self._graph_checked:
            return
        if values.failed.all():
            if "requires grad" in str(values.error):
                raise ProblemError(f"{str(values.error).rstrip('.')}: {_STAY_ON_GRAPH}")
            return
        row = int(np.argmin(values.failed))
        x = X[row : row + 1] if self.vectorized else X[row]
        objectives: Any = problem.objectives
        # A generator of its own: the run's must not depend on whether this check was made before.
        drawn = {"rng": np.random.default_rng(0)} if problem.stochastic else {}
        _require_graph(objectives(x.clone(), **drawn), problem.names, "objectives")
        for what, size in (("inequality", problem.n_ieq_constr), ("equality", problem.n_eq_constr)):
            if size > 0:
                names = [getattr(f, "__name__", what) for f in getattr(problem, f"_{what}")]
                _require_graph(getattr(problem, what)(x.clone()), names, what)
        self._graph_checked = True

    def _call_batch(
        self, function: Callable[..., Any], X: torch.Tensor, width: int, what: str
    ) -> torch.Tensor:
        if self.vectorized:
            columns: torch.Tensor = self._columns(function(X), len(X), width, what)
            return columns
        batched: torch.Tensor = torch.func.vmap(
            lambda x: self._vector(function(x), width, what), randomness="different"
        )(X)
        return batched

    def number(self, output: Any, what: str) -> torch.Tensor:
        if isinstance(output, torch.Tensor):
            real = output.is_floating_point() or output.is_complex()
            return output if real else output.to(torch.float64)
        if isinstance(output, (bool, int, float, complex, np.number, np.ndarray)):
            value: torch.Tensor = torch.as_tensor(output)
            return value if value.is_complex() else value.to(torch.float64)
        raise ProblemError(
            f"one of the {what} returned {type(output).__name__}, expected a number or a torch tensor"
        )

    def copy(self, X: torch.Tensor) -> torch.Tensor:
        return X.clone()

    def constant(self, values: np.ndarray, X: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(values, dtype=X.dtype, device=X.device)

    def is_complex(self, value: torch.Tensor) -> bool:
        return value.is_complex()

    def stack(self, values: list[torch.Tensor], axis: int = 0) -> torch.Tensor:
        return torch.stack(values, axis)

    def nan_row(self, X: torch.Tensor, width: int) -> torch.Tensor:
        return X.new_full((width,), torch.nan)


def _require_graph(outputs: Any, names: list[str], what: str) -> None:
    """
    Raises:
        ProblemError: naming the first of the outputs that cannot be differentiated.
    """
    listed = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    for i, output in enumerate(listed):
        if not (isinstance(output, torch.Tensor) and output.requires_grad):
            name = names[i] if len(listed) == len(names) else what
            raise ProblemError(
                f"{name!r} returned a value off the autograd graph, so it has no gradient: {_STAY_ON_GRAPH}"
            )


def _empty(n: int, like: torch.Tensor) -> torch.Tensor:
    """Room for n rows like these. In the main memory it is numpy that asks for it: in large pages, which
    are there three times as fast."""
    if like.device.type != "cpu":
        return like.new_empty((n, *like.shape[1:]))
    dtype = torch.empty(0, dtype=like.dtype).numpy().dtype
    return torch.from_numpy(np.empty((n, *like.shape[1:]), dtype))


def _gradient(column: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
    if not column.requires_grad:
        return torch.zeros_like(X)
    (gradient,) = torch.autograd.grad(column.sum(), X, retain_graph=True, allow_unused=True)
    return torch.zeros_like(X) if gradient is None else gradient


def _pulled_back(values: Values, X: torch.Tensor, scalarize: Sloped) -> tuple[torch.Tensor, torch.Tensor]:
    """Value (n,) and gradient (n, n_var) of what knows its slopes: one backward pass of those."""
    parts = (values.F, values.G, values.H)
    handed = [part.detach().cpu().numpy() if scalarize.on_arrays else part.detach() for part in parts]
    scalar, slopes = scalarize(*handed)
    pairs = [
        (part, torch.as_tensor(slope, dtype=part.dtype, device=part.device))
        for part, slope in zip(parts, slopes, strict=True)
        if slope is not None and part.requires_grad
    ]
    scalar = torch.as_tensor(scalar, dtype=X.dtype, device=X.device)
    if not pairs:
        return scalar, torch.zeros_like(X)
    outputs, slopes_of = zip(*pairs, strict=True)
    (gradient,) = torch.autograd.grad(outputs, X, slopes_of, retain_graph=True, allow_unused=True)
    return scalar, torch.zeros_like(X) if gradient is None else gradient


def _jacobian(values: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
    if values.shape[1] == 0:
        return X.new_empty((len(X), 0, X.shape[1]))
    return torch.stack([_gradient(values[:, i], X) for i in range(values.shape[1])], 1)
