"""Small problems whose fronts are known in closed form, each with its statement in plain numpy.

The two objectives are the squared distances to (1, 1) and (-1, -1). Constraints and bounds are chosen
so that they bind on the front: an optimizer that drops them answers with rows that `violation`, which
shares no code with moo, gives away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymoo.problems import get_problem

import moo

TOLERANCE = 1e-4  # the larger of moo's two
_EDGE = -0.45  # a bound that -1.9 plus the width of the box misses by one rounding


def to_first(x: Any) -> Any:
    return ((x - 1.0) ** 2).sum()


def to_second(x: Any) -> Any:
    return ((x + 1.0) ** 2).sum()


def objectives(X: np.ndarray) -> np.ndarray:
    """F (n, 2) in numpy, for comparison."""
    return np.column_stack([((X - 1.0) ** 2).sum(axis=1), ((X + 1.0) ** 2).sum(axis=1)])


def apart(x: Any) -> Any:
    """x1 must exceed x2 by a half: the whole front lies on this constraint."""
    return 0.5 - x[0] + x[1]


@dataclass(frozen=True)
class Case:
    """A problem, its front (k, 2) and, in numpy, its F and how far X is from being allowed.

    ``easy`` is false where random sampling alone cannot be expected to find feasible points.
    """

    make: Callable[..., Any]
    front: np.ndarray
    F: Callable[[np.ndarray], np.ndarray]
    violation: Callable[[np.ndarray], np.ndarray]
    xl: np.ndarray
    xu: np.ndarray
    easy: bool = True

    @property
    def span(self) -> np.ndarray:
        return np.ptp(self.front, axis=0)


def _convex(**options: Any) -> moo.Problem:
    return moo.Problem([to_first, to_second], xl=[-2.0, -2.0], xu=[2.0, 2.0], title="convex", **options)


def _constrained(**options: Any) -> moo.Problem:
    return moo.Problem(
        [to_first, to_second],
        xl=[-2.0, -2.0],
        xu=[2.0, 2.0],
        inequality=[apart],
        title="constrained",
        **options,
    )


def _bounded(**options: Any) -> moo.Problem:
    return moo.Problem([to_first, to_second], xl=[-2.0, -1.9], xu=[2.0, _EDGE], title="bounded", **options)


def _equality(**options: Any) -> moo.Problem:
    return moo.Problem(
        [to_first, to_second], xl=[-2.0, -2.0], xu=[2.0, 2.0], equality=[apart], title="equality", **options
    )


def _nothing(X: np.ndarray) -> np.ndarray:
    return np.zeros(len(X))


def _gap(X: np.ndarray) -> np.ndarray:
    return 0.5 - X[:, 0] + X[:, 1]


def _bnh_objectives(X: np.ndarray) -> np.ndarray:
    return np.column_stack([4 * (X**2).sum(axis=1), ((X - 5.0) ** 2).sum(axis=1)])


def _bnh_violation(X: np.ndarray) -> np.ndarray:
    """Binh and Korn 1997: inside one circle, outside another."""
    inside = (((X[:, 0] - 5.0) ** 2 + X[:, 1] ** 2) - 25.0) / 25.0  # in the units in which pymoo states them
    outside = (7.7 - ((X[:, 0] - 8.0) ** 2 + (X[:, 1] + 3.0) ** 2)) / 7.7
    return np.maximum(np.maximum(inside, outside), 0.0)


def _bnh_set(n: int) -> np.ndarray:
    """x1 = x2 up to 3, then x2 = 3."""
    return np.concatenate(
        [np.repeat(np.linspace(0, 3, n)[:, None], 2, 1), [[a, 3.0] for a in np.linspace(3, 5, n)]]
    )


_t = np.linspace(-1.0, 1.0, 2000)
_low, _high = np.array([-2.0, -2.0]), np.array([2.0, 2.0])
_diagonal = np.column_stack([_t, _t])
_shifted = np.column_stack([_t + 0.25, _t - 0.25])
_clipped = np.column_stack([_t, np.minimum(_t, _EDGE)])

CASES = {
    "convex": Case(_convex, objectives(_diagonal), objectives, _nothing, _low, _high),
    "active constraint": Case(
        _constrained, objectives(_shifted), objectives, lambda X: np.maximum(_gap(X), 0.0), _low, _high
    ),
    "active bound": Case(
        _bounded,
        objectives(_clipped),
        objectives,
        lambda X: np.maximum(X[:, 1] - _EDGE, 0.0),
        np.array([-2.0, -1.9]),
        np.array([2.0, _EDGE]),
    ),
    "equality": Case(
        _equality, objectives(_shifted), objectives, lambda X: np.abs(_gap(X)), _low, _high, easy=False
    ),
    "BNH of pymoo": Case(
        lambda: get_problem("bnh"),
        _bnh_objectives(_bnh_set(1000)),
        _bnh_objectives,
        _bnh_violation,
        np.zeros(2),
        np.array([5.0, 3.0]),
    ),
}
