"""Constraints of many rows at once, moved into the function that is descended."""

from __future__ import annotations

from dataclasses import dataclass

import torch

_FIRST_PENALTY = 10.0
_PENALTY_GROWTH = 3.0
_MOST_PENALTY = 1e9
_ENOUGH_PROGRESS = 0.25  # a violation that falls by less than this factor makes the penalty grow


@dataclass
class AugmentedLagrangian:
    """Multipliers and penalty of every row (Nocedal and Wright 2006, section 17.4; inequalities in
    Rockafellar's form, without slack variables).

    Constraints are divided by ``g_scale`` (p,) and ``h_scale`` (q,), their typical magnitudes.
    """

    g_scale: torch.Tensor
    h_scale: torch.Tensor
    ieq_multipliers: torch.Tensor
    eq_multipliers: torch.Tensor
    penalty: torch.Tensor
    violation: torch.Tensor

    @classmethod
    def start(cls, n: int, G: torch.Tensor, H: torch.Tensor) -> AugmentedLagrangian:
        """For n rows, scaled by the medians of |G| (k, p) and |H| (k, q) over a sample."""
        return cls(
            g_scale=_typical(G),
            h_scale=_typical(H),
            ieq_multipliers=G.new_zeros(n, G.shape[1]),
            eq_multipliers=H.new_zeros(n, H.shape[1]),
            penalty=G.new_full((n,), _FIRST_PENALTY),
            violation=G.new_full((n,), torch.inf),
        )

    def terms(self, G: torch.Tensor, H: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """What to add to the function of these rows: (k,), differentiable in G (k, p) and H (k, q)."""
        rho = self.penalty[rows, None]
        g, h = G / self.g_scale, H / self.h_scale
        multipliers = self.ieq_multipliers[rows]
        shifted = (multipliers + rho * g).clamp_min(0.0)
        inequality = (shifted**2 - multipliers**2) / (2.0 * rho)
        equality = self.eq_multipliers[rows] * h + 0.5 * rho * h**2
        return inequality.sum(1) + equality.sum(1)

    def update(self, rows: torch.Tensor, G: torch.Tensor, H: torch.Tensor) -> None:
        """First-order update of the multipliers with the constraints at the rows' current points."""
        rho = self.penalty[rows, None]
        g, h = G / self.g_scale, H / self.h_scale
        complementarity = torch.maximum(g, -self.ieq_multipliers[rows] / rho).abs()
        violation = torch.cat([complementarity, h.abs()], 1).amax(1)
        self.ieq_multipliers[rows] = (self.ieq_multipliers[rows] + rho * g).clamp_min(0.0)
        self.eq_multipliers[rows] += rho * h
        slow = violation > _ENOUGH_PROGRESS * self.violation[rows]
        grown = (self.penalty[rows] * _PENALTY_GROWTH).clamp_max(_MOST_PENALTY)
        self.penalty[rows] = torch.where(slow, grown, self.penalty[rows])
        self.violation[rows] = violation

    def settled(self, rows: torch.Tensor, tolerance: float = 1e-7) -> torch.Tensor:
        """Mask (k,) of the rows that are feasible and complementary, relative to the scales."""
        return self.violation[rows] <= tolerance


def _typical(values: torch.Tensor) -> torch.Tensor:
    finite = torch.where(values.isfinite(), values.abs(), torch.nan)
    if len(values) == 0 or values.shape[1] == 0:
        return values.new_ones(values.shape[1])
    median = finite.nanmedian(0).values
    return torch.where(median.isfinite() & (median > 0), median, torch.ones_like(median))
