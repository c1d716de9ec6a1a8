"""The ZDT problems of Zitzler, Deb and Thiele: two objectives, any number of variables.

"Comparison of multiobjective evolutionary algorithms: empirical results", Evolutionary Computation
8(2), 2000, section 4. ZDT5 is left out: its variables are bits.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from moo.arrays import Array, math_of
from moo.problems._base import _Benchmark, at_least, power, power_slope
from moo.problems._front import Floats, Intervals, points_of, records


class _ZDT(_Benchmark):
    """f1(x1) and f2 = g(x2..xn) h(f1, g), Pareto-optimal where g is least: x2 = ... = xn = 0."""

    def __init__(self, n_var: int, xl: object = 0.0, xu: object = 1.0) -> None:
        super().__init__(n_var=at_least("n_var", n_var, 2), n_obj=2, xl=xl, xu=xu)

    def objectives(self, x: Array) -> list[Array]:
        f1 = self._f1(x[:, 0])
        return [f1, self._f2(f1, self._g(x))]

    def _f1(self, x1: Array) -> Array:
        return x1

    def _f2(self, f1: Array, g: Array) -> Array:
        return g * (1 - power(f1 / g, 0.5))

    def _g(self, x: Array) -> Array:
        return 1 + 9 * x[:, 1:].mean(1)

    def _g_slopes(self, others: Floats) -> Floats | float:
        """Of g by x2 .. xn (n, n_var - 1)."""
        return 9.0 / float(others.shape[1])

    def _slopes(self, x1: Floats, g: Floats) -> tuple[Floats | float, Floats, Floats]:
        """Of f1 by x1, of f2 by x1 and of f2 by g: here those of f1 = x1, f2 = g - sqrt(f1 g)."""
        share = x1 / g
        slope = power_slope(share, 0.5)
        return 1.0, -slope, 1 - share**0.5 + share * slope

    def vjp(self, x: Floats, w: Floats) -> Floats:
        f1_by_x1, f2_by_x1, f2_by_g = self._slopes(x[:, 0], self._g(x))
        gradient = np.empty_like(x)
        gradient[:, 0] = w[:, 0] * f1_by_x1 + w[:, 1] * f2_by_x1
        gradient[:, 1:] = (w[:, 1] * f2_by_g)[:, None] * self._g_slopes(x[:, 1:])
        return gradient

    def _first(self, n_pareto_points: int) -> Floats:
        """The Pareto-optimal x1, (k,)."""
        return np.linspace(0.0, 1.0, n_pareto_points)

    def _calc_pareto_set(self, n_pareto_points: int = 500) -> Floats:
        first = self._first(n_pareto_points)
        return np.column_stack([first, np.zeros((len(first), self.n_var - 1))])


class ZDT1(_ZDT):
    """f1 = x1, f2 = g (1 - sqrt(f1 / g)), g = 1 + 9 mean(x2..xn), 0 <= x <= 1. Equation (7).

    Front: convex, f2 = 1 - sqrt(f1), f1 in [0, 1]. At x1 = 0 the true slope of f2 is minus
    infinity; the Jacobian stops at -1e6 there.
    """

    def __init__(self, n_var: int = 30) -> None:
        super().__init__(n_var)


class ZDT2(_ZDT):
    """f1 = x1, f2 = g (1 - (f1 / g)^2), g = 1 + 9 mean(x2..xn), 0 <= x <= 1. Equation (8).

    Front: concave, f2 = 1 - f1^2, f1 in [0, 1]: a weighted sum finds its two ends only.
    """

    def __init__(self, n_var: int = 30) -> None:
        super().__init__(n_var)

    def _f2(self, f1: Array, g: Array) -> Array:
        return g * (1 - (f1 / g) ** 2)

    def _slopes(self, x1: Floats, g: Floats) -> tuple[Floats | float, Floats, Floats]:
        return 1.0, *_of_a_square(x1 / g)


def _of_a_square(share: Floats) -> tuple[Floats, Floats]:
    """Slopes of g (1 - (f1 / g)^2) by f1 and by g, at f1 / g."""
    return -2 * share, 1 + share**2


class ZDT3(_ZDT):
    """f1 = x1, f2 = g (1 - sqrt(f1 / g) - (f1 / g) sin(10 pi f1)), g as in ZDT1. Equation (9).

    Front: the parts of f2 = 1 - sqrt(f1) - f1 sin(10 pi f1) that are lower than anything to their
    left: five pieces, f1 in [0, 0.8518], f2 in [-0.7734, 1]. The slope at x1 = 0 is as in ZDT1.
    """

    def __init__(self, n_var: int = 30) -> None:
        super().__init__(n_var)

    def _f2(self, f1: Array, g: Array) -> Array:
        xp = math_of(f1)
        return g * (1 - power(f1 / g, 0.5) - f1 / g * xp.sin(10 * xp.pi * f1))

    def _slopes(self, x1: Floats, g: Floats) -> tuple[Floats | float, Floats, Floats]:
        one, by_x1, by_g = super()._slopes(x1, g)
        wave = 10 * np.pi * x1
        return one, by_x1 - np.sin(wave) - wave * np.cos(wave), by_g

    def _first(self, n_pareto_points: int) -> Floats:
        return points_of(_zdt3_pieces(), n_pareto_points)


@cache
def _zdt3_pieces() -> Intervals:
    return records(lambda x: np.sqrt(x) + x * np.sin(10 * np.pi * x), 0.0, 1.0)


class ZDT4(_ZDT):
    """f1 = x1, f2 = g (1 - sqrt(f1 / g)), g = 1 + 10 (n - 1) + sum_{i>1} (x_i^2 - 10 cos(4 pi x_i)).

    x1 in [0, 1], the others in [-5, 5]: 21^9 local fronts for n = 10. Equation (10).
    Front: that of ZDT1, at x2 = ... = xn = 0. The slope at x1 = 0 is as in ZDT1.
    """

    def __init__(self, n_var: int = 10) -> None:
        others = at_least("n_var", n_var, 2) - 1
        super().__init__(n_var, xl=[0.0] + [-5.0] * others, xu=[1.0] + [5.0] * others)

    def _g(self, x: Array) -> Array:
        xp, others = math_of(x), x[:, 1:]
        return 1 + 10 * others.shape[1] + (others**2 - 10 * xp.cos(4 * xp.pi * others)).sum(1)

    def _g_slopes(self, others: Floats) -> Floats:
        return np.asarray(2 * others + 40 * np.pi * np.sin(4 * np.pi * others))


class ZDT6(_ZDT):
    """f1 = 1 - exp(-4 x1) sin^6(6 pi x1), f2 = g (1 - (f1 / g)^2), g = 1 + 9 mean(x2..xn)^0.25.

    0 <= x <= 1. Equation (12). Front: concave, f2 = 1 - f1^2, f1 in [0.2808, 1]; evenly spread x1
    give unevenly spread f1. Where x2 = ... = xn = 0, which is the Pareto set, the true slope of g
    is infinite; that of the root stops at 1e6 there, so the Jacobian is large and finite.
    """

    def __init__(self, n_var: int = 10) -> None:
        super().__init__(n_var)

    def _f1(self, x1: Array) -> Array:
        xp = math_of(x1)
        return 1 - xp.exp(-4 * x1) * xp.sin(6 * xp.pi * x1) ** 6

    def _f2(self, f1: Array, g: Array) -> Array:
        return g * (1 - (f1 / g) ** 2)

    def _g(self, x: Array) -> Array:
        return 1 + 9 * power(x[:, 1:].mean(1), 0.25)

    def _g_slopes(self, others: Floats) -> Floats:
        return np.asarray(9 / others.shape[1] * power_slope(others.mean(1), 0.25)[:, None])

    def _slopes(self, x1: Floats, g: Floats) -> tuple[Floats | float, Floats, Floats]:
        falling, wave = np.exp(-4 * x1), np.sin(6 * np.pi * x1)
        f1_by_x1 = falling * wave**5 * (4 * wave - 36 * np.pi * np.cos(6 * np.pi * x1))
        by_f1, by_g = _of_a_square((1 - falling * wave**6) / g)
        return f1_by_x1, by_f1 * f1_by_x1, by_g

    def _first(self, n_pareto_points: int) -> Floats:
        """x1 from 0 (f1 = 1) to the first and highest peak, where tan(6 pi x1) = 9 pi, with f1
        evenly spaced."""
        peak = np.arctan(9 * np.pi) / (6 * np.pi)
        x = np.linspace(0.0, peak, 20_001)
        f1 = 1 - np.exp(-4 * x) * np.sin(6 * np.pi * x) ** 6
        return np.interp(np.linspace(f1[-1], 1.0, n_pareto_points), f1[::-1], x[::-1])
