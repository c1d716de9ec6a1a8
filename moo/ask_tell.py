"""Ask and tell: an optimizer for people who evaluate elsewhere, in a laboratory or on another machine."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from moo.budget import Budget
from moo.checkpoint import RunFolder
from moo.errors import OptionError
from moo.executors.base import Executor, Outcome
from moo.failures import OnError
from moo.loop import Run, check, facts
from moo.optimizers.base import Optimizer
from moo.problem import Problem
from moo.pymoo_problem import as_problem
from moo.result import Result

_UNLIMITED = Budget(cost=1e15)


class AskTell:
    """A run whose candidates are evaluated by the caller.

        loop = moo.AskTell(problem, moo.NSGA2(pop_size=20), out="lab/")
        while not loop.done:
            X = loop.ask()
            loop.tell(X, measure(X))
        result = loop.result()

    Args:
        problem: its sizes, bounds and variables; objectives need not be stated
            (``moo.Problem(n_obj=2, xl=[0, 0], xu=[1, 1])``).
        optimizer: one that needs no derivatives.
        budget: how many candidates at most (or a `moo.Budget`); without, the run ends when you do.
        seed: the same seed and the same answers give the same candidates.
        out: a folder that keeps what was told; with ``resume=True`` the run goes on from there.
        resume: as in `moo.solve`.

    Raises:
        ProblemError, OptionError, StorageError: as in `moo.solve`.
    """

    def __init__(
        self,
        problem: Any,
        optimizer: Optimizer[Any],
        *,
        budget: Budget | float | None = None,
        seed: int = 0,
        out: str | Path | None = None,
        resume: bool | str = False,
    ) -> None:
        check(optimizer, seed)
        self.problem: Problem = as_problem(problem)
        limit = _UNLIMITED if budget is None else Budget.of(budget)
        self._desk = _Desk(self.problem)
        with ExitStack() as stack:
            folder = None
            if out is not None:
                run_facts = facts(self.problem, optimizer, limit, seed, OnError(), cache=False)
                folder = RunFolder(out, run_facts, resume)
                stack.callback(folder.close)
            self._result = Result.load(folder.path) if folder is not None and folder.finished else None
            self._run = Run.start(
                self.problem, optimizer, limit, int(seed), OnError(), executor=self._desk, folder=folder
            )
            self._closing = stack.pop_all()
        # The optimizer runs in a thread of its own, which stands still while the caller evaluates: so
        # every optimizer can be asked, not only those that are written for it.
        self._thread = threading.Thread(target=self._work, name="moo.AskTell", daemon=True)
        self._error: BaseException | None = None
        if self._result is None:
            self._thread.start()
        else:
            self._desk.close()
        self._wait()

    def _work(self) -> None:
        try:
            self._result = self._run.to_end()
        except BaseException as error:
            self._error = error
        finally:
            self._closing.close()
            self._desk.close()

    def _wait(self) -> None:
        """Until candidates lie on the desk or the run is over; what it raised is raised here."""
        self._desk.wait()
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    @property
    def done(self) -> bool:
        """Whether there is nothing more to ask."""
        return self._desk.closed

    def ask(self) -> np.ndarray:
        """The candidates that wait for their values (n, n_var); the same until they are told, none when
        the run is over."""
        return self._desk.waiting()

    def tell(self, X: Any, F: Any, G: Any = None, H: Any = None) -> None:
        """Values of candidates that were asked for, all of them or some, in any order.

        Args:
            X: candidates (n, n_var), as `ask` gave them.
            F: objective values (n, n_obj) as the objectives would return them, maximised ones too; NaN
                where a candidate failed.
            G, H: constraint values (n, n_ieq_constr) and (n, n_eq_constr), where there are any.

        Raises:
            OptionError: for values of another shape, and for candidates that do not wait.
        """
        X = np.atleast_2d(np.asarray(X, dtype=float))
        parts = {}
        for letter, given, width in (
            ("F", F, self.problem.n_obj),
            ("G", G, self.problem.n_ieq_constr),
            ("H", H, self.problem.n_eq_constr),
        ):
            parts[letter] = _values(letter, given, len(X), width)
        parts["F"] = parts["F"] * self.problem.sign
        self._desk.answer(X, **parts)
        self._wait()

    def result(self) -> Result:
        """What there is so far, as a `Result`; the run can go on."""
        return self._result if self._result is not None else replace(self._run.result(), status="running")

    def close(self) -> None:
        """End the run; what was told stays in the folder."""
        self._desk.abandon()
        if self._thread.is_alive():
            self._thread.join()
        self._error = None
        self._closing.close()

    def __enter__(self) -> AskTell:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Abandoned(KeyboardInterrupt):
    """The caller has closed the loop: for the optimizer's thread the same as Ctrl-C."""


class _Desk(Executor):
    """Where the optimizer puts candidates and the caller their values."""

    derivatives_here = False

    def __init__(self, problem: Problem) -> None:
        self.title = problem.title
        self.closed = False
        self._X = np.empty((0, problem.n_var))
        self._open: list[int] = []  # rows of X that have no value yet
        self._answers: queue.SimpleQueue[Outcome | None] = queue.SimpleQueue()
        self._ready = threading.Event()

    # ------------------------------------------------------------------ the optimizer's side

    def outcomes(self, X: np.ndarray) -> Iterator[Outcome]:
        self._X, self._open = X.copy(), list(range(len(X)))
        for left in range(len(X), 0, -1):
            if left == len(X):
                self._ready.set()
            outcome = self._answers.get()
            if outcome is None:
                raise Abandoned
            yield outcome

    def close(self) -> None:
        self.closed = True
        self._X, self._open = self._X[:0], []
        self._ready.set()

    # ------------------------------------------------------------------ the caller's side

    def wait(self) -> None:
        if not self._open:
            self._ready.wait()

    def waiting(self) -> np.ndarray:
        return self._X[self._open]

    def abandon(self) -> None:
        self._answers.put(None)

    def answer(self, X: np.ndarray, F: np.ndarray, G: np.ndarray, H: np.ndarray) -> None:
        rows = self._rows_of(X)
        if len(rows) == len(self._open):
            self._ready.clear()
        self._open = [row for row in self._open if row not in rows]
        for i, row in enumerate(rows):
            status = "ok"
            for part in (F[i], G[i], H[i]):
                if np.isinf(part).any():
                    status = "inf"
                if np.isnan(part).any():
                    status = "nan"
            self._answers.put(Outcome(row, F[i], G[i], H[i], status, "", 0.0))

    def _rows_of(self, X: np.ndarray) -> list[int]:
        """The open row that each candidate is."""
        open_rows, rows = list(self._open), []
        for x in X:
            found = next((row for row in open_rows if np.array_equal(self._X[row], x)), None)
            if found is None:
                raise OptionError(
                    f"tell was given a candidate that does not wait for its values: ({_shown(x)}); "
                    f"{len(self._open)} wait, ask() shows them"
                )
            open_rows.remove(found)
            rows.append(found)
        return rows


def _values(letter: str, given: Any, n: int, width: int) -> np.ndarray:
    """
    Raises:
        OptionError: when they are no numbers of the shape (n, width).
    """
    if given is None:
        if width:
            raise OptionError(f"tell needs {letter}= of shape ({n}, {width}), got none")
        return np.empty((n, 0))
    values = np.asarray(given, dtype=float)
    if values.ndim == 1 and (n == 1 or width == 1):
        values = values.reshape(n, -1)
    if values.shape != (n, width):
        raise OptionError(
            f"{letter} has shape {values.shape}, tell expects ({n}, {width}): a row a candidate"
        )
    return values


def _shown(x: np.ndarray) -> str:
    return ", ".join(f"{value:.6g}" for value in x[:6]) + (", ..." if len(x) > 6 else "")
