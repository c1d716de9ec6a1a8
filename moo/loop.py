"""The one loop: init, step, step, ... until the budget is spent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from moo import indicators
from moo.errors import OptionError
from moo.evaluation import Budget, BudgetExhausted, Evaluation, Evaluator
from moo.optimizers.base import Optimizer, State
from moo.problem import Problem, as_problem
from moo.provenance import now, provenance
from moo.result import Cost, History, Result, Statement

_SNAPSHOTS = 40  # of the answer, evenly spaced in cost
_SNAPSHOTS_STOCHASTIC = 10  # each re-evaluates the answer on the full training set
_IDLE_STEPS = 100  # steps that evaluate nothing before a run counts as stalled
_FRONT_POINTS = 500  # of the known front, kept with a result


def solve(
    problem: Any,
    optimizer: Optimizer[Any],
    *,
    budget: Budget | float,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Result:
    """Solve a problem with one optimizer within a budget.

    Args:
        problem: a `moo.Problem` or any pymoo problem.
        optimizer: for example ``moo.NSGA2(pop_size=100)``.
        budget: F-equivalents, or a `moo.Budget`.
        seed: the same seed gives the same numbers.
        progress: called after each step with the share of the budget spent, in [0, 1].

    Returns:
        A `Result`. Ctrl-C ends the run early with what it has, status "interrupted".

    Raises:
        ProblemError, OptionError: for a problem, optimizer or budget that cannot be used.
        MooError: when the user's functions fail for good. What was found before is in the ``result``
            attribute of this and of any other exception that ends a run.
    """
    if not isinstance(optimizer, Optimizer):
        hint = f": {optimizer.__name__}()" if isinstance(optimizer, type) else ""
        raise OptionError(f"optimizer={optimizer!r} is not accepted: give an optimizer object{hint}")
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise OptionError(f"seed={seed!r} is not accepted: give an integer >= 0")
    run = Run.start(as_problem(problem), optimizer, Budget.of(budget), int(seed))
    try:
        run.advance(progress)
    except KeyboardInterrupt:
        run.status = "interrupted"
    except Exception as error:
        run.status = "failed"
        error.result = run.result()  # type: ignore[attr-defined]
        raise
    return run.result()


@dataclass
class Run:
    """One optimizer on one problem: the evaluator, the state and the history so far."""

    problem: Problem
    optimizer: Optimizer[Any]
    evaluate: Evaluator
    state: State
    seed: int
    started: str
    history: History = field(default_factory=History)
    status: str = "budget spent"
    _next_snapshot: float = 0.0  # share of the budget

    @classmethod
    def start(cls, problem: Problem, optimizer: Optimizer[Any], budget: Budget, seed: int) -> Run:
        for_optimizer, for_minibatches = np.random.SeedSequence(seed).spawn(2)
        started = now()
        state = optimizer.init(problem, np.random.default_rng(for_optimizer))
        evaluate = Evaluator(problem, budget, np.random.default_rng(for_minibatches))
        return cls(problem, optimizer, evaluate, state, seed, started)

    def advance(self, progress: Callable[[float], None] | None) -> None:
        """Step until the budget is spent, the optimizer has converged, or nothing moves any more."""
        idle, spent = 0, -1.0
        while not self.state.converged:
            try:
                self.state = self.optimizer.step(self.evaluate, self.state)
            except BudgetExhausted:
                break
            self._snapshot()
            if progress is not None:
                progress(self.evaluate.fraction)
            idle = idle + 1 if self.evaluate.cost == spent else 0
            spent = self.evaluate.cost
            if idle >= _IDLE_STEPS:
                self.status = "stalled"
                return
        if self.state.converged:
            self.status = "converged"

    def _snapshot(self) -> None:
        if self.state.answer is None or self.evaluate.fraction < self._next_snapshot:
            return
        wanted = _SNAPSHOTS_STOCHASTIC if self.problem.stochastic else _SNAPSHOTS
        self._next_snapshot = (len(self.history.cost) + 1) / wanted
        answer = self._full(self.state.answer)
        self.history.cost.append(self.evaluate.cost)
        self.history.n_f.append(self.evaluate.n_f)
        self.history.n_vjp.append(self.evaluate.n_vjp)
        self.history.seconds.append(self.evaluate.seconds)
        self.history.fronts.append(answer.F[answer.CV <= 0])

    def _full(self, answer: Evaluation) -> Evaluation:
        """The answer as arrays; for a stochastic problem evaluated again on all training data, which
        is reporting, not search, and so is not counted."""
        to_array = self.problem.to_array
        if self.problem.stochastic:
            return self.problem.compute(to_array(answer.X))
        parts: dict[str, Any] = {name: to_array(getattr(answer, name)) for name in ("X", "F", "G", "H", "CV")}
        return Evaluation(**parts, status=answer.status)

    def _answer(self) -> tuple[Evaluation, np.ndarray | None]:
        """The rows to return, and their weight vectors where they have them."""
        if self.state.answer is None:
            return self._front(self._seen()), None
        answer = self._full(self.state.answer)
        if self.state.weights is not None:
            return answer, self.problem.to_array(self.state.weights)
        return self._front(answer), None

    def _seen(self) -> Evaluation:
        """What the evaluator saw, for a run that ended before its optimizer had an answer."""
        seen = self.evaluate.best()
        return self.problem.compute(np.empty((0, self.problem.n_var))) if seen is None else self._full(seen)

    def _front(self, answer: Evaluation) -> Evaluation:
        """The feasible, mutually non-dominated rows; else the least violating one."""
        feasible = np.flatnonzero(answer.CV <= 0)
        if len(feasible):
            return answer.rows(feasible[indicators.nondominated(answer.F[feasible])])
        finite = np.flatnonzero(np.isfinite(answer.CV))
        return answer.rows(finite[answer.CV[finite].argmin()][None] if len(finite) else finite)

    def result(self) -> Result:
        """Everything there is so far, as a `Result`."""
        answer, weights = self._answer()
        n_var, n_obj = self.problem.n_var, self.problem.n_obj
        archive = self.evaluate.archive.points()
        empty = np.empty((0, n_var)), np.empty((0, n_obj))
        archive_X, archive_F = empty if archive is None else (archive[0][:, :n_var], archive[1])
        evaluate = self.evaluate
        return Result(
            X=np.array(answer.X, dtype=float),
            F=answer.F,
            G=answer.G,
            H=answer.H,
            CV=answer.CV,
            weights=weights,
            metrics=dict(self.problem.report(answer.X)) if len(answer) else {},
            archive_X=archive_X,
            archive_F=archive_F,
            log=evaluate.log.arrays(n_obj),
            history=self.history,
            cost=Cost(evaluate.n_f, evaluate.n_vjp, evaluate.seconds, evaluate.budget.vjp_cost),
            statuses=evaluate.statuses(),
            status=self.status,
            problem=statement(self.problem),
            optimizer=repr(self.optimizer),
            seed=self.seed,
            started=self.started,
            ended=now(),
            provenance=provenance(),
        )


def statement(problem: Problem) -> Statement:
    """What results keep of a problem, its known front (thinned) among it."""
    front = problem.pareto_front()
    described = {
        "title": problem.title,
        "names": list(problem.names),
        "var_names": list(problem.var_names),
        "sign": problem.sign.tolist(),
    }
    if front is None:
        return Statement(**described)
    thinned = front[:: max(1, len(front) // _FRONT_POINTS)]
    return Statement(
        **described,
        ideal=front.min(axis=0).tolist(),
        nadir=front.max(axis=0).tolist(),
        front=thinned.tolist(),
    )
