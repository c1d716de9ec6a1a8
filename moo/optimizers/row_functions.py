"""The scalar function that each row of a scalarizing method minimises, and what it is scaled by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from moo.arrays import Array, like, math_of, overflowing
from moo.evaluation import Evaluation
from moo.indicators import nondominated
from moo.scalarization import Normalization, Scalarization, Terms

if TYPE_CHECKING:
    from moo.problem import Problem

_MET = 1e-6  # a scalarization's own constraint missed by no more, in normalised objectives, is met


@dataclass(frozen=True)
class RowFunctions:
    """The scalar function of every row, of objectives of one kind: arrays or tensors. ``targets`` (n, n_obj)
    are what the scalarization made of the rows' preferences."""

    scalarization: Scalarization
    normalization: Normalization
    targets: Array

    @overflowing
    def terms(self, F: Array, rows: Array) -> Terms:
        """Of objectives F (k, n_obj), the functions of these rows (k,)."""
        return self.scalarization.terms(self.normalization(F), self.targets[rows])

    @overflowing
    def sloped(self, F: Array, rows: Array) -> tuple[Terms, Terms]:
        """The same, and their derivatives by F."""
        Z, P, span = self.normalization(F), self.targets[rows], self.normalization.span
        slopes = self.scalarization.slopes(Z, P)
        return self.scalarization.terms(Z, P), Terms(*[None if s is None else s / span for s in slopes])

    def weights(self, F: Array, rows: Array) -> Array:
        """What each objective weighs in the functions of these rows at F: slopes (k, n_obj)."""
        terms, slopes = self.sloped(F, rows)
        if terms.largest is None:
            return slopes.smooth
        most = math_of(F).amax(terms.largest, 1)[:, None]
        largest = 0.0 * terms.largest + (terms.largest >= most)
        shares = largest / largest.sum(1)[:, None]
        return slopes.smooth + (shares[:, None] @ slopes.largest)[:, 0]

    @overflowing
    def standing(self, F: Array, rows: Array) -> tuple[Array, Array]:
        """Violation of the scalarization's own constraints and value, (k,) each; less is better, the
        violation first."""
        return _standing(self.terms(F, rows))

    @overflowing
    def crossed(self, F: Array) -> tuple[Array, Array]:
        """`standing` of every F (k, n_obj) in every row's function: (k, n) each."""
        shape = (len(F), *self.targets.shape)
        broadcast_to = math_of(F).broadcast_to
        # Column by column in memory, sums over the few objectives are sums of long vectors.
        Z, P = (_by_columns(part) for part in (self.normalization(F), self.targets))
        return _standing(self.scalarization.terms(broadcast_to(Z[:, None], shape), broadcast_to(P, shape)))


def _standing(terms: Terms) -> tuple[Array, Array]:
    value = terms.value
    if not terms.constrained:
        return 0.0 * value, value
    violation = terms.violation
    return math_of(violation).where(violation > _MET, violation, 0.0), value


def _by_columns(values: Array) -> Array:
    return values.T.copy().T if isinstance(values, np.ndarray) else values


def normalization_of(problem: Problem, points: Evaluation) -> Normalization:
    """Ideal and nadir over the feasible non-dominated points; for minibatch losses, whose ranges are
    unknown, zero and their mean at the start."""
    F, CV = problem.to_array(points.F), problem.to_array(points.CV)
    if problem.stochastic:
        span = np.maximum(np.abs(np.nanmean(F, axis=0)), 1e-12)
        return Normalization(like(points.F, np.zeros(len(span))), like(points.F, span))
    known = F[CV <= 0] if (CV <= 0).any() else F
    known = known[nondominated(known)]
    if len(known) == 0:
        known = np.zeros((1, problem.n_obj))
    return Normalization.of(like(points.F, known.min(axis=0)), like(points.F, known.max(axis=0)))


def best_starts(problem: Problem, pool: Evaluation, functions: RowFunctions) -> np.ndarray:
    """For each row the pool's least violating candidate of least value (n,)."""
    F, CV, xp = pool.F, problem.to_array(pool.CV), math_of(pool.F)
    F = xp.where(xp.isfinite(F), F, 0.0)  # of rows that failed, whose violation is infinite
    least_violating = np.flatnonzero(CV.min() == CV)
    violation, value = map(problem.to_array, functions.crossed(F[least_violating]))
    value = np.where(violation == violation.min(axis=0), value, np.inf)
    return np.asarray(least_violating[value.argmin(axis=0)])
