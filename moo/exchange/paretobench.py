"""HDF5 files of paretobench."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import moo
from moo.errors import MissingExtraError
from moo.study.cells import slugs

if TYPE_CHECKING:
    from moo.result import Result
    from moo.study import Study

_TOLERANCE = 1e-6  # to which moo's inequality constraints hold


def paretobench(study: Study, folder: Path) -> list[Path]:
    """``<optimizer>.h5``: an experiment an optimizer, a run a cell, with one population: the
    answer at the end. Maximised objectives are in their own sense, and said to be maximised; inequality
    constraints hold to a tolerance of 1e-6; equality constraints, which the format
    does not know, are left out.

    Raises:
        MissingExtraError: without paretobench.
    """
    try:
        from paretobench import Experiment
    except ImportError:
        raise MissingExtraError("paretobench", "paretobench") from None
    written = []
    for label, name in slugs(study.optimizers).items():
        runs = [_run(study, key, result) for key, result in study.results.items() if key[1] == label]
        if runs:
            made = Experiment(runs=runs, name=label, software="moo", software_version=moo.__version__)
            made.comment = study.optimizers[label]
            made.creation_time = _when(study.started)
            file = folder / f"{name}.h5"
            unfinished = file.with_suffix(".h5.unfinished")
            made.save(str(unfinished))
            written.append(unfinished.replace(file))
    return written


def _when(started: str) -> datetime:
    return datetime.fromisoformat(started).astimezone(UTC) if started else datetime.now(UTC)


def _run(study: Study, key: tuple[str, str, int], result: Result) -> Any:
    from paretobench import History, Population

    problem, _, seed = key
    sign = np.array(result.problem.sign)
    answer = Population(
        x=result.X,
        f=result.F * sign,
        g=result.G,
        fevals=result.cost.n_f,
        names_x=list(result.problem.var_names),
        names_f=list(result.problem.names),
        obj_directions="".join("-" if s > 0 else "+" for s in sign),
        constraint_directions="<" * result.G.shape[1],
        constraint_targets=np.full(result.G.shape[1], _TOLERANCE),
    )
    metadata = {"seed": seed, "status": result.status, "n_vjp": result.cost.n_vjp}
    return History(reports=[answer], problem=problem, metadata=metadata)
