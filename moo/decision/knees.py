"""Knees: points which it is expensive to leave in any direction."""

from __future__ import annotations

import numpy as np

from moo.decision.candidates import Candidates, Limits, Point, Source, candidates
from moo.decision.choice import Choice
from moo.errors import OptionError, unknown_name
from moo.sorting import compiled

_RADIUS = 0.125  # of the neighbourhood of a trade-off, as pymoo's
_NEIGHBOURS = 2  # an objective, at least


def knee(
    result: Source,
    by: str = "trade-off",
    *,
    within: Limits | None = None,
    ideal: Point | None = None,
    nadir: Point | None = None,
) -> Choice:
    """The knee of a front.

    Objectives are scaled to [0, 1] by the range of the points that may be chosen (or by ``ideal`` and
    ``nadir``), so that units do not matter.

    Args:
        result: a `Result`, or F (n, n_obj) in minimised form.
        by: "trade-off": the point where the least that one gives up for a unit gained, by moving to any
            neighbour, is greatest (Rachmawati and Srinivasan 2009, "Multiobjective evolutionary
            algorithm with controllable focus on the knees of the Pareto front"), any number of
            objectives; neighbours are within 0.125 of the range, and at least the nearest 2 n_obj.
            "bend": the greatest bend angle between the ends of the front (Deb and Gupta 2011,
            "Understanding knee points in bicriteria problems and their implications as preferred solution
            principles"), two objectives. Where a front is steep at an end (ZDT1), it bends most right there.
            "angle": the greatest angle that the lines to the neighbours make, of the four with one or
            two neighbours to either side (Branke et al. 2004, "Finding knees in multi-objective
            optimization", section 3.1), two objectives; it follows the finest wrinkle of a front. The
            ends of a front have neighbours on one side only and are no knees here.
        within: limits of the objectives by name, ``{"cost": (None, 5)}``; rows outside are left aside.
        ideal, nadir: what the objectives are scaled by, user's units and sign.

    Raises:
        OptionError: for an unknown ``by``, for one objective, for "bend" and "angle" of more than two, and
            where there is nothing to choose.
    """
    given = candidates(result, within, ideal, nadir)
    m = len(given.names)
    if by not in _RULES:
        raise OptionError(unknown_name("knee", str(by), _RULES))
    if m < 2:
        raise OptionError(f"a knee is between objectives, there is only {given.names[0]!r}")
    if m > 2 and by != "trade-off":
        raise OptionError(f"a knee by {by!r} is of two objectives, there are {m}: give by='trade-off'")
    return _RULES[by](given)


def _bend(given: Candidates) -> Choice:
    Z = given.scaled
    if len(Z) < 3:
        return _without_inner_points(given, "knee by bend angle")
    inner = Z[1:-1]
    left = np.arctan2(Z[0, 1] - inner[:, 1], inner[:, 0] - Z[0, 0])
    right = np.arctan2(inner[:, 1] - Z[-1, 1], Z[-1, 0] - inner[:, 0])
    bends = np.degrees(left - right)
    return given.by_score("knee by bend angle", _ends_last(bends), "the front bends by {} there", "°")


def _angle(given: Candidates) -> Choice:
    Z = given.scaled
    if len(Z) < 3:
        return _without_inner_points(given, "knee by angle")
    angles = np.array([_widest(Z, i) for i in range(1, len(Z) - 1)])
    why = "the lines to its neighbours make an angle of {} on the side of the ideal point"
    return given.by_score("knee by angle", _ends_last(angles), why, "°")


def _widest(Z: np.ndarray, i: int) -> float:
    """Of the angles at point i between one or two neighbours to the left and to the right, degrees."""
    left = Z[max(i - 2, 0) : i] - Z[i]
    right = Z[i + 1 : i + 3] - Z[i]
    turn = np.arctan2(left[:, None, 1], left[:, None, 0]) - np.arctan2(right[None, :, 1], right[None, :, 0])
    return float(np.degrees(2 * np.pi - turn).max())


def _ends_last(inner: np.ndarray) -> np.ndarray:
    """Scores (n,) of all from those of the inner points."""
    return np.concatenate([[-np.inf], inner, [-np.inf]])


def _without_inner_points(given: Candidates, rule: str) -> Choice:
    """Of one or two points the one nearest to the ideal point."""
    distance = np.linalg.norm(given.scaled, axis=1)
    return given.by_score(rule, -distance, "there are only the two ends of a front")


def _trade_off(given: Candidates) -> Choice:
    why = "a move to any neighbour gives up at least {} for each unit gained, in shares of the range"
    return given.by_score("knee by trade-off", trade_offs(given.scaled), why)


def trade_offs(Z: np.ndarray) -> np.ndarray:
    """For each of the scaled, mutually non-dominated rows (n, m) the least of sacrifice / gain over its
    neighbours (n,): Rachmawati and Srinivasan's mu."""
    from scipy.spatial import cKDTree

    if len(Z) == 1:
        return np.zeros(1)
    order = np.argsort(Z[:, 0], kind="stable")
    ordered = np.ascontiguousarray(Z[order])
    least = min(_NEIGHBOURS * Z.shape[1], len(Z) - 1)
    _, nearest = cKDTree(ordered).query(ordered, k=least + 1)
    prices = np.empty(len(Z))
    prices[order] = least_prices(ordered, nearest, _RADIUS)
    return prices


@compiled
def least_prices(Z: np.ndarray, nearest: np.ndarray, radius: float) -> np.ndarray:
    """Of each row of Z (n, m), in the order of its first column, the least price (n,) of a move to a row
    within the radius; where those are few, to the ``nearest`` rows (n, k), itself among them."""
    n, k = nearest.shape
    prices = np.empty(n)
    for i in range(n):
        best, near = np.inf, 1
        for step in (-1, 1):
            j = i + step
            while 0 <= j < n and abs(Z[j, 0] - Z[i, 0]) <= radius:
                distance, price = move(Z, i, j)
                if distance <= radius:
                    best, near = min(best, price), near + 1
                j += step
        if near < k - 1:
            best = np.inf
            for j in nearest[i]:
                best = min(best, move(Z, i, j)[1])
        prices[i] = best if best < np.inf else 0.0
    return prices


@compiled
def move(Z: np.ndarray, i: int, j: int) -> tuple[float, float]:
    """From row i to row j: how far it is, and what is given up for each unit gained (inf without gain)."""
    sacrifice = gain = squares = 0.0
    for k in range(Z.shape[1]):
        change = Z[j, k] - Z[i, k]
        squares += change * change
        sacrifice += max(change, 0.0)
        gain += max(-change, 0.0)
    return np.sqrt(squares), sacrifice / gain if gain > 0 else np.inf


_RULES = {"bend": _bend, "angle": _angle, "trade-off": _trade_off}
