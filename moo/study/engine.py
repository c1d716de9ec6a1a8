"""Solves the cells of a study that are not there yet, here or by a crew, and keeps each as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from moo.errors import EvaluationError
from moo.executors.crew import AnyCrew, Done, Lost, Told, crew_of, packed
from moo.provenance import now
from moo.result import Result
from moo.study.cells import Failure, Key, Progress
from moo.study.service import Cells, Task, is_long
from moo.study.store import Store
from moo.study.study import Study
from moo.study.timing import Timing

_Outcome = Result | Failure | Timing
_Work = Task | str  # a cell, or the name of a problem to be timed


@dataclass(frozen=True)
class Workplace:
    """Where cells are solved: in this process, unless something is given.

    Attributes:
        workers: processes; 2 where only an ``executor`` is given.
        executor: None for our own processes, "dask", "dask://HOST:PORT".
        timeout: seconds a cell may take before its process is killed.
    """

    workers: int | None = None
    executor: str | None = None
    timeout: float | None = None

    @property
    def here(self) -> bool:
        return self.workers is None and self.executor is None and self.timeout is None

    def crew(self, cells: Cells, kept_open: Sequence[int]) -> AnyCrew:
        workers = self.workers or (1 if self.executor is None else 2)
        payload = packed(cells, "this study")
        return crew_of(payload, workers, self.timeout, self.executor, kept_open=kept_open)


@dataclass
class Engine:
    """One attempt at a study; its cells that are there already are left alone.

    Attributes:
        cells: solves them.
        lock: the descriptor by which this process holds the study's folder.
    """

    study: Study
    cells: Cells
    workplace: Workplace
    lock: int | None = None
    progress: Callable[[Progress], None] | None = None
    _shares: dict[Key, float] = field(default_factory=dict)  # of the cells at work
    _solved: int = 0
    _began: float = field(default_factory=time.monotonic)

    @property
    def _store(self) -> Store | None:
        return self.cells.store

    def run(self) -> Study:
        """
        Raises:
            StorageError: when the folder takes no more; what was finished is in it.
            Exception: the first cell's own error, when every cell failed.
        """
        self._describe("running")
        try:
            status = "complete" if self._work() else "interrupted"
        except KeyboardInterrupt:  # outside a run's steps, which end by themselves
            status = "interrupted"
        self.study.sort()
        self._describe(status)
        if self.study.failures and not self.study.results:
            raise next(f.error or EvaluationError(f.message) for f in self.study.failures.values())
        return self.study

    def _work(self) -> bool:
        """Whether all cells came to their end."""
        missing = [key for key in self.study.missing if self._is_given(key)]
        with ExitStack() as stack:
            place: _Here | _There = _Here(self.cells)
            if missing and not self.workplace.here:
                place = _There(self.workplace, self.cells, self.lock)
                stack.callback(place.close)
            self._time(place, {problem for problem, _, _ in missing})
            tasks = [Task(key, self._is_long(key)) for key in missing]
            for task, outcome in place.outcomes(tasks, self._hear):
                self._finish(task.key, outcome)
                if isinstance(outcome, Result) and outcome.status == "interrupted":
                    return False
        return True

    def _is_given(self, key: Key) -> bool:
        """A study that is resumed may hold more than what was given this time."""
        return key[0] in self.cells.problems and key[1] in self.cells.optimizers

    def _time(self, place: _Here | _There, problems: set[str]) -> None:
        """Where results are kept, what an evaluation of each problem takes; once in a study's life."""
        if self._store is None:
            return
        names = [name for name in self.study.problems if name in problems - set(self.study.timings)]
        for name, timing in place.outcomes(names, lambda name, share: None):
            if isinstance(timing, Timing):
                self.study.timings[name] = timing
        if names:
            self._describe("running")

    def _is_long(self, key: Key) -> bool:
        timing = self.study.timings.get(key[0])
        return self._store is not None and timing is not None and is_long(timing, self.study.budget)

    def _finish(self, key: Key, outcome: Result | Failure) -> None:
        self.study.results.pop(key, None)
        self.study.failures.pop(key, None)
        if isinstance(outcome, Failure):
            self.study.failures[key] = outcome
        else:
            self.study.results[key] = outcome
        self._solved += 1
        self._shares.pop(key, None)
        ended = f"failed: {outcome.message}" if isinstance(outcome, Failure) else outcome.status
        self._tell(key, ended)

    def _hear(self, task: Task, share: float) -> None:
        self._shares[task.key] = share
        self._tell(task.key, None)

    def _tell(self, key: Key, outcome: str | None) -> None:
        if self.progress is None:
            return
        done, total = len(self.study.results) + len(self.study.failures), len(self.study.cells)
        share = sum(self._shares.values())
        worked = self._solved + share
        pace = (time.monotonic() - self._began) / worked if worked else float("nan")
        self.progress(Progress(*key, done, total, share, outcome, pace * (total - done - share)))

    def _describe(self, status: str) -> None:
        self.study.status = status
        if status != "running":
            self.study.ended = now()
        if self._store is not None:
            self._store.save_description(self.study)


class _Here:
    """This process, a task after the other."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells

    def outcomes(self, tasks: Sequence[Any], tell: Callable[[Any, float], None]) -> Iterator[tuple[Any, Any]]:
        for task in tasks:
            yield task, self.cells(task, partial(tell, task))


class _There:
    """Other processes; those that do not share this machine's folders send what is to be stored."""

    def __init__(self, workplace: Workplace, cells: Cells, lock: int | None) -> None:
        self.store = cells.store
        self.they_store = workplace.executor is None
        sent = cells if self.they_store else replace(cells, store=None)
        self.crew = workplace.crew(sent, [] if lock is None else [lock])

    def outcomes(self, tasks: Sequence[Any], tell: Callable[[Any, float], None]) -> Iterator[tuple[Any, Any]]:
        for event in self.crew.run(tasks):
            task = tasks[event.task]
            if isinstance(event, Told):
                tell(task, event.news)
            elif isinstance(event, Done):
                yield task, self._kept(task, event.answer)
            else:
                yield task, self._lost(task, event)

    def _kept(self, task: _Work, outcome: _Outcome) -> _Outcome:
        if not self.they_store and isinstance(task, Task) and not isinstance(outcome, Timing):
            self._store(task, outcome)
        return outcome

    def _lost(self, task: _Work, event: Lost) -> Failure:
        """Nobody else stores what became of a cell whose process is gone."""
        if event.status == "timeout":
            sentence = f"the cell took longer than {event.reason}"
        else:
            sentence = f"the process that solved it died ({event.reason})"
        failure = Failure(sentence, kind=event.status)
        if isinstance(task, Task):
            self._store(task, failure)
        return failure

    def _store(self, task: Task, outcome: Result | Failure) -> None:
        if self.store is not None:
            self.store.save(task.key, outcome)

    def close(self) -> None:
        self.crew.close()
