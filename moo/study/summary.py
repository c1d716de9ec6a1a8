"""A study in words: a short table, and for each problem one honest sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from moo.budget import Budget
from moo.study.statistics import LEAST_RUNS

if TYPE_CHECKING:
    import pandas as pd

    from moo.study.study import Study

_FAILURES_SHOWN = 5

Row: TypeAlias = dict[Any, Any]  # of `Study.table`


def summary(study: Study) -> str:
    """Heading, tables, sentences, errors."""
    parts = [heading(study), short_table(study), _metrics(study), "\n".join(sentences(study))]
    return "\n\n".join(part for part in [*parts, _failures(study)] if part)


def heading(study: Study) -> str:
    sizes = (("problem", study.problems), ("optimizer", study.optimizers), ("seed", study.seeds))
    shape = " x ".join(f"{len(of)} {name}{'s' if len(of) != 1 else ''}" for name, of in sizes)
    return f"{shape}, {_limit(study.budget)} each: {study.status}"


def _limit(budget: Budget) -> str:
    cost = None if budget.cost is None else f"{budget.cost:,.10g} {cost_unit(budget)}"
    seconds = None if budget.seconds is None else f"{budget.seconds:g} seconds"
    return " or ".join(limit for limit in (cost, seconds) if limit)


def cost_unit(budget: Budget) -> str:
    """The unit with its constant, for example "F-equivalents (n_f + 2 n_vjp)"."""
    return f"F-equivalents (n_f + {budget.vjp_cost:g} n_vjp)"


def short_table(study: Study) -> str:
    """The columns that fit a terminal: medians, the hypervolume with its quartiles."""
    full = study.table()
    shown = full[["problem", "optimizer", "runs"]].copy()
    shown["hypervolume"] = [_with_quartiles(row) for _, row in full.iterrows()]
    shown["verdict"] = full["verdict"]
    for name, source, digits in (
        ("archive hv", "archive hypervolume", ".4f"),
        ("IGD+", "igd+", ".4f"),
        ("points", "points", ".0f"),
        ("cost", "cost", ",.0f"),
        ("seconds", "seconds", ".2f"),
        ("feasible", "feasible", ".0%"),
    ):
        shown[name] = [_number(value, digits) for value in full[source]]
    return _aligned(shown)


def _metrics(study: Study) -> str:
    """A row a metric, a column an optimizer; "" without metrics."""
    full = study.metrics_table()
    if len(full) == 0:
        return ""
    full["shown"] = [f"{r['median']:.4g} [{r['least']:.4g}, {r['greatest']:.4g}]" for _, r in full.iterrows()]
    order = [o for o in study.optimizers if o in set(full["optimizer"])]
    wide = full.pivot_table("shown", ["problem", "metric"], "optimizer", aggfunc="first", sort=False)
    wide = wide[order].fillna("-").reset_index()
    return "metrics, median [least, greatest] over the points of an answer:\n" + _aligned(wide)


def _with_quartiles(row: pd.Series[Any]) -> str:
    if np.isnan(row["hypervolume"]):
        return "-"
    if row["runs"] == 1:
        return f"{row['hypervolume']:.4f}"
    return f"{row['hypervolume']:.4f} [{row['lower quartile']:.4f}, {row['upper quartile']:.4f}]"


def _number(value: float, digits: str) -> str:
    return "-" if np.isnan(value) else format(value, digits)


def _aligned(frame: pd.DataFrame) -> str:
    """Columns of text, two spaces apart; words to the left, figures to the right."""
    columns = []
    for name in frame.columns:
        cells = [str(name), *map(str, frame[name])]
        width = max(map(len, cells))
        left = name in ("problem", "optimizer", "verdict", "hypervolume", "metric")
        columns.append([cell.ljust(width) if left else cell.rjust(width) for cell in cells])
    return "\n".join("  ".join(row).rstrip() for row in zip(*columns, strict=True))


def sentences(study: Study) -> list[str]:
    """One a problem: who has the largest median hypervolume, and who cannot be told from it."""
    records: list[Row] = [dict(row) for row in study.table().to_dict("records")]
    return [_sentence(study, name, [r for r in records if r["problem"] == name]) for name in study.problems]


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
    clauses = [f"{best['optimizer']} has the largest hypervolume, {reached}", *_clauses(ended)]
    return f"{problem}: {'; '.join(clauses)}.{_losses(rows)}"


def _runs(row: Row) -> str:
    return "one run" if row["runs"] == 1 else f"median of {row['runs']} runs"


def _relative(study: Study, problem: str) -> str:
    return ", relative to what this study found" if study.scales[problem].relative else ""


def _clauses(rows: list[Row]) -> list[str]:
    """On the optimizers that are not the best."""
    clauses = []
    for verdict, words in (("not distinguishable", "not distinguishable"), ("worse", "smaller")):
        named = [f"{r['optimizer']} ({_p(r['p (Holm)'])})" for r in rows if r["verdict"] == verdict]
        if named:
            clauses.append(f"{words}: {', '.join(named)}")
    few = [row["optimizer"] for row in rows if row["verdict"] == "too few runs"]
    if few:
        clauses.append(f"{LEAST_RUNS} runs of each are needed to tell it from {', '.join(few)}")
    return clauses


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def _losses(rows: list[Row]) -> str:
    """What the medians are silent about."""
    failed = [f"{row['failed']} of {row['optimizer']}" for row in rows if row["failed"]]
    return f" Runs that failed: {', '.join(failed)}." if failed else ""


def _failures(study: Study) -> str:
    """Each error once, with the first cell that met it."""
    first: dict[str, tuple[str, str, int]] = {}
    for key in study.cells:
        if key in study.failures:
            first.setdefault(study.failures[key].message, key)
    lines = [f"failed: {p}, {o}, seed {seed}: {message}" for message, (p, o, seed) in first.items()]
    more = len(lines) - _FAILURES_SHOWN
    return "\n".join(lines[:_FAILURES_SHOWN] + ([f"... and {more} other errors"] if more > 0 else []))
