"""Results and studies made by hand, so that every value on the page is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from moo.archive import Archive
from moo.budget import Budget
from moo.result import Cost, History, Result, Statement
from moo.study import Study


def result(
    F: np.ndarray,
    X: np.ndarray | None = None,
    *,
    CV: np.ndarray | None = None,
    names: list[str] | None = None,
    var_names: list[str] | None = None,
    sign: list[float] | None = None,
    title: str = "made",
    optimizer: str = "NSGA2()",
    seed: int = 0,
    front: list[list[float]] | None = None,
    variables: dict[str, Any] | None = None,
    **more: Any,
) -> Result:
    """F (n, n_obj) in minimised form; X (n, n_var) is drawn where it is not given."""
    n, n_obj = F.shape
    X = np.random.default_rng(seed).random((n, 3)) if X is None else X
    stated = Statement(
        title,
        names or [f"f{k + 1}" for k in range(n_obj)],
        var_names or [f"x{k + 1}" for k in range(X.shape[1])],
        sign or [1.0] * n_obj,
        front=front,
        variables=variables,
    )
    given = {"weights": None, "metrics": {}, "status": "budget spent", **more}
    return Result(
        X=X,
        F=F,
        G=np.empty((n, 0)),
        H=np.empty((n, 0)),
        CV=np.zeros(n) if CV is None else CV,
        archive=Archive.of(X[:1], F[:1]),
        log={},
        history=History(),
        cost=Cost(n, 0, 1.0, 2.0),
        statuses={"ok": n},
        problem=stated,
        optimizer=optimizer,
        seed=seed,
        **given,
    )


def study(cells: dict[tuple[str, str, int], Result], *, seeds: list[int] | None = None) -> Study:
    """A study of these cells; with further ``seeds`` it is still running."""
    known = sorted({seed for _, _, seed in cells})
    return Study(
        problems={problem: made.problem for (problem, _, _), made in cells.items()},
        optimizers={label: made.optimizer for (_, label, _), made in cells.items()},
        seeds=seeds or known,
        budget=Budget(100),
        results=dict(cells),
        status="running" if seeds else "complete",
    )


def plane(n: int, seed: int = 0) -> np.ndarray:
    """A front of n points of two objectives, of no particular order."""
    t = np.random.default_rng(seed).permutation(np.linspace(0.0, 1.0, n))
    return np.column_stack([0.5 + t, 2.0 - np.sqrt(t)])


def sphere(n: int, n_obj: int, seed: int = 0) -> np.ndarray:
    """n points on the unit sphere, all objectives above 0."""
    drawn = np.abs(np.random.default_rng(seed).normal(size=(n, n_obj))) + 0.01
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1)[:, None])
