"""Small constrained problems: Binh-Korn, Srinivas-Deb, Tanaka, Osyczka-Kundu.

The constraints have the scale of Deb, "Multi-objective optimization using evolutionary algorithms",
2001, and of pymoo: where a constraint is divided by its constant, one unit of violation
means the same for all.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.optimize import brentq

from moo.arrays import Array, math_of
from moo.problems._base import _Benchmark
from moo.problems._front import Floats, nondominated, thinned


class BNH(_Benchmark):
    """f1 = 4 x1^2 + 4 x2^2, f2 = (x1 - 5)^2 + (x2 - 5)^2, 0 <= x1 <= 5, 0 <= x2 <= 3.

    ((x1 - 5)^2 + x2^2 - 25) / 25 <= 0, (7.7 - (x1 - 8)^2 - (x2 + 3)^2) / 7.7 <= 0.
    Binh and Korn, "MOBES: a multiobjective evolution strategy for constrained optimization
    problems", 1997; Deb 2001.
    Front: convex, (0, 50) to (136, 4), at x1 = x2 in [0, 3], then x2 = 3, x1 in [3, 5]; neither
    constraint cuts it.
    """

    def __init__(self) -> None:
        super().__init__(n_var=2, n_obj=2, n_ieq_constr=2, xl=0.0, xu=[5.0, 3.0])

    def objectives(self, x: Array) -> list[Array]:
        return [4 * (x**2).sum(1), ((x - 5) ** 2).sum(1)]

    def inequality(self, x: Array) -> list[Array]:
        x1, x2 = x[:, 0], x[:, 1]
        return [
            ((x1 - 5) ** 2 + x2**2 - 25) / 25,
            (7.7 - (x1 - 8) ** 2 - (x2 + 3) ** 2) / 7.7,
        ]

    def vjp(self, x: Floats, w: Floats) -> Floats:
        return np.asarray(8.0 * x * w[:, :1] + 2.0 * (x - 5) * w[:, 1:])

    def constraint_jacobian(self, x: Floats) -> Floats:
        return np.stack([2.0 * (x - [5, 0]) / 25, -2.0 * (x - [8, -3]) / 7.7], axis=1)

    def _calc_pareto_set(self, n_pareto_points: int = 500) -> Floats:
        x1 = np.union1d(np.linspace(0.0, 5.0, n_pareto_points - 1), 3.0)
        return np.column_stack([x1, np.minimum(x1, 3.0)])


class SRN(_Benchmark):
    """f1 = 2 + (x1 - 2)^2 + (x2 - 1)^2, f2 = 9 x1 - (x2 - 1)^2, -20 <= x <= 20.

    x1^2 + x2^2 - 225 <= 0, x1 - 3 x2 + 10 <= 0.
    Srinivas and Deb, "Multiobjective optimization using nondominated sorting in genetic
    algorithms", 1994; Deb 2001.
    Front: convex, f1 from 10.1 to 223.0, in three parts that meet. Minimise f1 + w f2: for w < 1 the
    second constraint binds, x1 = 3 x2 - 10 from (1.1, 3.7) to (-2.5, 2.5); at w = 1 all of x1 = -2.5
    up to the circle (the part usually given, and all that pymoo has), where f1 + f2 is constant; for
    w > 1 the circle binds, from x1 = -2.5 on to the least f2.
    """

    def __init__(self) -> None:
        super().__init__(n_var=2, n_obj=2, n_ieq_constr=2, xl=-20.0, xu=20.0)

    def objectives(self, x: Array) -> list[Array]:
        x1, x2 = x[:, 0], x[:, 1]
        return [2 + (x1 - 2) ** 2 + (x2 - 1) ** 2, 9 * x1 - (x2 - 1) ** 2]

    def inequality(self, x: Array) -> list[Array]:
        x1, x2 = x[:, 0], x[:, 1]
        return [x1**2 + x2**2 - 225, x1 - 3 * x2 + 10]

    def vjp(self, x: Floats, w: Floats) -> Floats:
        second = np.column_stack([np.full(len(x), 9.0), -2.0 * (x[:, 1] - 1)])
        return np.asarray(2.0 * (x - [2, 1]) * w[:, :1] + second * w[:, 1:])

    def constraint_jacobian(self, x: Floats) -> Floats:
        return np.stack([2.0 * x, np.broadcast_to([1.0, -3.0], x.shape)], axis=1)

    def _calc_pareto_set(self, n_pareto_points: int = 500) -> Floats:
        # On the circle df2/dx1 = 9 + 2 x1 - 2 x1 / x2; its zero is the least f2.
        least = brentq(lambda x1: 9 + 2 * x1 - 2 * x1 / np.sqrt(225 - x1**2), -8.0, -2.5, xtol=1e-14)
        few = max(2, n_pareto_points // 10)
        on_line = np.linspace(3.7, 2.5, few)
        between = np.linspace(2.5, np.sqrt(218.75), max(2, n_pareto_points - 2 * few))
        on_circle = np.linspace(-2.5, least, few)
        return np.concatenate(
            [
                np.column_stack([3 * on_line - 10, on_line])[:-1],
                np.column_stack([np.full_like(between, -2.5), between])[:-1],
                np.column_stack([on_circle, np.sqrt(225 - on_circle**2)]),
            ]
        )


class TNK(_Benchmark):
    """f1 = x1, f2 = x2, 0 <= x <= pi: the front is the edge of the feasible set.

    1 + 0.1 cos(16 atan(x1 / x2)) - x1^2 - x2^2 <= 0, 2 ((x1 - 0.5)^2 + (x2 - 0.5)^2) - 1 <= 0.
    Tanaka, Watanabe, Furukawa and Tanino, "GA-based decision support system for multicriteria
    optimization", 1995; Deb 2001.
    Front: on the wave where the first constraint is 0, between its two ends on the circle where the
    second is 0, less what is dominated: five pieces. At (0, 0), which is infeasible and where the
    angle has no value, the angle is taken as 0 and its slope as 0.
    """

    def __init__(self) -> None:
        super().__init__(n_var=2, n_obj=2, n_ieq_constr=2, xl=0.0, xu=np.pi)

    def objectives(self, x: Array) -> Array:
        return x

    def inequality(self, x: Array) -> list[Array]:
        xp = math_of(x)
        x1, x2 = x[:, 0], x[:, 1]
        angle = xp.atan2(x1, xp.where((x1 == 0) & (x2 == 0), 1.0, x2))
        wave = 1 + 0.1 * xp.cos(16 * angle) - x1**2 - x2**2
        return [wave, 2 * ((x - 0.5) ** 2).sum(1) - 1]

    def vjp(self, x: Floats, w: Floats) -> Floats:
        return w.copy()

    def constraint_jacobian(self, x: Floats) -> Floats:
        x1, x2 = x.T
        squared = (x**2).sum(1)
        turned = np.column_stack([x2, -x1]) / np.where(squared > 0, squared, 1.0)[:, None]
        angle = np.arctan2(x1, np.where(squared > 0, x2, 1.0))
        return np.stack([-1.6 * np.sin(16 * angle)[:, None] * turned - 2 * x, 4 * (x - 0.5)], axis=1)

    def _calc_pareto_set(self, n_pareto_points: int = 500) -> Floats:
        # In polar coordinates from the x2 axis the second constraint is r <= sin + cos.
        first = brentq(lambda t: np.sin(2 * t) - 0.1 * np.cos(16 * t), 0.01, 0.1, xtol=1e-16)
        X = _tnk_wave(np.linspace(first, np.pi / 2 - first, 50_001))
        return X[thinned(X, nondominated(X), n_pareto_points)]


def _tnk_wave(angle: Floats) -> Floats:
    radius = np.sqrt(1 + 0.1 * np.cos(16 * angle))
    return np.column_stack([radius * np.sin(angle), radius * np.cos(angle)])


class OSY(_Benchmark):
    """f1 = -25 (x1 - 2)^2 - (x2 - 2)^2 - (x3 - 1)^2 - (x4 - 4)^2 - (x5 - 1)^2, f2 = sum_i x_i^2.

    0 <= x1, x2, x6 <= 10, 1 <= x3, x5 <= 5, 0 <= x4 <= 6, and, each >= 0 (and its negative here):
    (x1 + x2 - 2) / 2, (6 - x1 - x2) / 6, (2 + x1 - x2) / 2, (2 - x1 + 3 x2) / 2,
    (4 - (x3 - 3)^2 - x4) / 4, ((x5 - 3)^2 + x6 - 4) / 4.
    Osyczka and Kundu, "A new method to solve generalized multicriteria optimization problems using
    the simple genetic algorithm", 1995; Deb 2001.
    Front: five pieces with x4 = x6 = 0, f1 from -274 to -42, f2 from 4 to 76. As (x1, x2, x3, x5):
    AB (5, 1, 1..5, 5), BC (5, 1, 1..5, 1), CD (4.056..5, (x1 - 2) / 3, 1, 1), DE (0, 2, 1..3.73, 1),
    EF (0..1, 2 - x1, 1, 1). Between CD and DE is a jump in x, none in F.
    """

    def __init__(self) -> None:
        xu = [10.0, 10.0, 5.0, 6.0, 5.0, 10.0]
        super().__init__(n_var=6, n_obj=2, n_ieq_constr=6, xl=[0.0, 0.0, 1.0, 0.0, 1.0, 0.0], xu=xu)

    def objectives(self, x: Array) -> list[Array]:
        x1, x2, x3, x4, x5, _ = x.T
        f1 = 25 * (x1 - 2) ** 2 + (x2 - 2) ** 2 + (x3 - 1) ** 2 + (x4 - 4) ** 2 + (x5 - 1) ** 2
        return [-f1, (x**2).sum(1)]

    def inequality(self, x: Array) -> list[Array]:
        x1, x2, x3, x4, x5, x6 = x.T
        return [
            -(x1 + x2 - 2) / 2,
            -(6 - x1 - x2) / 6,
            -(2 - x2 + x1) / 2,
            -(2 - x1 + 3 * x2) / 2,
            -(4 - (x3 - 3) ** 2 - x4) / 4,
            -((x5 - 3) ** 2 + x6 - 4) / 4,
        ]

    def vjp(self, x: Floats, w: Floats) -> Floats:
        first = -2.0 * (x - [2, 2, 1, 4, 1, 0]) * [25, 1, 1, 1, 1, 0]
        return np.asarray(first * w[:, :1] + 2.0 * x * w[:, 1:])

    def constraint_jacobian(self, x: Floats) -> Floats:
        slopes = np.zeros((len(x), 6, 6))
        slopes[:, :4, :2] = [[-1 / 2, -1 / 2], [1 / 6, 1 / 6], [-1 / 2, 1 / 2], [1 / 2, -3 / 2]]
        slopes[:, 4, 2], slopes[:, 4, 3] = (x[:, 2] - 3) / 2, 1 / 4
        slopes[:, 5, 4], slopes[:, 5, 5] = -(x[:, 4] - 3) / 2, -1 / 4
        return slopes

    def _calc_pareto_set(self, n_pareto_points: int = 500) -> Floats:
        t = np.linspace(0.0, 1.0, max(2, n_pareto_points // 5))
        x1, x3 = _osy_jump()
        slope = np.linspace(x1, 5.0, len(t))
        pieces: list[tuple[Floats | float, ...]] = [
            (5.0, 1.0, 1 + 4 * t[1:], 5.0),  # its first point has the F of BC's last
            (5.0, 1.0, 1 + 4 * t, 1.0),
            (slope, (slope - 2) / 3, 1.0, 1.0),
            (0.0, 2.0, 1 + (x3 - 1) * t[:-1], 1.0),  # its last point has the F of CD's first
            (t, 2 - t, 1.0, 1.0),
        ]
        X = np.concatenate([_osy_rows(*piece) for piece in pieces])
        return np.unique(X, axis=0)


def _osy_rows(x1: Floats | float, x2: Floats | float, x3: Floats | float, x5: Floats | float) -> Floats:
    """X (k, 6) with x4 = x6 = 0; numbers stand for all rows."""
    return np.column_stack(np.broadcast_arrays(x1, x2, x3, 0.0, x5, 0.0))


@cache
def _osy_jump() -> tuple[float, float]:
    """(x1 of CD, x3 of DE) where the two meet in F.

    With d = x3 - 1: f1 = -116 - d^2 = -25 (x1 - 2)^2 - ((x1 - 8) / 3)^2 - 16 and
    f2 = 5 + (1 + d)^2 = x1^2 + ((x1 - 2) / 3)^2 + 2.
    """

    def d(x1: float) -> float:
        return float(np.sqrt(x1**2 + ((x1 - 2) / 3) ** 2 - 3) - 1)

    def gap(x1: float) -> float:
        return 25 * (x1 - 2) ** 2 + ((x1 - 8) / 3) ** 2 - 100 - d(x1) ** 2

    x1 = float(brentq(gap, 4.0, 4.2, xtol=1e-15))
    return x1, 1 + d(x1)
