"""Whether the winner depends on what a backward pass is said to cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from moo.errors import OptionError
from moo.result import Result
from moo.study.quality import Scale, answer_at, cut
from moo.study.statistics import median

if TYPE_CHECKING:
    from moo.study.study import Study

_STOPPED = ("budget spent", "interrupted")  # these would have gone on; the others had ended by themselves


@dataclass(frozen=True)
class Ranking:
    """The optimizers on one problem at one price of a backward pass.

    Attributes:
        c: F-equivalents that a backward pass costs.
        budget: at which they are compared, n_f + c n_vjp: the most that every run has spent.
        medians: label -> median hypervolume of the answers at this budget, best first.
    """

    problem: str
    c: float
    budget: float
    medians: dict[str, float]

    @property
    def best(self) -> str:
        """The label of the first; "" when there is none, or no median above zero."""
        first = next(iter(self.medians), "")
        return first if first and self.medians[first] > 0 else ""


def sensitivity(study: Study, c: Sequence[float] | None = None) -> list[Ranking]:
    """For each problem the ranking at each c: by default 0, 1, 2 and the problem's number of objectives.

    Raises:
        OptionError: for a c that is negative or no number.
    """
    if c is not None and not all(isinstance(v, int | float) and 0 <= v < np.inf for v in c):
        raise OptionError(f"c={list(c)!r} is not accepted: give numbers >= 0")
    return [
        ranking
        for problem, stated in study.problems.items()
        for value in (c if c is not None else sorted({0.0, 1.0, 2.0, float(len(stated.names))}))
        for ranking in _ranking(study, problem, float(value))
    ]


def _ranking(study: Study, problem: str, c: float) -> Iterator[Ranking]:
    """At one c; none when no optimizer has a run."""
    runs = {o: list(study.runs_of(problem, o).values()) for o in study.solvers}
    runs = {label: results for label, results in runs.items() if results}
    if not runs:
        return
    budget = _common_budget([result for results in runs.values() for result in results], c)
    scale = study.scales[problem]
    medians = {
        o: median([_volume(r, scale, study.k, c, budget) for r in results]) for o, results in runs.items()
    }
    yield Ranking(problem, c, budget, dict(sorted(medians.items(), key=lambda item: item[1], reverse=True)))


def _common_budget(results: Sequence[Result], c: float) -> float:
    """The least that a run spent before it was stopped, or the most that any spent when all ended by
    themselves."""
    stopped = [_total(r, c) for r in results if r.status in _STOPPED]
    return min(stopped) if stopped else max(_total(r, c) for r in results)


def _total(result: Result, c: float) -> float:
    return result.cost.n_f + c * result.cost.n_vjp


def _volume(result: Result, scale: Scale, k: int, c: float, budget: float) -> float:
    """Hypervolume of the answer when n_f + c n_vjp had come to the budget."""
    if _total(result, c) <= budget:
        return scale.hypervolume(cut(answer_at(result, None), k))
    history = result.history
    spent = np.array(history.n_f) + c * np.array(history.n_vjp)
    place = int(np.searchsorted(spent, budget, side="right"))
    if place == 0:
        return 0.0
    return scale.hypervolume(cut(answer_at(result, history.cost[place - 1]), k))


def sensitivity_table(found: Sequence[Ranking]) -> pd.DataFrame:
    """One row a problem, c and optimizer: ``budget`` in n_f + c n_vjp, ``rank``, median ``hypervolume``."""
    rows = [
        [ranking.problem, ranking.c, ranking.budget, rank, optimizer, value]
        for ranking in found
        for rank, (optimizer, value) in enumerate(ranking.medians.items(), start=1)
    ]
    return pd.DataFrame(rows, columns=["problem", "c", "budget", "rank", "optimizer", "hypervolume"])


def sensitivity_sentences(found: Sequence[Ranking]) -> list[str]:
    """For each problem whose best optimizer changes with c, one sentence."""
    return [
        sentence
        for problem in dict.fromkeys(ranking.problem for ranking in found)
        for sentence in _changes([r for r in found if r.problem == problem and r.best])
    ]


def _changes(rankings: Sequence[Ranking]) -> Iterator[str]:
    winners: dict[str, list[str]] = {}
    for ranking in rankings:
        winners.setdefault(ranking.best, []).append(f"{ranking.c:g}")
    if len(winners) > 1:
        clauses = [f"{label} at c = {', '.join(at)}" for label, at in winners.items()]
        yield (
            f"{rankings[0].problem}: which optimizer has the largest hypervolume depends on the price c of a "
            f"backward pass: {'; '.join(clauses)}."
        )
