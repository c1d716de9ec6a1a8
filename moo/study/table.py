"""The tables of a study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from moo import indicators
from moo.result import IMPORTED, Cost, Result
from moo.study.pairs import Pair, View, pairs
from moo.study.quality import Indicators, Quality, cost_at
from moo.study.statistics import median, quartiles

if TYPE_CHECKING:
    from moo.study.study import Study

_KEYS = ("problem", "optimizer", "seed")
_INDICATORS = ("hypervolume", "igd+", "epsilon", "r2", "spacing")


@dataclass
class _Group:
    """The runs of one optimizer on one problem, and their hypervolumes in the view asked for."""

    problem: str
    optimizer: str
    results: list[Result]
    qualities: list[Quality]
    hypervolumes: list[float]
    costs: list[Cost]  # of those runs whose cost is known
    failed: int
    against: Pair | None = None  # the best of the problem, with this one as b
    verdict: str = ""

    @property
    def median(self) -> float:
        return median(self.hypervolumes)

    @property
    def without_runs(self) -> str:
        return "" if self.results else "failed" if self.failed else "not run"

    def judge(self, best: _Group, found: dict[frozenset[str], Pair]) -> None:
        """Against the best of the problem."""
        if self is best:
            self.verdict = "best"
            return
        self.against = found[frozenset((self.optimizer, best.optimizer))].seen_from(best.optimizer)
        if not self.results:
            self.verdict = self.without_runs
        else:
            self.verdict = "worse" if self.against.better else self.against.verdict


def table(study: Study, view: View) -> pd.DataFrame:
    """One row a problem and optimizer. Columns:

    runs (that came to their end; statistics are over these), failed; hypervolume (median), its lower
    and upper quartile, of the view ``by``; verdict: "best" is the largest median of the problem, the
    others are "worse", "not distinguishable" (Holm's p >= 0.05), "too few runs" to tell among
    so many pairs, "failed" or "not run";
    p: Mann-Whitney (of pairs: Wilcoxon) against the best, two-sided; p (Holm): the same, corrected for
    all pairs on all problems of the study; A12 of the best: the probability that a run of the best is
    better than one of this, with its 95 % interval (lower, upper);
    igd+, epsilon, r2, spacing of the view, and each indicator of the other view (medians; `moo.indicators`,
    in normalised space); points before the cut; outside: the points of the view that are not strictly
    better than the reference point, and so add nothing to the hypervolume (medians);
    n_f, n_vjp, cost (F-equivalents) and seconds (medians); feasible (share of the runs with a feasible
    answer); normalisation: by the "known front", or "relative" to what this study found; reference set:
    what IGD+ and epsilon refer to; reference point of the hypervolume in normalised space, and whether the
    volume is exact or approximate; status: how the cells ended.

    A study that compares one optimizer with nothing gives no verdict.
    """
    by_problem: dict[str, dict[frozenset[str], Pair]] = {problem: {} for problem in study.problems}
    for pair in pairs(study, view):
        by_problem[pair.problem][frozenset((pair.a, pair.b))] = pair
    rows = [
        _row(study, group, view)
        for problem in study.problems
        for group in _judged(
            [_group(study, problem, optimizer, view) for optimizer in study.optimizers], by_problem[problem]
        )
    ]
    return pd.DataFrame(rows)


def _group(study: Study, problem: str, optimizer: str, view: View) -> _Group:
    runs = study.runs_of(problem, optimizer)
    found = study.qualities_at(view.at, view.cut)
    return _Group(
        problem,
        optimizer,
        results=list(runs.values()),
        qualities=[found[problem, optimizer, seed] for seed in runs],
        hypervolumes=list(view.values(study, problem, optimizer).values()),
        costs=[cost_at(result, view.at) for result in runs.values() if result.status != IMPORTED],
        failed=sum(key[:2] == (problem, optimizer) for key in study.failures),
    )


def _judged(groups: list[_Group], found: dict[frozenset[str], Pair]) -> list[_Group]:
    """The groups of one problem, each with its verdict."""
    candidates = [group for group in groups if group.hypervolumes and group.median > 0]
    if len(groups) < 2 or not candidates:
        for group in groups:
            group.verdict = group.without_runs
        return groups
    best = max(candidates, key=lambda group: group.median)
    for group in groups:
        group.judge(best, found)
    return groups


def _row(study: Study, group: _Group, view: View) -> dict[str, Any]:
    low, middle, high = quartiles(group.hypervolumes)
    other = "archive" if view.by == "answer" else "answer"
    scale, pair = study.scales[group.problem], group.against
    nan = float("nan")
    return {
        "problem": group.problem,
        "optimizer": group.optimizer,
        "runs": len(group.results),
        "failed": group.failed,
        "hypervolume": middle,
        "lower quartile": low,
        "upper quartile": high,
        "verdict": group.verdict,
        "p": pair.p if pair else nan,
        "p (Holm)": pair.p_holm if pair else nan,
        "A12 of the best": pair.effect if pair else nan,
        "A12 lower": pair.low if pair else nan,
        "A12 upper": pair.high if pair else nan,
        **_medians(group, view.by, "", _INDICATORS[1:]),
        **_medians(group, other, f"{other} ", (*_INDICATORS, "outside")),
        "points": median([float(q.points) for q in group.qualities]),
        **_medians(group, view.by, "", ("outside",)),
        **_costs(group),
        "feasible": float(np.mean([q.points > 0 for q in group.qualities])) if group.results else nan,
        "normalisation": "relative" if scale.relative else "known front",
        "reference set": scale.source,
        "reference point": float(scale.reference_point[0]),
        "volume": "exact" if indicators.exact_hypervolume(len(scale.ideal)) else "approximate",
        "status": _statuses(study, group),
    }


def _medians(group: _Group, by: str, prefix: str, names: tuple[str, ...]) -> dict[str, float]:
    return {prefix + name: median([q.view(by)[name] for q in group.qualities]) for name in names}


def _costs(group: _Group) -> dict[str, float]:
    of: dict[str, Callable[[Cost], float]] = {
        "n_f": lambda c: c.n_f,
        "n_vjp": lambda c: c.n_vjp,
        "cost": lambda c: c.total,
        "seconds": lambda c: c.seconds,
    }
    return {name: median([float(value(cost)) for cost in group.costs]) for name, value in of.items()}


def _statuses(study: Study, group: _Group) -> str:
    """For example "4 budget spent, 1 failed"."""
    key = (group.problem, group.optimizer)
    counts = Counter(result.status for at, result in study.results.items() if at[:2] == key)
    counts["failed"] += group.failed
    counts["not run"] += len(study.seeds) - counts.total()
    return ", ".join(f"{count} {status}" for status, count in counts.items() if count)


def runs(study: Study) -> pd.DataFrame:
    """One row a cell that was run, in the order of `Study.cells`."""
    done = [key for key in study.cells if key in study.results or key in study.failures]
    return pd.DataFrame([dict(zip(_KEYS, key, strict=True)) | _run(study, key) for key in done])


def _run(study: Study, key: tuple[str, str, int]) -> dict[str, Any]:
    if key in study.failures:
        failure = study.failures[key]
        return {"status": "failed", "error": failure.message} | _spent(failure.result)
    result, quality = study.results[key], study.qualities[key]
    return {
        "status": result.status,
        "error": "",
        **_indicators(quality.answer, ""),
        **_indicators(quality.archive, "archive "),
        "points": quality.points,
        "feasible": quality.points > 0,
    } | _spent(result)


def _indicators(of: Indicators, prefix: str) -> dict[str, float]:
    return {prefix + name: of[name] for name in (*_INDICATORS, "outside")}


def _spent(result: Result | None) -> dict[str, Any]:
    if result is None or result.status == IMPORTED:
        return {}
    lost = sum(count for status, count in result.statuses.items() if status != "ok")
    cost = {"n_f": result.cost.n_f, "n_vjp": result.cost.n_vjp, "cost": result.cost.total}
    return cost | {"seconds": result.cost.seconds, "failed evaluations": lost}


def metrics_table(study: Study) -> pd.DataFrame:
    """For each metric its least, median and greatest value over the rows of an answer, as the median
    of each over the runs; whether more is better is the metric's own affair. Empty without metrics."""
    columns = ["problem", "optimizer", "metric", "runs", "least", "median", "greatest"]
    rows = [
        [problem, optimizer, name, *_spread(results, name)]
        for problem in study.problems
        for optimizer in study.optimizers
        for results in [list(study.runs_of(problem, optimizer).values())]
        for name in dict.fromkeys(name for result in results for name in result.metrics)
    ]
    return pd.DataFrame(rows, columns=columns)


def _spread(results: list[Result], name: str) -> list[float]:
    values = [result.metrics[name] for result in results if len(result.metrics.get(name, ()))]
    return [len(values), *(median([float(of(v)) for v in values]) for of in (np.min, np.median, np.max))]


def points(study: Study, *, variables: bool) -> pd.DataFrame:
    """One row a point of an answer; a result's column that is called like a key gets " (answer)"."""
    frames: list[pd.DataFrame] = []
    for key in study.cells:
        if key in study.results:
            frame = _answer(study.results[key], variables)
            frame = frame.rename(columns={name: f"{name} (answer)" for name in _KEYS})
            for place, name in enumerate(_KEYS):
                frame.insert(place, name, key[place])
            frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(_KEYS))


def _answer(result: Result, variables: bool) -> pd.DataFrame:
    if not variables:  # a model has a column a parameter
        result = replace(result, X=result.X[:, :0], problem=replace(result.problem, var_names=[]))
    return result.to_pandas()


def save(study: Study, folder: Path) -> list[Path]:
    """Write the tables as CSV."""
    tables = {
        "table.csv": study.table(),
        "runs.csv": study.runs(),
        "pairs.csv": study.pairs(),
        "ert.csv": study.ert(),
        "metrics.csv": study.metrics_table(),
    }
    written = {folder / name: content for name, content in tables.items() if len(content)}
    for path, content in written.items():
        content.to_csv(path, index=False)
    return list(written)
