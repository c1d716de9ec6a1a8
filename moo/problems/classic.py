"""Small unconstrained problems that most papers plot: Schaffer, Fonseca-Fleming, Kursawe, Viennet."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.optimize import brentq

from moo.arrays import Array, math_of
from moo.errors import ProblemError
from moo.problems._base import _Benchmark, at_least, power
from moo.problems._front import Floats, Intervals, nondominated, records, thinned, zoom


class Schaffer(_Benchmark):
    """SCH: f1 = x^2, f2 = (x - 2)^2, one variable in [-bound, bound].

    Schaffer, "Multiple objective optimization with vector evaluated genetic algorithms", 1985, first
    test function; the bound of 1000 is that of Deb, Pratap, Agarwal and Meyarivan 2002, Table I.
    Front: convex, f2 = (sqrt(f1) - 2)^2, f1 in [0, 4], at x in [0, 2].
    """

    def __init__(self, bound: float = 1000.0) -> None:
        if not bound >= 2:
            raise ProblemError(f"bound={bound!r} is not accepted: expected at least 2, where the front ends")
        super().__init__(n_var=1, n_obj=2, xl=-bound, xu=bound)

    def objectives(self, x: Array) -> Array:
        xp = math_of(x)
        return xp.concatenate([x**2, (x - 2) ** 2], 1)

    def _calc_pareto_set(self, n_pareto_points: int = 500) -> Floats:
        return np.linspace(0.0, 2.0, n_pareto_points)[:, None]


class FonsecaFleming(_Benchmark):
    """f1, f2 = 1 - exp(-sum_i (x_i -+ 1 / sqrt(n))^2), -4 <= x <= 4. Also known as FON and VLMOP2.

    Fonseca and Fleming, "Multiobjective optimization and multiple constraint handling with
    evolutionary algorithms II", 1998; VLMOP2 of Van Veldhuizen and Lamont 1999; n_var = 3 as in Deb
    et al. 2002, Table I.
    Front: concave and the same for every n, (1 - exp(-(t - 1)^2), 1 - exp(-(t + 1)^2)) at
    x_i = t / sqrt(n), t in [-1, 1]: from (0, 1 - e^-4) to its mirror image.
    """

    def __init__(self, n_var: int = 3) -> None:
        super().__init__(n_var=at_least("n_var", n_var, 1), n_obj=2, xl=-4.0, xu=4.0)

    def objectives(self, x: Array) -> list[Array]:
        xp = math_of(x)
        centre = self.n_var**-0.5
        return [1 - xp.exp(-((x + shift) ** 2).sum(1)) for shift in (-centre, centre)]

    def vjp(self, x: Floats, w: Floats) -> Floats:
        centre, gradient = self.n_var**-0.5, np.zeros_like(x)
        for i, shift in enumerate((-centre, centre)):
            away = x + shift
            gradient += (2 * w[:, i] * np.exp(-(away**2).sum(1)))[:, None] * away
        return gradient

    def _calc_pareto_set(self, n_pareto_points: int = 500) -> Floats:
        t = np.linspace(-1.0, 1.0, n_pareto_points) * self.n_var**-0.5
        return np.repeat(t[:, None], self.n_var, axis=1)


class Kursawe(_Benchmark):
    """f1 = sum_{i<3} -10 exp(-0.2 sqrt(x_i^2 + x_{i+1}^2)), f2 = sum_i |x_i|^0.8 + 5 sin(x_i^3).

    Three variables in [-5, 5]. Kursawe, "A variant of evolution strategies for vector optimization",
    1991, as in Deb et al. 2002, Table I (other papers read sin^3 x_i for sin x_i^3).
    Front: the point (-20, 0) and three curves, down to f2 = -11.627. f1 grows with each |x_i| and f2
    is a sum, so the signs are those that lower f2 and each |x_i| is a strict record of it: 0 or in
    [0.4816, 1.1527]; the curves have one, two and three variables off 0. The Jacobian is finite: the
    slope of |x|^0.8 stops at 1e6 and is 0 at 0.
    """

    def __init__(self) -> None:
        super().__init__(n_var=3, n_obj=2, xl=-5.0, xu=5.0)

    def objectives(self, x: Array) -> list[Array]:
        xp = math_of(x)
        distance = power(x[:, :-1] ** 2 + x[:, 1:] ** 2, 0.5)
        f2 = power(abs(x), 0.8) + 5 * xp.sin(x**3)
        return [-10 * xp.exp(-0.2 * distance).sum(1), f2.sum(1)]

    def _calc_pareto_set(self, n_pareto_points: int = 500) -> Floats:
        X = _kursawe_candidates(n_levels=2001)
        F = self.compute(X).F
        return X[thinned(F, nondominated(F), n_pareto_points)]


def _kursawe_gain(r: Floats) -> Floats:
    """-f2 of one variable of size r = |x| and the better sign."""
    return 5 * np.abs(np.sin(r**3)) - r**0.8


def _kursawe_candidates(n_levels: int) -> Floats:
    """X (k, 3), the best of each level of f1 with one, two and three variables off 0."""
    (origin, _), (low, high) = records(_kursawe_gain, 0.0, 1.5)
    r = np.linspace(low, high, n_levels)
    zeros = np.zeros_like(r)
    sizes = [
        np.full((1, 3), origin),
        np.column_stack([zeros, zeros, r]),
        _kursawe_outer(r, low, high),
        _kursawe_all(r, low, high),
    ]
    R = np.concatenate(sizes)
    return np.where(np.sin(R**3) > 0, -R, R)


def _along(levels: Floats, a: Floats) -> Floats:
    """The levels (n,) beside a, which is (n,) or (n, n_grid)."""
    return levels if a.ndim == 1 else levels[:, None]


def _kursawe_outer(r: Floats, low: float, high: float) -> Floats:
    """(a, 0, c): a level of f1 fixes exp(-a/5) + exp(-c/5), r is the value that a = c would have."""
    level = 2 * np.exp(-0.2 * r)

    def partner(a: Floats) -> Floats:
        return np.asarray(-5 * np.log(_along(level, a) - np.exp(-0.2 * a)))

    least = np.maximum(low, partner(np.full_like(r, high)))
    a = zoom(lambda a: -_kursawe_gain(a) - _kursawe_gain(partner(a)), least, r)
    return np.column_stack([a, np.zeros_like(a), partner(a)])


def _kursawe_all(r: Floats, low: float, high: float) -> Floats:
    """(a, b, a): a level of f1 fixes a^2 + b^2 = 2 r^2."""
    squares = 2 * r**2
    least = np.sqrt(np.maximum(low**2, squares - high**2))
    most = np.sqrt(np.minimum(high**2, squares - low**2))

    def partner(a: Floats) -> Floats:
        return np.sqrt(np.maximum(_along(squares, a) - a**2, 0.0))

    a = zoom(lambda a: -2 * _kursawe_gain(a) - _kursawe_gain(partner(a)), least, most)
    return np.column_stack([a, partner(a), a])


class Viennet(_Benchmark):
    """f1 = s / 2 + sin s, f2 = (3x - 2y + 4)^2 / 8 + (x - y + 1)^2 / 27 + 15,
    f3 = 1 / (s + 1) - 1.1 exp(-s), with s = x^2 + y^2 and -3 <= x, y <= 3.

    Viennet, Fonteix and Marc, "Multicriteria optimization using a genetic algorithm for determining
    a Pareto set", 1996 (VNT3; VLMOP3 of Van Veldhuizen and Lamont 1999).
    Front: since f1 and f3 depend on s alone, a curve: the least f2 of each circle s, less what is
    dominated: two pieces, s in [0, 1.5004] and [4 pi / 3, 17.155].
    """

    def __init__(self) -> None:
        super().__init__(n_var=2, n_obj=3, xl=-3.0, xu=3.0, var_names=["x", "y"])

    def objectives(self, x: Array) -> list[Array]:
        xp = math_of(x)
        x1, x2 = x[:, 0], x[:, 1]
        s = x1**2 + x2**2
        f2 = (3 * x1 - 2 * x2 + 4) ** 2 / 8 + (x1 - x2 + 1) ** 2 / 27 + 15
        return [s / 2 + xp.sin(s), f2, 1 / (s + 1) - 1.1 * xp.exp(-s)]

    def _calc_pareto_set(self, n_pareto_points: int = 500) -> Floats:
        (_, inner_end), (outer_start, outer_end) = _viennet_pieces()
        inner = np.linspace(0.0, np.sqrt(inner_end), 1001)
        outer = np.linspace(np.sqrt(outer_start), np.sqrt(outer_end), 2001)
        X = _viennet_curve(np.unique([*inner, *outer, np.sqrt(5)]))
        F = self.compute(X).F
        return X[thinned(F, nondominated(F), n_pareto_points)]


def _viennet_f1(s: float) -> float:
    return float(s / 2 + np.sin(s))


def _viennet_f3(s: float) -> float:
    return float(1 / (s + 1) - 1.1 * np.exp(-s))


def _viennet_f2(X: Floats) -> Floats:
    """f2 - 15 of X (..., 2)."""
    x, y = X[..., 0], X[..., 1]
    return np.asarray((3 * x - 2 * y + 4) ** 2 / 8 + (x - y + 1) ** 2 / 27)


@cache
def _viennet_pieces() -> Intervals:
    """The Pareto-optimal s: an inner piece from 0 and an outer one from the minimum of f1 at 4 pi / 3.

    The inner one ends where a point of the outer one has the same f1 and f3 (and a lower f2), the
    outer one where a point of the inner one has the same f2 and f3 (and a lower f1).
    """

    def inner_twin(s: float) -> float:
        return float(brentq(lambda inner: _viennet_f3(inner) - _viennet_f3(s), 0.0, 2.0, xtol=1e-15))

    def f1_gap(s: float) -> float:
        return _viennet_f1(inner_twin(s)) - _viennet_f1(s)

    def f2_gap(s: float) -> float:
        inner, outer = _viennet_f2(_viennet_curve(np.sqrt([inner_twin(s), s])))
        return float(inner - outer)

    inner_end = inner_twin(float(brentq(f1_gap, 5.0, 5.5, xtol=1e-14)))
    return [(0.0, inner_end), (4 * np.pi / 3, float(brentq(f2_gap, 16.5, 17.9, xtol=1e-12)))]


def _viennet_curve(radius: Floats) -> Floats:
    """The point (n, 2) of least f2 on each circle, inside the box.

    The minimum of f2 is at (-2, -1), so the best angle lies in the third quadrant or near it.
    """

    def place(angle: Floats, radius: Floats) -> Floats:
        return np.asarray(radius[..., None] * np.stack([np.cos(angle), np.sin(angle)], -1))

    def f2(angle: Floats) -> Floats:
        X = place(angle, radius[:, None])
        return np.where((np.abs(X) > 3).any(-1), np.inf, _viennet_f2(X))

    angle = zoom(f2, np.full_like(radius, np.pi / 2), np.full_like(radius, 3 * np.pi / 2), n_grid=101)
    X = np.clip(place(angle, radius), -3.0, 3.0)
    X[radius == np.sqrt(5)] = -2.0, -1.0
    return np.asarray(X)
