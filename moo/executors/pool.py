"""Our own worker processes: each has a deadline, and one that hangs or dies loses nobody's work."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

import cloudpickle
import numpy as np

from moo import errors
from moo.errors import EvaluationError, MooError, ProblemError
from moo.executors.base import Executor, Outcome

if TYPE_CHECKING:
    from moo.problem import Problem

_AHEAD = 2  # rows a worker has in hand, so that it need not wait for the next
_TRIES = 2  # a row whose worker dies is given to another once: the killer may have come from outside
_STARTS = 3  # in a row that come to nothing before the pool gives up
_SECONDS_TO_END = 2.0
_ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}


@dataclass
class _Task:
    batch: int
    row: int
    x: np.ndarray
    tries: int = 0


@dataclass
class _Worker:
    """One process, the pipe to it, and the rows it has in hand, the first of which it works on."""

    process: subprocess.Popen[bytes]
    pipe: Connection
    ready: bool = False
    tasks: deque[_Task] = field(default_factory=deque)
    since: float = 0.0  # when it took up the first

    @classmethod
    def start(cls, payload: bytes) -> _Worker:
        ours, theirs = socket.socketpair()
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from moo.executors.worker import main; main({theirs.fileno()})"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env={**os.environ, **_ONE_THREAD},
        )
        theirs.close()
        pipe = Connection(ours.detach())
        with suppress(OSError):  # it died at once: the pool notices when it reads
            pipe.send_bytes(payload)
        return cls(process, pipe)

    def give(self, task: _Task) -> None:
        if not self.tasks:
            self.since = time.monotonic()
        self.tasks.append(task)
        with suppress(OSError):  # dead: the pool notices when it reads
            self.pipe.send((task.batch, task.row, task.x))

    def end(self) -> None:
        """It ends by itself when the pipe closes; if it is busy, it is killed."""
        self.pipe.close()
        try:
            self.process.wait(_SECONDS_TO_END if not self.tasks else 0.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.pipe.close()

    def epitaph(self) -> str:
        """What became of the process, which has died."""
        code = self.process.wait()
        return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


class Pool(Executor):
    """Evaluates rows in processes of its own, each of which is sent the problem once.

    A script that uses it needs no ``if __name__ == "__main__"``: functions of the script travel with the
    problem, the script is not run again.

    Args:
        problem: the problem whose functions are called; it must survive pickling by cloudpickle.
        workers: how many processes.
        timeout: seconds one row may take before its process is killed; None for no limit.

    Raises:
        ProblemError: when the problem cannot be pickled.
    """

    def __init__(self, problem: Problem, workers: int = 2, timeout: float | None = None) -> None:
        self.timeout = timeout
        self._sizes = (problem.n_obj, problem.n_ieq_constr, problem.n_eq_constr)
        try:
            self._payload = cloudpickle.dumps(problem)
        except Exception as error:
            raise ProblemError(f"{problem.title} cannot be sent to workers: {error}") from error
        self._batch = 0
        self._failed_starts = 0
        self._workers = [_Worker.start(self._payload) for _ in range(workers)]

    @property
    def pids(self) -> list[int]:
        """Process numbers of the workers."""
        return [worker.process.pid for worker in self._workers]

    def outcomes(self, X: np.ndarray) -> Iterator[Outcome]:
        """
        Raises:
            MooError: what the problem's functions are refused for, and when workers cannot be started.
        """
        self._batch += 1
        waiting = deque(_Task(self._batch, row, x) for row, x in enumerate(X))
        left = len(X)
        while left:
            self._hand_out(waiting)
            for outcome in self._news(waiting):
                left -= 1
                yield outcome

    def _hand_out(self, waiting: deque[_Task]) -> None:
        """One row to each worker first, then one ahead."""
        for in_hand in range(_AHEAD):
            for worker in self._workers:
                if waiting and worker.ready and len(worker.tasks) == in_hand:
                    worker.give(waiting.popleft())

    def _news(self, waiting: deque[_Task]) -> Iterator[Outcome]:
        """What has happened: rows that are done, workers that died, deadlines that passed."""
        for pipe in wait([worker.pipe for worker in self._workers], self._patience()):
            worker = next(w for w in self._workers if w.pipe is pipe)
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                yield from self._buried(worker, waiting)
                continue
            yield from self._read(worker, message)
        for worker in list(self._workers):
            if self._overdue(worker) <= 0:
                yield from self._stopped(worker, waiting)

    def _patience(self) -> float | None:
        """Seconds to the next deadline."""
        times = [self._overdue(worker) for worker in self._workers if worker.tasks]
        return max(0.0, min(times)) if self.timeout is not None and times else None

    def _overdue(self, worker: _Worker) -> float:
        """Seconds left to its row; infinite without a row or a limit."""
        if self.timeout is None or not worker.tasks:
            return float("inf")
        return worker.since + self.timeout - time.monotonic()

    def _read(self, worker: _Worker, message: tuple[Any, ...]) -> Iterator[Outcome]:
        kind, *content = message
        if kind == "ready":
            worker.ready, self._failed_starts = True, 0
        elif kind == "unusable":
            raise ProblemError(f"the problem cannot be rebuilt in a worker: {content[0]}")
        else:
            worker.tasks.popleft()
            worker.since = time.monotonic()
            batch, row, *values = content
            if values[0] is not None and isinstance(values[0], str):
                raise _refusal(values[1], values[2])
            if batch == self._batch:
                yield self._outcome(row, *values)

    def _outcome(self, row: int, F: Any, G: Any, H: Any, status: str, error: str, seconds: float) -> Outcome:
        if F is None:
            F, G, H = (np.full(size, np.nan) for size in self._sizes)
        return Outcome(row, F, G, H, status, error, seconds)

    def _buried(self, worker: _Worker, waiting: deque[_Task]) -> Iterator[Outcome]:
        """A worker died by itself or was killed from outside; its rows go to others."""
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= _STARTS * len(self._workers):
                raise EvaluationError(f"workers end before they are ready ({worker.epitaph()})")
        reason = worker.epitaph()
        task = self._replaced(worker, waiting)
        if task is None:
            return
        task.tries += 1
        if task.tries < _TRIES:
            waiting.appendleft(task)
        elif task.batch == self._batch:
            sentence = f"the process that evaluated it died ({reason})"
            yield self._outcome(task.row, None, None, None, "killed", sentence, 0.0)

    def _stopped(self, worker: _Worker, waiting: deque[_Task]) -> Iterator[Outcome]:
        """A worker whose row took too long is killed."""
        worker.process.kill()
        task = self._replaced(worker, waiting)
        if task is not None and task.batch == self._batch:
            sentence = f"an evaluation took longer than {self.timeout:g} s"
            yield self._outcome(task.row, None, None, None, "timeout", sentence, float(self.timeout or 0))

    def _replaced(self, worker: _Worker, waiting: deque[_Task]) -> _Task | None:
        """Start another in its place; the row it worked on is returned, the others wait again."""
        worker.kill()
        first, *others = worker.tasks or [None]
        waiting.extendleft(task for task in reversed(others) if task is not None)
        self._workers[self._workers.index(worker)] = _Worker.start(self._payload)
        return first

    def close(self) -> None:
        for worker in self._workers:
            worker.end()
        self._workers = []


def _refusal(name: str, sentence: str) -> MooError:
    """The error a worker met, by its class."""
    kind: Any = getattr(errors, name, MooError)
    return kind(sentence) if issubclass(kind, MooError) else MooError(sentence)
