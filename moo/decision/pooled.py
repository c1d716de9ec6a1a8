"""The answers of several runs as one, to choose from."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np

from moo.archive import Archive
from moo.errors import OptionError
from moo.result import History, Result

Label = TypeVar("Label", bound=Hashable)

_ROWS = ("X", "F", "G", "H", "CV")


@dataclass(frozen=True)
class Pool(Generic[Label]):
    """The rows of several answers, one after the other.

    Attributes:
        result: a `Result` of all rows, for the rules and figures; it has no history, archive or metrics.
        origins: (label of the run, row of its answer) of each row.
    """

    result: Result
    origins: list[tuple[Label, int]]


def pool(results: Mapping[Label, Result]) -> Pool[Label]:
    """The union of the answers of runs on one problem, by label.

    Raises:
        OptionError: without runs, and for runs of different objectives or variables.
    """
    runs = list(results.values())
    if not runs:
        raise OptionError("there is nothing to choose: no run has an answer")
    for run in runs[1:]:
        if (run.problem.names, run.X.shape[1]) != (runs[0].problem.names, runs[0].X.shape[1]):
            raise OptionError(
                f"runs of one problem can be pooled, got objectives {runs[0].problem.names} with "
                f"{runs[0].X.shape[1]} variables and {run.problem.names} with {run.X.shape[1]}"
            )
    rows: dict[str, Any] = {name: np.concatenate([getattr(run, name) for run in runs]) for name in _ROWS}
    together = replace(
        runs[0],
        **rows,
        weights=None,
        metrics={},
        archive=Archive.of(rows["X"][:0], rows["F"][:0]),
        log={},
        history=History(),
        diagnostics={},
        model={},
    )
    return Pool(together, [(label, i) for label, run in results.items() for i in range(len(run.F))])
