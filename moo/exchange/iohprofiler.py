"""Folders of IOHprofiler (Doerr, Wang, Ye, van Rijn and Bäck 2018), for IOHanalyzer and iohinspector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moo import indicators, storage
from moo.result import IMPORTED, Result
from moo.study.cells import slugs
from moo.study.quality import Scale, measured
from moo.study.runtimes import seen

if TYPE_CHECKING:
    from moo.study import Study

_VERSION = "0.3.22"  # of the format
_COLUMNS = "evaluations raw_y"
_MOMENTS = 100  # of a run at which its hypervolume is written, at most


def iohprofiler(study: Study, folder: Path) -> list[Path]:
    """``<optimizer>/IOHprofiler_f<i>_<problem>.json`` and the data beside it: of every run the hypervolume
    of all it has evaluated, in normalised space, against what was spent in F-equivalents, rounded up. The
    hypervolume is maximised. Imported fronts, whose cost is not known, are left out."""
    problems, optimizers = slugs(study.problems), slugs(study.optimizers)
    written: list[Path] = []
    for label in study.solvers:
        for number, problem in enumerate(study.problems, start=1):
            runs = {seed: r for seed, r in study.runs_of(problem, label).items() if r.status != IMPORTED}
            if runs:
                place = folder / optimizers[label]
                written += _write(study, place, label, f"f{number}_{problems[problem]}", problem, runs)
    return written


def _write(
    study: Study, place: Path, label: str, name: str, problem: str, runs: dict[int, Result]
) -> list[Path]:
    scale, number = study.scales[problem], int(name[1 : name.index("_")])
    dimension = len(study.problems[problem].var_names)
    data = place / f"data_{name}" / f"IOHprofiler_f{number}_DIM{dimension}.dat"
    data.parent.mkdir(parents=True, exist_ok=True)
    traces = [trace(result, scale) for result in runs.values()]
    with storage.replacing(data) as file:
        file.write("".join(map(_text, traces)).encode())
    described: dict[str, Any] = {
        "version": _VERSION,
        "suite": "moo, hypervolume in normalised space",
        "function_id": number,
        "function_name": problem,
        "maximization": True,
        "algorithm": {"name": label, "info": study.optimizers[label]},
        "attributes": _COLUMNS.split(),
        "scenarios": [
            {
                "dimension": dimension,
                "path": f"{data.parent.name}/{data.name}",
                "runs": [_run(*pair) for pair in zip(runs, traces, strict=True)],
            }
        ],
    }
    storage.write_json(place / f"IOHprofiler_{name}.json", described)
    return [place / f"IOHprofiler_{name}.json", data]


def _run(seed: int, points: Sequence[tuple[int, float]]) -> dict[str, Any]:
    spent, best = points[-1]
    first = next(cost for cost, value in points if value == best)
    return {"instance": seed, "evals": spent, "best": {"evals": first, "y": best, "x": []}}


def _text(points: Sequence[tuple[int, float]]) -> str:
    return f"{_COLUMNS}\n" + "".join(f"{cost} {value:.10f}\n" for cost, value in points)


def trace(result: Result, scale: Scale) -> list[tuple[int, float]]:
    """(F-equivalents, hypervolume) from the first evaluation to the end, where it has grown, at no more than
    a hundred costs in a geometric row."""
    F, cost = seen(result)
    last = max(math.ceil(result.cost.total), 2)
    wanted = np.unique(np.ceil(np.geomspace(1, last, _MOMENTS)).astype(int)).tolist()
    points: list[tuple[int, float]] = []
    best = 0.0
    for at in wanted:
        rows = F[cost <= at]
        rows = rows[indicators.nondominated(rows)]
        best = max(best, indicators.hypervolume(scale.normalise(measured(rows)), scale.reference_point))
        if not points or best > points[-1][1] or at == last:
            points.append((at, best))
    return points
