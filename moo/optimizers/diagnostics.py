"""How the objectives' gradients stand to each other in the course of a run.

Where they hardly ever conflict, a method that weighs gradients can do little that a weighted sum does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from moo.arrays import Array, math_of, overflowing

_RECORDS = 50  # of a run at the most, evenly spaced in cost


@dataclass
class Diagnostics:
    """Means over the rows at some moments of a run.

    As arrays, k moments: ``cost`` (k,) in F-equivalents; ``cosine`` (k, n_obj, n_obj) between gradients;
    ``conflict`` (k,), the share of rows where two gradients point apart (cosine below zero);
    ``norm_ratio`` (k,), the longest gradient's length over the shortest's, median of the rows;
    ``weights`` (k, n_obj) that the method gave the gradients, NaN for one that gives none.
    """

    cost: list[float] = field(default_factory=list)
    cosine: list[np.ndarray] = field(default_factory=list)
    conflict: list[float] = field(default_factory=list)
    norm_ratio: list[float] = field(default_factory=list)
    weights: list[np.ndarray] = field(default_factory=list)
    due_at: float = 0.0

    def due(self, fraction: float, records: int = _RECORDS) -> bool:
        """Whether it is time for the next moment, at this share of the budget; asked once a step."""
        if fraction < self.due_at:
            return False
        self.due_at = (np.floor(fraction * records + 1e-9) + 1.0) / records
        return True

    @overflowing
    def record(self, cost: float, J: Array, weights: Array | None) -> None:
        """Take in Jacobians (n, m, d) and weights (n, m); rows that are not finite are left out."""
        xp = math_of(J)
        finite = xp.isfinite(J).all(2).all(1)
        if not finite.any():
            return
        J = J[finite]
        norm, tiny = (J**2).sum(2) ** 0.5, xp.finfo(J.dtype).tiny
        unit = J / norm.clip(tiny)[:, :, None]
        cosine = unit @ unit.swapaxes(1, 2)
        ratio = xp.amax(norm, 1) / xp.amin(norm, 1).clip(tiny)
        self.cost.append(float(cost))
        self.cosine.append(_array(cosine.mean(0)))
        self.conflict.append(float(_array((cosine < 0).any(2).any(1)).mean()))
        self.norm_ratio.append(float(np.sort(_array(ratio))[(len(ratio) - 1) // 2]))  # one of them
        given = xp.nan * norm if weights is None else weights[finite]
        self.weights.append(_array(given.mean(0)))

    def record_weights(self, cost: float, weights: torch.Tensor) -> None:
        """Take in weights (n, m) where no gradients are known: what is said of those is NaN."""
        m = weights.shape[1]
        self.cost.append(float(cost))
        self.cosine.append(np.full((m, m), np.nan))
        self.conflict.append(float("nan"))
        self.norm_ratio.append(float("nan"))
        self.weights.append(weights.nanmean(0).cpu().numpy())

    def arrays(self) -> dict[str, np.ndarray]:
        """For `Result.diagnostics`; empty where nothing was recorded."""
        names = ("cost", "cosine", "conflict", "norm_ratio", "weights")
        return {name: np.array(getattr(self, name)) for name in names} if self.cost else {}


def _array(values: Array) -> np.ndarray:
    return values if isinstance(values, np.ndarray) else np.asarray(values.cpu())
