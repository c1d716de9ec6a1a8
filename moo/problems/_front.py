"""Pareto fronts without a closed form: small exact or zooming searches, deterministic, numpy only."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import comb

import moocore
import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, minimize_scalar

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Intervals = list[tuple[float, float]]


def simplex_lattice(n_points: int, n_obj: int) -> Floats:
    """Evenly spaced w >= 0 with sum 1, (k, n_obj), k the next possible size from n_points on.

    Das and Dennis 1998: all multiples of 1/H, the corners among them, C(H + n_obj - 1, n_obj - 1).
    """
    H = 1
    while comb(H + n_obj - 1, n_obj - 1) < n_points:
        H += 1
    bars = np.array(list(combinations(range(H + n_obj - 1), n_obj - 1)))
    edges = np.column_stack([np.full(len(bars), -1), bars, np.full(len(bars), H + n_obj - 1)])
    return (np.diff(edges, axis=1) - 1) / H


def records(f: Callable[[Floats], Floats], a: float, b: float, n_grid: int = 100_001) -> Intervals:
    """The intervals of [a, b] on which f is higher than anywhere to the left.

    Minimise x and maximise f(x): these x are exactly the Pareto-optimal ones. ``f`` takes and
    returns (n,); its peaks must be wider than the grid.
    """
    x = np.linspace(a, b, n_grid)
    y = f(x)
    kept = np.concatenate([[True], y[1:] > np.maximum.accumulate(y)[:-1]])
    intervals: Intervals = []
    highest = -np.inf
    for first, last in _runs(kept):
        start = float(x[0]) if first == 0 else _crossing(f, highest, x[first - 1], x[first])
        end = max(start, _peak(f, x, last))
        highest = _at(f, end)
        intervals.append((start, end))
    return intervals


def _at(f: Callable[[Floats], Floats], x: float) -> float:
    return float(f(np.array([x]))[0])


def _crossing(f: Callable[[Floats], Floats], height: float, low: float, high: float) -> float:
    """Where f rises through the height of the last peak; just above, as a tie would be dominated."""
    return float(brentq(lambda t: _at(f, t) - height - 1e-12, low, high, xtol=1e-15))


def _peak(f: Callable[[Floats], Floats], x: Floats, i: int) -> float:
    """The local maximum between the grid neighbours of x[i]."""
    bounds = (x[max(i - 1, 0)], x[min(i + 1, len(x) - 1)])
    found = minimize_scalar(lambda t: -_at(f, t), bounds=bounds, method="bounded", options={"xatol": 1e-13})
    return float(found.x) if -found.fun > _at(f, x[i]) else float(x[i])


def _runs(kept: Mask) -> list[tuple[int, int]]:
    """First and last index of each unbroken run of True."""
    steps = np.diff(np.concatenate([[0], kept.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1) - 1, strict=True))


def points_of(intervals: Intervals, n_points: int) -> Floats:
    """About n_points numbers (k,) spread over the intervals by length, all ends among them.

    With fewer points than ends, the outermost ends are kept.
    """
    ends = np.unique(intervals)
    if n_points <= len(ends):
        picked = np.linspace(0, len(ends) - 1, max(n_points, 2)).round().astype(int)
        return np.asarray(ends[np.unique(picked)])
    total = sum(b - a for a, b in intervals) or 1.0
    pieces = [np.linspace(a, b, max(2, round(n_points * (b - a) / total))) for a, b in intervals]
    return np.unique(np.concatenate(pieces))


def nondominated(F: Floats) -> Mask:
    """Mask (n,) of the rows of F (n, n_obj) that no other row dominates, duplicates kept once."""
    return np.asarray(moocore.is_nondominated(np.ascontiguousarray(F)), dtype=bool)


def thinned(F: Floats, kept: Mask, n_points: int) -> npt.NDArray[np.intp]:
    """Indices of about n_points of the kept rows of a densely sampled curve F (n, n_obj).

    They are evenly spaced along the curve in units of each objective's range. The ends of every
    unbroken piece and the best and worst row of each objective are among them.
    """
    rows = np.flatnonzero(kept)
    span = np.ptp(F[rows], axis=0)
    scaled = F / np.where(span > 0, span, 1.0)
    step = np.concatenate([[0.0], np.linalg.norm(np.diff(scaled, axis=0), axis=1)])
    step[1:][~kept[:-1]] = 0.0  # a gap has no length
    along = np.cumsum(np.where(kept, step, 0.0))[rows]
    even = np.searchsorted(along, np.linspace(0.0, along[-1], n_points)).clip(max=len(rows) - 1)
    extremes = np.concatenate([F[rows].argmin(0), F[rows].argmax(0)])
    ends = [index for run in _runs(kept) for index in run]
    return np.unique(np.concatenate([rows[even], rows[extremes], ends]))


def zoom(
    f: Callable[[Floats], Floats],
    low: Floats,
    high: Floats,
    *,
    n_grid: int = 51,
    rounds: int = 6,
) -> Floats:
    """argmin (n,) of n functions of one number at once, each over its own [low, high].

    ``f`` maps t (n, n_grid) to values (n, n_grid). A grid finds the basin, then each round looks
    between the best point's neighbours, so a minimum at an end is found exactly.
    """
    unit = np.linspace(0.0, 1.0, n_grid)
    rows = np.arange(len(low))
    for _ in range(rounds):
        t = low[:, None] * (1 - unit) + high[:, None] * unit
        best = np.argmin(f(t), axis=1)
        low, high = t[rows, np.maximum(best - 1, 0)], t[rows, np.minimum(best + 1, n_grid - 1)]
    return np.asarray(t[rows, best])
