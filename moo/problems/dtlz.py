"""The DTLZ problems of Deb, Thiele, Laumanns and Zitzler: any number of objectives from two on.

"Scalable test problems for evolutionary multiobjective optimization", in Abraham, Jain, Goldberg
(eds.), 2005, test problems DTLZ1 to DTLZ7 (pymoo's numbers too; CEC 2002, by the same authors,
numbers the last ones differently).

Of the n_var variables in [0, 1] the first n_obj - 1 choose the place on the front and the last
k = n_var - n_obj + 1 the distance g from it. The sizes are keywords, since libraries differ in
their order.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from moo.arrays import Array, math_of
from moo.errors import ProblemError
from moo.problems._base import _Benchmark, at_least, power
from moo.problems._front import Floats, Intervals, points_of, records, simplex_lattice


class _DTLZ(_Benchmark):
    optimal_tail = 0.5  # the value of the last k variables on the Pareto set
    default_k = 10

    def __init__(self, *, n_obj: int = 3, n_var: int | None = None) -> None:
        at_least("n_obj", n_obj, 2)
        n_var = n_obj - 1 + self.default_k if n_var is None else at_least("n_var", n_var, 2)
        if n_var < n_obj:
            raise ProblemError(f"n_var={n_var} is not accepted: expected at least n_obj={n_obj} variables")
        super().__init__(n_var=n_var, n_obj=n_obj, xl=0.0, xu=1.0)

    def _split(self, x: Array) -> tuple[Array, Array]:
        """(n, n_obj - 1) place and (n, k) distance variables."""
        return x[:, : self.n_obj - 1], x[:, self.n_obj - 1 :]

    def _calc_pareto_set(self, n_pareto_points: int = 500) -> Floats | None:
        place = self._place(n_pareto_points)
        if place is None:
            return None
        tail = np.full((len(place), self.n_var - self.n_obj + 1), self.optimal_tail)
        return np.column_stack([place, tail])

    def _place(self, n_pareto_points: int) -> Floats | None:
        """Pareto-optimal values (k, n_obj - 1) of the first variables."""
        raise NotImplementedError


def _rastrigin(tail: Array) -> Array:
    """100 (k + sum (x - 0.5)^2 - cos(20 pi (x - 0.5))): 0 at 0.5, 11^k - 1 other local minima."""
    xp = math_of(tail)
    z = tail - 0.5
    return 100 * (1 + z**2 - xp.cos(20 * xp.pi * z)).sum(1)


def _rastrigin_slopes(tail: Floats) -> Floats:
    z = tail - 0.5
    return np.asarray(100 * (2 * z + 20 * np.pi * np.sin(20 * np.pi * z)))


def _bowl(tail: Array) -> Array:
    return ((tail - 0.5) ** 2).sum(1)


def _products(down: Array, up: Array) -> Array:
    """(n, m) from two (n, m - 1): d1 d2 .. d_{m-1}, d1 .. d_{m-2} u_{m-1}, ..., d1 u2, u1."""
    columns, leading = [], 1.0
    for j in range(down.shape[1]):
        columns.append(leading * up[:, j])
        leading = leading * down[:, j]
    return math_of(down).stack([leading, *reversed(columns)], 1)


def _products_vjp(down: Floats, up: Floats, w: Floats) -> tuple[Floats, Floats]:
    """Slopes by down and by up (n, m - 1) of the sums of `_products` weighed by w (n, m)."""
    by_down, by_up = np.empty_like(down), np.empty_like(up)
    leading = np.cumprod(down, axis=1)
    below = w[:, 0]  # the slope by the product of all that comes later
    for j in range(down.shape[1] - 1, -1, -1):
        before, of_up = leading[:, j - 1] if j else 1.0, w[:, -1 - j]
        by_down[:, j], by_up[:, j] = below * before, of_up * before
        below = of_up * up[:, j] + below * down[:, j]
    return by_down, by_up


def _sphere_vjp(place: Floats, w: Floats) -> Floats:
    """Slopes by the place (n, m - 1) of the points of `_sphere`, weighed by w (n, m)."""
    angle = place * (np.pi / 2)
    cosine, sine = np.cos(angle), np.sin(angle)
    by_cosine, by_sine = _products_vjp(cosine, sine, w)
    return np.asarray((by_sine * cosine - by_cosine * sine) * (np.pi / 2))


def _sphere(place: Array) -> Array:
    """The point (n, m) of the unit sphere at the angles pi/2 place (n, m - 1)."""
    xp = math_of(place)
    angle = place * (xp.pi / 2)
    return _products(xp.cos(angle), xp.sin(angle))


def _sphere_lattice(n_points: int, n_obj: int) -> Floats:
    """The simplex lattice projected on the unit sphere, zeros and ones exact."""
    w = simplex_lattice(n_points, n_obj)
    return np.asarray(w / np.linalg.norm(w, axis=1, keepdims=True))


class DTLZ1(_DTLZ):
    """f = (1 + g) / 2 (x1 .. x_{m-1}, x1 .. (1 - x_{m-1}), ..., 1 - x1), g of Rastrigin's kind.

    g = 100 (k + sum_tail (x - 0.5)^2 - cos(20 pi (x - 0.5))), k = 5 by default.
    Front: the flat simplex sum f = 0.5, f >= 0, at x_tail = 0.5; 11^k - 1 local fronts above it.
    """

    default_k = 5

    def objectives(self, x: Array) -> Array:
        place, tail = self._split(x)
        return 0.5 * (1 + _rastrigin(tail))[:, None] * _products(place, 1 - place)

    def vjp(self, x: Floats, w: Floats) -> Floats:
        place, tail = self._split(x)
        w = 0.5 * w
        by_down, by_up = _products_vjp(place, 1 - place, (1 + _rastrigin(tail))[:, None] * w)
        by_g = (w * _products(place, 1 - place)).sum(1)
        return np.hstack([by_down - by_up, by_g[:, None] * _rastrigin_slopes(tail)])

    def _place(self, n_pareto_points: int) -> Floats:
        """The lattice on the simplex, solved for x from f_m = (1 - x1) / 2 on."""
        sums = np.cumsum(simplex_lattice(n_pareto_points, self.n_obj), axis=1)
        before, until = sums[:, :-1], sums[:, 1:]
        return np.divide(before, until, out=np.zeros_like(before), where=until > 0)[:, ::-1]

    def _calc_pareto_front(self, n_pareto_points: int = 500) -> Floats:
        return 0.5 * simplex_lattice(n_pareto_points, self.n_obj)


class DTLZ2(_DTLZ):
    """f = (1 + g) (cos t1 .. cos t_{m-1}, cos t1 .. sin t_{m-1}, ..., sin t1), t = pi/2 x.

    g = sum_tail (x - 0.5)^2. Front: the unit sphere in f >= 0, at x_tail = 0.5.
    """

    exponent = 1

    def objectives(self, x: Array) -> Array:
        place, tail = self._split(x)
        return (1 + self._g(tail))[:, None] * _sphere(place**self.exponent)

    def vjp(self, x: Floats, w: Floats) -> Floats:
        place, tail = self._split(x)
        bent = place**self.exponent
        by_bent = _sphere_vjp(bent, (1 + self._g(tail))[:, None] * w)
        by_g = (w * _sphere(bent)).sum(1)
        by_place = by_bent * self.exponent * place ** (self.exponent - 1)
        return np.hstack([by_place, by_g[:, None] * self._g_slopes(tail)])

    def _g(self, tail: Array) -> Array:
        return _bowl(tail)

    def _g_slopes(self, tail: Floats) -> Floats:
        return 2 * (tail - 0.5)

    def _place(self, n_pareto_points: int) -> Floats:
        """The lattice projected on the sphere, solved for the angles from f_m = sin t1 on."""
        F = self._calc_pareto_front(n_pareto_points)
        angle = np.arctan2(F[:, 1:], np.sqrt(np.cumsum(F**2, axis=1)[:, :-1]))[:, ::-1]
        return (angle / (np.pi / 2)) ** (1 / self.exponent)

    def _calc_pareto_front(self, n_pareto_points: int = 500) -> Floats:
        return _sphere_lattice(n_pareto_points, self.n_obj)


class DTLZ3(DTLZ2):
    """DTLZ2 with the g of DTLZ1: 3^k - 1 local fronts, all parallel to the sphere.

    Front: the unit sphere in f >= 0, at x_tail = 0.5.
    """

    def _g(self, tail: Array) -> Array:
        return _rastrigin(tail)

    def _g_slopes(self, tail: Floats) -> Floats:
        return _rastrigin_slopes(tail)


class DTLZ4(DTLZ2):
    """DTLZ2 with t = pi/2 x^100: evenly spread x crowd at the edges f_m = 0.

    Front: the unit sphere in f >= 0, at x_tail = 0.5.
    """

    exponent = 100


class DTLZ5(_DTLZ):
    """DTLZ2 with t_i = pi / (4 (1 + g)) (1 + 2 g x_i) for 1 < i < m, t1 = pi/2 x1.

    Front for m = 2 the quarter circle, for m = 3 the curve (cos t / sqrt 2, cos t / sqrt 2, sin t),
    t in [0, pi/2], at x_tail = 0.5: s sin(pi / (4 s)) grows with s = 1 + g, so no g > 0 helps.
    For m >= 4 the paper's claim of a curve is false (Huband, Hingston, Barone and While 2006,
    IEEE TEC 10(5)): with g > 0, (1 + g) cos t2 cos t3 falls below its value on the curve, and such
    points are Pareto-optimal too. No front is given for m >= 4: ``pareto_front()`` is None.
    """

    def objectives(self, x: Array) -> Array:
        xp = math_of(x)
        place, tail = self._split(x)
        g = self._g(tail)[:, None]
        bent = (1 + 2 * g * place[:, 1:]) / (2 * (1 + g))
        return (1 + g) * _sphere(xp.concatenate([place[:, :1], bent], 1))

    def _g(self, tail: Array) -> Array:
        return _bowl(tail)

    def _place(self, n_pareto_points: int) -> Floats | None:
        if self.n_obj > 3:
            return None
        arc = _sphere_lattice(n_pareto_points, 2)
        first = np.arctan2(arc[:, 1], arc[:, 0]) / (np.pi / 2)
        return np.column_stack([first, np.zeros((n_pareto_points, self.n_obj - 2))])

    def _calc_pareto_front(self, n_pareto_points: int = 500) -> Floats | None:
        if self.n_obj > 3:
            return None
        arc = _sphere_lattice(n_pareto_points, 2)
        across = np.full(self.n_obj - 1, 1 / np.sqrt(self.n_obj - 1))
        return np.column_stack([arc[:, :1] * across, arc[:, 1]])


class DTLZ6(DTLZ5):
    """DTLZ5 with g = sum_tail x^0.1, so that the front is hard to reach.

    Front: that of DTLZ5, at x_tail = 0, and None for m >= 4 for the same reason. At x_tail = 0 the
    true slope of g is infinite; it stops at 1e6 there (from x = 2e-8 down).
    """

    optimal_tail = 0.0

    def _g(self, tail: Array) -> Array:
        return power(tail, 0.1).sum(1)


class DTLZ7(_DTLZ):
    """f_i = x_i for i < m, f_m = (1 + g) (m - sum_{i<m} f_i / (1 + g) (1 + sin(3 pi f_i))).

    g = 1 + 9 mean(x_tail), k = 20 by default. Front: 2^(m-1) pieces, at x_tail = 0,
    f_m = 2 m - sum p(f_i), p(t) = t (1 + sin(3 pi t)). The sum splits by variable, so a point is
    Pareto-optimal exactly when every f_i is a strict record of p: in [0, 0.2514] or (0.6316, 0.8594].
    """

    optimal_tail = 0.0
    default_k = 20

    def objectives(self, x: Array) -> Array:
        xp = math_of(x)
        place, tail = self._split(x)
        g = 1 + 9 * tail.mean(1)
        taken = (place * (1 + xp.sin(3 * xp.pi * place))).sum(1)
        return xp.concatenate([place, ((1 + g) * self.n_obj - taken)[:, None]], 1)

    def _place(self, n_pareto_points: int) -> Floats:
        each = points_of(_dtlz7_pieces(), round(n_pareto_points ** (1 / (self.n_obj - 1))))
        grid = np.meshgrid(*[each] * (self.n_obj - 1), indexing="ij")
        return np.column_stack([axis.ravel() for axis in grid])


@cache
def _dtlz7_pieces() -> Intervals:
    return records(lambda t: t * (1 + np.sin(3 * np.pi * t)), 0.0, 1.0)
