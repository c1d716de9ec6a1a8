"""Results made by hand, whose indicators can be worked out on paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from moo.archive import Archive
from moo.budget import Budget
from moo.result import Cost, History, Result, Statement
from moo.study import Study

KNOWN = Statement(
    title="known",
    names=["f1", "f2"],
    var_names=["x1"],
    sign=[1.0, 1.0],
    ideal=[0.0, 0.0],
    nadir=[1.0, 1.0],
    front=[[0.0, 1.0], [1.0, 0.0]],
)
UNKNOWN = Statement(title="unknown", names=["f1", "f2"], var_names=["x1"], sign=[1.0, 1.0])


def made(
    F: Sequence[Sequence[float]],
    *,
    archive: Sequence[Sequence[float]] | None = None,
    CV: Sequence[float] | None = None,
    statement: Statement = KNOWN,
    status: str = "budget spent",
    seed: int = 0,
    n_f: int = 100,
    n_vjp: int = 0,
    metrics: dict[str, Sequence[float]] | None = None,
    history: History | None = None,
) -> Result:
    n_obj = len(statement.names)
    rows = np.array(F, dtype=float).reshape(-1, n_obj)
    seen = rows if archive is None else np.array(archive, dtype=float).reshape(-1, n_obj)
    empty = np.empty((len(rows), 0))
    return Result(
        X=np.zeros((len(rows), 1)),
        F=rows,
        G=empty,
        H=empty,
        CV=np.zeros(len(rows)) if CV is None else np.array(CV, dtype=float),
        weights=None,
        metrics={name: np.array(values) for name, values in (metrics or {}).items()},
        archive=Archive.of(np.zeros((len(seen), 1)), seen),
        log={"F": rows, "CV": np.zeros(len(rows)), "cost": np.zeros(len(rows))},
        history=history or History(),
        cost=Cost(n_f, n_vjp, 0.5, 2.0),
        statuses={"ok": n_f - 1, "nan": 1},
        status=status,
        problem=statement,
        optimizer="Made()",
        seed=seed,
    )


def study_of(corners: dict[str, list[float]], **more: Any) -> Study:
    """A study of one problem from label -> list of corners a: each run's answer is the point (a, a),
    so that its hypervolume is (1.1 - a)^2."""
    study = Study(
        problems={"p": KNOWN},
        optimizers={label: f"{label}()" for label in corners},
        seeds=list(range(max(map(len, corners.values())))),
        budget=Budget(100),
        status="complete",
    )
    for label, values in corners.items():
        for seed, a in enumerate(values):
            study.results["p", label, seed] = made([[a, a]], seed=seed, **more)
    return study
