"""Rows evaluated by a crew: our own processes, or a Dask cluster."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from moo.executors.base import Executor, Outcome
from moo.executors.crew import Done, Lost, crew_of, packed

if TYPE_CHECKING:
    from moo.problem import Problem

_AHEAD = 2  # rows a worker has in hand: they may take less time than a message


class Pool(Executor):
    """Evaluates rows in other processes, each of which is sent the problem once.

    Args:
        problem: the problem whose functions are called; it must survive pickling by cloudpickle.
        workers: how many processes.
        timeout: seconds one row may take before its process is killed; None for no limit.
        executor: as for `moo.executors.crew.crew_of`.

    Raises:
        ProblemError: when the problem cannot be pickled.
    """

    def __init__(
        self, problem: Problem, workers: int = 2, timeout: float | None = None, executor: str | None = None
    ) -> None:
        self.timeout = timeout
        self._sizes = (problem.n_obj, problem.n_ieq_constr, problem.n_eq_constr)
        payload = packed(Rows(problem), problem.title)
        self._crew = crew_of(payload, workers, timeout, executor, ahead=_AHEAD)

    @property
    def pids(self) -> list[int]:
        """Process numbers of the workers on this machine."""
        return self._crew.pids

    def outcomes(self, X: np.ndarray) -> Iterator[Outcome]:
        """
        Raises:
            MooError: what the problem's functions are refused for, and when workers cannot be started.
        """
        for event in self._crew.run(X):
            if isinstance(event, Done):
                yield self._outcome(event.task, *event.answer)
            elif isinstance(event, Lost):
                yield self._lost(event)

    def _outcome(self, row: int, F: Any, G: Any, H: Any, status: str, error: str, seconds: float) -> Outcome:
        if F is None:
            F, G, H = (np.full(size, np.nan) for size in self._sizes)
        return Outcome(row, F, G, H, status, error, seconds)

    def _lost(self, event: Lost) -> Outcome:
        if event.status == "timeout":
            sentence, seconds = f"an evaluation took longer than {event.reason}", float(self.timeout or 0)
        else:
            sentence, seconds = f"the process that evaluated it died ({event.reason})", 0.0
        return self._outcome(event.task, None, None, None, event.status, sentence, seconds)

    def close(self) -> None:
        self._crew.close()


class Rows:
    """The service of a `Pool`: evaluates one row x (n_var,) a task."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def __call__(self, x: np.ndarray, tell: Callable[[Any], None]) -> tuple[Any, ...]:
        """What `Outcome` holds beside the row: F, G, H, status, error, seconds. A row is a batch of its
        own, so that its values do not depend on its neighbours.

        Raises:
            MooError: what the problem's functions are refused for.
        """
        from moo.errors import MooError
        from moo.evaluation import STATUSES

        started = time.perf_counter()
        try:
            evaluation = self.problem.compute(x[None])
        except MooError:
            raise
        except BaseException as error:  # SystemExit too: it is one row's, not the worker's
            sentence = f"the functions raised {type(error).__name__}: {error}"
            return None, None, None, "error", sentence, time.perf_counter() - started
        finally:
            sys.stdout.flush()
        sentence = "" if evaluation.error is None else str(evaluation.error)
        values = (evaluation.F[0], evaluation.G[0], evaluation.H[0])
        return *values, STATUSES[evaluation.status[0]], sentence, time.perf_counter() - started
