"""Fronts that somebody else computed, to stand in the tables of a study."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moo.archive import Archive
from moo.budget import Budget
from moo.errors import OptionError, unknown_name
from moo.indicators import nondominated
from moo.result import IMPORTED, Cost, History, Result, Statement

if TYPE_CHECKING:
    from moo.problem import Problem
    from moo.study.study import Study

FORMAT = 1  # of what a result keeps of where a front came from
_TOLERANCE = 1e-6  # of the size of an objective, by which values may differ from what the problem gives


def add_front(
    study: Study,
    problem: str,
    label: str,
    F: np.ndarray,
    X: np.ndarray | None = None,
    *,
    source: str | Path = "",
    verify: Problem | None = None,
) -> Result:
    """See `moo.Study.add_front`."""
    if problem not in study.problems:
        raise OptionError(unknown_name("problem", problem, study.problems))
    if not label.strip():
        raise OptionError("the label is empty: give the front a name")
    if study.optimizers.get(label, IMPORTED) != IMPORTED:
        raise OptionError(f"{label!r} is an optimizer of the study: give the front another label")
    seed = _free_seed(study, problem, label)
    stated = study.problems[problem]
    objectives = _rows(F, "F", stated.names)
    variables = None if X is None else _rows(X, "X", stated.var_names)
    if variables is not None and len(variables) != len(objectives):
        raise OptionError(
            f"X has {len(variables)} rows and F {len(objectives)}: give one row of each a point"
        )
    checked = verify is not None and _verified(verify, stated, objectives, variables)
    origin = _origin(source, objectives, variables) | {"verified": checked}
    _refuse_twice(study, problem, label, origin["sha256"])
    result = _result(stated, label, seed, objectives, variables, origin)
    study.optimizers[label] = IMPORTED
    study.results[problem, label, seed] = result
    study.sort()
    study.forget()
    return result


def _origin(source: str | Path, F: np.ndarray, X: np.ndarray | None) -> dict[str, Any]:
    """Where a front came from. ``sha256`` is of its values, ``file_sha256`` of the file it was read from."""
    origin: dict[str, Any] = {"source": str(source), "format": FORMAT, "sha256": _digest(F, X)}
    if isinstance(source, Path):
        origin |= {"source": source.name, "file_sha256": sha256(source.read_bytes()).hexdigest()}
    return origin


def _refuse_twice(study: Study, problem: str, label: str, digest: str) -> None:
    """The same front is no second run."""
    for (p, o, seed), result in study.results.items():
        if (p, o) == (problem, label) and result.provenance.get("sha256") == digest:
            raise OptionError(f"this front is there already: {label!r} on {problem}, in place of seed {seed}")


def _free_seed(study: Study, problem: str, label: str) -> int:
    """Runs of somebody else have no seeds of ours: they take the study's in order."""
    for seed in study.seeds:
        if (problem, label, seed) not in study.results:
            return seed
    n = len(study.seeds)
    raise OptionError(f"{label!r} has {n} fronts on {problem} already, as many as the study has seeds")


def _rows(values: np.ndarray, name: str, columns: list[str]) -> np.ndarray:
    rows = np.array(values, dtype=float)
    if rows.ndim != 2 or rows.shape[1] != len(columns) or not len(rows):
        shape = " x ".join(map(str, rows.shape))
        raise OptionError(f"{name} is {shape}, expected n x {len(columns)} ({', '.join(columns)}), n >= 1")
    if not np.isfinite(rows).all():
        row = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
        raise OptionError(f"row {row} of {name} is not finite: {rows[row].tolist()}")
    return rows


def _digest(F: np.ndarray, X: np.ndarray | None) -> str:
    described = repr((F.shape, None if X is None else X.shape)).encode()
    return sha256(described + F.tobytes() + (b"" if X is None else X.tobytes())).hexdigest()


def _verified(problem: Problem, stated: Statement, F: np.ndarray, X: np.ndarray | None) -> bool:
    """
    Raises:
        OptionError: without X, for another problem, for a point that the problem values otherwise or that
            violates its constraints.
    """
    if X is None:
        raise OptionError("without variables a front cannot be verified: give X, or columns of variables")
    if (problem.n_var, problem.n_obj) != (len(stated.var_names), len(stated.names)):
        raise OptionError(f"{problem.title} is another problem than {stated.title} of the study")
    evaluation = problem.compute(X)
    off = np.abs(evaluation.F - F) > _TOLERANCE * np.abs(F).max(axis=0)
    if off.any():
        row, column = np.argwhere(off)[0].tolist()
        given, found = F[row, column] * stated.sign[column], evaluation.F[row, column] * stated.sign[column]
        raise OptionError(
            f"row {row}: {stated.names[column]} is {given:.10g}, and {problem.title} gives {found:.10g} there"
        )
    violation = evaluation.CV
    if (violation > 0).any():
        row = int(violation.argmax())
        raise OptionError(f"row {row} violates the constraints of {problem.title} by {violation[row]:.4g}")
    return True


def _result(
    stated: Statement, label: str, seed: int, F: np.ndarray, X: np.ndarray | None, origin: dict[str, Any]
) -> Result:
    """Of which nothing is known but its points."""
    best = nondominated(F)
    F, n = F[best], int(best.sum())
    points = np.full((n, len(stated.var_names)), np.nan) if X is None else X[best]
    nothing = np.empty((n, 0))
    return Result(
        X=points,
        F=F,
        G=nothing,
        H=nothing,
        CV=np.zeros(n),
        weights=None,
        metrics={},
        archive=Archive.of(points, F),
        log={"F": F, "CV": np.zeros(n), "cost": np.zeros(n)},
        history=History(),
        cost=Cost(0, 0, 0.0, Budget(cost=1).vjp_cost),
        statuses={},
        status=IMPORTED,
        problem=stated,
        optimizer=label,
        seed=seed,
        provenance=origin,
    )
