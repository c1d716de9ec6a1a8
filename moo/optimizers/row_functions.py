"""The scalar function that each row of a scalarizing method minimises, and what it is scaled by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from moo.evaluation import Array, Evaluation
from moo.indicators import nondominated
from moo.scalarization import Normalization, Scalarization, Terms

if TYPE_CHECKING:
    from moo.problem import Problem

_MET = 1e-6  # a scalarization's own constraint missed by no more, in normalised objectives, is met


@dataclass(frozen=True)
class RowFunctions:
    """The scalar function of every row. ``targets`` (n, n_obj) are what the scalarization made of the
    rows' preferences."""

    scalarization: Scalarization
    normalization: Normalization
    targets: torch.Tensor

    def terms(self, F: torch.Tensor, rows: torch.Tensor) -> Terms:
        """Of objectives F (k, n_obj), the functions of these rows (k,)."""
        return self.scalarization.terms(self.normalization(F), self.targets[rows])

    def standing(self, F: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Violation of the scalarization's own constraints and value, (k,) each; less is better, the
        violation first."""
        terms = self.terms(F, rows)
        violation = terms.violation
        return torch.where(violation > _MET, violation, 0.0), terms.value

    def crossed(self, F: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`standing` of every F (k, n_obj) in every row's function: (k, n) each."""
        k, n = len(F), len(self.targets)
        Z = self.normalization(F)[:, None].expand(k, n, -1)
        terms = self.scalarization.terms(Z, self.targets.expand(k, n, -1))
        violation = terms.violation
        return torch.where(violation > _MET, violation, 0.0), terms.value


def normalization_of(problem: Problem, points: Evaluation) -> Normalization:
    """Ideal and nadir over the feasible non-dominated points; for minibatch losses, whose ranges are
    unknown, zero and their mean at the start."""
    F, CV = problem.to_array(points.F), problem.to_array(points.CV)
    if problem.stochastic:
        span = np.maximum(np.abs(np.nanmean(F, axis=0)), 1e-12)
        return Normalization(problem.to_tensor(np.zeros(len(span))), problem.to_tensor(span))
    known = F[CV <= 0] if (CV <= 0).any() else F
    known = known[nondominated(known)]
    if len(known) == 0:
        known = np.zeros((1, problem.n_obj))
    return Normalization.of(problem.to_tensor(known.min(axis=0)), problem.to_tensor(known.max(axis=0)))


def best_starts(problem: Problem, pool: Evaluation, functions: RowFunctions) -> np.ndarray:
    """For each row the pool's least violating candidate of least value (n,)."""
    F, CV = as_tensor(problem, pool.F), problem.to_array(pool.CV)
    finite = F.isfinite().all(1)
    standings = functions.crossed(torch.where(finite[:, None], F, 0.0))
    violation, value = (problem.to_array(part) for part in standings)
    least_violating = (CV.min() == CV)[:, None]
    violation = np.where(least_violating, violation, np.inf)
    candidates = least_violating & (violation == violation.min(axis=0))
    return np.asarray(np.where(candidates, value, np.inf).argmin(axis=0))


def as_tensor(problem: Problem, values: Array) -> torch.Tensor:
    tensor: torch.Tensor = problem.to_tensor(values) if isinstance(values, np.ndarray) else values
    return tensor
