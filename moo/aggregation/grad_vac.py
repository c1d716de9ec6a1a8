"""GradVac: gradients turned towards the others until their cosines reach what is usual."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.base import Context, Weighting
from moo.aggregation.gramians import unit_gramian
from moo.aggregation.surgery import lookup, orders
from moo.errors import OptionError

_LEAST_SINE = 1e-6  # a target this close to parallel cannot be reached by adding a finite multiple


@dataclass(frozen=True)
class GradVac(Weighting):
    """The sum of the gradients, each turned towards every other with which its cosine is below target, in
    random order; targets are moving averages of the cosines met (Wang et al. 2021, "Gradient vaccine",
    algorithm 1).

    Memory: "targets" (n, m, m), zero at first, with which the first call is PCGrad's. A pair whose
    cosine is not finite keeps its target.

    Holds: no conflict for two objectives at the first call; multiplying all gradients multiplies the
    direction. Does not hold: invariance to a loss's scale, zero at Pareto-stationary points. Flaws: those
    of PCGrad; once targets are negative, conflicts are left alone.

    Args:
        beta: share of the new cosine in the moving average, from 0 to 1; the paper's is 0.01.
    """

    beta: float = 0.01

    def __post_init__(self) -> None:
        if not 0.0 <= self.beta <= 1.0:
            raise OptionError(f"beta={self.beta!r} is not accepted: give a number from 0 to 1")

    def weights(self, gramian: torch.Tensor, context: Context) -> torch.Tensor:
        targets = context.recall("targets", torch.zeros_like(gramian))
        unit, inverse = unit_gramian(gramian)
        weights, context.memory["targets"] = self._operate(unit, targets, orders(gramian, context))
        lengths = torch.where(inverse > 0, 1.0 / inverse, 0.0)
        return torch.einsum("ni,nij->nj", lengths, weights) * inverse

    def _operate(
        self, unit: torch.Tensor, targets: torch.Tensor, order: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Coefficients (n, m, m) on unit gradients, row i those of gradient i's result; new targets."""
        n, m, _ = unit.shape
        coefficients = torch.eye(m, dtype=unit.dtype, device=unit.device).repeat(n, 1, 1)
        itself = torch.arange(m, device=unit.device)
        for j in order.unbind(2):
            where = j[:, :, None]
            product = (coefficients * lookup(unit, j)).sum(2)
            squared = ((coefficients @ unit) * coefficients).sum(2)
            present = (squared > 0) & (unit.diagonal(dim1=1, dim2=2).gather(1, j) > 0) & (j != itself)
            length = squared.clamp_min(0.0).sqrt()
            cosine = (product / torch.where(present, length, 1.0)).clamp(-1.0, 1.0)
            target = targets.gather(2, where)[:, :, 0]
            sine, target_sine = (1.0 - cosine**2).sqrt(), (1.0 - target**2).sqrt()
            turned = present & (cosine < target) & (target_sine > _LEAST_SINE)
            added = length * (target * sine - cosine * target_sine) / target_sine.clamp_min(_LEAST_SINE)
            coefficients = coefficients.scatter_add(2, where, torch.where(turned, added, 0.0)[:, :, None])
            moved = torch.where(present, (1.0 - self.beta) * target + self.beta * cosine, target)
            targets = targets.scatter(2, where, moved[:, :, None])
        return coefficients, targets
