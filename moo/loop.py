"""The one loop: init, step, step, ... until the budget is spent."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moo import indicators
from moo.budget import Budget, BudgetExhausted, Clock
from moo.cache import Cache
from moo.checkpoint import RunFolder
from moo.constraints import stated_constraints
from moo.errors import OptionError
from moo.evaluation import Evaluation, Evaluator
from moo.failures import OnError
from moo.fingerprint import code_digest
from moo.measurement import Measurement
from moo.optimizers.base import Optimizer, State
from moo.problem import Problem
from moo.provenance import now, provenance
from moo.pymoo_problem import as_problem
from moo.result import Cost, History, Result, Statement

if TYPE_CHECKING:
    from moo.executors.base import Executor

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
    on_error: str = "skip",
    cache: bool = False,
    workers: int | None = None,
    executor: str | None = None,
    timeout: float | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    resume: bool | str = False,
    progress: Callable[[float], None] | None = None,
) -> Result:
    """Solve a problem with one optimizer within a budget.

    Args:
        problem: a `moo.Problem` or any pymoo problem.
        optimizer: for example ``moo.NSGA2(pop_size=100)``.
        budget: F-equivalents, or a `moo.Budget`.
        seed: the same seed gives the same numbers.
        on_error: what becomes of a candidate whose evaluation raises, times out or is not finite:
            "skip" (it is marked and never ranked), "raise" (the run ends), "retry(3)" (it is evaluated
            again, up to three times, each counted) or "penalise" (methods without derivatives see the
            worst values so far). Whatever is chosen, a run ends with what it has when more than half of
            its last rows failed (a quarter of the budget, at least 20 rows and at most 1,000).
        cache: candidates evaluated before are answered from memory, at no cost.
        workers: evaluate each candidate in one of so many processes; for objectives of a millisecond
            and more. Derivatives by autograd are computed in this process.
        executor: "dask" for a cluster of ``workers`` processes here, "dask://HOST:PORT" for one that is
            running.
        timeout: seconds an evaluation may take; its process is then killed. Needs ``workers`` or
            ``executor``; alone it means one worker.
        out: a folder for the result and, on the way, for everything measured: a run that is killed
            goes on from there with ``resume=True`` and ends with the same numbers.
        overwrite: ``out`` may hold files; an earlier run in it is forgotten.
        resume: True goes on with the run in ``out``, from the beginning where there is none, and
            returns its result where it has ended. "changed" also where the problem's code has changed.
        progress: called after each step with the share of the budget spent, in [0, 1].

    Returns:
        A `Result`. Ctrl-C ends the run early with what it has, status "interrupted".

    Raises:
        ProblemError, OptionError: for a problem, optimizer or option that cannot be used.
        StorageError: when ``out`` holds another run, or cannot be written.
        MooError: when the user's functions fail for good. What was found before is in the ``result``
            attribute of this and of any other exception that ends a run.
    """
    problem, budget = as_problem(problem), Budget.of(budget)
    policy = OnError.of(on_error)
    check(optimizer, seed)
    with ExitStack() as stack:
        folder = None
        if out is not None:
            folder = RunFolder(out, facts(problem, optimizer, budget, seed, policy, cache), resume, overwrite)
            stack.callback(folder.close)
            if folder.finished:
                return Result.load(folder.path)
        elif resume:
            raise OptionError("resume= needs out=, the folder of the run to resume")
        workplace = None
        if any(option is not None for option in (workers, executor, timeout)):
            from moo.executors import executor_of

            workplace = stack.enter_context(executor_of(problem, workers, executor, timeout))
        run = Run.start(
            problem, optimizer, budget, int(seed), policy, cache=cache, executor=workplace, folder=folder
        )
        return run.to_end(progress)


def check(optimizer: Any, seed: Any) -> None:
    """
    Raises:
        OptionError: for what is no optimizer object or no seed.
    """
    if not isinstance(optimizer, Optimizer):
        hint = f": {optimizer.__name__}()" if isinstance(optimizer, type) else ""
        raise OptionError(f"optimizer={optimizer!r} is not accepted: give an optimizer object{hint}")
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise OptionError(f"seed={seed!r} is not accepted: give an integer >= 0")


def facts(
    problem: Problem, optimizer: Optimizer[Any], budget: Budget, seed: int, on_error: OnError, cache: bool
) -> dict[str, Any]:
    """What makes a run this run and no other, as JSON."""
    return {
        "problem": problem.title,
        "optimizer": re.sub(r" at 0x[0-9a-f]+", "", repr(optimizer)),  # a function's address says nothing
        "seed": int(seed),
        "budget": asdict(budget),
        "on_error": str(on_error),
        "cache": cache,
        "code": code_digest(problem),
    }


@dataclass
class Run:
    """One optimizer on one problem: the evaluator, the state and the history so far."""

    problem: Problem
    optimizer: Optimizer[Any]
    evaluate: Evaluator
    measure: Measurement
    state: State
    seed: int
    started: str
    folder: RunFolder | None = None
    history: History = field(default_factory=History)
    status: str = "budget spent"
    _next_snapshot: float = 0.0  # share of the budget

    @classmethod
    def start(
        cls,
        problem: Problem,
        optimizer: Optimizer[Any],
        budget: Budget,
        seed: int,
        on_error: OnError,
        *,
        cache: bool = False,
        executor: Executor | None = None,
        folder: RunFolder | None = None,
    ) -> Run:
        """Before the first step or, where the folder has a checkpoint, from there."""
        for_optimizer, for_minibatches = np.random.SeedSequence(seed).spawn(2)
        started = now()
        state = optimizer.init(problem, np.random.default_rng(for_optimizer))
        clock = Clock()
        journal, calls = (None, 0) if folder is None else (folder.journal, folder.calls)
        measure = Measurement(problem, clock, executor=executor, journal=journal, calls=calls)
        rng = np.random.default_rng(for_minibatches)
        options: dict[str, Any] = {"on_error": on_error, "cache": Cache() if cache else None, "clock": clock}
        plain = folder is None and executor is None  # then the functions are called without a detour
        evaluate = Evaluator(problem, budget, rng, measure=None if plain else measure, **options)
        run = cls(problem, optimizer, evaluate, measure, state, seed, started, folder)
        if folder is not None and folder.checkpoint is not None:
            run._restore(folder.thaw(run._modules, problem.device))
        return run

    @property
    def _modules(self) -> tuple[str, ...]:
        """Whose classes a checkpoint may hold beside moo's."""
        return (type(self.optimizer).__module__,)

    def _carried(self) -> dict[str, Any]:
        names = ("state", "history", "started", "_next_snapshot")
        return {"evaluate": self.evaluate.carried(), **{name: getattr(self, name) for name in names}}

    def _restore(self, carried: dict[str, Any]) -> None:
        self.evaluate.restore(carried.pop("evaluate"))
        vars(self).update(carried)

    def to_end(self, progress: Callable[[float], None] | None = None) -> Result:
        """Advance, and return or hand over in the exception what there is; stored where there is a folder."""
        try:
            self.advance(progress)
            self.evaluate.require_values()
        except KeyboardInterrupt:
            self.status = "interrupted"
        except Exception as error:
            self.status = "failed"
            error.result = self.result()  # type: ignore[attr-defined]
            raise
        result = self.result()
        if self.folder is not None:
            result.save(self.folder.path, overwrite=True)
            if self.status != "interrupted":
                self.folder.finish()
        return result

    def advance(self, progress: Callable[[float], None] | None = None) -> None:
        """Step until the budget is spent, the optimizer has converged, or nothing moves any more."""
        idle, spent = 0, -1.0
        while not self.state.converged:
            try:
                self.state = self.optimizer.step(self.evaluate, self.state)
            except BudgetExhausted:
                if self.evaluate.too_many_failures:
                    self.status = "too many failures"
                return
            self._snapshot()
            self._checkpoint()
            if progress is not None:
                progress(self.evaluate.fraction)
            idle = idle + 1 if self.evaluate.cost == spent else 0
            spent = self.evaluate.cost
            if idle >= _IDLE_STEPS:
                self.status = "stalled"
                return
        self.status = "converged"

    def _checkpoint(self) -> None:
        """Every now and then; not while the journal is repeated, whose records would be cut off."""
        folder, measure = self.folder, self.measure
        if (
            folder is not None
            and folder.due
            and not measure.replaying
            and folder.save(self._carried(), measure.calls, self._modules)
        ):
            measure.journal = folder.journal

    def _snapshot(self) -> None:
        if self.state.answer is None or self.evaluate.fraction < self._next_snapshot:
            return
        wanted = _SNAPSHOTS_STOCHASTIC if self.problem.stochastic else _SNAPSHOTS
        self._next_snapshot = (len(self.history.cost) + 1) / wanted
        answer = self.state.answer
        answer = self._full(answer) if self.problem.stochastic else answer
        F, CV = self.problem.to_array(answer.F), self.problem.to_array(answer.CV)
        self.history.cost.append(self.evaluate.cost)
        self.history.n_f.append(self.evaluate.n_f)
        self.history.n_vjp.append(self.evaluate.n_vjp)
        self.history.seconds.append(self.evaluate.clock.ticked)
        self.history.fronts.append(F.compress(CV <= 0, axis=0))

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
        answer = answer.rows(np.flatnonzero(answer.status == 0))  # penalised rows have made-up values
        feasible = np.flatnonzero(answer.CV <= 0)
        if len(feasible):
            return answer.rows(feasible[indicators.nondominated(answer.F[feasible])])
        finite = np.flatnonzero(np.isfinite(answer.CV))
        return answer.rows(finite[answer.CV[finite].argmin()][None] if len(finite) else finite)

    def result(self) -> Result:
        """Everything there is so far, as a `Result`."""
        answer, weights = self._answer()
        evaluate = self.evaluate
        return Result(
            X=np.array(answer.X, dtype=float),
            F=answer.F,
            G=answer.G,
            H=answer.H,
            CV=answer.CV,
            weights=weights,
            metrics=dict(self.problem.report(answer.X)) if len(answer) else {},
            archive=evaluate.archive,
            log=evaluate.log.arrays(self.problem.n_obj),
            history=self.history,
            cost=Cost(
                evaluate.n_f,
                evaluate.n_vjp,
                evaluate.clock.seconds,
                evaluate.budget.vjp_cost,
                evaluate.n_cached,
            ),
            statuses=evaluate.statuses(),
            status=self.status,
            problem=statement(self.problem),
            optimizer=repr(self.optimizer),
            seed=self.seed,
            room=evaluate.room,
            diagnostics=self.state.diagnostics(),
            model=self.state.model(),
            preference=self.state.preference,
            started=self.started,
            ended=now(),
            provenance=provenance(),
        )


def statement(problem: Problem) -> Statement:
    """What results keep of a problem, its known front (thinned) among it."""
    front = problem.pareto_front()
    described: dict[str, Any] = {
        "title": problem.title,
        "names": list(problem.names),
        "var_names": list(problem.var_names),
        "sign": problem.sign.tolist(),
        "constraints": stated_constraints(problem),
        "variables": None if problem.variables is None else problem.variables.described(),
        "reference_set": getattr(problem, "reference_set", None),
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
