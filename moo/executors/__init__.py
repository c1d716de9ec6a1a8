"""Evaluating rows elsewhere: in processes of our own, or on a Dask cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moo.errors import OptionError
from moo.executors.base import Executor

if TYPE_CHECKING:
    from moo.problem import Problem

__all__ = ["executor_of"]

_DASK = "dask://"


def executor_of(problem: Problem, workers: Any, executor: Any, timeout: Any) -> Executor:
    """The executor that ``workers=``, ``executor=`` and ``timeout=`` ask for.

    Raises:
        OptionError: for values out of range and unknown executors.
        ProblemError: for a problem that only this process can evaluate.
    """
    if workers is not None and (not isinstance(workers, int) or isinstance(workers, bool) or workers < 1):
        raise OptionError(f"workers={workers!r} is not accepted: give an integer of at least 1")
    if timeout is not None and not (isinstance(timeout, (int, float)) and 0 < timeout < float("inf")):
        raise OptionError(f"timeout={timeout!r} is not accepted: give seconds above zero")
    if problem.stochastic:
        raise OptionError(
            f"workers=, executor= and timeout= do not fit {problem.title}: its minibatches are drawn here"
        )
    if executor is None:
        from moo.executors.pool import Pool

        return Pool(problem, workers or 1, timeout)
    if executor != "dask" and not (isinstance(executor, str) and executor.startswith(_DASK)):
        raise OptionError(f'executor={executor!r} is not accepted: give "dask" or "dask://HOST:PORT"')
    from moo.executors.dask import Dask

    address = None if executor == "dask" else executor.removeprefix(_DASK)
    return Dask(problem, address, workers or 2, timeout)
