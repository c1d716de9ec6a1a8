"""What solves the cells of a study, in this process or, sent there once, in others."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from moo.budget import Budget
from moo.errors import MooError, StorageError
from moo.loop import solve
from moo.optimizers.base import Optimizer
from moo.problem import Problem
from moo.result import Result
from moo.study.cells import Failure, Key
from moo.study.store import Store
from moo.study.timing import Timing, measure

_SECONDS_BETWEEN = 0.5  # of news from a cell
_LONG = 60.0  # seconds; a cell that is expected to take longer keeps a journal


@dataclass(frozen=True)
class Task:
    """A cell to solve; with ``journal`` it keeps its evaluations on the way and goes on from those there."""

    key: Key
    journal: bool = False


@dataclass(frozen=True)
class Cells:
    """Solves a cell a task, or times a problem.

    Attributes:
        problems, optimizers, budget: what the cells are made of.
        store: where results go as soon as they are there; None where there is no folder, or not here.
    """

    problems: Mapping[str, Problem]
    optimizers: Mapping[str, Optimizer[Any]]
    budget: Budget
    store: Store | None

    def __call__(self, task: Task | str, tell: Callable[[float], None]) -> Result | Failure | Timing:
        """The outcome of a cell, stored; for the name of a problem, its timing.

        Args:
            tell: called every half second with the share of the cell's budget spent.

        Raises:
            StorageError: when the outcome cannot be stored.
        """
        if isinstance(task, str):
            return self.timed(task)
        outcome = self.solved(task, tell)
        if self.store is not None:
            self.store.save(task.key, outcome)
        return outcome

    def timed(self, problem: str) -> Timing | Failure:
        try:
            return measure(self.problems[problem])
        except Exception as error:  # its cells will say so, each for itself
            return Failure(_sentence(error))

    def solved(self, task: Task, tell: Callable[[float], None]) -> Result | Failure:
        problem, optimizer, seed = task.key
        options: dict[str, Any] = {"budget": self.budget, "seed": seed, "progress": _now_and_then(tell)}
        if self.store is not None:
            self.store.clear(task.key)
            if task.journal:
                options |= {"out": self.store.cell(task.key), "resume": True}
        try:
            result = solve(self.problems[problem], self.optimizers[optimizer], **options)
        except StorageError:  # no fault of the cell's
            raise
        except Exception as error:  # a cell's error must not cost the others
            return Failure(_sentence(error), getattr(error, "result", None), error=error)
        return replace(result, provenance=result.provenance | {"peak_memory_mb": _peak_megabytes()})


def expected_seconds(timing: Timing | Failure, budget: Budget) -> float:
    """What a cell's evaluations alone may take."""
    if isinstance(timing, Failure):
        return 0.0
    by_cost = float("inf") if budget.cost is None else budget.cost * timing.f
    return min(by_cost, float("inf") if budget.seconds is None else budget.seconds)


def is_long(timing: Timing | Failure, budget: Budget) -> bool:
    return expected_seconds(timing, budget) > _LONG


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, MooError) else f"{type(error).__name__}: {error}"


def _now_and_then(tell: Callable[[float], None]) -> Callable[[float], None]:
    """A run steps more often than anybody wants to hear of it."""
    last = time.monotonic()

    def report(share: float) -> None:
        nonlocal last
        if time.monotonic() - last > _SECONDS_BETWEEN:
            last = time.monotonic()
            tell(share)

    return report


def _peak_megabytes() -> float:
    """The most memory this process has held so far."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)
