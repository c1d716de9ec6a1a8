"""Among what a rule chooses: the sound rows of an answer, and what the user says of objectives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from moo.decision.choice import Choice, shown
from moo.errors import OptionError, unknown_name
from moo.indicators import nondominated
from moo.result import Result

Source: TypeAlias = Result | np.ndarray  # an array is F (n, n_obj), minimised
Point: TypeAlias = Sequence[float] | np.ndarray | Mapping[str, float]  # one number an objective
Limits: TypeAlias = Mapping[str, tuple[float | None, float | None]]  # name -> (low, high), either None

_TIE = 10  # decimals of a score: what differs by rounding alone is a tie
_FLAT = 1e-14  # a range this small beside the values is rounding


@dataclass(frozen=True)
class Candidates:
    """The rows a rule may choose, in lexicographic order of F, so that ties are not decided by the order
    in which the rows happen to stand.

    Attributes:
        rows: their numbers in the source (n,).
        F: (n, n_obj) in minimised form.
        names: of the objectives. sign: -1.0 where maximised (n_obj,).
        ideal, nadir: what F is scaled by (n_obj,), minimised.
        limited: the limits in words, "" without.
        source: where X is.
    """

    rows: np.ndarray
    F: np.ndarray
    names: list[str]
    sign: np.ndarray
    ideal: np.ndarray
    nadir: np.ndarray
    limited: str
    source: Source

    @property
    def span(self) -> np.ndarray:
        """nadir - ideal (n_obj,); 0 for an objective that is flat but for rounding."""
        size = np.maximum(np.abs(self.ideal), np.abs(self.nadir))
        span = self.nadir - self.ideal
        return np.where(span > _FLAT * size, span, 0.0)

    @property
    def per_range(self) -> np.ndarray:
        """1 / span (n_obj,), 0 for a flat objective, which then has no say."""
        span = self.span
        return np.where(span > 0, 1.0 / np.where(span > 0, span, 1.0), 0.0)

    @property
    def scaled(self) -> np.ndarray:
        """F with ideal at 0 and nadir at 1 (n, n_obj); a flat objective is 0."""
        return np.asarray((self.F - self.ideal) * self.per_range)

    def best(self, scores: np.ndarray) -> tuple[int, int | None]:
        """Places of the greatest score (n,) and of the next."""
        order = np.argsort(-np.round(scores, _TIE), kind="stable")
        return int(order[0]), int(order[1]) if len(order) > 1 else None

    def chosen(self, rule: str, place: int, next_place: int | None, why: str) -> Choice:
        """The choice of the candidate at a place, in the user's terms."""
        row = int(self.rows[place])
        return Choice(
            rule=f"{rule} within {self.limited}" if self.limited else rule,
            row=row,
            runner_up=None if next_place is None else int(self.rows[next_place]),
            x=self.source.candidate(row) if isinstance(self.source, Result) else {},
            f=self.values(place),
            runner_up_f=None if next_place is None else self.values(next_place),
            why=why if next_place is not None else "it is the only point there is to choose",
        )

    def by_score(self, rule: str, scores: np.ndarray, why: str, unit: str = "") -> Choice:
        """The choice of the greatest score (n,); ``why`` says what it is, with {} for the number."""
        place, other = self.best(scores)
        reason = why.format(f"{scores[place]:.4g}{unit}")
        if other is not None:
            tie = round(float(scores[place] - scores[other]), _TIE) == 0
            said = "as much, which is a tie" if tie else f"{scores[other]:.4g}{unit}"
            reason += f"; at the runner-up {said}"
        return self.chosen(rule, place, other, reason)

    def values(self, place: int) -> dict[str, float]:
        """f by name, user's sign."""
        return dict(zip(self.names, (self.F[place] * self.sign + 0.0).tolist(), strict=True))


def candidates(source: Source, within: Limits | None, ideal: Point | None, nadir: Point | None) -> Candidates:
    """The feasible, finite, mutually non-dominated rows within the limits.

    Raises:
        OptionError: when there is none, for an array of another shape, and for limits, ideal or nadir
            points that do not fit the objectives.
    """
    F, CV, names, sign = _read(source)
    rows = _sound(F, CV)
    limits = within or {}
    kept = rows[_inside(F[rows] * sign, names, limits)]
    if len(kept) == 0:
        raise OptionError(_none_within(F[rows] * sign, names, limits))
    kept = kept[np.lexsort(F[kept].T[::-1])]
    best = F[kept].min(axis=0) if ideal is None else point(ideal, names, "ideal") * sign
    worst = F[kept].max(axis=0) if nadir is None else point(nadir, names, "nadir") * sign
    if (best > worst).any():
        name = names[int((best > worst).argmax())]
        raise OptionError(
            f"the ideal point is worse than the nadir point in {name!r}: expected it to be better"
        )
    return Candidates(
        rows=kept,
        F=F[kept],
        names=names,
        sign=sign,
        ideal=best,
        nadir=worst,
        limited=limits_text(limits),
        source=source,
    )


def _read(source: Source) -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray]:
    """(F, CV, names, sign)."""
    if isinstance(source, Result):
        return source.F, source.CV, source.problem.names, np.array(source.problem.sign)
    F = _numbers(source) if isinstance(source, (np.ndarray, list)) else np.empty(0)
    if F.ndim != 2:
        raise OptionError(
            f"{type(source).__name__} is not accepted: give a Result, or F as an array (n, n_obj)"
        )
    return F, np.zeros(len(F)), [f"f{i + 1}" for i in range(F.shape[1])], np.ones(F.shape[1])


def _numbers(given: object) -> np.ndarray:
    """As floats; empty for what is no array of numbers."""
    try:
        return np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        return np.empty(0)


def _sound(F: np.ndarray, CV: np.ndarray) -> np.ndarray:
    """Numbers of the rows that may be chosen.

    Raises:
        OptionError: when there is none.
    """
    if len(F) == 0:
        raise OptionError("there is nothing to choose: the answer has no rows")
    feasible = np.flatnonzero(CV <= 0)
    if len(feasible) == 0:
        least = np.nanmin(CV) if np.isfinite(CV).any() else np.inf
        raise OptionError(
            f"there is nothing to choose: none of the {len(F)} rows is feasible (the least constraint "
            f"violation is {least:.4g})"
        )
    rows: np.ndarray = feasible[nondominated(F[feasible])]
    if len(rows) == 0:
        raise OptionError(f"there is nothing to choose: none of the {len(F)} rows has finite objectives")
    return rows


def _inside(values: np.ndarray, names: list[str], limits: Limits) -> np.ndarray:
    """Mask of the rows (n, n_obj), user's sign, within the limits."""
    inside: np.ndarray = np.ones(len(values), dtype=bool)
    for name, (low, high) in _checked(limits, names).items():
        column = values[:, names.index(name)]
        inside = inside & (column >= low) & (column <= high)
    return inside


def _checked(limits: Limits, names: list[str]) -> dict[str, tuple[float, float]]:
    checked = {}
    for name, pair in limits.items():
        if name not in names:
            raise OptionError(unknown_name("objective", str(name), names))
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise OptionError(f"the limits of {name!r} are {pair!r}: give (low, high), None for no limit")
        ends = _numbers([-np.inf if pair[0] is None else pair[0], np.inf if pair[1] is None else pair[1]])
        if ends.shape != (2,) or not ends[0] <= ends[1]:
            raise OptionError(f"the limits of {name!r} are {pair!r}: expected numbers, low <= high")
        checked[name] = (float(ends[0]), float(ends[1]))
    return checked


def _none_within(values: np.ndarray, names: list[str], limits: Limits) -> str:
    """What the answer has instead."""
    ranges = [
        f"{name} from {values[:, k].min():.6g} to {values[:, k].max():.6g}"
        for name in limits
        for k in [names.index(name)]
    ]
    return f"no point is within {limits_text(limits)}: the answer has {', '.join(ranges)}"


def limits_text(limits: Limits) -> str:
    """For example "cost <= 5 and 0.9 <= accuracy"."""
    parts = []
    for name, (low, high) in limits.items():
        left = "" if low is None else f"{shown(float(low))} <= "
        right = "" if high is None else f" <= {shown(float(high))}"
        parts.append(
            f"{name} >= {shown(float(low))}" if low is not None and high is None else left + name + right
        )
    return " and ".join(parts)


def point(given: Point, names: list[str], what: str) -> np.ndarray:
    """One finite number an objective (n_obj,), from a sequence or a mapping by name.

    Raises:
        OptionError: for another number of them, unknown names, and what is no number.
    """
    if isinstance(given, Mapping):
        for name in given:
            if name not in names:
                raise OptionError(unknown_name("objective", str(name), names))
        missing = [name for name in names if name not in given]
        if missing:
            raise OptionError(f"{what} says nothing of {missing[0]!r}: give one number for each of {names}")
        given = [given[name] for name in names]
    values = _numbers(given)
    if values.shape != (len(names),) or not np.isfinite(values).all():
        raise OptionError(f"{what}={given!r} is not accepted: give one number for each of {names}")
    return values


def weights_of(given: Point | None, names: list[str]) -> np.ndarray:
    """Weights (n_obj,) that sum to one; equal ones without.

    Raises:
        OptionError: for negative weights, only zeros, and what is no weight an objective.
    """
    if given is None:
        return np.full(len(names), 1.0 / len(names))
    weights = point(given, names, "weights")
    if (weights < 0).any() or weights.sum() <= 0:
        raise OptionError(f"weights={given!r} are not accepted: give numbers >= 0, at least one above 0")
    return np.asarray(weights / weights.sum())
