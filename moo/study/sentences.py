"""What a study has found, in sentences that say no more than its statistics do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from moo.study.pairs import Pair, View, number_of_tests, overall_effect, pairs
from moo.study.ranks import ranks
from moo.study.sensitivity import sensitivity, sensitivity_sentences
from moo.study.statistics import CLAIM_RUNS, runs_needed

if TYPE_CHECKING:
    from moo.study.study import Study

Row: TypeAlias = dict[Any, Any]  # of `Study.table`

_LEVELS = (0.001, 0.01, 0.05)


def sentences(study: Study) -> list[str]:
    """The best optimizer over all problems against each other one; for each problem who has the largest
    median hypervolume, and who cannot be told from it; what all of it is worth."""
    records: list[Row] = [dict(row) for row in study.table().to_dict("records")]
    by_problem = [
        _sentence(study, name, [r for r in records if r["problem"] == name]) for name in study.problems
    ]
    return [*overall(study), *by_problem, *_few_runs(study, records), *_price(study)]


def _price(study: Study) -> list[str]:
    """Where the winner depends on the price of a backward pass; nothing where nobody made any."""
    if not any(result.cost.n_vjp for result in study.results.values()):
        return []
    return sensitivity_sentences(sensitivity(study))


def _few_runs(study: Study, records: Sequence[Row]) -> list[str]:
    """What fewer than fifteen runs of each are worth."""
    counts = [row["runs"] for row in records if row["runs"] and row["optimizer"] in study.solvers]
    judged = {row["verdict"] for row in records} & {"worse", "not distinguishable", "too few runs"}
    if not judged or min(counts) >= CLAIM_RUNS:
        return []
    n = "one run" if min(counts) == 1 else f"{min(counts)} runs"
    return [f"With {n} of an optimizer on a problem this is no ground for a claim: it takes {CLAIM_RUNS}."]


# ---------------------------------------------------------------------- over all problems


def overall(study: Study) -> list[str]:
    """The optimizer with the best mean rank against each other one, over the problems of the study; nothing
    for a single problem or optimizer."""
    if len(study.problems) < 2 or len(study.optimizers) < 2:
        return []
    view = View()
    found = ranks(study, view)
    if not found.problems:
        return []
    leader = next(iter(found.mean))
    compared = [pair for pair in pairs(study, view) if leader in (pair.a, pair.b) and pair.n_a and pair.n_b]
    turned = [pair.seen_from(leader) for pair in compared]
    groups = {label: [pair for pair in turned if pair.b == label] for label in found.mean if label != leader}
    return [_against(study, leader, label, group) for label, group in groups.items() if group]


def _against(study: Study, leader: str, other: str, group: Sequence[Pair]) -> str:
    tested = [pair for pair in group if pair.better or pair.enough]
    won = [pair for pair in tested if pair.better == leader]
    clauses = [
        _claim(study, leader, other, won, len(group)),
        *_effect(group, won),
        _runs_each(group),
    ]
    rest = [
        *_on("worse on", [p for p in tested if p.better == other]),
        *(_on("no difference on", [p for p in tested if not p.better]) if won else []),
        *_untold(group, tested),
        *_on("relative to what this study found on", [p for p in group if study.scales[p.problem].relative]),
    ]
    return "; ".join([", ".join(clauses), *rest]) + "."


def _claim(study: Study, leader: str, other: str, won: Sequence[Pair], n: int) -> str:
    where = f"at budget {_budget(study)}"
    if won:
        return f"{leader} is better than {other} on {len(won)} of {_problems(n)} {where}"
    return f"{leader} ranks before {other}, but is told from it on none of {_problems(n)} {where}"


def _problems(n: int) -> str:
    return f"{n} problem" if n == 1 else f"{n} problems"


def _budget(study: Study) -> str:
    limits = [f"{study.budget.cost:,.10g}"] if study.budget.cost is not None else []
    limits += [f"{study.budget.seconds:g} s"] if study.budget.seconds is not None else []
    return " or ".join(limits)


def _effect(group: Sequence[Pair], won: Sequence[Pair]) -> list[str]:
    """The level that all wins keep, and the mean effect over all problems."""
    mean, low, high = overall_effect(group)
    text = effect(mean, low, high)
    return [f"p < {_level(won):g} after Holm", text] if won else [text]


def _level(won: Sequence[Pair]) -> float:
    return next(level for level in _LEVELS if all(pair.p_holm < level for pair in won))


def effect(value: float, low: float, high: float) -> str:
    """For example "A12 0.83 [0.71, 0.92]"."""
    return f"A12 {value:.2f} [{low:.2f}, {high:.2f}]"


def _runs_each(group: Iterable[Pair]) -> str:
    counts = sorted({n for pair in group for n in (pair.n_a, pair.n_b)})
    if len(counts) > 1:
        return f"{counts[0]} to {counts[-1]} runs each"
    return "one run each" if counts[0] == 1 else f"{counts[0]} runs each"


def _untold(group: Sequence[Pair], tested: Sequence[Pair]) -> list[str]:
    if not tested:
        return ["too few runs to tell"]
    return _on("too few runs to tell on", [pair for pair in group if pair not in tested])


def _on(words: str, group: Sequence[Pair]) -> list[str]:
    return [f"{words} {', '.join(pair.problem for pair in group)}"] if group else []


# ---------------------------------------------------------------------- problem by problem


def _sentence(study: Study, problem: str, rows: list[Row]) -> str:
    ended = [row for row in rows if row["runs"]]
    if not ended:
        return f"{problem}: no run came to its end.{_losses(rows)}"
    best = max(ended, key=lambda row: -1.0 if np.isnan(row["hypervolume"]) else row["hypervolume"])
    if not best["hypervolume"] > 0:
        return f"{problem}: no median answer is better than the reference point.{_losses(rows)}"
    reached = f"{best['hypervolume']:.4g} ({_runs(best)}{_relative(study, problem)})"
    if len(rows) == 1:
        return f"{problem}: {best['optimizer']} reaches a hypervolume of {reached}.{_losses(rows)}"
    if len(ended) == 1:
        return (
            f"{problem}: only {best['optimizer']} came to an end, with hypervolume {reached}.{_losses(rows)}"
        )
    clauses = [f"{best['optimizer']} has the largest hypervolume, {reached}", *_clauses(study, ended)]
    return f"{problem}: {'; '.join(clauses)}.{_losses(rows)}"


def _runs(row: Row) -> str:
    return "one run" if row["runs"] == 1 else f"median of {row['runs']} runs"


def _relative(study: Study, problem: str) -> str:
    return ", relative to what this study found" if study.scales[problem].relative else ""


def _clauses(study: Study, rows: list[Row]) -> list[str]:
    """On the optimizers that are not the best."""
    clauses = []
    for verdict, words in (("not distinguishable", "not distinguishable"), ("worse", "smaller")):
        named = [f"{r['optimizer']} ({_evidence(r)})" for r in rows if r["verdict"] == verdict]
        if named:
            clauses.append(f"{words}: {', '.join(named)}")
    few = [f"{r['optimizer']} ({_effect_of(r)})" for r in rows if r["verdict"] == "too few runs"]
    if few:
        clauses.append(f"{_needed(study)} are needed to tell it from {', '.join(few)}")
    return clauses


def _evidence(row: Row) -> str:
    """For example "p = 0.024, A12 0.83 [0.71, 0.92]"; both are of the best against this one."""
    p = row["p (Holm)"]
    shown = "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
    return f"{shown}, {_effect_of(row)}"


def _effect_of(row: Row) -> str:
    return effect(row["A12 of the best"], row["A12 lower"], row["A12 upper"])


def _needed(study: Study) -> str:
    """For example "7 runs of each, for 75 pairs,"."""
    tests = number_of_tests(pairs(study, View()))
    among = f", for {tests} pairs," if tests > 1 else ""
    return f"{runs_needed(max(tests, 1))} runs of each{among}"


def _losses(rows: list[Row]) -> str:
    """What the medians are silent about."""
    failed = [f"{row['failed']} of {row['optimizer']}" for row in rows if row["failed"]]
    return f" Runs that failed: {', '.join(failed)}." if failed else ""
