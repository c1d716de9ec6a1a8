"""How the objectives' gradients stand to each other in the course of a run.

Where they hardly ever conflict, a method that weighs gradients can do little that a weighted sum does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from moo.arrays import Array

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

    def record(self, cost: float, J: Array, weights: Array | None) -> None:
        """Take in Jacobians (n, m, d) and weights (n, m); rows that are not finite are left out."""
        J = torch.as_tensor(J)
        finite = J.isfinite().all(2).all(1)
        if not finite.any():
            return
        J = J[finite]
        norm = J.norm(dim=2)
        tiny = torch.finfo(J.dtype).tiny
        unit = J / norm.clamp_min(tiny)[:, :, None]
        cosine = unit @ unit.mT
        self.cost.append(float(cost))
        self.cosine.append(cosine.mean(0).cpu().numpy())
        self.conflict.append(float((cosine < 0).any(2).any(1).double().mean()))
        self.norm_ratio.append(float((norm.amax(1) / norm.amin(1).clamp_min(tiny)).median()))
        given = norm.new_full(norm.shape, torch.nan) if weights is None else torch.as_tensor(weights)[finite]
        self.weights.append(given.mean(0).cpu().numpy())

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
