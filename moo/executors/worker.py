"""A worker process of a `Pool`: it is sent a problem once, then rows, and answers one after the other."""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

_SECONDS_TO_END = 1.0  # for the row in hand, once the other end of the pipe is closed


def main(descriptor: int) -> None:
    """Serve the pipe until it is closed."""
    with suppress(BrokenPipeError):
        _serve(descriptor)


def _serve(descriptor: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    pipe = Connection(descriptor)
    inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(pipe, inbox), daemon=True).start()
    try:
        problem = pickle.loads(inbox.get())
    except BaseException as error:
        pipe.send(("unusable", f"{type(error).__name__}: {error}"))
        return
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    pipe.send(("ready",))
    while (task := inbox.get()) is not None:
        batch, row, x = task
        pipe.send(("done", batch, row, *_evaluated(problem, x)))


def _receive(pipe: Connection, inbox: queue.SimpleQueue[Any]) -> None:
    """Take in what is sent, also while a row is being evaluated, so that the parent's end is noticed."""
    try:
        inbox.put(pipe.recv_bytes())
        while True:
            inbox.put(pipe.recv())
    except (EOFError, OSError):
        inbox.put(None)
        time.sleep(_SECONDS_TO_END)
        os._exit(1)


def _evaluated(problem: Any, x: Any) -> tuple[Any, ...]:
    """What `Outcome` holds beside the row: F, G, H, status, error, seconds; a `MooError` goes along as
    it is. A row is a batch of its own, so that its values do not depend on its neighbours."""
    from moo.errors import MooError
    from moo.evaluation import STATUSES

    started = time.perf_counter()
    try:
        evaluation = problem.compute(x[None])
    except MooError as error:
        return "refused", type(error).__name__, str(error)
    except BaseException as error:  # SystemExit too: it is one row's, not the worker's
        sentence = f"the functions raised {type(error).__name__}: {error}"
        return None, None, None, "error", sentence, time.perf_counter() - started
    finally:
        sys.stdout.flush()
    sentence = "" if evaluation.error is None else str(evaluation.error)
    values = (evaluation.F[0], evaluation.G[0], evaluation.H[0])
    return *values, STATUSES[evaluation.status[0]], sentence, time.perf_counter() - started
