"""Engineering designs: a welded beam and a four-bar truss."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from scipy.optimize import brentq

from moo.arrays import Array, math_of
from moo.problems._base import _Benchmark
from moo.problems._front import Floats, zoom

_LOAD, _LENGTH = 6000.0, 14.0  # lb, in
_SHEAR = 13600.0  # psi, what the material bears
_BENDING_LIMIT = 6 * _LOAD * _LENGTH / 30000  # in^3, the least t^2 b for a bending stress of 30000 psi
_Numbers = TypeVar("_Numbers", Any, Floats, float)


class WeldedBeam(_Benchmark):
    """Cost and end deflection (in) of a beam welded to a wall, carrying 6000 lb at 14 in.

    Variables, all in inches: weld thickness h and length l, beam depth t and width b,
    0.125 <= h, b <= 5, 0.1 <= l, t <= 10.
    cost = 1.10471 h^2 l + 0.04811 t b (14 + l), deflection = 2.1952 / (t^3 b).
    Constraints, each divided by its limit: shear stress of the weld tau <= 13600 psi, bending stress
    504000 / (t^2 b) <= 30000 psi, h <= b (divided by 4.875, the range of h), buckling load
    64746.022 (1 - 0.0282346 t) t b^3 >= 6000 lb. tau^2 = t1^2 + t2^2 + l t1 t2 / R with
    t1 = 6000 / (sqrt(2) h l), R^2 = (l^2 + (h + t)^2) / 4,
    t2 = 6000 (14 + l / 2) R / (2 sqrt(1/2) h l (l^2 / 12 + (h + t)^2 / 4)).

    Ragsdell and Phillips 1976; with two objectives Deb, "Multi-objective optimization using
    evolutionary algorithms", 2001.
    Front: convex, from (2.3810, 0.01576) to (36.4209, 0.000439). For a given stiffness t^3 b the
    cheapest beam is as deep as bending, buckling and the bound allow, so one number runs along the
    front; its weld is the cheapest that just bears the shear stress.
    """

    def __init__(self) -> None:
        super().__init__(
            n_var=4,
            n_ieq_constr=4,
            xl=[0.125, 0.1, 0.1, 0.125],
            xu=[5.0, 10.0, 10.0, 5.0],
            names=["cost", "end deflection"],
            var_names=["h", "l", "t", "b"],
        )

    def objectives(self, x: Array) -> list[Array]:
        h, length, t, b = x.T
        cost = 1.10471 * h**2 * length + 0.04811 * t * b * (_LENGTH + length)
        return [cost, 2.1952 / (t**3 * b)]

    def inequality(self, x: Array) -> list[Array]:
        xp = math_of(x)
        h, length, t, b = x.T
        return [
            xp.sqrt(_squared_shear(h, length, t)) / _SHEAR - 1,
            _BENDING_LIMIT / (t**2 * b) - 1,
            (h - b) / (5 - 0.125),
            1 - _buckling_load(t, b) / _LOAD,
        ]

    def _calc_pareto_set(self, n_pareto_points: int = 500) -> Floats:
        # Evenly spaced stiffness bunches the points at the low deflections, its logarithm does not.
        stiffness = np.geomspace(_least_stiffness(), 5000.0, n_pareto_points)
        t = _deepest(stiffness)
        b = np.minimum(stiffness / t**3, 5.0)
        h, length = _cheapest_weld(t, b)
        return np.column_stack([h, length, t, b])


def _squared_shear(h: _Numbers, length: _Numbers, t: _Numbers) -> _Numbers:
    """tau^2 (psi^2) of a weld of thickness h on a beam of depth t."""
    squared_radius = (length**2 + (h + t) ** 2) / 4
    direct = _LOAD / (2**0.5 * h * length)
    inertia = 2**0.5 * h * length * (length**2 / 12 + (h + t) ** 2 / 4)
    per_radius = _LOAD * (_LENGTH + length / 2) / inertia
    return direct**2 + per_radius**2 * squared_radius + direct * per_radius * length


def _buckling_load(t: _Numbers, b: _Numbers) -> _Numbers:
    return 64746.022 * (1 - 0.0282346 * t) * t * b**3


def _deepest(stiffness: Floats) -> Floats:
    """The depth t (n,) up to which bending, buckling and the bound allow, with t^3 b given.

    With b = stiffness / t^3 the bending stress grows with t and the buckling load falls.
    """
    by_bending = np.minimum(10.0, stiffness / _BENDING_LIMIT)
    low, high = np.full_like(stiffness, 5.0), by_bending
    for _ in range(60):
        middle = (low + high) / 2
        bears = _buckling_load(middle, stiffness / middle**3) >= _LOAD
        low, high = np.where(bears, middle, low), np.where(bears, high, middle)
    return np.where(_buckling_load(by_bending, stiffness / by_bending**3) >= _LOAD, by_bending, low)


def _least_stiffness() -> float:
    """t^3 b of the cheapest beam, at which bending and buckling both bind: a lower one costs more."""

    def spare(stiffness: float) -> float:
        t = stiffness / _BENDING_LIMIT
        return _buckling_load(t, stiffness / t**3) - _LOAD

    return float(brentq(spare, 100.0, 160.0, xtol=1e-12))


def _cheapest_weld(t: Floats, b: Floats) -> tuple[Floats, Floats]:
    """(h, l), (n,) each, of least cost with a shear stress of at most the limit."""

    def cost(h: Floats) -> Floats:
        length = _weld_length(h, t[:, None])
        value = 1.10471 * h**2 * length + 0.04811 * (t * b)[:, None] * length
        return np.where(length < 10.0, value, np.inf)

    h = zoom(cost, np.full_like(b, 0.125), b)
    return h, _weld_length(h, t)


def _weld_length(h: Floats, t: Floats) -> Floats:
    """The shortest l in [0.1, 10] that bears the shear stress, 10 where none does: it falls with l."""
    low, high = np.broadcast_arrays(0.1 + 0 * h, 10.0 + 0 * h)
    for _ in range(45):
        middle = (low + high) / 2
        bears = _squared_shear(h, middle, t) <= _SHEAR**2
        low, high = np.where(bears, low, middle), np.where(bears, middle, high)
    return high


class FourBarTruss(_Benchmark):
    """Volume (cm^3) and displacement of the joint (cm) of a four-bar truss: RE21.

    volume = L (2 x1 + sqrt(2) x2 + sqrt(x3) + x4),
    displacement = F L / E (2 / x1 + 2 sqrt(2) / x2 - 2 sqrt(2) / x3 + 2 / x4),
    with F = 10 kN, E = 2e5 kN/cm^2, L = 200 cm; areas (cm^2) 1 <= x1, x4 <= 3, sqrt(2) <= x2, x3 <= 3.
    Cheng and Li 1999; Tanabe and Ishibuchi, "An easy-to-use real-world multi-objective optimization
    problem suite", 2020, RE2-4-1, whose sqrt(x3) is kept (by its geometry it would be sqrt(2) x3).
    Front: convex, from (1237.84, 0.04) to (2886.37, 0.00276). Both objectives grow with x3, so
    x3 = sqrt(2); the rest is convex and splits by variable: x1 = s, x2 = x4 = sqrt(2) s, each cut to
    its bounds, s in [1 / sqrt(2), 3].
    """

    def __init__(self) -> None:
        super().__init__(
            n_var=4,
            xl=[1.0, 2**0.5, 2**0.5, 1.0],
            xu=3.0,
            names=["volume", "displacement"],
        )

    def objectives(self, x: Array) -> list[Array]:
        xp = math_of(x)
        x1, x2, x3, x4 = x.T
        root = 2**0.5
        volume = 200 * (2 * x1 + root * x2 + xp.sqrt(x3) + x4)
        return [volume, 0.01 * (2 / x1 + 2 * root / x2 - 2 * root / x3 + 2 / x4)]

    def _calc_pareto_set(self, n_pareto_points: int = 500) -> Floats:
        s = np.geomspace(2**-0.5, 3.0, n_pareto_points)
        X = np.column_stack([s, 2**0.5 * s, np.full_like(s, 2**0.5), 2**0.5 * s])
        return np.clip(X, self.xl, self.xu)
