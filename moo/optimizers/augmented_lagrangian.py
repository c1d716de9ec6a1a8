"""Constraints of many rows at once, moved into the function that is descended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from moo.arrays import Array, math_of, overflowing

_FIRST_PENALTY = 10.0
_PENALTY_GROWTH = 3.0
_MOST_PENALTY = 1e9
_ENOUGH_PROGRESS = 0.25  # a violation that falls by less than this factor makes the penalty grow


@dataclass
class AugmentedLagrangian:
    """Multipliers and penalty of every row (Nocedal and Wright 2006, section 17.4; inequalities in
    Rockafellar's form, without slack variables). Of arrays or of tensors, as the constraints are.

    Constraints are divided by ``g_scale`` (p,) and ``h_scale`` (q,), their typical magnitudes.
    """

    g_scale: Array
    h_scale: Array
    ieq_multipliers: Array
    eq_multipliers: Array
    penalty: Array
    violation: Array

    @classmethod
    def start(cls, n: int, G: Array, H: Array) -> AugmentedLagrangian:
        """For n rows, scaled by the medians of |G| (k, p) and |H| (k, q) over a sample."""
        xp = math_of(G)
        kind = {"dtype": G.dtype} if xp is np else {"dtype": G.dtype, "device": G.device}
        return cls(
            g_scale=typical(G),
            h_scale=typical(H),
            ieq_multipliers=xp.zeros((n, G.shape[1]), **kind),
            eq_multipliers=xp.zeros((n, H.shape[1]), **kind),
            penalty=xp.full((n,), _FIRST_PENALTY, **kind),
            violation=xp.full((n,), np.inf, **kind),
        )

    def terms(self, G: Array, H: Array, rows: Array) -> Array:
        """What to add to the function of these rows: (k,), differentiable in G (k, p) and H (k, q)."""
        return self.sloped(G, H, rows)[0]

    @overflowing
    def sloped(self, G: Array, H: Array, rows: Array) -> tuple[Array, Array, Array]:
        """The same, and its slopes by G (k, p) and by H (k, q)."""
        rho = self.penalty[rows][:, None]
        g, h = G / self.g_scale, H / self.h_scale
        multipliers, lambdas = self.ieq_multipliers[rows], self.eq_multipliers[rows]
        shifted = (multipliers + rho * g).clip(0.0)
        inequality = (shifted**2 - multipliers**2) / (2.0 * rho)
        equality = lambdas * h + 0.5 * rho * h**2
        value = inequality.sum(1) + equality.sum(1)
        return value, shifted / self.g_scale, (lambdas + rho * h) / self.h_scale

    @overflowing
    def update(self, rows: Array, G: Array, H: Array) -> None:
        """First-order update of the multipliers with the constraints at the rows' current points."""
        xp = math_of(G)
        rho = self.penalty[rows][:, None]
        g, h = G / self.g_scale, H / self.h_scale
        complementarity = abs(xp.maximum(g, -self.ieq_multipliers[rows] / rho))
        violation = xp.amax(xp.concatenate([complementarity, abs(h)], 1), 1)
        self.ieq_multipliers[rows] = (self.ieq_multipliers[rows] + rho * g).clip(0.0)
        self.eq_multipliers[rows] += rho * h
        slow = violation > _ENOUGH_PROGRESS * self.violation[rows]
        grown = (self.penalty[rows] * _PENALTY_GROWTH).clip(None, _MOST_PENALTY)
        self.penalty[rows] = xp.where(slow, grown, self.penalty[rows])
        self.violation[rows] = violation

    def settled(self, rows: Array, tolerance: float = 1e-7) -> Array:
        """Mask (k,) of the rows that are feasible and complementary, relative to the scales."""
        return self.violation[rows] <= tolerance


def typical(values: Array) -> Array:
    """Median magnitude of each constraint over the sample (p,), 1 where that is nothing."""
    xp = math_of(values)
    if len(values) == 0 or values.shape[1] == 0:
        return 1.0 + 0.0 * values[:1].sum(0)
    finite = xp.where(xp.isfinite(values), abs(values), xp.nan)
    median = _median(finite)
    return xp.where(xp.isfinite(median) & (median > 0), median, 1.0)


def _median(values: Array) -> Array:
    """Of each column (p,), NaN left out; of an even number the lower one, as torch has it."""
    if not isinstance(values, np.ndarray):
        return values.nanmedian(0).values
    ordered, known = np.sort(values, axis=0), np.isfinite(values).sum(axis=0)
    middle = ordered[np.maximum(known - 1, 0) // 2, np.arange(values.shape[1])]
    return np.where(known > 0, middle, np.nan)
