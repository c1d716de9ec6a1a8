"""Which optimizer is better over all problems: mean ranks, Friedman's test, the critical difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from moo.study.pairs import View
from moo.study.statistics import CONFIDENCE, SIGNIFICANT, median

if TYPE_CHECKING:
    from moo.study.study import Study

LEAST_PROBLEMS = 8  # for a critical difference: with fewer, the test's own approximation is poor
_REPLICATES = 2000
_SEED = 0


@dataclass(frozen=True)
class Ranks:
    """The optimizers' ranks over problems, 1 the best.

    Attributes:
        mean: label -> mean rank over the problems, best first.
        intervals: label -> 95 % bootstrap interval of it: runs are drawn anew within each problem, so it
            is about these problems.
        problems: those that are ranked: every optimizer has had its runs on them.
        p: of Friedman's test that all rank alike; NaN for fewer than three optimizers or two problems.
        critical_difference: mean ranks that differ by less are not told apart (Nemenyi, 5 %); None for
            fewer than eight problems.
        cliques: groups of labels that are not told apart by it, best first; empty without it.
    """

    mean: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    problems: list[str]
    p: float
    critical_difference: float | None
    cliques: list[list[str]]

    def to_pandas(self) -> pd.DataFrame:
        """One row an optimizer, best first: ``mean rank``, ``lower``, ``upper``, ``problems``."""
        rows = [[o, rank, *self.intervals[o], len(self.problems)] for o, rank in self.mean.items()]
        return pd.DataFrame(rows, columns=["optimizer", "mean rank", "lower", "upper", "problems"])

    def __str__(self) -> str:
        shown = [
            f"{o} {r:.2f} [{self.intervals[o][0]:.2f}, {self.intervals[o][1]:.2f}]" for o, r in self._items
        ]
        n = len(self.problems)
        text = f"mean rank over {n} problem{'s' if n != 1 else ''}: {', '.join(shown)}"
        if not np.isnan(self.p):
            text += f"; Friedman p = {self.p:.2g}"
        if self.critical_difference is not None:
            return f"{text}; critical difference {self.critical_difference:.2f}"
        return f"{text}; a critical difference needs {LEAST_PROBLEMS} problems"

    @property
    def _items(self) -> list[tuple[str, float]]:
        return list(self.mean.items())


def ranks(study: Study, view: View) -> Ranks:
    """By the median of each optimizer's runs on each problem; an optimizer whose runs all failed there
    is last. A problem on which an optimizer has had no run is left out, and so is a label of imported
    fronts that is not on every problem."""
    everywhere = [o for o in study.imported if all(study.runs_of(p, o) for p in study.problems)]
    labels = [*study.solvers, *everywhere]
    ranked = [p for p in study.problems if all(_begun(study, p, o) for o in labels)]
    runs = [[_scores(study, view, p, o) for o in labels] for p in ranked]
    table = np.array([rankdata([-median(of) for of in row]) for row in runs]).reshape(-1, len(labels))
    mean = table.mean(axis=0) if len(table) else np.full(len(labels), np.nan)
    low, high = _bootstrap(runs) if len(table) else (mean, mean)
    order = np.argsort(mean, kind="stable")
    means = {labels[i]: float(mean[i]) for i in order}
    difference = critical_difference(len(labels), len(ranked)) if len(ranked) >= LEAST_PROBLEMS else None
    return Ranks(
        mean=means,
        intervals={labels[i]: (float(low[i]), float(high[i])) for i in order},
        problems=ranked,
        p=friedman(table),
        critical_difference=difference,
        cliques=[] if difference is None else cliques(means, difference),
    )


def _begun(study: Study, problem: str, optimizer: str) -> bool:
    failed = any(key[:2] == (problem, optimizer) for key in study.failures)
    return failed or bool(study.runs_of(problem, optimizer))


def _scores(study: Study, view: View, problem: str, optimizer: str) -> list[float]:
    """More is better; the worst there is where nothing came to its end."""
    values = view.values(study, problem, optimizer)
    return [view.sign * value for value in values.values()] or [-np.inf]


def _bootstrap(runs: Sequence[Sequence[Sequence[float]]]) -> tuple[np.ndarray, np.ndarray]:
    """Percentiles of the mean rank (optimizers,) twice."""
    rng = np.random.default_rng(_SEED)
    drawn = np.mean([_drawn_ranks(row, rng) for row in runs], axis=0)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail], axis=0)
    return low, high


def _drawn_ranks(row: Sequence[Sequence[float]], rng: np.random.Generator) -> np.ndarray:
    """Ranks on one problem (replicates, optimizers) of runs drawn anew."""
    medians = [_medians(np.asarray(of)[rng.integers(len(of), size=(_REPLICATES, len(of)))]) for of in row]
    return np.asarray(rankdata(-np.column_stack(medians), axis=1))


def _medians(drawn: np.ndarray) -> np.ndarray:
    """Of each row; of an even number the mean of the middle two, which may be equal infinities."""
    ordered, half = np.sort(drawn, axis=1), drawn.shape[1] // 2
    upper, lower = ordered[:, half], ordered[:, (drawn.shape[1] - 1) // 2]
    return np.where(upper == lower, upper, lower / 2 + upper / 2)


def friedman(table: np.ndarray) -> float:
    """p-value of Friedman's test (1937) of ranks (problems, optimizers), corrected for ties: SciPy's. NaN
    for fewer than three optimizers or two problems; 1 when all are tied everywhere."""
    if table.shape[1] < 3 or len(table) < 2:
        return float("nan")
    if (table == table[:, :1]).all():
        return 1.0
    return float(friedmanchisquare(*table.T).pvalue)


def critical_difference(optimizers: int, problems: int, alpha: float = SIGNIFICANT) -> float:
    """Nemenyi's: q sqrt(k (k + 1) / (6 N)), q the quantile of the studentized range over sqrt(2) (Demsar
    2006, section 3.2.2)."""
    if optimizers < 2:
        return 0.0
    q = float(studentized_range.ppf(1 - alpha, optimizers, np.inf)) / sqrt(2)
    return q * sqrt(optimizers * (optimizers + 1) / (6 * problems))


def cliques(mean: Mapping[str, float], difference: float) -> list[list[str]]:
    """The largest groups of labels whose mean ranks all lie within the difference, of two and more; what a
    critical-difference diagram joins with a bar (Demsar 2006, figure 1)."""
    order = sorted(mean, key=lambda label: mean[label])
    groups: list[list[str]] = []
    for i, first in enumerate(order):
        group = [label for label in order[i:] if mean[label] - mean[first] < difference]
        if len(group) > 1 and not (groups and set(group) <= set(groups[-1])):
            groups.append(group)
    return groups
