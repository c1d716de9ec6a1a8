"""Scalarizations: objective vectors to one number a row, given a preference of each row.

A scalarization sees *normalised* objectives Z = (F - ideal) / (nadir - ideal); `Normalization` makes
them. Preferences are of three kinds that must not be mixed up:

- *weights* multiply the objectives. The minimiser of a Chebyshev function with weights w has objectives
  in proportion to 1 / w, not to w.
- *rays* are directions in objective space: the minimiser is to lie where the ray from the ideal point
  meets the front, so that its objectives are in proportion to the ray.
- *epsilons* are upper bounds on all objectives but one.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import Any, ClassVar, NamedTuple

import numpy as np

from moo.arrays import Array, like, math_of
from moo.errors import OptionError, unknown_name
from moo.indicators import subset
from moo.weights import weight_vectors

_LEAST_SHARE = 1e-3  # of a preference: with a weight of zero a minimiser need not be Pareto-optimal
_TINY = 1e-12


class Terms(NamedTuple):
    """A scalarization in the parts that solvers treat differently: minimise ``smooth`` plus the largest of
    ``largest`` subject to ``ieq <= 0`` and ``eq = 0``. The last axis of all but ``smooth`` counts parts."""

    smooth: Array
    largest: Array | None = None
    ieq: Array | None = None
    eq: Array | None = None

    @property
    def value(self) -> Array:
        if self.largest is None:
            return self.smooth
        return self.smooth + math_of(self.largest).amax(self.largest, -1)

    @property
    def constrained(self) -> bool:
        """Whether there are constraints of its own."""
        return self.ieq is not None or self.eq is not None

    @property
    def violation(self) -> Array:
        """How far the parts' own constraints are missed, summed."""
        missed = 0.0 * self.smooth
        if self.ieq is not None:
            missed = missed + self.ieq.clip(0.0).sum(-1)
        if self.eq is not None:
            missed = missed + abs(self.eq).sum(-1)
        return missed


class Scalarization(ABC):
    """Subclasses are frozen dataclasses, constructible without arguments. Their functions take arrays and
    tensors, and answer in kind.

    Attributes:
        follows: the kinds of preference that are accepted, the one that is spread by default first.
    """

    follows: ClassVar[tuple[str, ...]] = ("weights",)

    @abstractmethod
    def terms(self, Z: Array, P: Array) -> Terms:
        """The parts for objectives Z (..., m) and what `targets` made of the preferences, P (..., m)."""

    @abstractmethod
    def slopes(self, Z: Array, P: Array) -> Terms:
        """The derivatives of the parts by Z (n, m): ``smooth`` (n, m), those of k parts (n, k, m)."""

    def __call__(self, Z: Any, weights: Any) -> Any:
        """(n,) values of the objectives Z (n, m), normalised, under preferences (n, m) or (m,) of the
        first of the kinds in ``follows``; differentiable. Arrays give an array, tensors a tensor."""
        P = like(Z, np.atleast_2d(np.asarray(weights, dtype=float)))
        targets = self.targets(P, self.follows[0], None)
        return self.terms(Z, math_of(Z).broadcast_to(targets, Z.shape)).value

    def targets(self, P: Array, kind: str, minima: Array | None) -> Array:
        """What `terms` wants to know of the preferences P (n, m) of that kind. ``minima`` (m, m) are the
        normalised objectives of the individual minima, one a row, where they are known."""
        return P

    def spread(self, n: int, n_obj: int) -> np.ndarray:
        """n preferences (n, n_obj) of the first kind of ``follows``, spread for a front."""
        W = weight_vectors(n, n_obj)
        return (1.0 - _LEAST_SHARE * n_obj) * W + _LEAST_SHARE


@dataclass(frozen=True)
class Linear(Scalarization):
    """sum_i w_i z_i, the weighted sum (Zadeh 1963). Its minimisers over all weights are the Pareto-optimal
    points on the convex hull of the front, no others: a concave part is out of its reach."""

    def terms(self, Z: Array, P: Array) -> Terms:
        return Terms((P * Z).sum(-1))

    def slopes(self, Z: Array, P: Array) -> Terms:
        return Terms(P)


@dataclass(frozen=True)
class PNorm(Scalarization):
    """(sum_i (w_i |z_i|)^p)^(1/p), compromise programming (Yu 1973; Zeleny 1973): the weighted sum for
    p = 1, Chebyshev's function in the limit. The more concave a front, the larger p must be to reach it."""

    p: float = 4.0

    def __post_init__(self) -> None:
        _require(self.p >= 1, "p", self.p, "a number >= 1")

    def terms(self, Z: Array, P: Array) -> Terms:
        top, shares = self._shares(Z, P)
        return Terms(top[..., 0] * ((shares**self.p).sum(-1) + _TINY) ** (1.0 / self.p))

    def slopes(self, Z: Array, P: Array) -> Terms:
        _, shares = self._shares(Z, P)
        total = (shares**self.p).sum(-1)[..., None] + _TINY
        return Terms(total ** (1.0 / self.p - 1.0) * shares ** (self.p - 1.0) * abs(P) * math_of(Z).sign(Z))

    def _shares(self, Z: Array, P: Array) -> tuple[Array, Array]:
        """The largest part (..., 1), and all parts (..., m) as shares of it: powers of at most 1."""
        parts = abs(P * Z)
        xp = math_of(Z)
        top = xp.amax(parts if xp is np else parts.detach(), -1)[..., None].clip(_TINY)
        return top, parts / top


class _OfRays(Scalarization):
    """Methods that scale each objective by a weight and look at the largest: weights are 1 / rays."""

    follows = ("rays", "weights")

    def targets(self, P: Array, kind: str, minima: Array | None) -> Array:
        if kind == "weights":
            return P
        longest = math_of(P).amax(P, -1)[..., None]  # 1 for the longest part of a ray
        return longest / P.clip(_LEAST_SHARE)


@dataclass(frozen=True)
class Chebyshev(_OfRays):
    """max_i w_i z_i (Bowman 1976): with weights above zero its minimisers are all weakly Pareto-optimal
    points, those of concave parts of a front among them."""

    def terms(self, Z: Array, P: Array) -> Terms:
        return Terms(0.0 * Z[..., 0], P * Z)

    def slopes(self, Z: Array, P: Array) -> Terms:
        return Terms(0.0 * Z, _each_by_itself(P))


@dataclass(frozen=True)
class AugmentedChebyshev(_OfRays):
    """max_i w_i z_i + rho sum_i z_i (Steuer and Choo 1983), whose minimisers are Pareto-optimal, not
    just weakly so."""

    rho: float = 0.01

    def __post_init__(self) -> None:
        _require(self.rho >= 0, "rho", self.rho, "a number >= 0")

    def terms(self, Z: Array, P: Array) -> Terms:
        return Terms(self.rho * Z.sum(-1), P * Z)

    def slopes(self, Z: Array, P: Array) -> Terms:
        return Terms(0.0 * Z + self.rho, _each_by_itself(P))


@dataclass(frozen=True)
class SmoothChebyshev(_OfRays):
    """mu log sum_i exp(w_i z_i / mu) (Lin et al. 2024, "Smooth Tchebycheff scalarization", equation 11):
    at most mu log m above Chebyshev's function, and differentiable everywhere. Large mu comes near the
    weighted sum and misses concave parts as that does."""

    mu: float = 0.01

    def __post_init__(self) -> None:
        _require(self.mu > 0, "mu", self.mu, "a number above zero")

    def terms(self, Z: Array, P: Array) -> Terms:
        xp = math_of(Z)
        parts = P * Z / self.mu
        top = xp.amax(parts, -1)[..., None]
        return Terms(self.mu * (top[..., 0] + xp.log(xp.exp(parts - top).sum(-1))))

    def slopes(self, Z: Array, P: Array) -> Terms:
        xp = math_of(Z)
        parts = P * Z / self.mu
        shares = xp.exp(parts - xp.amax(parts, -1)[..., None])
        return Terms(P * shares / shares.sum(-1)[..., None])


@dataclass(frozen=True)
class PBI(Scalarization):
    """d_1 + theta d_2, penalty-based boundary intersection (Zhang and Li 2007, "MOEA/D", section II.C):
    d_1 is the length of z along the ray, d_2 its distance from it."""

    theta: float = 5.0

    follows = ("rays",)

    def __post_init__(self) -> None:
        _require(self.theta >= 0, "theta", self.theta, "a number >= 0")

    def terms(self, Z: Array, P: Array) -> Terms:
        _, along, _, distance = self._parts(Z, P)
        return Terms(along + self.theta * distance)

    def slopes(self, Z: Array, P: Array) -> Terms:
        ray, _, aside, distance = self._parts(Z, P)
        return Terms(ray + self.theta * aside / distance[..., None])

    def _parts(self, Z: Array, P: Array) -> tuple[Array, Array, Array, Array]:
        """The unit ray, d_1, what Z has beside the ray, and d_2."""
        ray = P / (P**2).sum(-1)[..., None] ** 0.5
        along = (Z * ray).sum(-1)
        aside = Z - along[..., None] * ray
        return ray, along, aside, ((aside**2).sum(-1) + _TINY) ** 0.5


@dataclass(frozen=True)
class EpsilonConstraint(Scalarization):
    """min z_k subject to z_i <= epsilon_i for the others (Haimes, Lasdon and Wismer 1971): reaches every
    Pareto-optimal point. A preference has m entries, that of the minimised objective counts for nothing.

    Args:
        objective: k, the number of the objective that is minimised.
    """

    objective: int = 0

    follows = ("epsilons",)

    def terms(self, Z: Array, P: Array) -> Terms:
        m = Z.shape[-1]
        if not -m <= self.objective < m:
            raise OptionError(f"objective={self.objective} is not accepted: the problem has {m} objectives")
        # Of the others a little is kept, or a bound that does not bind would leave them free to be worse.
        smooth = Z[..., self.objective] + _LEAST_SHARE * Z.sum(-1)
        return Terms(smooth, ieq=(Z - P)[..., self._others(m)])

    def slopes(self, Z: Array, P: Array) -> Terms:
        m = Z.shape[-1]
        eye = np.eye(m)
        smooth = like(Z, eye[self.objective] + _LEAST_SHARE)
        return Terms(0.0 * Z + smooth, ieq=_the_same(Z, eye[self._others(m)]))

    def _others(self, m: int) -> list[int]:
        """The objectives that are bounded."""
        return [i for i in range(m) if i != self.objective % m]

    def spread(self, n: int, n_obj: int) -> np.ndarray:
        """A grid over the unit cube of the other objectives."""
        if n_obj == 1:
            return np.ones((1, 1))
        each = ceil(n ** (1.0 / (n_obj - 1)) - 1e-9)
        axis = np.linspace(0.0, 1.0, max(each, 2))
        grid = np.stack(np.meshgrid(*[axis] * (n_obj - 1), indexing="ij"), -1).reshape(-1, n_obj - 1)
        chosen = grid if len(grid) <= n else grid[subset(-grid, n)]
        return np.insert(chosen, self.objective % n_obj, 1.0, axis=1)


@dataclass(frozen=True)
class NBI(Scalarization):
    """Normal boundary intersection (Das and Dennis 1998): from the point of the individual minima's
    simplex that the weights name, as far as possible along the diagonal of the normalised objectives,
    which stands for the simplex's quasi-normal. For m > 2 it misses what lies beside the simplex, and it
    can end on points that are not Pareto-optimal."""

    def targets(self, P: Array, kind: str, minima: Array | None) -> Array:
        known = like(P, 1.0 - np.eye(P.shape[-1])) if minima is None else minima
        return P @ known

    def terms(self, Z: Array, P: Array) -> Terms:
        above = Z - P
        return Terms(above.mean(-1), eq=above[..., :-1] - above[..., -1:])

    def slopes(self, Z: Array, P: Array) -> Terms:
        m = Z.shape[-1]
        level = np.eye(m)[:-1] - np.eye(m)[-1]
        return Terms(0.0 * Z + 1.0 / m, eq=_the_same(Z, level))


def _each_by_itself(P: Array) -> Array:
    """Slopes (n, m, m) of parts that depend on one objective each, by P (n, m)."""
    return P[..., None] * like(P, np.eye(P.shape[-1]))


def _the_same(Z: Array, slopes: np.ndarray) -> Array:
    """The slopes (k, m) for every row of Z (n, m): (n, k, m)."""
    return math_of(Z).broadcast_to(like(Z, slopes), (*Z.shape[:-1], *slopes.shape))


@dataclass(frozen=True)
class Normalization:
    """Z = (F - ideal) / span, span = nadir - ideal; all (n_obj,), of F's kind."""

    ideal: Array
    span: Array
    known: bool = True  # False: the objectives keep their units

    def __call__(self, F: Array) -> Array:
        return (F - self.ideal) / self.span

    @classmethod
    def of(cls, ideal: Array, nadir: Array) -> Normalization:
        """An objective whose nadir is not above its ideal keeps its unit."""
        span = nadir - ideal
        return cls(ideal, math_of(span).where(span > 0, span, 1.0 + 0.0 * span))


def scalarizations() -> dict[str, type[Scalarization]]:
    """Every scalarization by its name: the class's in lower case with hyphens."""
    return dict(_by_name())


@cache
def _by_name() -> dict[str, type[Scalarization]]:
    classes = (Linear, PNorm, Chebyshev, AugmentedChebyshev, SmoothChebyshev, PBI, EpsilonConstraint, NBI)
    word = r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
    return {re.sub(word, "-", cls.__name__).lower(): cls for cls in classes}


def scalarization_of(given: Any) -> Scalarization:
    """
    Raises:
        OptionError: for what is neither a scalarization nor the name of one, with the nearest.
    """
    if isinstance(given, Scalarization):
        return given
    known = _by_name()
    if not isinstance(given, str) or given not in known:
        raise OptionError(unknown_name("scalarization", str(given), known))
    return known[given]()


def _require(condition: bool, option: str, given: Any, accepted: str) -> None:
    if not condition:
        raise OptionError(f"{option}={given!r} is not accepted: give {accepted}")
