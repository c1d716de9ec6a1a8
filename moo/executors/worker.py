"""A worker process of a `Crew`: it is sent a service once, then tasks, and answers one after the other."""

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

_SECONDS_TO_END = 1.0  # for the task in hand, once the other end of the pipe is closed


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
        service = pickle.loads(inbox.get())
    except BaseException as error:
        pipe.send(("unusable", f"{type(error).__name__}: {error}"))
        return
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    pipe.send(("ready",))
    while (task := inbox.get()) is not None:
        pipe.send(_answered(service, pipe, *task))


def _receive(pipe: Connection, inbox: queue.SimpleQueue[Any]) -> None:
    """Take in what is sent, also while a task is being worked on, so that the parent's end is noticed."""
    try:
        inbox.put(pipe.recv_bytes())
        while True:
            inbox.put(pipe.recv())
    except (EOFError, OSError):
        inbox.put(None)
        time.sleep(_SECONDS_TO_END)
        os._exit(1)


def _answered(service: Any, pipe: Connection, batch: int, number: int, argument: Any) -> tuple[Any, ...]:
    """The message for a task: its answer, or the `MooError` it is refused for."""
    from moo.errors import MooError

    def tell(news: Any) -> None:
        try:
            pipe.send(("told", batch, number, news))
        except OSError:  # the other end is gone: this is no error of the task
            os._exit(1)

    try:
        return "done", batch, number, service(argument, tell)
    except MooError as error:
        return "refused", type(error).__name__, str(error)
