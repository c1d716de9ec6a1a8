"""Checks on a `Result` that share no code with moo."""

from __future__ import annotations

from typing import Any

import numpy as np

from moo.result import Result


def dominated(F: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
    """Mask (n,) of the rows of F (n, 2) that some row of ``others`` (by default F itself) dominates."""
    others = F if others is None else others
    if len(others) == 0:
        return np.zeros(len(F), dtype=bool)
    others = others[np.argsort(others[:, 0])]
    lowest = np.append(np.inf, np.minimum.accumulate(others[:, 1]))  # f2 of the first k rows
    no_larger = lowest[np.searchsorted(others[:, 0], F[:, 0], side="right")]
    smaller = lowest[np.searchsorted(others[:, 0], F[:, 0], side="left")]
    return np.asarray((no_larger < F[:, 1]) | (smaller <= F[:, 1]))


def dominated_slowly(F: np.ndarray) -> np.ndarray:
    """The same by the definition, for any number of objectives; O(n^2)."""
    no_worse = (F[None] <= F[:, None]).all(axis=2)
    better = (F[None] < F[:, None]).any(axis=2)
    return np.asarray((no_worse & better).any(axis=1))


def front_of(F: np.ndarray) -> np.ndarray:
    """Mask (n,) of the non-dominated rows, of equal ones the first; O(n^2)."""
    first = np.zeros(len(F), dtype=bool)
    first[np.unique(F, axis=0, return_index=True)[1]] = True
    return first & ~dominated_slowly(F)


def area(F: np.ndarray, ref: np.ndarray) -> float:
    """Hypervolume of F (n, 2) by a sweep over its staircase."""
    F = F[(ref > F).all(axis=1)]
    total, lowest = 0.0, float(ref[1])
    for f1, f2 in F[np.lexsort((F[:, 1], F[:, 0]))]:
        if f2 < lowest:
            total += (ref[0] - f1) * (lowest - f2)
            lowest = f2
    return total


def distances(F: np.ndarray, front: np.ndarray) -> np.ndarray:
    """How far each row of F is from the front (n,), in units of the front's extent."""
    low, span = front.min(axis=0), np.ptp(front, axis=0)
    F, front = (F - low) / span, (front - low) / span
    return np.asarray(np.linalg.norm(F[:, None] - front[None], axis=2).min(axis=1))


def same_numbers(a: Result, b: Result) -> bool:
    """Bitwise, everything but times."""
    arrays = [(getattr(a, name), getattr(b, name)) for name in _ARRAYS]
    arrays += [(a.log[name], b.log[name]) for name in a.log]
    arrays += list(zip(a.history.fronts, b.history.fronts, strict=True))
    counts = a.statuses == b.statuses and (a.cost.n_f, a.cost.n_vjp) == (b.cost.n_f, b.cost.n_vjp)
    return counts and a.history.cost == b.history.cost and all(_equal(x, y) for x, y in arrays)


_ARRAYS = ("X", "F", "G", "H", "CV", "weights", "archive_X", "archive_F")


def _equal(x: Any, y: Any) -> bool:
    if x is None or y is None:
        return x is y
    return x.shape == y.shape and np.array_equal(x, y, equal_nan=True)
