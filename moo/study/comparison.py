"""`moo.compare`: every optimizer on every problem with every seed, each within the same budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moo.budget import Budget
from moo.errors import MooError, OptionError
from moo.loop import solve, statement
from moo.optimizers.base import Optimizer
from moo.problem import Problem
from moo.provenance import now, provenance
from moo.result import Result
from moo.study.cells import Failure, Key, Progress, named_optimizers, named_problems, seed_list
from moo.study.store import Store, claim
from moo.study.study import Study


def compare(
    problems: Any,
    optimizers: Any,
    *,
    budget: Budget | float = 10_000,
    seeds: int | Sequence[int] = 5,
    k: int = 50,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Study:
    """Solve every problem with every optimizer and every seed, each cell within the same budget.

    Args:
        problems: one problem, a list, or a mapping name -> problem (moo's or pymoo's).
        optimizers: one optimizer, a list, or a mapping label -> optimizer.
        budget: of each cell: F-equivalents, or a `moo.Budget`.
        seeds: how many (0 .. seeds - 1), or a list; the same for all.
        k: points to which every answer is cut before it is judged.
        out: a folder that receives each cell as soon as it is finished (`Study.load` reads it).
        overwrite: whether ``out`` may hold files.
        progress: called with a `moo.study.cells.Progress` after each step and each cell.

    Returns:
        A `Study`. A cell that raises costs that cell alone: its error is in ``Study.failures``. Ctrl-C
        ends the study with what it has, status "interrupted".

    Raises:
        ProblemError, OptionError: for a problem, optimizer, budget, seed or k that cannot be used.
        StorageError: when ``out`` holds files and ``overwrite`` is false (before anything is
            computed), or cannot be written.
        Exception: the first cell's own error, when every cell failed.
    """
    given = named_problems(problems)
    methods = named_optimizers(optimizers)
    if not isinstance(k, int) or k < 1:
        raise OptionError(f"k={k!r} is not accepted: give an integer >= 1")
    study = Study(
        problems={name: statement(problem) for name, problem in given.items()},
        optimizers={label: repr(optimizer) for label, optimizer in methods.items()},
        seeds=seed_list(seeds),
        budget=Budget.of(budget),
        k=k,
        started=now(),
        provenance=provenance(),
    )
    store = None if out is None else Store(claim(out, overwrite=overwrite), study)
    return _Comparison(study, given, methods, store, progress).run()


@dataclass
class _Comparison:
    study: Study
    problems: Mapping[str, Problem]
    optimizers: Mapping[str, Optimizer[Any]]
    store: Store | None
    progress: Callable[[Progress], None] | None
    first_error: Exception | None = None

    def run(self) -> Study:
        self._describe("running")
        status = "complete"
        for key in self.study.cells:
            try:
                self._finish(key, self._solve(key))
            except KeyboardInterrupt:  # outside a run's steps, which end by themselves
                self._save(key)
                status = "interrupted"
            if status == "interrupted" or self._was_interrupted(key):
                status = "interrupted"
                break
        self._describe(status)
        if self.first_error is not None and not self.study.results:
            raise self.first_error
        return self.study

    def _solve(self, key: Key) -> Result | Failure:
        problem, optimizer, seed = key
        try:
            return solve(
                self.problems[problem],
                self.optimizers[optimizer],
                budget=self.study.budget,
                seed=seed,
                progress=None if self.progress is None else lambda share: self._tell(key, share),
            )
        except Exception as error:  # a cell's error must not cost the others
            self.first_error = self.first_error or error
            message = str(error) if isinstance(error, MooError) else f"{type(error).__name__}: {error}"
            return Failure(message, getattr(error, "result", None))

    def _finish(self, key: Key, outcome: Result | Failure) -> None:
        if isinstance(outcome, Failure):
            self.study.failures[key] = outcome
        else:
            self.study.results[key] = outcome
        self._save(key)
        ended = f"failed: {outcome.message}" if isinstance(outcome, Failure) else outcome.status
        self._tell(key, 1.0, ended)

    def _save(self, key: Key) -> None:
        if self.store is None:
            return
        if key in self.study.failures:
            self.store.save_failure(key, self.study.failures[key])
        elif key in self.study.results:
            self.store.save_result(key, self.study.results[key])

    def _was_interrupted(self, key: Key) -> bool:
        result = self.study.results.get(key)
        return result is not None and result.status == "interrupted"

    def _tell(self, key: Key, share: float, outcome: str | None = None) -> None:
        if self.progress is not None:
            done = len(self.study.results) + len(self.study.failures)
            self.progress(Progress(*key, done, len(self.study.cells), share, outcome))

    def _describe(self, status: str) -> None:
        self.study.status = status
        if status != "running":
            self.study.ended = now()
        if self.store is not None:
            self.store.save_description(self.study)
