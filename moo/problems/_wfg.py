"""The transformation and shape functions of the WFG toolkit, on batches of either kind.

Huband, Hingston, Barone and While, "A review of multiobjective test problems and a scalable test problem
toolkit", IEEE Transactions on Evolutionary Computation 10(5), 2006, Tables X (shapes) and XI
(transformations), with their names and letters. All take and return numbers in [0, 1], elementwise unless
stated otherwise.
"""

from __future__ import annotations

import math

import numpy as np

from moo.arrays import Array, like, math_of
from moo.problems._base import power
from moo.problems._front import Floats
from moo.problems.dtlz import _products

_ROUNDED = 1e-14  # x / 2i misses 0.35 by this at most, of which b_poly would make half the range
_STEEPEST = 1e6


def b_poly(y: Array, alpha: float) -> Array:
    """y^alpha, its slope at 0 cut to 1e6."""
    return power(y, alpha)


def b_flat(y: Array, A: float, B: float, C: float) -> Array:
    """A between B and C, and straight to 0 and to 1 outside."""
    xp = math_of(y)
    below = A * y / B
    above = A + (1 - A) * (y - C) / (1 - C)
    return xp.where(y < B, below, xp.where(y > C, above, xp.full_like(y, A)))


def exponent_of(u: Array) -> Array:
    """The exponent of b_param at u, with A = 0.98 / 49.98, B = 0.02, C = 50: 0.02 + 1.96 u to u = 0.5."""
    A, B, C = 0.98 / 49.98, 0.02, 50.0
    v = A - (1 - 2 * u) * abs(math_of(u).floor(0.5 - u) + A)
    return B + (C - B) * v


def b_param(y: Array, u: Array) -> Array:
    """y ** exponent_of(u), the slope in y below 1e-8 cut to 1e6."""
    exponent = exponent_of(u)
    if isinstance(y, np.ndarray) or not (y.requires_grad or u.requires_grad):
        return y**exponent
    xp = math_of(y)
    edge = 1e-8
    inside = y.detach() > edge
    # where differentiates both branches, so the unused one must have a finite slope as well
    curved = xp.where(inside, y, edge) ** exponent
    straight = (y**exponent).detach() + _STEEPEST * (y - y.detach())
    return xp.where(inside, curved, straight)


def s_linear(y: Array, A: float = 0.35) -> Array:
    """0 at A, straight to 1 at both ends."""
    xp = math_of(y)
    gap = abs(y - A)
    scaled = gap / abs(xp.floor(A - y) + A)
    return xp.where(gap > _ROUNDED, scaled, xp.zeros_like(scaled))


def s_decept(y: Array, A: float = 0.35, B: float = 0.001, C: float = 0.05) -> Array:
    """0 at A, in a hole of half width B, and C at both ends, where it leads."""
    xp = math_of(y)
    left = xp.floor(y - A + B) * (1 - C + (A - B) / B) / (A - B)
    right = xp.floor(A + B - y) * (1 - C + (1 - A - B) / B) / (1 - A - B)
    return (1 + (abs(y - A) - B) * (left + right + 1 / B)).clip(0.0, 1.0)


def s_multi(y: Array, A: float, B: float, C: float = 0.35) -> Array:
    """0 at C, among A minima on either side whose height grows with the steepness B."""
    xp = math_of(y)
    away = abs(y - C) / (2 * (xp.floor(C - y) + C))
    waves = xp.cos((4 * A + 2) * math.pi * (0.5 - away))
    return ((1 + waves + 4 * B * away**2) / (B + 2)).clip(0.0, 1.0)


def r_sum(y: Array, weights: Floats | None = None) -> Array:
    """The (weighted) mean (n,) of the columns of y (n, k)."""
    if weights is None:
        return y.mean(1)
    return (y * like(y, weights / weights.sum())).sum(1)


def r_nonsep(y: Array, A: int) -> Array:
    """(n,) of y (n, k), in which a column is less the farther it is from the A - 1 columns after it."""
    xp = math_of(y)
    total = y.sum(1)
    for shift in range(1, A):
        total = total + abs(y - xp.roll(y, -shift, 1)).sum(1)
    half = math.ceil(A / 2)
    return total / (y.shape[1] / A * half * (1 + 2 * A - 2 * half))


def means_after(y: Array) -> Array:
    """The mean of the columns after each but the last, (n, k - 1)."""
    sums = y.sum(1)[:, None] - math_of(y).cumsum(y, 1)[:, :-1]
    return (sums / like(y, np.arange(y.shape[1] - 1.0, 0.0, -1.0))).clip(0.0, 1.0)


def means_before(y: Array) -> Array:
    """The mean of the columns before each but the first, (n, k - 1)."""
    return math_of(y).cumsum(y, 1)[:, :-1] / like(y, np.arange(1.0, y.shape[1]))


def linear(x: Array) -> Array:
    """(n, m) from (n, m - 1), as the other shapes: a flat simplex."""
    return _products(x, 1 - x)


def convex(x: Array) -> Array:
    xp = math_of(x)
    angle = x * (math.pi / 2)
    return _products(1 - xp.cos(angle), 1 - xp.sin(angle))


def concave(x: Array) -> Array:
    xp = math_of(x)
    angle = x * (math.pi / 2)
    return _products(xp.sin(angle), xp.cos(angle))


def mixed(x: Array, A: int = 5) -> Array:
    """The last of the objectives (n,) of the first column (n,): convex and concave pieces, A of each."""
    waves = math_of(x).cos(2 * A * math.pi * x + math.pi / 2) / (2 * A * math.pi)
    return 1 - x - waves


def disconnected(x: Array, A: int = 5) -> Array:
    """The last of the objectives (n,) of the first column (n,): A pieces."""
    return 1 - x * math_of(x).cos(A * math.pi * x) ** 2


def with_last(shape: Array, last: Array) -> Array:
    """A shape (n, m) with another last objective (n,)."""
    return math_of(shape).concatenate([shape[:, :-1], last[:, None]], 1)
