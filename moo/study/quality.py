"""How good each cell's answer and archive are, under one normalisation a problem and the same k points
for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from moo import indicators
from moo.errors import OptionError, unknown_name
from moo.result import Cost, Result, Statement

_REFERENCE_ROWS = 1000  # of a reference set that is the union of archives, for distances to it
_VOLUME_ROWS = 500  # from six objectives on: 1000 rows then take two seconds, 3000 half a minute
_SAMPLES = 2**15

CUTS = ("distance", "hypervolume")
SIGNS = {"hypervolume": 1, "igd+": -1, "epsilon": -1, "r2": -1}  # 1: more is better


@dataclass(frozen=True)
class Scale:
    """The ideal and nadir point (n_obj,) that normalise a problem, in minimised form, and the set its
    indicators refer to.

    Attributes:
        relative: no ideal and nadir point of the problem are known, so both come from the union of all
            archives and answers of the study, that of the weakest optimizer too: within the best ones'
            range alone, a good single point just outside it would count as nothing. Such values do not
            compare between studies.
        front: the reference set (r, n_obj) of IGD+, epsilon and the targets; None without any point.
        relative_front: no front is known, so that the reference set is what is not dominated in that
            union.
        reference_set: name, version and hash of a stored reference set, where the front is one.
    """

    ideal: np.ndarray
    nadir: np.ndarray
    relative: bool
    front: np.ndarray | None = None
    relative_front: bool = False
    reference_set: dict[str, Any] | None = None

    @classmethod
    def of(cls, statement: Statement, results: Iterable[Result]) -> Scale:
        """From the known front, else from the union of all archives and answers."""
        n_obj = len(statement.names)
        found = [part for result in results for part in (result.archive_F, best_rows(result))]
        union = np.concatenate(found) if found else np.empty((0, n_obj))
        known = statement.ideal is not None and statement.nadir is not None
        ideal, nadir = (np.array(p) for p in (statement.ideal, statement.nadir)) if known else _range(union)
        front, relative = _reference(statement, union)
        stored = getattr(statement, "reference_set", None)
        return cls(ideal, nadir, not known, front, relative, stored if isinstance(stored, dict) else None)

    @property
    def source(self) -> str:
        """What the reference set is: a stored one's name, version and hash, "known front" or "relative"."""
        if self.reference_set is None:
            return "relative" if self.relative_front else "known front"
        named = " ".join(str(self.reference_set[n]) for n in ("name", "version") if n in self.reference_set)
        return f"{named} (sha256 {str(self.reference_set.get('sha256', 'unknown'))[:12]})"

    @property
    def reference_point(self) -> np.ndarray:
        """`moo.indicators.reference_point` (n_obj,), in normalised space."""
        return indicators.reference_point(len(self.ideal))

    @cached_property
    def reference_hypervolume(self) -> float:
        """Of the reference set; NaN without one."""
        return float("nan") if self.front is None else self.hypervolume(self.front)

    @cached_property
    def normalised_front(self) -> np.ndarray | None:
        """The reference set in normalised space, at most 1000 rows of it where it is what was found."""
        if self.front is None:
            return None
        rows = cut(self.front, _REFERENCE_ROWS) if self.relative_front else self.front
        return self.normalise(rows)

    @cached_property
    def samples(self) -> np.ndarray:
        """Points (2^15, n_obj) that fill normalised space evenly from the ideal to the reference point."""
        return np.asarray(indicators.even_points(_SAMPLES, len(self.ideal)) * self.reference_point)

    @cached_property
    def reference_samples(self) -> int:
        """How many of them the reference set dominates."""
        if self.front is None:
            return 0
        front = self.normalise(self.front)
        return int((indicators.first_dominating(self.samples, front) < len(front)).sum())

    def normalise(self, F: np.ndarray) -> np.ndarray:
        return indicators.normalise(F, self.ideal, self.nadir)

    def hypervolume(self, F: np.ndarray) -> float:
        """Of F (n, n_obj) in normalised space, below `reference_point`; from six objectives on
        of at most 500 rows of F."""
        return indicators.hypervolume(self.normalise(measured(F)), self.reference_point)


def _range(union: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(union) == 0:
        return np.zeros(union.shape[1]), np.ones(union.shape[1])
    return union.min(axis=0), union.max(axis=0)


def _reference(statement: Statement, union: np.ndarray) -> tuple[np.ndarray | None, bool]:
    """The reference set, and whether it is what the study found."""
    if statement.front is not None:
        return np.array(statement.front, dtype=float), False
    best = union[indicators.nondominated(union)]
    return (best, True) if len(best) else (None, True)


@dataclass(frozen=True)
class Indicators:
    """Indicators of one set of points in normalised space (`moo.indicators`).

    Attributes:
        hypervolume: below the scale's reference point.
        igd_plus, epsilon: to the scale's reference set; NaN without one, inf without points.
        r2: to the ideal point; inf without points.
        spacing: NaN for fewer than two points.
        points: how many there are.
        outside: how many of them are not strictly better than the reference point, and so add nothing
            to the hypervolume.
    """

    hypervolume: float
    igd_plus: float
    epsilon: float
    r2: float
    spacing: float
    points: int
    outside: int

    @classmethod
    def of(cls, F: np.ndarray, scale: Scale) -> Indicators:
        """Of F (n, n_obj), not normalised."""
        scaled, front = scale.normalise(F), scale.normalised_front
        return cls(
            hypervolume=scale.hypervolume(F),
            igd_plus=np.nan if front is None else indicators.igd_plus(scaled, front),
            epsilon=np.nan if front is None else indicators.epsilon_additive(scaled, front),
            r2=indicators.r2(scaled, np.zeros(F.shape[1])),
            spacing=indicators.spacing(scaled),
            points=len(F),
            outside=int((~indicators.better_than(scaled, scale.reference_point)).sum()),
        )

    @classmethod
    def unknown(cls) -> Indicators:
        """Of an archive that was not kept."""
        nan = float("nan")
        return cls(nan, nan, nan, nan, nan, points=0, outside=0)

    def __getitem__(self, name: str) -> float:
        """By the name that tables show: "hypervolume", "igd+", "epsilon", "r2", "spacing", ..."""
        return float(getattr(self, {"igd+": "igd_plus"}.get(name, name)))


@dataclass(frozen=True)
class Quality:
    """Indicators of one cell in both views.

    Attributes:
        answer: of the optimizer's answer, cut to k points.
        archive: of every non-dominated point evaluated; NaN where the run kept no archive (minibatch
            objectives).
        points: feasible non-dominated rows of the answer before the cut.
    """

    answer: Indicators
    archive: Indicators
    points: int

    @classmethod
    def of(
        cls, result: Result, scale: Scale, k: int, *, at: float | None = None, cut: str = "distance"
    ) -> Quality:
        """At the end of the run, or ``at`` a budget in F-equivalents; ``cut``: how k points of an answer
        are chosen, see `k_points`."""
        rows = answer_at(result, at)
        kept = k_points(rows, k, scale, cut)
        return cls(Indicators.of(kept, scale), _archive(result, scale, at, len(rows)), len(rows))

    def view(self, by: str) -> Indicators:
        """The "answer" or the "archive"."""
        return self.answer if by == "answer" else self.archive

    @property
    def hypervolume(self) -> float:
        return self.answer.hypervolume

    @property
    def archive_hypervolume(self) -> float:
        return self.archive.hypervolume

    @property
    def igd_plus(self) -> float:
        return self.answer.igd_plus


def _archive(result: Result, scale: Scale, at: float | None, n_answer: int) -> Indicators:
    if len(result.archive_F) == 0 and n_answer > 0:
        return Indicators.unknown()
    return Indicators.of(archive_at(result, at), scale)


def best_rows(result: Result) -> np.ndarray:
    """F of the feasible, mutually non-dominated rows of the answer (n, n_obj)."""
    return _nondominated(result.F[result.CV <= 0])


def _nondominated(F: np.ndarray) -> np.ndarray:
    return np.asarray(F[indicators.nondominated(F)])


def snapshot_at(result: Result, at: float | None) -> int | None:
    """Which snapshot of the history was the answer when ``at`` F-equivalents were spent: the last one
    that had not cost more, -1 before the first; None for the end of the run."""
    if at is None or at >= result.cost.total:
        return None
    return int(np.searchsorted(result.history.cost, at, side="right")) - 1


def answer_at(result: Result, at: float | None) -> np.ndarray:
    """F of the feasible non-dominated rows of the answer at a budget (n, n_obj), or at the end."""
    place = snapshot_at(result, at)
    if place is None:
        return best_rows(result)
    return result.F[:0] if place < 0 else _nondominated(result.history.fronts[place])


def cost_at(result: Result, at: float | None) -> Cost:
    """What the answer of `answer_at` had cost."""
    place = snapshot_at(result, at)
    if place is None:
        return result.cost
    if place < 0:
        return replace(result.cost, n_f=0, n_vjp=0, seconds=0.0)
    history = result.history
    return replace(
        result.cost, n_f=history.n_f[place], n_vjp=history.n_vjp[place], seconds=history.seconds[place]
    )


def archive_at(result: Result, at: float | None) -> np.ndarray:
    """F of the archive (n, n_obj) once ``at`` F-equivalents were spent, or at the end."""
    if at is None or at >= result.cost.total:
        return result.archive_F
    seen = (result.log["cost"] <= at) & (result.log["CV"] <= 0)
    return _nondominated(result.log["F"][seen])


def cut(F: np.ndarray, k: int) -> np.ndarray:
    """At most k rows of F, spread over it, so that a large answer is not rewarded for its size."""
    return np.asarray(F[indicators.subset(F, k)])


def measured(F: np.ndarray) -> np.ndarray:
    """The rows of F that its hypervolume is taken of: all, but from six objectives on no more than can be
    measured in a moment."""
    return cut(F, _VOLUME_ROWS) if F.shape[1] >= 6 else F


def k_points(F: np.ndarray, k: int, scale: Scale, rule: str) -> np.ndarray:
    """At most k rows of F, by "distance" (`moo.indicators.subset`) or by greedy "hypervolume"
    (`moo.indicators.hypervolume_subset`).

    Raises:
        OptionError: for another rule.
    """
    choose: dict[str, Callable[[], np.ndarray]] = {
        "distance": lambda: indicators.subset(F, k),
        "hypervolume": lambda: indicators.hypervolume_subset(scale.normalise(F), k, scale.reference_point),
    }
    if rule not in choose:
        raise OptionError(unknown_name("cut", str(rule), list(CUTS)))
    return np.asarray(F[choose[rule]()])
