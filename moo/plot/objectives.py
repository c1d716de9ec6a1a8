"""What figures of answers share: one problem, the user's signs, rows that can be drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from moo.errors import OptionError
from moo.plot.style import shown
from moo.result import Result, Statement


def axis_labels(statement: Statement) -> list[str]:
    """The objectives' names; maximised ones say so, since moo's default is to minimise."""
    return [
        shown(name) if sign > 0 else f"{shown(name)} (max)"
        for name, sign in zip(statement.names, statement.sign, strict=True)
    ]


def same_problem(results: Mapping[str, Result]) -> Statement:
    """What all results are of.

    Raises:
        OptionError: without results, and for results of different objectives.
    """
    statements = [result.problem for result in results.values()]
    if not statements:
        raise OptionError("there is nothing to draw: give at least one result")
    for other in statements[1:]:
        if (other.names, other.sign) != (statements[0].names, statements[0].sign):
            raise OptionError(
                f"one figure shows one problem, got objectives {statements[0].names} and {other.names}"
            )
    return statements[0]


def known_front(statement: Statement) -> np.ndarray | None:
    """The known front with the user's signs (k, n_obj)."""
    return None if statement.front is None else np.array(statement.front) * np.array(statement.sign)


def finite(values: np.ndarray) -> np.ndarray:
    """Which rows (n,) of values (n, n_obj) are numbers throughout."""
    return np.asarray(np.isfinite(values).all(axis=1))


def limits(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest finite value of each column, (n_obj,) each; 0 and 1 where there is no row."""
    rows = values[finite(values)]
    if len(rows) == 0:
        return np.zeros(values.shape[1]), np.ones(values.shape[1])
    return rows.min(axis=0), rows.max(axis=0)


def shares(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Values between 0 at ``low`` and 1 at ``high``; one half where the two are the same."""
    span = high - low
    constant = span <= 0
    return np.where(constant, 0.5, (values - low) / np.where(constant, 1.0, span))


def number(value: float, span: float) -> str:
    """A value to about four digits of the range it stands in: 1e-13 of a range of 2 is 0."""
    if not 0 < span < np.inf:
        return f"{value:.3g}"
    return f"{round(float(value), 3 - int(np.floor(np.log10(span)))) + 0.0:.3g}"


def depths(results: Mapping[str, Result]) -> dict[str, float]:
    """How near to the front each label is drawn: few points above many, so that none are buried."""
    order = sorted(results, key=lambda label: -len(results[label].F))
    return {label: 2.0 + 0.5 * i / len(order) for i, label in enumerate(order)}


def goodness(result: Result) -> np.ndarray:
    """F (n, n_obj) between 0, the worst of the answer, and 1, the best; NaN in rows that are no numbers."""
    better = 1.0 - shares(result.F, *limits(result.F))
    return np.where(finite(result.F)[:, None], better, np.nan)


def drawable(result: Result) -> np.ndarray:
    """Rows of the answer that figures of single points choose from: feasible ones, else all finite ones."""
    sound = finite(result.F)
    feasible = sound & (result.CV <= 0)
    return np.flatnonzero(feasible if feasible.any() else sound)


def chosen_rows(result: Result, rows: Sequence[int] | None, most: int) -> list[int]:
    """The rows asked for; without, up to ``most`` of them far from each other, best compromise first.

    Raises:
        OptionError: for a row that the answer does not have, or that is no number, and an empty answer.
    """
    if rows is None:
        return _spread(result, most)
    given = np.atleast_1d(np.asarray(rows))
    if given.size == 0 or not np.issubdtype(given.dtype, np.integer):
        raise OptionError(f"rows={rows!r} is not accepted: give row numbers of the answer, at least one")
    for row in given.tolist():
        if not 0 <= row < len(result.F):
            raise OptionError(f"row {row} is not in the answer: it has {len(result.F)} rows, counted from 0")
        if not np.isfinite(result.F[row]).all():
            raise OptionError(f"row {row} of the answer is not finite: it cannot be drawn")
    return [int(row) for row in given]


def _spread(result: Result, most: int) -> list[int]:
    """The row nearest to the ideal point of the answer, then always the one farthest from those taken."""
    rows = drawable(result)
    if len(rows) == 0:
        raise OptionError("there is nothing to draw: the answer has no finite row")
    points = goodness(result)[rows]
    taken = [int(np.linalg.norm(1.0 - points, axis=1).argmin())]
    distance = np.linalg.norm(points - points[taken[0]], axis=1)
    while len(taken) < most and distance.max() > 0:
        taken.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(points - points[taken[-1]], axis=1))
    return [int(rows[i]) for i in taken]
