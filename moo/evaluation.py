"""The one door to a problem: every evaluation is counted, checked, logged and archived here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from moo.archive import Archive
from moo.arrays import Array
from moo.budget import Budget, BudgetExhausted, Clock
from moo.errors import EvaluationError
from moo.failures import OnError, Penalty, Window
from moo.wanted import DERIVATIVES, Scalarize, Sloped, Wanted

if TYPE_CHECKING:
    from moo.cache import Cache
    from moo.problem import Problem


_ROWS = ("X", "F", "G", "H", "CV", "status")
_FIXED = ("problem", "budget", "on_error", "_measure")  # in the course of a run
HOPELESS = 20  # rows whose functions, or their derivatives, raised, and never one that worked: the run ends
STATUSES = ("ok", "nan", "inf", "error", "timeout", "shape", "killed")


@dataclass
class Evaluation:
    """What is known of n candidates. Arrays where X was an array, tensors where it was a tensor.

    Nothing in it is ever assigned to. It is not frozen because a frozen one takes a microsecond longer to
    make, and methods without derivatives make several a generation.

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
            arrays = (self.X, self.F, self.G, self.H, self.CV, self.status)
            return Evaluation(*[array.take(index, axis=0) for array in arrays])
        picked = {name: getattr(self, name)[index] for name in _ROWS[:-1]}
        on_cpu = index if isinstance(index, np.ndarray) else index.cpu().numpy()
        return Evaluation(**picked, status=self.status[on_cpu])

    def without_derivatives(self) -> Evaluation:
        return replace(self, J=None, dG=None, dH=None, scalar=None, gradient=None)

    def with_rows(self, index: np.ndarray, rows: Evaluation) -> Evaluation:
        """These rows with those at ``index`` replaced, derivatives included."""
        parts: dict[str, Any] = {"status": self.status.copy()}
        parts["status"][index] = rows.status
        for name in (*_ROWS[:-1], *DERIVATIVES):
            mine = getattr(self, name)
            if mine is not None:
                parts[name] = mine + 0.0  # numbers of its own
                parts[name][index] = getattr(rows, name)
        return Evaluation(**parts, error=self.error or rows.error)

    def merge(self, other: Evaluation) -> Evaluation:
        """The rows of both, without derivatives (numpy arrays only)."""
        return Evaluation(
            np.concatenate((self.X, other.X)),
            np.concatenate((self.F, other.F)),
            np.concatenate((self.G, other.G)),
            np.concatenate((self.H, other.H)),
            np.concatenate((self.CV, other.CV)),
            np.concatenate((self.status, other.status)),
        )


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
        measure: where values come from, called like `Problem.compute`, which it is by default.
        on_error: "raise", "skip", "retry(3)" or "penalise" (`moo.failures.OnError`).
        cache: answers rows that were evaluated before, at no cost.
        clock: ticks when values are known; ``measure``, where given, makes it tick.
    """

    def __init__(
        self,
        problem: Problem,
        budget: Budget,
        rng: np.random.Generator,
        *,
        measure: Callable[..., Evaluation] | None = None,
        on_error: OnError | str = "skip",
        cache: Cache | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.problem = problem
        self.budget = budget
        self.rng = rng
        self.on_error = OnError.of(on_error)
        self.n_f = 0
        self.n_vjp = 0
        self.counts = np.zeros(len(STATUSES), dtype=int)
        self.log = Log()
        self.archive = Archive()
        self.clock = clock or Clock()
        self.cache = cache
        self.least_violating: Evaluation | None = None  # one row, while nothing feasible is known
        self.room = np.zeros(problem.n_ieq_constr)  # the most room to each inequality
        self.too_many_failures = False
        self.error: Exception | None = None  # the first that the user's functions raised
        self._measure = measure
        self._least_violation = np.inf
        self._differentiated, self._derived = 0, False  # rows so far, and whether that ever worked
        self._window = Window.of(budget.cost)
        self._penalty = Penalty.none_yet(problem.n_obj)

    @property
    def cost(self) -> float:
        """F-equivalents spent so far."""
        return self.n_f + self.budget.vjp_cost * self.n_vjp

    @property
    def n_cached(self) -> int:
        """Rows answered from the cache."""
        return 0 if self.cache is None else self.cache.hits

    @property
    def fraction(self) -> float:
        """Share of the budget that is spent, in [0, 1]; for step-size schedules."""
        spent = 0.0 if self.budget.cost is None else self.cost / self.budget.cost
        if self.budget.seconds is not None:
            spent = max(spent, self.clock.ticked / self.budget.seconds)
        return min(spent, 1.0)

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
                one backward pass a row. A `Sloped` says its own slopes and is not differentiated; it
                saves memory where rows are large models.

        Raises:
            BudgetExhausted: when not all rows could be paid for (those that could are in the log), or
                too many have failed.
            EvaluationError: when the user's functions raised on every one of the first rows; with
                ``on_error="raise"`` on the first row that fails.
        """
        wanted = Wanted(jacobian, constraint_jacobians, scalarize)
        if self.problem.variables is not None:
            X = self.problem.repair(X) if isinstance(X, np.ndarray) else X
        if self.cache is not None and not wanted.any and isinstance(X, np.ndarray):
            return self._through_cache(self.cache, X)
        return self._paid(X, wanted)

    def _through_cache(self, cache: Cache, X: np.ndarray) -> Evaluation:
        """Known rows from the cache, the others at their price."""
        missing = cache.missing(X)
        evaluated = self._paid(X[missing], Wanted()) if len(missing) else None
        return cache.complete(X, missing, evaluated)

    def _paid(self, X: Array, wanted: Wanted) -> Evaluation:
        """Evaluate all rows, counted and recorded, failed ones again where ``on_error`` says so."""
        n_f, n_vjp = self.problem.cost_of_row(*wanted.flags) if wanted.any else (1, 0)
        if self._affordable(n_f + self.budget.vjp_cost * n_vjp) < len(X):
            self.require_values()
            self._spend_the_rest(X)
            raise BudgetExhausted
        evaluation = self._measured(X, wanted)
        failed = self._record(evaluation, n_f, n_vjp)
        if wanted.any:
            self._require_derivatives(evaluation)
        if not failed:
            return evaluation
        evaluation = self._retried(evaluation, wanted, (n_f, n_vjp))
        if self.on_error.kind == "penalise" and not wanted.any:
            evaluation = self._penalised(evaluation)
        return evaluation

    def _measured(self, X: Array, wanted: Wanted) -> Evaluation:
        measure = self._measure or self.problem.compute
        rng = self.rng if self.problem.stochastic else None
        evaluation = measure(X, **wanted._asdict(), rng=rng) if wanted.any else measure(X, rng=rng)
        if self._measure is None:
            self.clock.tick()
        return evaluation

    def _require_derivatives(self, evaluation: Evaluation) -> None:
        """
        Raises:
            EvaluationError: when many rows were differentiated and each one raised.
        """
        self._differentiated += len(evaluation)
        self._derived = self._derived or bool((evaluation.status != STATUSES.index("error")).any())
        if not self._derived and self._differentiated >= HOPELESS and evaluation.error is not None:
            raise EvaluationError(str(evaluation.error)) from evaluation.error

    def _retried(self, evaluation: Evaluation, wanted: Wanted, price: tuple[int, int]) -> Evaluation:
        """With the failed rows measured again, as often as asked and as can be paid for; not where the
        scalarization needs all rows to tell the value of one."""
        scalarize = wanted.scalarize
        if scalarize is not None and not (isinstance(scalarize, Sloped) and scalarize.separate):
            return evaluation
        for _ in range(self.on_error.retries):
            failed = np.flatnonzero(evaluation.status)
            failed = failed[: self._affordable(price[0] + self.budget.vjp_cost * price[1])]
            if not len(failed):
                break
            again = self._measured(evaluation.X[failed], wanted.of(failed))
            self._record(again, *price)
            evaluation = evaluation.with_rows(failed, again)
        return evaluation

    def _penalised(self, evaluation: Evaluation) -> Evaluation:
        """With failed rows answered by the worst values so far; their status stays."""
        failed = evaluation.status != 0
        F, CV = self._penalty.values()
        parts = {name: getattr(evaluation, name) + 0.0 for name in ("F", "G", "H", "CV")}
        constant = evaluation.F if isinstance(evaluation.F, np.ndarray) else None
        parts["F"][failed] = F if constant is not None else self.problem.to_tensor(F)
        parts["CV"][failed] = CV
        for name in ("G", "H"):
            parts[name][failed] = 0.0
        return replace(evaluation, **parts)

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
            self._record(self._measured(X[:affordable], Wanted()), 1, 0)

    def _affordable(self, cost_of_row: float) -> int:
        if self.too_many_failures:
            return 0
        if self.budget.seconds is not None and self.clock.ticked >= self.budget.seconds:
            return 0
        if self.budget.cost is None:
            return int(np.iinfo(np.int64).max)
        return int((self.budget.cost - self.cost) // cost_of_row)

    def _record(self, evaluation: Evaluation, n_f: int, n_vjp: int) -> bool:
        """Count, log and archive rows that cost (n_f, n_vjp) each; whether any of them failed."""
        n = len(evaluation.F)
        self.n_f += n_f * n
        self.n_vjp += n_vjp * n
        failed = bool(np.count_nonzero(evaluation.status))  # half of what any() takes
        if failed:
            self.counts += np.bincount(evaluation.status, minlength=len(STATUSES))
        else:
            self.counts[0] += n
        seen = evaluation if isinstance(evaluation.F, np.ndarray) else self._arrays(evaluation, failed)
        self.log.add(seen.F, seen.CV, self.cost)
        if self.problem.stochastic:  # the value of one minibatch says too little of a candidate
            self.least_violating = seen.rows(np.arange(min(1, len(seen))))
        else:
            self._keep(seen)
        if n and len(self.room):
            self.room = np.fmax(self.room, -np.fmin.reduce(seen.G, axis=0))
        if failed:
            self._after_failures(seen)
        elif self.on_error.kind == "penalise":
            self._penalty.learn(seen.F, seen.CV)
        return failed

    def _after_failures(self, seen: Evaluation) -> None:
        """
        Raises:
            EvaluationError: when one failure is enough, or no row ever succeeded.
        """
        self.error = self.error or seen.error
        if self.on_error.kind == "raise":
            raise EvaluationError(_first_failure(seen)) from seen.error
        total = int(self.counts.sum())
        if total >= HOPELESS:
            self.require_values()
        self.too_many_failures |= self._window.overflows(seen.status, total)
        good = seen.status == 0
        self._penalty.learn(seen.F[good], seen.CV[good])

    def require_values(self) -> None:
        """
        Raises:
            EvaluationError: when no row succeeded and the user's functions raised on some.
        """
        if self.error is not None and self.counts[0] == 0:
            raise EvaluationError(str(self.error)) from self.error

    def _arrays(self, evaluation: Evaluation, failed: bool) -> Evaluation:
        """The tensors as arrays. Of a stochastic problem's good rows only the first X, since no other is
        kept and the rows may be large models."""
        tensors = {name: getattr(evaluation, name) for name in _ROWS[:-1]}
        if self.problem.stochastic and not failed:
            tensors["X"] = evaluation.X[:1]
        parts: Any = {name: self.problem.to_array(values) for name, values in tensors.items()}
        return Evaluation(**parts, status=evaluation.status, error=evaluation.error)

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

    def carried(self) -> dict[str, Any]:
        """What changes in the course of a run, for a checkpoint."""
        return {name: value for name, value in vars(self).items() if name not in _FIXED}

    def restore(self, carried: dict[str, Any]) -> None:
        """Go on from what `carried` said."""
        clock = self.clock
        vars(self).update(carried)
        self.clock = clock
        clock.set(carried["clock"].ticked)

    def statuses(self) -> dict[str, int]:
        """How many rows ended with which status."""
        return dict(zip(STATUSES, self.counts.tolist(), strict=True))


def _first_failure(seen: Evaluation) -> str:
    """One sentence on the first row that failed."""
    if seen.error is not None:
        return str(seen.error)
    row = int(np.flatnonzero(seen.status)[0])
    x = ", ".join(f"{value:.6g}" for value in seen.X[row][:8])
    more = ", ..." if seen.X.shape[1] > 8 else ""
    return f"an evaluation ended with status {STATUSES[seen.status[row]]!r} at x = ({x}{more})"
