"""The one door to a problem: every evaluation is counted, checked, logged and archived here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from moo.archive import Archive
from moo.errors import EvaluationError, OptionError

if TYPE_CHECKING:
    from moo.problem import Problem

Array: TypeAlias = Any  # a numpy array or a torch tensor; which of the two follows the X handed in
Scalarize: TypeAlias = Callable[[Array, Array, Array], Array]  # tensors F, G, H -> (n,)

_ROWS = ("X", "F", "G", "H", "CV", "status")
STATUSES = ("ok", "nan", "inf", "error", "timeout", "shape")


@dataclass(frozen=True)
class Evaluation:
    """What is known of n candidates. Arrays where X was an array, tensors where it was a tensor.

    Attributes:
        X: decision variables (n, n_var).
        F: objective vectors, minimised form (n, n_obj); rows that failed are NaN.
        G: inequality constraints, satisfied where <= 0 (n, n_ieq_constr).
        H: equality constraints, satisfied where = 0 (n, n_eq_constr).
        CV: constraint violation (n,): 0 when feasible within the problem's tolerances, inf for rows
            that failed, so that sorting by CV puts them last.
        status: index into ``STATUSES`` for each row (n,), always a numpy array.
        J, dG, dH: Jacobians (n, n_obj | n_ieq_constr | n_eq_constr, n_var) where asked for.
        scalar, gradient: value (n,) and gradient (n, n_var) of the scalarization asked for.
        error: the first exception the user's functions raised, if any did.
    """

    X: Array
    F: Array
    G: Array
    H: Array
    CV: Array
    status: np.ndarray
    J: Array | None = None
    dG: Array | None = None
    dH: Array | None = None
    scalar: Array | None = None
    gradient: Array | None = None
    error: Exception | None = None

    def __len__(self) -> int:
        return len(self.F)

    def rows(self, index: Array) -> Evaluation:
        """The chosen rows, without derivatives."""
        if isinstance(self.F, np.ndarray):  # take is twice as fast as indexing
            return Evaluation(*(getattr(self, name).take(index, axis=0) for name in _ROWS))
        picked = {name: getattr(self, name)[index] for name in _ROWS[:-1]}
        on_cpu = index if isinstance(index, np.ndarray) else index.cpu().numpy()
        return Evaluation(**picked, status=self.status[on_cpu])

    def without_derivatives(self) -> Evaluation:
        return replace(self, J=None, dG=None, dH=None, scalar=None, gradient=None)

    def merge(self, other: Evaluation) -> Evaluation:
        """The rows of both, without derivatives (numpy arrays only)."""
        both: Any = (np.concatenate((getattr(self, name), getattr(other, name))) for name in _ROWS)
        return Evaluation(*both)


class BudgetExhausted(Exception):  # noqa: N818 - a signal between evaluator and loop, not an error
    """The evaluator has nothing left to spend; what it could afford was evaluated and logged."""


@dataclass(frozen=True)
class Budget:
    """What a run may spend; it ends at whichever limit is reached first.

    Args:
        cost: F-equivalents, ``n_f + vjp_cost * n_vjp``: objective-vector evaluations plus backward
            passes (one a row and objective), each worth ``vjp_cost`` evaluations.
        seconds: wall-clock seconds.
        vjp_cost: the constant c of the cost; 2 is between the 1 of the forward pass alone and the 3
            to 4 that F with its gradient takes on small networks (Griewank and Walther's bound is 5).

    Raises:
        OptionError: when no limit is given, or one is not positive.
    """

    cost: float | None = None
    seconds: float | None = None
    vjp_cost: float = 2.0

    def __post_init__(self) -> None:
        if self.cost is None and self.seconds is None:
            raise OptionError("a budget needs a limit: give cost= (F-equivalents) or seconds=")
        for name in ("cost", "seconds"):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and 0 < value < np.inf):
                raise OptionError(f"budget {name}={value!r} is not accepted: give a finite number above zero")
        if not (_is_number(self.vjp_cost) and 0 <= self.vjp_cost < np.inf):
            raise OptionError(f"vjp_cost={self.vjp_cost!r} is not accepted: give a number >= 0")

    @classmethod
    def of(cls, budget: Budget | float) -> Budget:
        """A ``Budget`` as it is, a number as so many F-equivalents."""
        return budget if isinstance(budget, Budget) else cls(cost=budget)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


@dataclass
class Log:
    """Every batch that was evaluated, in order: its F, its CV and the cost at which it was known."""

    F: list[np.ndarray] = field(default_factory=list)
    CV: list[np.ndarray] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)

    def add(self, F: np.ndarray, CV: np.ndarray, cost: float) -> None:
        self.F.append(F)
        self.CV.append(CV)
        self.cost.append(cost)

    def arrays(self, n_obj: int) -> dict[str, np.ndarray]:
        """F (k, n_obj), CV (k,) and cost (k,) of every row."""
        if not self.F:
            return {"F": np.empty((0, n_obj)), "CV": np.empty(0), "cost": np.empty(0)}
        cost = np.repeat(self.cost, [len(F) for F in self.F])
        return {"F": np.concatenate(self.F), "CV": np.concatenate(self.CV), "cost": cost}


class Evaluator:
    """Counts, checks, logs and archives; raises `BudgetExhausted` when nothing is left to spend.

    Args:
        problem: the problem whose candidates are evaluated.
        budget: what may be spent.
        rng: draws the minibatches of a stochastic problem; other problems do not use it.
    """

    def __init__(self, problem: Problem, budget: Budget, rng: np.random.Generator) -> None:
        self.problem = problem
        self.budget = budget
        self.rng = rng
        self.n_f = 0
        self.n_vjp = 0
        self.counts = np.zeros(len(STATUSES), dtype=int)
        self.log = Log()
        self.archive = Archive()
        self.least_violating: Evaluation | None = None  # one row, while nothing feasible is known
        self._least_violation = np.inf
        self._started = time.perf_counter()

    @property
    def cost(self) -> float:
        """F-equivalents spent so far."""
        return self.n_f + self.budget.vjp_cost * self.n_vjp

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._started

    @property
    def fraction(self) -> float:
        """Share of the budget that is spent, in [0, 1]; for step-size schedules."""
        by_cost = 0.0 if self.budget.cost is None else self.cost / self.budget.cost
        by_time = 0.0 if self.budget.seconds is None else self.seconds / self.budget.seconds
        return min(max(by_cost, by_time), 1.0)

    def __call__(
        self,
        X: Array,
        *,
        jacobian: bool = False,
        constraint_jacobians: bool = False,
        scalarize: Scalarize | None = None,
    ) -> Evaluation:
        """Evaluate the rows of X (n, n_var).

        Args:
            jacobian: also J, at one backward pass a row and objective.
            constraint_jacobians: also dG and dH, at one backward pass a row and constraint.
            scalarize: also the value and gradient of ``scalarize(F, G, H) -> (n,)`` (tensors), at
                one backward pass a row.

        Raises:
            BudgetExhausted: when not all rows could be paid for (those that could are in the log).
            EvaluationError: when the user's functions raised on every row of the run so far.
        """
        n_f, n_vjp = self.problem.cost_of_row(jacobian, constraint_jacobians, scalarize is not None)
        if self._affordable(n_f + self.budget.vjp_cost * n_vjp) < len(X):
            self._spend_the_rest(X)
            raise BudgetExhausted
        evaluation = self.problem.compute(
            X,
            jacobian=jacobian,
            constraint_jacobians=constraint_jacobians,
            scalarize=scalarize,
            rng=self.rng if self.problem.stochastic else None,
        )
        self._record(evaluation, n_f, n_vjp)
        return evaluation

    def together(self, known: Evaluation | None, X: np.ndarray) -> Evaluation:
        """The known rows and, after them, those of X, with values that can be compared: on a stochastic
        problem the known rows are evaluated again, on the minibatch of the new ones, since a row that
        kept its value would stay for having met an easy minibatch once."""
        if known is None:
            return self(X)
        if self.problem.stochastic:
            return self(np.concatenate([known.X, X]))
        return known.merge(self(X))

    def _spend_the_rest(self, X: Array) -> None:
        """Evaluate as many rows as can be paid for, without derivatives nobody will use."""
        affordable = min(len(X), self._affordable(1.0))
        if affordable > 0:
            rng = self.rng if self.problem.stochastic else None
            self._record(self.problem.compute(X[:affordable], rng=rng), 1, 0)

    def _affordable(self, cost_of_row: float) -> int:
        if self.budget.seconds is not None and self.seconds >= self.budget.seconds:
            return 0
        if self.budget.cost is None:
            return int(np.iinfo(np.int64).max)
        return int((self.budget.cost - self.cost) // cost_of_row)

    def _record(self, evaluation: Evaluation, n_f: int, n_vjp: int) -> None:
        """Count, log and archive rows that cost (n_f, n_vjp) each."""
        self.n_f += n_f * len(evaluation)
        self.n_vjp += n_vjp * len(evaluation)
        if evaluation.status.any():
            self.counts += np.bincount(evaluation.status, minlength=len(STATUSES))
        else:
            self.counts[0] += len(evaluation)
        if evaluation.error is not None and self.counts[0] == 0:
            raise EvaluationError(str(evaluation.error)) from evaluation.error
        if self.problem.stochastic:  # the value of one minibatch says too little of a candidate
            kept = self._arrays(evaluation.rows(np.arange(min(1, len(evaluation)))))
            self.least_violating = kept
            to_array = self.problem.to_array
            self.log.add(to_array(evaluation.F), to_array(evaluation.CV), self.cost)
            return
        seen = self._arrays(evaluation)
        self.log.add(seen.F, seen.CV, self.cost)
        self._keep(seen)

    def _arrays(self, evaluation: Evaluation) -> Evaluation:
        parts: Any = {name: self.problem.to_array(getattr(evaluation, name)) for name in _ROWS[:-1]}
        return Evaluation(**parts, status=evaluation.status)

    def _keep(self, seen: Evaluation) -> None:
        """Archive what is feasible; until something is, remember what comes nearest to it."""
        rows = np.hstack([seen.X, seen.G, seen.H]) if self.problem.n_constr else seen.X
        self.archive.add(rows, seen.F, seen.CV <= 0.0)
        if self._least_violation > 0.0 and len(seen) and seen.CV.min() < self._least_violation:
            self._least_violation = float(seen.CV.min())
            self.least_violating = seen.rows(seen.CV.argmin()[None])

    def best(self) -> Evaluation | None:
        """The archive, as arrays; else the least violating row; None while there is neither."""
        points = self.archive.points()
        if points is None:
            return self.least_violating
        rows, F = points
        problem, n = self.problem, len(F)
        X, G, H = np.split(rows, [problem.n_var, problem.n_var + problem.n_ieq_constr], axis=1)
        return Evaluation(X, F, G, H, np.zeros(n), np.zeros(n, dtype=np.int8))

    def statuses(self) -> dict[str, int]:
        """How many rows ended with which status."""
        return dict(zip(STATUSES, self.counts.tolist(), strict=True))
