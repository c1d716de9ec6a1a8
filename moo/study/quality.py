"""How good each cell's answer is, under one normalisation a problem and the same k points for all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from moo import indicators
from moo.result import Result, Statement

_EXACT_ROWS = 500  # of an archive with six objectives; 1000 rows take two seconds, 3000 half a minute


@dataclass(frozen=True)
class Scale:
    """The ideal and nadir point (n_obj,) that normalise a problem, in minimised form.

    ``relative``: no front of the problem is known, so both come from the union of all archives and
    answers of the study, that of the weakest optimizer too: within the best ones' range alone, a good
    single point just outside it would count as nothing. Such values do not compare between studies.
    """

    ideal: np.ndarray
    nadir: np.ndarray
    relative: bool

    @classmethod
    def of(cls, statement: Statement, results: Iterable[Result]) -> Scale:
        """From the known front, else from the union of all archives and answers."""
        if statement.ideal is not None and statement.nadir is not None:
            return cls(np.array(statement.ideal), np.array(statement.nadir), relative=False)
        found = [part for result in results for part in (result.archive_F, best_rows(result))]
        n_obj = len(statement.names)
        union = np.concatenate(found) if found else np.empty((0, n_obj))
        if len(union) == 0:
            return cls(np.zeros(n_obj), np.ones(n_obj), relative=True)
        return cls(union.min(axis=0), union.max(axis=0), relative=True)

    def normalise(self, F: np.ndarray) -> np.ndarray:
        return indicators.normalise(F, self.ideal, self.nadir)

    def hypervolume(self, F: np.ndarray) -> float:
        """Of F (n, n_obj) in normalised space, below `moo.indicators.reference_point`."""
        n_obj = len(self.ideal)
        return indicators.hypervolume(self.normalise(F), indicators.reference_point(n_obj))


@dataclass(frozen=True)
class Quality:
    """Indicators of one cell.

    Attributes:
        hypervolume: of the answer cut to k points.
        archive_hypervolume: of every non-dominated point evaluated; NaN where the run kept no
            archive (minibatch objectives).
        igd_plus: of the answer cut to k points, in normalised space; NaN without a known front.
        points: feasible non-dominated rows of the answer before the cut.
    """

    hypervolume: float
    archive_hypervolume: float
    igd_plus: float
    points: int

    @classmethod
    def of(cls, result: Result, scale: Scale, k: int) -> Quality:
        rows = best_rows(result)
        answer = cut(rows, k)
        return cls(
            hypervolume=scale.hypervolume(answer),
            archive_hypervolume=_archive_hypervolume(result, scale, len(rows)),
            igd_plus=_igd_plus(result, answer, scale),
            points=len(rows),
        )


def best_rows(result: Result) -> np.ndarray:
    """F of the feasible, mutually non-dominated rows of the answer (n, n_obj)."""
    F = result.F[result.CV <= 0]
    return np.asarray(F[indicators.nondominated(F)])


def cut(F: np.ndarray, k: int) -> np.ndarray:
    """At most k rows of F, spread over it, so that a large answer is not rewarded for its size."""
    return np.asarray(F[indicators.subset(F, k)])


def _archive_hypervolume(result: Result, scale: Scale, n_answer: int) -> float:
    F = result.archive_F
    if len(F) == 0 and n_answer > 0:
        return float("nan")
    return scale.hypervolume(cut(F, _EXACT_ROWS) if F.shape[1] == 6 else F)


def _igd_plus(result: Result, answer: np.ndarray, scale: Scale) -> float:
    if result.problem.front is None:
        return float("nan")
    return indicators.igd_plus(scale.normalise(answer), scale.normalise(np.array(result.problem.front)))
