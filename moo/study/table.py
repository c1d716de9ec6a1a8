"""The tables of a study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from moo.result import Result
from moo.study.quality import Quality
from moo.study.statistics import SIGNIFICANT, holm, mann_whitney, median, quartiles

if TYPE_CHECKING:
    from moo.study.study import Study

_KEYS = ("problem", "optimizer", "seed")


@dataclass
class _Group:
    """The runs of one optimizer on one problem, and their hypervolumes in the view asked for."""

    problem: str
    optimizer: str
    results: list[Result]
    qualities: list[Quality]
    hypervolumes: list[float]
    failed: int
    p: float = float("nan")
    p_holm: float = float("nan")
    verdict: str = ""

    @property
    def median(self) -> float:
        return median(self.hypervolumes)

    @property
    def without_runs(self) -> str:
        return "" if self.results else "failed" if self.failed else "not run"

    def judge(self, best: _Group) -> None:
        """Against the best of the problem, once the p-values are there."""
        if self is best:
            self.verdict = "best"
        elif not self.results:
            self.verdict = self.without_runs
        elif np.isnan(self.p_holm):
            self.verdict = "too few runs"
        else:
            self.verdict = "worse" if self.p_holm < SIGNIFICANT else "not distinguishable"


def table(study: Study, by: str) -> pd.DataFrame:
    """One row a problem and optimizer. Columns:

    runs (that came to their end; statistics are over these), failed; hypervolume (median), its lower
    and upper quartile, of the view ``by``; verdict: "best" is the largest median of the problem, the
    others are "worse", "not distinguishable" (Holm's p >= 0.05), "too few runs" to tell, "failed" or
    "not run";
    p: Mann-Whitney against the best, two-sided; p (Holm): the same, corrected for the comparisons on
    this problem; the hypervolume of the other view; igd+ (normalised, where a front is known);
    points, n_f, n_vjp, cost (F-equivalents) and seconds (medians); feasible (share of the runs with a
    feasible answer); normalisation: by the "known front", or "relative" to what this study found;
    status: how the cells ended.

    A study that compares one optimizer with nothing gives no verdict.
    """
    rows = [
        _row(study, group, by)
        for problem in study.problems
        for group in _judged([_group(study, problem, optimizer, by) for optimizer in study.optimizers])
    ]
    return pd.DataFrame(rows)


def _group(study: Study, problem: str, optimizer: str, by: str) -> _Group:
    runs = study.runs_of(problem, optimizer)
    qualities = [study.qualities[problem, optimizer, seed] for seed in runs]
    hypervolumes = [q.hypervolume if by == "answer" else q.archive_hypervolume for q in qualities]
    known = [value for value in hypervolumes if not np.isnan(value)]
    failed = sum(key[:2] == (problem, optimizer) for key in study.failures)
    return _Group(problem, optimizer, list(runs.values()), qualities, known, failed)


def _judged(groups: list[_Group]) -> list[_Group]:
    """The groups of one problem, each with its p-values and verdict."""
    candidates = [group for group in groups if group.hypervolumes and group.median > 0]
    if len(groups) < 2 or not candidates:
        for group in groups:
            group.verdict = group.without_runs
        return groups
    best = max(candidates, key=lambda group: group.median)
    for group in groups:
        if group is not best:
            group.p = mann_whitney(group.hypervolumes, best.hypervolumes)
    for group, p in zip(groups, holm([group.p for group in groups]), strict=True):
        group.p_holm = p
        group.judge(best)
    return groups


def _row(study: Study, group: _Group, by: str) -> dict[str, Any]:
    low, middle, high = quartiles(group.hypervolumes)
    other = "archive" if by == "answer" else "answer"

    def typical(of: Callable[[Any], float], items: list[Any]) -> float:
        return median([float(of(item)) for item in items])

    return {
        "problem": group.problem,
        "optimizer": group.optimizer,
        "runs": len(group.results),
        "failed": group.failed,
        "hypervolume": middle,
        "lower quartile": low,
        "upper quartile": high,
        "verdict": group.verdict,
        "p": group.p,
        "p (Holm)": group.p_holm,
        f"{other} hypervolume": typical(
            lambda q: q.archive_hypervolume if by == "answer" else q.hypervolume, group.qualities
        ),
        "igd+": typical(lambda q: q.igd_plus, group.qualities),
        "points": typical(lambda q: q.points, group.qualities),
        "n_f": typical(lambda r: r.cost.n_f, group.results),
        "n_vjp": typical(lambda r: r.cost.n_vjp, group.results),
        "cost": typical(lambda r: r.cost.total, group.results),
        "seconds": typical(lambda r: r.cost.seconds, group.results),
        "feasible": float(np.mean([q.points > 0 for q in group.qualities])) if group.results else np.nan,
        "normalisation": "relative" if study.scales[group.problem].relative else "known front",
        "status": _statuses(study, group),
    }


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
        "hypervolume": quality.hypervolume,
        "archive hypervolume": quality.archive_hypervolume,
        "igd+": quality.igd_plus,
        "points": quality.points,
        "feasible": quality.points > 0,
    } | _spent(result)


def _spent(result: Result | None) -> dict[str, Any]:
    if result is None:
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
    tables = {"table.csv": study.table(), "runs.csv": study.runs(), "metrics.csv": study.metrics_table()}
    written = {folder / name: content for name, content in tables.items() if len(content)}
    for path, content in written.items():
        content.to_csv(path, index=False)
    return list(written)
