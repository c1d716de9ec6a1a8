"""Every optimizer against every other, on every problem: tests, Holm's correction over all of them, and
effect sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from moo.errors import OptionError, unknown_name
from moo.study.quality import SIGNS
from moo.study.statistics import (
    SIGNIFICANT,
    a12,
    a12_interval,
    holm,
    least_p,
    mann_whitney,
    mean_interval,
    median,
    signed_rank,
    signed_rank_sum,
)

if TYPE_CHECKING:
    from moo.study.study import Study

_COLUMNS = (
    *("problem", "a", "b", "n a", "n b", "median a", "median b"),
    *("p", "p (Holm)", "A12", "lower", "upper", "verdict"),
)


@dataclass(frozen=True)
class View:
    """What is compared.

    Attributes:
        indicator: "hypervolume", "igd+", "epsilon" or "r2".
        by: of the "answer" cut to k points, or of the "archive".
        at: budget in F-equivalents at which runs are read; None for their end.
        cut: how the k points of an answer are chosen: "distance" or "hypervolume".
        paired: whether runs of the same seed are pairs.

    Raises:
        OptionError: for a name that is not known, or a budget that is not positive.
    """

    indicator: str = "hypervolume"
    by: str = "answer"
    at: float | None = None
    cut: str = "distance"
    paired: bool = False

    def __post_init__(self) -> None:
        for kind, given, accepted in (
            ("indicator", self.indicator, list(SIGNS)),
            ("view", self.by, ["answer", "archive"]),
            ("cut", self.cut, ["distance", "hypervolume"]),
        ):
            if given not in accepted:
                raise OptionError(unknown_name(kind, str(given), accepted))
        number = isinstance(self.at, int | float) and not isinstance(self.at, bool)
        if self.at is not None and not (number and self.at > 0):
            raise OptionError(f"at={self.at!r} is not accepted: give a budget in F-equivalents > 0")

    @property
    def sign(self) -> int:
        """1 where more is better, else -1."""
        return SIGNS[self.indicator]

    def values(self, study: Study, problem: str, optimizer: str) -> dict[int, float]:
        """seed -> the indicator of each run that came to its end; NaN is left out."""
        found = study.qualities_at(self.at, self.cut)
        seeds = study.runs_of(problem, optimizer)
        values = {s: found[problem, optimizer, s].view(self.by)[self.indicator] for s in seeds}
        return {seed: value for seed, value in values.items() if not np.isnan(value)}


@dataclass(frozen=True)
class Pair:
    """One optimizer against another on one problem.

    Attributes:
        p, p_holm: two-sided, NaN for fewer than five runs of either.
        effect: A12, the probability that a run of a is better than one of b.
        low, high: its 95 % confidence interval.
        enough: whether so many runs could have been told apart among all that are compared.
        direction: above zero where a is better: A12 - 0.5 or, of pairs, that of the signed ranks.
        better: the label of the better one where Holm's p is below 0.05, else "".
    """

    problem: str
    a: str
    b: str
    n_a: int
    n_b: int
    median_a: float
    median_b: float
    p: float
    effect: float
    low: float
    high: float
    direction: float
    p_holm: float = float("nan")
    enough: bool = False

    @property
    def better(self) -> str:
        if not self.p_holm < SIGNIFICANT or self.direction == 0:
            return ""
        return self.a if self.direction > 0 else self.b

    @property
    def verdict(self) -> str:
        if self.better:
            return f"{self.better} is better"
        return "not distinguishable" if self.enough else "too few runs"

    def seen_from(self, label: str) -> Pair:
        """With ``label`` as a."""
        if label == self.a:
            return self
        turned = replace(self, a=self.b, b=self.a, n_a=self.n_b, n_b=self.n_a, direction=-self.direction)
        turned = replace(turned, median_a=self.median_b, median_b=self.median_a)
        return replace(turned, effect=1 - self.effect, low=1 - self.high, high=1 - self.low)


def pairs(study: Study, view: View) -> list[Pair]:
    """All pairs on all problems, each p corrected for all of them (Holm 1979)."""
    key = ("pairs", view)
    if key not in study.computed:
        found = [
            _pair(study, view, problem, a, b)
            for problem in study.problems
            for a, b in combinations(study.optimizers, 2)
        ]
        study.computed[key] = _corrected(found, paired=view.paired)
    return list(study.computed[key])


def _corrected(found: Sequence[Pair], *, paired: bool) -> list[Pair]:
    """For all of them. Where even runs that were all better could not have been told apart among so many,
    that nothing was found says nothing."""
    tests = number_of_tests(found)
    return [
        replace(pair, p_holm=p, enough=_is_enough(pair, tests, paired=paired))
        for pair, p in zip(found, holm([pair.p for pair in found]), strict=True)
    ]


def _is_enough(pair: Pair, tests: int, *, paired: bool) -> bool:
    return not np.isnan(pair.p) and least_p(pair.n_a, pair.n_b, paired=paired) * tests < SIGNIFICANT


def number_of_tests(found: Sequence[Pair]) -> int:
    """How many pairs had a test, for all of which Holm corrects."""
    return sum(not np.isnan(pair.p) for pair in found)


def _pair(study: Study, view: View, problem: str, a: str, b: str) -> Pair:
    of_a, of_b = view.values(study, problem, a), view.values(study, problem, b)
    if view.paired:
        both = [seed for seed in of_a if seed in of_b]
        of_a, of_b = {s: of_a[s] for s in both}, {s: of_b[s] for s in both}
    x, y = ([view.sign * v for v in of.values()] for of in (of_a, of_b))
    effect = a12(x, y)
    interval = a12_interval(effect, len(x), len(y))
    test = signed_rank if view.paired else mann_whitney
    direction = signed_rank_sum(x, y) if view.paired else effect - 0.5
    medians = median(list(of_a.values())), median(list(of_b.values()))
    return Pair(problem, a, b, len(x), len(y), *medians, test(x, y), effect, *interval, direction)


def pair_table(found: Sequence[Pair]) -> pd.DataFrame:
    """One row a problem and pair: ``a``, ``b``, ``n a``, ``n b``, ``median a``, ``median b``, ``p``,
    ``p (Holm)``, ``A12`` with its interval ``lower`` and ``upper``, ``verdict``."""
    rows = [
        (
            *(p.problem, p.a, p.b, p.n_a, p.n_b, p.median_a, p.median_b),
            *(p.p, p.p_holm, p.effect, p.low, p.high, p.verdict),
        )
        for p in found
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def overall_effect(found: Sequence[Pair]) -> tuple[float, float, float]:
    """(A12, low, high): the mean over the problems, with its interval for these problems."""
    return mean_interval([pair.effect for pair in found], [(pair.low, pair.high) for pair in found])
