"""Tasks done on a Dask cluster: one on this machine, or one that is running on many."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from typing import Any

from moo.errors import EvaluationError, MissingExtraError, OptionError
from moo.executors.crew import Crew, Done, Event, Lost, Told

_SECONDS_TO_CONNECT = 5.0
_TRIES = 3  # of a task whose Dask workers are lost

# The cluster has a process of its own: Dask starts its workers by running the main script again, which a
# user's script need not expect. It ends when its standard input does.
_CLUSTER = """
import logging, sys
from distributed import LocalCluster
with LocalCluster(n_workers={workers}, threads_per_worker=1, processes=True, host="127.0.0.1",
                  dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL) as cluster:
    print(cluster.scheduler_address, flush=True)
    sys.stdin.read()
"""


class DaskCrew:
    """Applies a service to tasks on the workers of a Dask cluster, each in a child process with a deadline,
    so that a task that hangs or dies takes no Dask worker with it. Tasks of lost workers are given again.

    Args:
        payload: the service, `moo.executors.crew.packed`; sent to each worker once.
        address: "HOST:PORT" of a scheduler; None starts a cluster of ``workers`` processes here.
        workers: how many processes, without an address.
        timeout: seconds one task may take; None for no limit.

    Raises:
        MissingExtraError: when Dask is not installed.
        OptionError: when no scheduler answers at the address.
    """

    def __init__(self, payload: bytes, address: str | None, workers: int, timeout: float | None) -> None:
        try:
            distributed: Any = import_module("distributed")
        except ImportError:
            raise MissingExtraError("dask", "dask") from None
        self._name = f"moo-{hashlib.blake2b(payload, digest_size=8).hexdigest()}-{timeout}"
        self._distributed = distributed
        self._cluster = None if address is not None else _start_cluster(workers)
        self._client: Any = None
        try:
            self._client = distributed.Client(self._address(address), timeout=_SECONDS_TO_CONNECT)
            self._client.register_plugin(_plugin(payload, timeout), name=self._name)
        except OSError as error:
            self.close()
            raise OptionError(f"no Dask scheduler answers at {address or 'this machine'}: {error}") from None
        except BaseException:
            self.close()
            raise

    def _address(self, given: str | None) -> str:
        if given is not None:
            return f"tcp://{given}"
        assert self._cluster is not None
        assert self._cluster.stdout is not None
        address = self._cluster.stdout.readline().decode().strip()
        if not address:
            raise EvaluationError("the Dask cluster on this machine did not start")
        return address

    @property
    def pids(self) -> list[int]:
        """None: the workers are the cluster's."""
        return []

    def run(self, arguments: Iterable[Any]) -> Iterator[Event]:
        """Apply the service to each; tasks are numbered in the order given, events come as they happen.

        Raises:
            MooError: what the service refuses, and when the scheduler is lost.
        """
        as_completed = self._distributed.as_completed
        tasks = {}
        for number, argument in enumerate(arguments):
            future = self._client.submit(_applied, self._name, argument, pure=False, retries=_TRIES)
            tasks[future] = number
        try:
            for future in as_completed(list(tasks)):
                yield self._event(future, tasks.pop(future))
                future.release()
        except CancelledError:
            raise EvaluationError("the Dask scheduler was lost: what came back before is kept") from None
        finally:
            with suppress(CancelledError, OSError):  # a scheduler that is gone has nothing to cancel
                self._client.cancel(list(tasks))

    def _event(self, future: Any, number: int) -> Event:
        try:
            event: Done | Lost = future.result()
        except self._distributed.KilledWorker:
            return Lost(number, "killed", "the Dask workers it ran on were lost")
        return replace(event, task=number)

    def close(self) -> None:
        if self._client is not None:
            with suppress(Exception):  # a scheduler that is gone has nothing to forget
                self._client.unregister_worker_plugin(self._name)
            self._client.close()
            self._client = None
        if self._cluster is not None:
            assert self._cluster.stdin is not None
            assert self._cluster.stdout is not None
            self._cluster.stdin.close()
            self._cluster.stdout.close()
            try:
                self._cluster.wait(10.0)
            except subprocess.TimeoutExpired:
                self._cluster.kill()
                self._cluster.wait()
            self._cluster = None


def _start_cluster(workers: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _CLUSTER.format(workers=workers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def _plugin(payload: bytes, timeout: float | None) -> Any:
    """What every worker of the cluster gets, also one that starts later: the service, and a crew of one
    process for each of the worker's threads."""
    from distributed import WorkerPlugin

    class Services(WorkerPlugin):
        def __init__(self, path: list[str]) -> None:
            self.path = path
            self.crews: dict[int, Crew] = {}

        def setup(self, worker: Any) -> None:
            sys.path.extend(folder for folder in self.path if folder not in sys.path)

        def crew(self) -> Crew:
            thread = threading.get_ident()
            if thread not in self.crews:
                self.crews[thread] = Crew(payload, 1, timeout)
            return self.crews[thread]

        def teardown(self, worker: Any) -> None:
            for crew in self.crews.values():
                crew.close()

    return Services(sys.path)


def _applied(name: str, argument: Any) -> Done | Lost:
    """On a Dask worker: one task, in the worker's child process."""
    from distributed import get_worker

    plugin: Any = get_worker().plugins[name]
    (event,) = (event for event in plugin.crew().run([argument]) if not isinstance(event, Told))
    ended: Done | Lost = event
    return ended
