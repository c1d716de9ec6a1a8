"""The WFG problems of Huband, Hingston, Barone and While: any number of objectives from two on.

"A review of multiobjective test problems and a scalable test problem toolkit", IEEE Transactions on
Evolutionary Computation 10(5), 2006, Tables XIII (constants) and XIV (problems).

The first k of the n_var variables choose the place on the front, the last l = n_var - k the distance from
it; variable i lies in [0, 2 i]. Objective m is the distance plus 2 m times the shape, so that the front's
axes are 2, 4, 6, ... The sizes are keywords, as in `DTLZ2`; by default k = 4 for two objectives and
2 (n_obj - 1) for more, l = 20, as in the paper's experiments.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from moo.arrays import Array, like, math_of
from moo.errors import ProblemError
from moo.problems import _wfg as wfg
from moo.problems._base import _Benchmark, at_least
from moo.problems._front import Floats, Intervals, records, simplex_lattice, thinned

_OPTIMUM = 0.35


class _WFG(_Benchmark):
    even_l = False  # whether the distance variables go in pairs

    def __init__(self, *, n_obj: int = 2, n_var: int | None = None, k: int | None = None) -> None:
        at_least("n_obj", n_obj, 2)
        self.k = (4 if n_obj == 2 else 2 * (n_obj - 1)) if k is None else at_least("k", k, 1)
        n_var = self.k + 20 if n_var is None else at_least("n_var", n_var, 2)
        self._check_sizes(n_obj, n_var)
        super().__init__(n_var=n_var, n_obj=n_obj, xl=0.0, xu=2.0 * np.arange(1, n_var + 1))

    def _check_sizes(self, n_obj: int, n_var: int) -> None:
        if n_var <= self.k:
            raise ProblemError(f"n_var={n_var!r} is not accepted: expected more variables than k={self.k}")
        if self.k % (n_obj - 1):
            raise ProblemError(f"k={self.k} is not accepted: expected a multiple of n_obj - 1 = {n_obj - 1}")
        if self.even_l and (n_var - self.k) % 2:
            raise ProblemError(
                f"n_var={n_var!r} is not accepted: expected k={self.k} and an even number more, for pairs"
            )

    def objectives(self, x: Array) -> Array:
        t = self._transformed(x / like(x, self.xu))
        return t[:, -1:] + self._shaped(t)

    def _transformed(self, y: Array) -> Array:
        """t (n, n_obj) of y (n, n_var) in [0, 1], its last column the distance."""
        raise NotImplementedError

    def _shape(self, x: Array) -> Array:
        """h (n, n_obj) of the place (n, n_obj - 1)."""
        return wfg.concave(x)

    def _shaped(self, t: Array) -> Array:
        h = self._shape(t[:, :-1])
        return h * like(h, 2.0 * np.arange(1, self.n_obj + 1))

    def _tail(self, y: Array, moved: Array) -> Array:
        """y with its last columns moved."""
        return math_of(y).concatenate([y[:, : y.shape[1] - moved.shape[1]], moved], 1)

    def _reduced(self, y: Array, reduce: Callable[[Array, slice], Array]) -> Array:
        """The n_obj - 1 groups of the first k columns and the others, each as one, (n, n_obj)."""
        size = self.k // (self.n_obj - 1)
        groups = [slice(i, i + size) for i in range(0, self.k, size)]
        columns = [reduce(y[:, group], group) for group in [*groups, slice(self.k, y.shape[1])]]
        return math_of(y).stack(columns, 1)

    def _means(self, y: Array) -> Array:
        return self._reduced(y, lambda columns, _: wfg.r_sum(columns))

    def _nonseparable(self, y: Array) -> Array:
        return self._reduced(y, lambda columns, _: wfg.r_nonsep(columns, columns.shape[1]))

    # ------------------------------------------------------------------ the front

    def _place(self, n_points: int) -> Floats | None:
        """Pareto-optimal places (n, n_obj - 1): a simplex lattice projected on the sphere."""
        w = simplex_lattice(n_points, self.n_obj)
        h = w / np.linalg.norm(w, axis=1, keepdims=True)
        norms = np.sqrt(np.cumsum(h**2, axis=1)[:, :-1])
        return np.asarray((np.arctan2(norms, h[:, 1:]) / (np.pi / 2))[:, ::-1])

    def _calc_pareto_front(self, n_pareto_points: int = 500) -> Floats | None:
        place = self._place(n_pareto_points)
        return None if place is None else np.asarray(self._shaped(np.pad(place, ((0, 0), (0, 1)))))

    def _calc_pareto_set(self, n_pareto_points: int = 500) -> Floats | None:
        place = self._place(n_pareto_points)
        return None if place is None else self._optimal(self._wanted(place)) * self.xu

    def _wanted(self, place: Floats) -> Floats:
        """What the variables before the reduction are to be, (n, n_var): each group its place."""
        head = np.repeat(place, self.k // (self.n_obj - 1), axis=1)
        return np.column_stack([head, np.full((len(place), self.n_var - self.k), _OPTIMUM)])

    def _optimal(self, wanted: Floats) -> Floats:
        """The y (n, n_var) in [0, 1] that the first transformations move where they are wanted."""
        return wanted


class _Pieces(_WFG):
    """Problems whose last objective depends on the first place alone, along a curve with gaps."""

    def _last(self, x: Array) -> Array:
        """The last objective's shape (n,) of the first place (n,)."""
        raise NotImplementedError

    def _intervals(self) -> Intervals:
        """The Pareto-optimal values of the first place."""
        raise NotImplementedError

    def _shape(self, x: Array) -> Array:
        return wfg.with_last(wfg.convex(x), self._last(x[:, 0]))

    def _place(self, n_points: int) -> Floats:
        each = max(2, round(n_points ** (1 / (self.n_obj - 1))))
        axes = [self._first(each), *[np.linspace(0.0, 1.0, each)] * (self.n_obj - 2)]
        place = np.column_stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])
        F = self._shaped(np.pad(place, ((0, 0), (0, 1))))
        return np.asarray(place[np.unique(F.round(12), axis=0, return_index=True)[1]])

    def _first(self, n_points: int) -> Floats:
        """Pareto-optimal first places (k,), even along the curve of two objectives."""
        ends = np.array(self._intervals())
        x = np.union1d(np.linspace(0.0, 1.0, 20_001), ends)
        kept = np.asarray(((ends[:, :1] <= x) & (x <= ends[:, 1:])).any(axis=0), dtype=bool)
        curve = np.column_stack([1 - np.cos(x * np.pi / 2), 2 * self._last(x)])
        return np.asarray(x[thinned(curve, kept, n_points)])


class WFG1(_Pieces):
    """Separable, with a flat region and a strong bias: most of the box maps close to one place.

    Front: convex with five concave dents, f_i = 2 i convex_i, f_m = 2 m (1 - x - cos(10 pi x + pi / 2)
    / (10 pi)) over the first place x; for two objectives from (0, 4) to (2, 0), at x_i = 0.7 i for i > k.
    At exactly 0 the slope of y^0.02, which is infinite, is cut to 1e6; a distance variable that differs
    from its optimum by 1e-14 or less counts as there, else rounding alone would leave the front.
    """

    def _transformed(self, y: Array) -> Array:
        tail = wfg.b_flat(wfg.s_linear(y[:, self.k :]), 0.8, 0.75, 0.85)
        weights = self.xu
        return self._reduced(
            wfg.b_poly(self._tail(y, tail), 0.02), lambda columns, at: wfg.r_sum(columns, weights[at])
        )

    def _last(self, x: Array) -> Array:
        return wfg.mixed(x)

    def _intervals(self) -> Intervals:
        return [(0.0, 1.0)]

    def _optimal(self, wanted: Floats) -> Floats:
        return np.column_stack([wanted[:, : self.k] ** 50, wanted[:, self.k :]])


class _Paired(_WFG):
    """Problems whose distance variables are bound in pairs."""

    even_l = True

    def _transformed(self, y: Array) -> Array:
        tail = wfg.s_linear(y[:, self.k :])
        first, second = tail[:, 0::2], tail[:, 1::2]
        pairs = (first + second + 2 * abs(first - second)) / 3  # r_nonsep of two columns
        return self._means(math_of(y).concatenate([y[:, : self.k], pairs], 1))


class WFG2(_Paired, _Pieces):
    """Non-separable, with a disconnected front; the last objective is multimodal.

    Front: five convex pieces, f_i = 2 i convex_i, f_m = 2 m (1 - x cos^2(5 pi x)): the first place x is a
    strict record of x cos^2(5 pi x), and then all other places are optimal, at x_i = 0.7 i for i > k.
    """

    def _last(self, x: Array) -> Array:
        return wfg.disconnected(x)

    def _intervals(self) -> Intervals:
        return _wfg2_pieces()


@cache
def _wfg2_pieces() -> Intervals:
    return records(lambda x: x * np.cos(5 * np.pi * x) ** 2, 0.0, 1.0)


class WFG3(_Paired):
    """Non-separable, linear, meant to be degenerate: with more distance, all places but the first matter.

    Front for two objectives: f1 / 2 + f2 / 4 = 1, at x_i = 0.7 i for i > k. For three or more it is not
    the line that the paper gives: with some distance left there are points that no point of the line
    dominates (Ishibuchi, Masuda and Nojima, "Pareto fronts of many-objective degenerate test problems",
    2016). No front is given for these: ``pareto_front()`` is None.
    """

    def _transformed(self, y: Array) -> Array:
        t = super()._transformed(y)
        first, others, distance = t[:, :1], t[:, 1:-1], t[:, -1:]
        return math_of(y).concatenate([first, distance * (others - 0.5) + 0.5, distance], 1)

    def _shape(self, x: Array) -> Array:
        return wfg.linear(x)

    def _place(self, n_points: int) -> Floats | None:
        return None if self.n_obj > 2 else simplex_lattice(n_points, 2)[:, :1]


class WFG4(_WFG):
    """Separable and multimodal: 30 hills and as many valleys a variable on either side of its optimum.

    Front: concave, the ellipsoid sum (f_m / 2 m)^2 = 1, f >= 0, at x_i = 0.7 i for i > k.
    """

    def _transformed(self, y: Array) -> Array:
        return self._means(wfg.s_multi(y, 30, 10))

    def _optimal(self, wanted: Floats) -> Floats:
        head = _inverse(lambda y: wfg.s_multi(y, 30, 10), wanted[:, : self.k])
        return np.column_stack([head, wanted[:, self.k :]])


class WFG5(_WFG):
    """Separable and deceptive: the optimum of each variable is a hole 0.002 wide, its slopes lead away.

    Front: concave, the ellipsoid sum (f_m / 2 m)^2 = 1, f >= 0, at x_i = 0.7 i for i > k.
    """

    def _transformed(self, y: Array) -> Array:
        return self._means(wfg.s_decept(y))

    def _optimal(self, wanted: Floats) -> Floats:
        return np.column_stack([_inverse(wfg.s_decept, wanted[:, : self.k]), wanted[:, self.k :]])


class WFG6(_WFG):
    """Non-separable: the groups of variables are reduced by their differences from each other.

    Front: concave, the ellipsoid sum (f_m / 2 m)^2 = 1, f >= 0, at x_i = 0.7 i for i > k.
    """

    def _transformed(self, y: Array) -> Array:
        return self._nonseparable(self._tail(y, wfg.s_linear(y[:, self.k :])))

    def _wanted(self, place: Floats) -> Floats:
        return _every_other(super()._wanted(place), self.k, self.k // (self.n_obj - 1))


class WFG7(_WFG):
    """Separable, with a bias: the exponent of a place variable depends on all variables after it.

    Front: concave, the ellipsoid sum (f_m / 2 m)^2 = 1, f >= 0, at x_i = 0.7 i for i > k.
    """

    def _transformed(self, y: Array) -> Array:
        xp = math_of(y)
        head = wfg.b_param(y[:, : self.k], wfg.means_after(y)[:, : self.k])
        return self._means(xp.concatenate([head, wfg.s_linear(y[:, self.k :])], 1))

    def _optimal(self, wanted: Floats) -> Floats:
        return _backwards(wanted, self.k)


class WFG8(_WFG):
    """Non-separable, with a bias: the exponent of a distance variable depends on all variables before it.

    Front: concave, the ellipsoid sum (f_m / 2 m)^2 = 1, f >= 0, at y_i = 0.35^(1 / (0.02 + 1.96 u)) for
    i > k, u <= 0.5 the mean of the variables before, y_i = x_i / 2 i: the optimum of each depends on all
    before it. Implementations differ in u: here and in the paper (and pymoo) the mean of y_1 .. y_{i-1};
    pygmo's values differ.
    """

    def _transformed(self, y: Array) -> Array:
        tail = wfg.b_param(y[:, self.k :], wfg.means_before(y)[:, self.k - 1 :])
        return self._means(self._tail(y, wfg.s_linear(tail)))

    def _optimal(self, wanted: Floats) -> Floats:
        y = wanted.copy()
        for i in range(self.k, self.n_var):
            y[:, i] = wanted[:, i] ** (1 / wfg.exponent_of(y[:, :i].mean(1)))
        return y


class WFG9(_WFG):
    """Non-separable, deceptive in the place, multimodal in the distance, with a bias as of WFG7 for all.

    Front: concave, the ellipsoid sum (f_m / 2 m)^2 = 1, f >= 0, at x_n = 0.7 n and, from the last on,
    y_i = 0.35^(1 / (0.02 + 1.96 u)) for k < i < n, u <= 0.5 the mean of the variables after, y_i = x_i / 2 i.
    """

    def _transformed(self, y: Array) -> Array:
        xp = math_of(y)
        biased = xp.concatenate([wfg.b_param(y[:, :-1], wfg.means_after(y)), y[:, -1:]], 1)
        head, tail = wfg.s_decept(biased[:, : self.k]), wfg.s_multi(biased[:, self.k :], 30, 95)
        return self._nonseparable(xp.concatenate([head, tail], 1))

    def _wanted(self, place: Floats) -> Floats:
        return _every_other(super()._wanted(place), self.k, self.k // (self.n_obj - 1))

    def _optimal(self, wanted: Floats) -> Floats:
        head = _inverse(wfg.s_decept, wanted[:, : self.k])
        return _backwards(np.column_stack([head, wanted[:, self.k :]]), self.n_var - 1)


def _inverse(transform: Callable[[Floats], Floats], wanted: Floats) -> Floats:
    """Some y >= 0.35 of each wanted value; transform rises from 0 at 0.35 to 1, not steadily."""
    grid = np.union1d(np.linspace(_OPTIMUM, 1.0, 20_001), _OPTIMUM + 0.001)  # 0.351 tops s_decept
    highest = np.maximum.accumulate(transform(grid))
    at = np.searchsorted(highest, wanted).clip(1, highest.argmax())
    low, high = grid[at - 1], grid[at]
    for _ in range(60):
        middle = (low + high) / 2
        above = transform(middle) >= wanted
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.where(wanted <= 0, _OPTIMUM, high)


def _every_other(wanted: Floats, k: int, size: int) -> Floats:
    """The first k columns times 1 for half of each group and 0 for the others: r_nonsep makes of them
    the place itself, of equal ones less."""
    ones = np.arange(size) < (size + 1) // 2
    return np.column_stack([wanted[:, :k] * np.tile(ones, k // size), wanted[:, k:]])


def _backwards(wanted: Floats, n_biased: int) -> Floats:
    """y whose first n_biased columns b_param moves where they are wanted, each by those after it."""
    y = wanted.copy()
    for i in reversed(range(n_biased)):
        y[:, i] = wanted[:, i] ** (1 / wfg.exponent_of(y[:, i + 1 :].mean(1)))
    return y
