"""The problem: objectives, constraints and bounds, stated once for every optimizer.

Numpy and torch meet here: `Problem.compute` takes an array or a tensor and answers in kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pymoo.core.problem

from moo.arrays import Array
from moo.backend import Backend, Values
from moo.errors import EvaluationError, ProblemError
from moo.evaluation import Evaluation
from moo.statement import (
    bounds,
    call_named,
    check_variables,
    directions_sign,
    functions,
    objective_names,
    variable_names,
)
from moo.variables import Variable, Variables
from moo.wanted import DERIVATIVES, Scalarize, Wanted

if TYPE_CHECKING:
    import torch

    from moo.backend_numpy import NumpyBackend


class Problem(pymoo.core.problem.Problem):  # type: ignore[misc]
    """min F(x) over the box xl <= x <= xu subject to G(x) <= 0 and H(x) = 0.

    It is a pymoo problem (any pymoo algorithm takes it unchanged) with a differentiable torch face.
    State it with functions of one x, or subclass it and define ``objectives(self, x)`` and, where
    there are constraints, ``inequality(self, x)`` and ``equality(self, x)``, and ``vjp(self, x, w)`` and
    ``constraint_jacobian(self, x)`` for the numpy backend.

    Args:
        objectives: a list of functions, one an objective, or one function returning all of them
            (then ``n_obj``, ``names`` or ``directions`` says how many). Not given by subclasses.
        xl, xu: lower and upper bounds: numbers or sequences of n_var; None for an unbounded variable.
        variables: instead of bounds, each decision variable by its name: ``{"layers": moo.Integer(1, 8),
            "kind": moo.Choice(["a", "b"])}``, further `moo.Real`, `moo.Binary`, `moo.Permutation`. The
            functions then receive a dict of values by name, one candidate at a time.
        inequality, equality: functions of x, satisfied where <= 0 and where = 0.
        n_var, n_obj, n_ieq_constr, n_eq_constr: sizes, where the other arguments do not say.
        names: objective names; by default the functions' names, else f1, f2, ...
        var_names: names of the decision variables; by default x1, x2, ...
        directions: "min" or "max" an objective. F is always the minimised form; tables and plots
            show the user's sign.
        backend: "torch" (the default; functions get tensors, are vmapped, Jacobians by autograd) or "numpy"
            (functions get arrays; Jacobians from ``jacobian=``, else forward differences, each of
            whose evaluations is counted).
        vectorized: the functions take a batch X (n, n_var) and return (n,) each (one function for
            all objectives returns (n, n_obj)).
        jacobian: with the numpy backend, the Jacobian of the objectives: x -> (n_obj, n_var), or
            X -> (n, n_obj, n_var) when vectorized.
        vjp: with the numpy backend, the vector-Jacobian product of the objectives, what an adjoint solver and
            reverse-mode differentiation give in one backward pass: (x, w) -> sum_i w_i grad f_i(x), (n_var,),
            or (X, W) -> (n, n_var) when vectorized. A weighted sum then pays for one pass, not for n_obj.
        constraint_jacobian: with the numpy backend, the Jacobian of the constraints, inequality first:
            x -> (n_ieq_constr + n_eq_constr, n_var), vectorized likewise; else they are differenced.
        ieq_tolerance, eq_tolerance: a candidate is feasible when G <= ieq_tolerance and
            |H| <= eq_tolerance (pymoo's 1e-4 for equalities).
        device, dtype: where and as what the torch face computes.
        title: what tables and figures call the problem; by default the class name.

    Raises:
        ProblemError: when the statement contradicts itself.
    """

    stochastic: bool = False  # True: objectives(x, rng) draws a minibatch when rng is given
    either_kind: ClassVar[bool] = False  # True: vectorized functions that take arrays and tensors alike

    def __init__(
        self,
        objectives: Sequence[Callable[..., Any]] | Callable[..., Any] | None = None,
        *,
        xl: Any = None,
        xu: Any = None,
        inequality: Sequence[Callable[..., Any]] | Callable[..., Any] = (),
        equality: Sequence[Callable[..., Any]] | Callable[..., Any] = (),
        variables: Mapping[str, Variable] | None = None,
        n_var: int | None = None,
        n_obj: int | None = None,
        n_ieq_constr: int | None = None,
        n_eq_constr: int | None = None,
        names: Sequence[str] | None = None,
        var_names: Sequence[str] | None = None,
        directions: Sequence[str] | None = None,
        backend: str | None = None,
        vectorized: bool = False,
        jacobian: Callable[..., Any] | None = None,
        vjp: Callable[..., Any] | None = None,
        constraint_jacobian: Callable[..., Any] | None = None,
        ieq_tolerance: float = 1e-6,
        eq_tolerance: float = 1e-4,
        device: str = "cpu",
        dtype: str = "float64",
        title: str | None = None,
    ) -> None:
        self._objectives = functions(objectives, "objectives")
        self._inequality = functions(inequality, "inequality")
        self._equality = functions(equality, "equality")
        self.variables = None if variables is None else Variables(variables)
        if self.variables is not None:
            check_variables(backend, vectorized, xl=xl, xu=xu, n_var=n_var, var_names=var_names)
            xl, xu, var_names, backend = *_columns(self.variables), "numpy"
        lower, upper, n_var = bounds(xl, xu, n_var)
        self.names = objective_names(objectives, n_obj, names, directions)
        self.sign = directions_sign(directions, len(self.names))
        self.maximises = bool((self.sign < 0).any())
        super().__init__(
            n_var=n_var,
            n_obj=len(self.names),
            n_ieq_constr=len(self._inequality) if n_ieq_constr is None else n_ieq_constr,
            n_eq_constr=len(self._equality) if n_eq_constr is None else n_eq_constr,
            xl=lower,
            xu=upper,
        )
        self.var_names = variable_names(var_names, n_var)
        self.ieq_tolerance, self.eq_tolerance = ieq_tolerance, eq_tolerance
        self.device, self.dtype = device, dtype
        self.title = title or type(self).__name__
        if backend == "numpy":
            own, own_of_constraints = self._own_derivatives()
            vjp, constraint_jacobian = vjp or own, constraint_jacobian or own_of_constraints
        given = {"jacobian": jacobian, "vjp": vjp, "constraint_jacobian": constraint_jacobian}
        self.backend = _backend(backend or "torch", vectorized, given)

    # ------------------------------------------------------------------ what a subclass defines

    def objectives(self, x: Array) -> Any:
        """The n_obj objective values of one x (n_var,), or (n, n_obj) of a batch when vectorized."""
        if not self._objectives:
            raise ProblemError(f"{self.title} has no objectives: pass functions, or define objectives(x)")
        if self._single_function:
            function = self._objectives[0]
            return call_named(function, x, getattr(function, "__name__", "objectives"))
        return [
            call_named(function, x, name) for function, name in zip(self._objectives, self.names, strict=True)
        ]

    def inequality(self, x: Array) -> Any:
        """The n_ieq_constr values g(x), satisfied where <= 0."""
        return [call_named(g, x, getattr(g, "__name__", "inequality")) for g in self._inequality]

    def equality(self, x: Array) -> Any:
        """The n_eq_constr values h(x), satisfied where = 0."""
        return [call_named(h, x, getattr(h, "__name__", "equality")) for h in self._equality]

    def report(self, X: np.ndarray) -> Mapping[str, np.ndarray]:
        """Further figures of the rows of X for the result, (n,) each: held-out losses, accuracies."""
        return {}

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n first candidates (n, n_var): uniform in the box; where a variable is unbounded, standard
        normal (one bound: at its absolute value's distance from the bound)."""
        if self.variables is not None:
            return self.variables.sample(n, rng)
        u, z = rng.random((n, self.n_var)), rng.standard_normal((n, self.n_var))
        below, above = np.isfinite(self.xl), np.isfinite(self.xu)
        xl, xu = np.where(below, self.xl, 0.0), np.where(above, self.xu, 0.0)
        X = np.where(below, xl + np.abs(z), np.where(above, xu - np.abs(z), z))
        return np.where(below & above, xl + u * (xu - xl), X)

    def repair(self, X: np.ndarray) -> np.ndarray:
        """X (n, n_var) with whole numbers and orders where the variables want them; reals as they are."""
        return X if self.variables is None else self.variables.repair(np.asarray(X, dtype=float))

    def decode(self, x: np.ndarray) -> dict[str, Any]:
        """The values of one candidate (n_var,) by the names of the variables."""
        if self.variables is not None:
            return self.variables.decode(x)
        return dict(zip(self.var_names, x.tolist(), strict=True))

    def encode(self, candidates: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """X (n, n_var) of candidates given by the names of the variables, to start from.

        Raises:
            ProblemError: for unknown names and values out of range.
        """
        if self.variables is not None:
            return np.array([self.variables.encode(candidate) for candidate in candidates])
        return np.array([[candidate[name] for name in self.var_names] for candidate in candidates])

    # ------------------------------------------------------------------ the two faces

    def compute(
        self,
        X: Array,
        *,
        jacobian: bool = False,
        constraint_jacobians: bool = False,
        scalarize: Scalarize | None = None,
        rng: np.random.Generator | None = None,
        rows: Callable[[np.ndarray], Values] | None = None,
    ) -> Evaluation:
        """Evaluate X (n, n_var); arrays in, arrays out, tensors in, tensors out. Nothing is counted:
        optimizers go through `moo.evaluation.Evaluator`. ``rows`` stands in for the functions where
        rows are evaluated elsewhere: X (n, n_var) -> `Values`, all arrays.

        Raises:
            ProblemError: for X of another shape, and for outputs that are no real numbers or not as
                many as stated. Rows whose functions raise are marked in ``status`` instead.
        """
        self._check_shape(X)
        wanted = Wanted(jacobian, constraint_jacobians, scalarize)
        backend = self.backend
        values_of: Callable[[Array], Values]
        if (
            self.either_kind
            and isinstance(X, np.ndarray)
            and not self._on_arrays.needs_differences(self, wanted)
        ):
            backend = self._on_arrays
        if rows is None:
            values_of = self._on_one_draw(backend, rng)
        else:  # derivatives, where wanted, are differences of these rows
            backend = self.backend if self.backend.kind == "numpy" else self._on_arrays
            values_of = rows
        values = backend.evaluate(self, self._native(X, backend), wanted, values_of)
        return self._answer(X, values)

    def _on_one_draw(self, backend: Backend, rng: np.random.Generator | None) -> Callable[[Array], Values]:
        """What the backend calls, as often as it likes: every call draws the same minibatch."""
        if rng is None:
            return partial(backend.values, self)
        start = rng.bit_generator.state

        def values_of(X: Array) -> Values:
            rng.bit_generator.state = start
            return backend.values(self, X, rng)

        return values_of

    def rows_at_once(self, n: int) -> int:
        """How many of n rows torch is to differentiate together; fewer than n keep less in memory."""
        return n

    def cost_of_row(self, jacobian: bool, constraint_jacobians: bool, scalarized: bool) -> tuple[int, int]:
        """(n_f, n_vjp) of one row of `compute` with these derivatives."""
        scalarize = (lambda F, G, H: F) if scalarized else None
        return self.backend.cost_of_row(self, Wanted(jacobian, constraint_jacobians, scalarize))

    def _evaluate(self, x: np.ndarray, out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        """pymoo's face: F, G, H and, when asked by ``return_values_of``, dF, dG, dH."""
        evaluation = self.compute(
            self.repair(x), jacobian="dF" in out, constraint_jacobians="dG" in out or "dH" in out
        )
        if evaluation.error is not None and np.all(evaluation.status != 0):
            raise EvaluationError(str(evaluation.error)) from evaluation.error
        out["F"], out["G"], out["H"] = evaluation.F, evaluation.G, evaluation.H
        for name, value in (("dF", evaluation.J), ("dG", evaluation.dG), ("dH", evaluation.dH)):
            if name in out:
                out[name] = value

    def name(self) -> str:
        return self.title

    def _repr_html_(self) -> str:
        from moo.html import problem_html

        return problem_html(self)

    def has_bounds(self) -> bool:
        return bool(np.isfinite(self.xl).all() and np.isfinite(self.xu).all())

    @property
    def _single_function(self) -> bool:
        return len(self._objectives) == 1 and self.n_obj > 1

    def _check_shape(self, X: Array) -> None:
        if X.ndim != 2 or X.shape[1] != self.n_var:
            raise ProblemError(
                f"X has shape {tuple(X.shape)}, {self.title} expects (n, {self.n_var}): a row is a candidate"
            )

    def to_array(self, values: Array) -> np.ndarray:
        """A tensor's numbers as a float64 array of its own; an array passes as it is."""
        if isinstance(values, np.ndarray):
            return values
        return np.array(values.detach().cpu().numpy(), dtype=np.float64)

    def to_tensor(self, values: Array) -> torch.Tensor:
        """A tensor on the problem's device, of its dtype, of an array; tensors are moved as needed."""
        import torch

        return torch.as_tensor(values, dtype=getattr(torch, self.dtype), device=self.device)

    def _native(self, X: Array, backend: Backend) -> Array:
        return np.asarray(self.to_array(X), dtype=float) if backend.kind == "numpy" else self.to_tensor(X)

    @cached_property
    def _on_arrays(self) -> NumpyBackend:
        from moo.backend_numpy import NumpyBackend

        # Those of another subclass may be of one x, or of tensors.
        vjp, constraint_jacobian = self._own_derivatives() if self.either_kind else (None, None)
        return NumpyBackend(vectorized=True, vjp=vjp, constraint_jacobian=constraint_jacobian)

    def _own_derivatives(self) -> tuple[Callable[..., Any] | None, Callable[..., Any] | None]:
        """The methods ``vjp`` and ``constraint_jacobian`` of a subclass."""
        return self._own("vjp", "objectives"), self._own("constraint_jacobian", "inequality", "equality")

    def _own(self, derivative: str, *functions: str) -> Callable[..., Any] | None:
        """A subclass's method of that name, unless a class further down has other functions."""
        for cls in type(self).__mro__:
            if derivative in vars(cls):
                own: Callable[..., Any] | None = getattr(self, derivative)
                return own
            if any(function in vars(cls) for function in functions):
                return None
        return None

    def _answer(self, X: Array, values: Values) -> Evaluation:
        """The backend's values and derivatives in X's kind, with status and constraint violation."""
        F, G, H = values.F, values.G, values.H
        if not (isinstance(X, np.ndarray) and isinstance(F, np.ndarray)):
            F, G, H = (self._like(X, part) for part in (F, G, H))
        status, CV = self._status(values, (F, G, H)), self.violation(G, H)
        if np.count_nonzero(status):
            bad = status != 0
            F, CV = F + 0.0, CV + 0.0
            F[bad], CV[bad] = np.nan, np.inf
        derivatives: dict[str, Any] = {
            name: None if (part := getattr(values, name)) is None else self._like(X, part)
            for name in DERIVATIVES
        }
        return Evaluation(X, F, G, H, CV, status, **derivatives, error=values.error)

    def _like(self, X: Array, part: Array) -> Array:
        """An array or tensor, as X is one."""
        return self.to_array(part) if isinstance(X, np.ndarray) else self.to_tensor(part)

    def _status(self, values: Values, parts: tuple[Array, ...]) -> np.ndarray:
        status = np.zeros(len(values.failed), dtype=np.int8)
        for part in parts:
            if part.shape[1] == 0:
                continue
            array = self.to_array(part)
            if np.count_nonzero(np.isfinite(array)) < array.size:  # half of what all() takes
                status[np.isinf(array).any(axis=1)] = 2
                status[np.isnan(array).any(axis=1)] = 1
        if values.error is not None:
            status[values.failed] = 3
        if values.status is not None:
            status = np.where(values.status != 0, values.status, status)
        return status

    def violation(self, G: Array, H: Array) -> Array:
        """Constraint violation (n,) of G and H: what exceeds the tolerances, summed."""
        if self.n_constr == 0:
            return np.zeros(len(G)) if isinstance(G, np.ndarray) else G.sum(1)
        excess = (G - self.ieq_tolerance).clip(0.0).sum(1)
        return excess + (abs(H) - self.eq_tolerance).clip(0.0).sum(1)


def _columns(variables: Variables) -> tuple[np.ndarray, np.ndarray, list[str]]:
    return variables.xl, variables.xu, variables.column_names


def _backend(name: str, vectorized: bool, derivatives: Mapping[str, Callable[..., Any] | None]) -> Backend:
    given = {option: function for option, function in derivatives.items() if function is not None}
    for option, function in given.items():
        if not callable(function):
            raise ProblemError(f"{option}={function!r} is not accepted: give a function")
        if name == "torch":
            raise ProblemError(f'{option}= goes with backend="numpy"; torch differentiates by itself')
    if name == "torch":
        from moo.backend_torch import TorchBackend

        return TorchBackend(vectorized)
    if name == "numpy":
        from moo.backend_numpy import NumpyBackend

        return NumpyBackend(vectorized, **given)
    raise ProblemError(f'backend={name!r} is not accepted: give "torch" or "numpy"')
