"""Rows evaluated on a Dask cluster: one on this machine, or one that is running on many."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

import cloudpickle
import numpy as np

from moo.errors import EvaluationError, MissingExtraError, OptionError, ProblemError
from moo.executors.base import Executor, Outcome
from moo.executors.pool import Pool

if TYPE_CHECKING:
    from moo.problem import Problem

_SECONDS_TO_CONNECT = 5.0
_TRIES = 3  # of a row whose Dask workers are lost

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


class Dask(Executor):
    """Evaluates rows on the workers of a Dask cluster, each in a child process with a deadline, so that
    an objective that hangs or dies takes no Dask worker with it. Rows of lost workers are given again.

    Args:
        problem: the problem whose functions are called; sent to each worker once.
        address: "HOST:PORT" of a scheduler; None starts a cluster of ``workers`` processes here.
        workers: how many processes, without an address.
        timeout: seconds one row may take; None for no limit.

    Raises:
        MissingExtraError: when Dask is not installed.
        ProblemError: when the problem cannot be pickled.
        OptionError: when no scheduler answers at the address.
    """

    def __init__(
        self, problem: Problem, address: str | None = None, workers: int = 2, timeout: float | None = None
    ) -> None:
        try:
            distributed: Any = import_module("distributed")
        except ImportError:
            raise MissingExtraError("dask", "dask") from None
        try:
            payload = cloudpickle.dumps(problem)
        except Exception as error:
            raise ProblemError(f"{problem.title} cannot be sent to workers: {error}") from error
        self._sizes = (problem.n_obj, problem.n_ieq_constr, problem.n_eq_constr)
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

    def outcomes(self, X: np.ndarray) -> Iterator[Outcome]:
        as_completed = self._distributed.as_completed
        rows = {}
        for row, x in enumerate(X):
            future = self._client.submit(_evaluated, self._name, row, x, pure=False, retries=_TRIES)
            rows[future] = row
        try:
            for future in as_completed(list(rows)):
                yield self._outcome(future, rows.pop(future))
                future.release()
        finally:
            self._client.cancel(list(rows))

    def _outcome(self, future: Any, row: int) -> Outcome:
        try:
            outcome: Outcome = future.result()
        except self._distributed.KilledWorker:
            F, G, H = (np.full(size, np.nan) for size in self._sizes)
            return Outcome(row, F, G, H, "killed", "the Dask workers that evaluated it were lost", 0.0)
        return outcome

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
    """What every worker of the cluster gets, also one that starts later: the problem, and a pool of one
    process for each of the worker's threads."""
    from distributed import WorkerPlugin

    class Problems(WorkerPlugin):
        def __init__(self, path: list[str]) -> None:
            self.path = path
            self.pools: dict[int, Pool] = {}

        def setup(self, worker: Any) -> None:
            sys.path.extend(folder for folder in self.path if folder not in sys.path)

        def pool(self) -> Pool:
            thread = threading.get_ident()
            if thread not in self.pools:
                self.pools[thread] = Pool(pickle.loads(payload), 1, timeout)
            return self.pools[thread]

        def teardown(self, worker: Any) -> None:
            for pool in self.pools.values():
                pool.close()

    return Problems(sys.path)


def _evaluated(name: str, row: int, x: np.ndarray) -> Outcome:
    """On a Dask worker: one row, in the worker's child process."""
    from dataclasses import replace

    from distributed import get_worker

    plugin: Any = get_worker().plugins[name]
    (outcome,) = plugin.pool().outcomes(x[None])
    renumbered: Outcome = replace(outcome, row=row)
    return renumbered
