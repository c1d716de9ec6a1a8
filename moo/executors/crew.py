"""Worker processes that apply a service to tasks: each task has a deadline, and one that hangs or dies
loses nobody's work."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

import cloudpickle

from moo import errors
from moo.errors import EvaluationError, MooError, OptionError, ProblemError

_TRIES = 2  # a task whose worker dies is given to another once: the killer may have come from outside
_STARTS = 3  # in a row that come to nothing before the crew gives up
_SECONDS_TO_END = 2.0
_DASK = "dask://"
_ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}


@dataclass(frozen=True)
class Done:
    """A task that came to its end: what the service returned for it."""

    task: int
    answer: Any


@dataclass(frozen=True)
class Told:
    """News of a task that is being worked on."""

    task: int
    news: Any


@dataclass(frozen=True)
class Lost:
    """A task that came to nothing: its worker died ("killed", the reason its exit code or signal) or it
    took too long ("timeout", the reason its limit)."""

    task: int
    status: str
    reason: str


Event = Done | Told | Lost


def packed(service: Callable[..., Any], name: str) -> bytes:
    """
    Raises:
        ProblemError: when it cannot be pickled; ``name`` says what it is.
    """
    try:
        payload: bytes = cloudpickle.dumps(service)
    except Exception as error:
        raise ProblemError(f"{name} cannot be sent to workers: {error}") from error
    return payload


class AnyCrew(Protocol):
    """What applies a service to tasks: `Crew`, or `moo.executors.dask.DaskCrew`."""

    @property
    def pids(self) -> list[int]:
        """Process numbers of the workers on this machine."""

    def run(self, arguments: Iterable[Any]) -> Iterator[Event]:
        """Apply the service to each; tasks are numbered in the order given, events come as they happen."""

    def close(self) -> None:
        """Let go of what was started; may be called twice."""


def check_workers(workers: Any, executor: Any, timeout: Any) -> None:
    """
    Raises:
        OptionError: for values out of range and unknown executors; None is always accepted.
    """
    if workers is not None and (not isinstance(workers, int) or isinstance(workers, bool) or workers < 1):
        raise OptionError(f"workers={workers!r} is not accepted: give an integer of at least 1")
    if timeout is not None and not (isinstance(timeout, (int, float)) and 0 < timeout < float("inf")):
        raise OptionError(f"timeout={timeout!r} is not accepted: give seconds above zero")
    known = executor is None or (
        isinstance(executor, str) and (executor == "dask" or executor.startswith(_DASK))
    )
    if not known:
        raise OptionError(f'executor={executor!r} is not accepted: give "dask" or "dask://HOST:PORT"')


def crew_of(
    payload: bytes,
    workers: int,
    timeout: float | None,
    executor: str | None,
    *,
    ahead: int = 1,
    kept_open: Sequence[int] = (),
) -> AnyCrew:
    """Processes of our own, with ``executor`` "dask" a cluster of so many on this machine, with
    "dask://HOST:PORT" one that is running; else as `Crew`.

    Raises:
        MissingExtraError: when Dask is not installed.
        OptionError: when no scheduler answers at the address.
    """
    if executor is None:
        return Crew(payload, workers, timeout, ahead=ahead, kept_open=kept_open)
    from moo.executors.dask import DaskCrew

    return DaskCrew(payload, None if executor == "dask" else executor.removeprefix(_DASK), workers, timeout)


@dataclass
class _Task:
    batch: int
    number: int
    argument: Any
    tries: int = 0


@dataclass
class _Worker:
    """One process, the pipe to it, and the tasks it has in hand, the first of which it works on."""

    process: subprocess.Popen[bytes]
    pipe: Connection
    ready: bool = False
    tasks: deque[_Task] = field(default_factory=deque)
    since: float = 0.0  # when it took up the first

    @classmethod
    def start(cls, payload: bytes, kept_open: Sequence[int]) -> _Worker:
        ours, theirs = socket.socketpair()
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from moo.executors.worker import main; main({theirs.fileno()})"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno(), *kept_open],
            env={**os.environ, **_ONE_THREAD},
        )
        theirs.close()
        pipe = Connection(ours.detach())
        with suppress(OSError):  # it died at once: the crew notices when it reads
            pipe.send_bytes(payload)
        return cls(process, pipe)

    def give(self, task: _Task) -> None:
        if not self.tasks:
            self.since = time.monotonic()
        self.tasks.append(task)
        with suppress(OSError):  # dead: the crew notices when it reads
            self.pipe.send((task.batch, task.number, task.argument))

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


class Crew:
    """Processes that each hold a copy of a service and apply it to tasks.

    A script that uses them needs no ``if __name__ == "__main__"``: functions of the script travel with the
    service, the script is not run again.

    Args:
        payload: the service, `packed`: called as ``service(argument, tell)`` in a worker, where
            ``tell(news)`` sends a `Told`; what it raises as a `MooError` is raised here.
        workers: how many processes.
        timeout: seconds one task may take before its process is killed; None for no limit.
        ahead: tasks a worker has in hand, so that it need not wait for the next.
        kept_open: descriptors that workers inherit: a lock is held until the last of them has ended.
    """

    def __init__(
        self,
        payload: bytes,
        workers: int,
        timeout: float | None,
        *,
        ahead: int = 1,
        kept_open: Sequence[int] = (),
    ) -> None:
        self.timeout = timeout
        self._payload, self._ahead, self._kept_open = payload, ahead, kept_open
        self._batch = 0
        self._failed_starts = 0
        self._workers = [_Worker.start(self._payload, self._kept_open) for _ in range(workers)]

    @property
    def pids(self) -> list[int]:
        """Process numbers of the workers."""
        return [worker.process.pid for worker in self._workers]

    def run(self, arguments: Iterable[Any]) -> Iterator[Event]:
        """Apply the service to each; tasks are numbered in the order given, events come as they happen.

        Raises:
            MooError: what the service refuses, and when workers cannot be started.
        """
        self._batch += 1
        waiting = deque(_Task(self._batch, number, given) for number, given in enumerate(arguments))
        left = len(waiting)
        while left:
            self._hand_out(waiting)
            for event in self._news(waiting):
                left -= not isinstance(event, Told)
                yield event

    def _hand_out(self, waiting: deque[_Task]) -> None:
        """One task to each worker first, then one ahead."""
        for in_hand in range(self._ahead):
            for worker in self._workers:
                if waiting and worker.ready and len(worker.tasks) == in_hand:
                    worker.give(waiting.popleft())

    def _news(self, waiting: deque[_Task]) -> Iterator[Event]:
        """What has happened: tasks that are done, workers that died, deadlines that passed."""
        for pipe in wait([worker.pipe for worker in self._workers], self._patience()):
            worker = next(w for w in self._workers if w.pipe is pipe)
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                yield from self._buried(worker, waiting)
                continue
            yield from self._read(worker, message)
        for worker in list(self._workers):
            if self._left(worker) <= 0:
                yield from self._stopped(worker, waiting)

    def _patience(self) -> float | None:
        """Seconds to the next deadline."""
        times = [self._left(worker) for worker in self._workers if worker.tasks]
        return max(0.0, min(times)) if self.timeout is not None and times else None

    def _left(self, worker: _Worker) -> float:
        """Seconds left to its task; infinite without a task or a limit."""
        if self.timeout is None or not worker.tasks:
            return float("inf")
        return worker.since + self.timeout - time.monotonic()

    def _read(self, worker: _Worker, message: tuple[Any, ...]) -> Iterator[Event]:
        kind, *content = message
        if kind == "ready":
            worker.ready, self._failed_starts = True, 0
        elif kind == "unusable":
            raise ProblemError(f"the problem cannot be rebuilt in a worker: {content[0]}")
        elif kind == "refused":
            raise _refusal(*content)
        elif kind == "told":
            batch, number, news = content
            if batch == self._batch:
                yield Told(number, news)
        else:
            worker.tasks.popleft()
            worker.since = time.monotonic()
            batch, number, answer = content
            if batch == self._batch:
                yield Done(number, answer)

    def _buried(self, worker: _Worker, waiting: deque[_Task]) -> Iterator[Event]:
        """A worker died by itself or was killed from outside; its tasks go to others."""
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
            yield Lost(task.number, "killed", reason)

    def _stopped(self, worker: _Worker, waiting: deque[_Task]) -> Iterator[Event]:
        """A worker whose task took too long is killed."""
        worker.process.kill()
        task = self._replaced(worker, waiting)
        if task is not None and task.batch == self._batch:
            yield Lost(task.number, "timeout", f"{self.timeout:g} s")

    def _replaced(self, worker: _Worker, waiting: deque[_Task]) -> _Task | None:
        """Start another in its place; the task it worked on is returned, the others wait again."""
        worker.kill()
        first, *others = worker.tasks or [None]
        waiting.extendleft(task for task in reversed(others) if task is not None)
        self._workers[self._workers.index(worker)] = _Worker.start(self._payload, self._kept_open)
        return first

    def close(self) -> None:
        for worker in self._workers:
            worker.end()
        self._workers = []


def _refusal(name: str, sentence: str) -> MooError:
    """The error a worker met, by its class."""
    kind: Any = getattr(errors, name, MooError)
    if not issubclass(kind, MooError):
        kind = MooError
    error: MooError = kind.__new__(kind)  # some make their sentence themselves
    error.args = (sentence,)
    return error
