"""Evaluating rows elsewhere: in processes of our own, or on a Dask cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moo.errors import OptionError
from moo.executors.base import Executor
from moo.executors.crew import check_workers

if TYPE_CHECKING:
    from moo.problem import Problem

__all__ = ["executor_of"]


def executor_of(problem: Problem, workers: Any, executor: Any, timeout: Any) -> Executor:
    """The executor that ``workers=``, ``executor=`` and ``timeout=`` ask for.

    Raises:
        OptionError: for values out of range and unknown executors.
        ProblemError: for a problem that only this process can evaluate.
    """
    check_workers(workers, executor, timeout)
    if problem.stochastic:
        raise OptionError(
            f"workers=, executor= and timeout= do not fit {problem.title}: its minibatches are drawn here"
        )
    from moo.executors.pool import Pool

    return Pool(problem, workers or (1 if executor is None else 2), timeout, executor)
