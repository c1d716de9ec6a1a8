"""Where a run's values come from: an earlier attempt's journal, an executor, or the functions here."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from moo.arrays import Array
from moo.backend import Values
from moo.budget import Clock
from moo.errors import OptionError, StorageError
from moo.evaluation import STATUSES, Evaluation
from moo.journal import Journal, Record
from moo.wanted import DERIVATIVES, Scalarize

if TYPE_CHECKING:
    from moo.executors.base import Executor, Outcome
    from moo.problem import Problem

_ALWAYS = ("X", "F", "G", "H", "CV")


class Measurement:
    """Called like `Problem.compute`, whose values it gives. Every call is numbered and journalled;
    calls that the journal knows are answered from it, so that a resumed run takes the same steps.

    Args:
        problem: whose functions are called.
        clock: ticks when values are known.
        executor: evaluates rows elsewhere; each is journalled when it arrives. Derivatives by autograd
            need the functions here and are not sent to it.
        journal: what earlier attempts left, and where new values go.
        calls: how many calls were made before the journal begins.
    """

    def __init__(
        self,
        problem: Problem,
        clock: Clock,
        *,
        executor: Executor | None = None,
        journal: Journal | None = None,
        calls: int = 0,
    ) -> None:
        self.problem = problem
        self.clock = clock
        self.executor = executor
        self.journal = journal
        self.calls = calls
        self._known: dict[int, list[Record]] = defaultdict(list)
        for record in journal.records if journal is not None else ():
            self._known[record.facts["call"]].append(record)

    @property
    def replaying(self) -> bool:
        """Whether the journal knows the next call already."""
        return self.calls in self._known

    def __call__(
        self,
        X: Array,
        *,
        jacobian: bool = False,
        constraint_jacobians: bool = False,
        scalarize: Scalarize | None = None,
        rng: np.random.Generator | None = None,
    ) -> Evaluation:
        wanted: dict[str, Any] = {
            "jacobian": jacobian,
            "constraint_jacobians": constraint_jacobians,
            "scalarize": scalarize,
        }
        if self.executor is None:
            return self._here(X, wanted, rng)
        if self.problem.backend.kind == "torch" and any(map(bool, wanted.values())):
            return self._here(X, wanted, rng)
        return self.problem.compute(X, **wanted, rows=self._elsewhere)

    # ------------------------------------------------------------------ in this process

    def _here(self, X: Array, wanted: dict[str, Any], rng: np.random.Generator | None) -> Evaluation:
        known = self._next()
        if known:
            return self._replayed(X, known[0], rng)
        if self.executor is not None and not self.executor.derivatives_here:
            raise OptionError(
                "this optimizer asks for derivatives, which cannot be told: choose one that needs none, or "
                'state the problem with backend="numpy" for finite differences'
            )
        evaluation = self.problem.compute(X, **wanted, rng=rng)
        self.clock.tick()
        if self.journal is not None:
            self.journal.append(self._record(evaluation, rng))
        return evaluation

    def _next(self) -> list[Record]:
        """What the journal knows of the next call."""
        known = self._known.pop(self.calls, [])
        self.calls += 1
        return known

    def _record(self, evaluation: Evaluation, rng: np.random.Generator | None) -> Record:
        present = [n for n in (*_ALWAYS, *DERIVATIVES) if getattr(evaluation, n) is not None]
        arrays = {name: self.problem.to_array(getattr(evaluation, name)) for name in present}
        facts = {
            "call": self.calls - 1,
            "seconds": self.clock.ticked,
            "error": None if evaluation.error is None else str(evaluation.error),
            "rng": None if rng is None else rng.bit_generator.state,
        }
        return Record(facts, {**arrays, "status": evaluation.status})

    def _replayed(self, X: Array, record: Record, rng: np.random.Generator | None) -> Evaluation:
        on_arrays = isinstance(X, np.ndarray)
        if not np.array_equal(self.problem.to_array(X), record.arrays["X"]):
            raise _another_run()
        if rng is not None and record.facts["rng"] is not None:
            rng.bit_generator.state = record.facts["rng"]
        self.clock.set(record.facts["seconds"])
        convert = (lambda values: values) if on_arrays else self.problem.to_tensor
        parts: dict[str, Any] = {n: convert(a) for n, a in record.arrays.items() if n not in ("X", "status")}
        text = record.facts["error"]
        error = None if text is None else RuntimeError(text)
        return Evaluation(X=X, status=record.arrays["status"], error=error, **parts)

    # ------------------------------------------------------------------ rows evaluated elsewhere

    def _elsewhere(self, X: np.ndarray) -> Values:
        """Values of the rows as they arrive, those known from before without asking again."""
        problem, n = self.problem, len(X)
        widths = (problem.n_obj, problem.n_ieq_constr, problem.n_eq_constr)
        F, G, H = (np.full((n, width), np.nan) for width in widths)
        values = Values(F, G, H, failed=np.zeros(n, dtype=bool), status=np.zeros(n, dtype=np.int8))
        missing = np.ones(n, dtype=bool)
        for record in self._next():
            row = record.facts["row"]
            if row >= n or not np.array_equal(X[row], record.arrays["X"]):
                raise _another_run()
            self.clock.set(record.facts["seconds"])
            _fill(values, row, record)
            missing[row] = False
        rows = np.flatnonzero(missing)
        if len(rows):
            assert self.executor is not None
            for outcome in self.executor.outcomes(X[rows]):
                self.clock.tick()
                record = self._row_record(int(rows[outcome.row]), X, outcome)
                if self.journal is not None:
                    self.journal.append(record)
                _fill(values, record.facts["row"], record)
        return values

    def _row_record(self, row: int, X: np.ndarray, outcome: Outcome) -> Record:
        facts = {
            "call": self.calls - 1,
            "row": row,
            "seconds": self.clock.ticked,
            "status": outcome.status,
            "error": outcome.error,
        }
        return Record(facts, {"X": X[row], "F": outcome.F, "G": outcome.G, "H": outcome.H})


def _fill(values: Values, row: int, record: Record) -> None:
    """Enter one row; errors are kept in the order of rows, not of arrival."""
    assert values.status is not None
    for letter in ("F", "G", "H"):
        getattr(values, letter)[row] = record.arrays[letter]
    status = record.facts["status"]
    values.status[row] = STATUSES.index(status)
    if status not in ("ok", "nan", "inf"):
        earlier = np.flatnonzero(values.failed)
        values.failed[row] = True
        if not len(earlier) or row < earlier[0]:
            values.error = RuntimeError(record.facts["error"])


def _another_run() -> StorageError:
    return StorageError(
        "the stored evaluations belong to other candidates than this run asks for: the optimizer, moo or a "
        "library below has changed since; start anew in another folder (start= takes points along)"
    )
