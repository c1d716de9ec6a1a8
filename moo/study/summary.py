"""A study in words: a short table, how its figures were taken, and what may be said of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from moo.budget import Budget
from moo.indicators import exact_hypervolume
from moo.study.sentences import sentences as sentences
from moo.study.targets import TARGETS

if TYPE_CHECKING:
    import pandas as pd

    from moo.study.study import Study

_FAILURES_SHOWN = 5
_OUTSIDE_SHOWN = 6


def summary(study: Study) -> str:
    """Heading, tables, sentences, errors."""
    parts = [heading(study), short_table(study), notes(study), _metrics(study), _overall(study)]
    said = "\n".join(sentences(study))
    return "\n\n".join(part for part in [*parts, said, _failures(study)] if part)


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
    full = full[(full["runs"] > 0) | ~full["optimizer"].isin(study.imported)]
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


def _overall(study: Study) -> str:
    """One figure an optimizer over all problems: the area under the ECDF; the mean ranks."""
    lines = [_areas(study)] if study.results else []
    if len(study.problems) > 1 and len(study.optimizers) > 1:
        lines.append(str(study.ranks()))
    return "\n".join(line for line in lines if line)


def _areas(study: Study) -> str:
    """For example "area under the ECDF of runtimes ...: NSGA2 0.614 [0.583, 0.642]", best first."""
    rows = study.areas().sort_values("area", ascending=False, kind="stable").to_dict("records")
    shown = ", ".join(f"{r['optimizer']} {r['area']:.3f} [{r['lower']:.3f}, {r['upper']:.3f}]" for r in rows)
    return f"area under the ECDF of runtimes to {TARGETS} targets a problem, 1 at best: {shown}"


def notes(study: Study) -> str:
    """How the indicators were taken: reference points, reference sets, what counted for nothing."""
    return "\n".join([_reference_points(study), *_reference_sets(study), *_outside(study)])


def _reference_points(study: Study) -> str:
    by_point: dict[str, list[str]] = {}
    for name, scale in study.scales.items():
        exact = "" if exact_hypervolume(len(scale.ideal)) else ", approximate"
        by_point.setdefault(f"{scale.reference_point[0]:.4g}{exact}", []).append(name)
    if len(by_point) == 1:
        shown = next(iter(by_point))
    else:
        shown = "; ".join(f"{point} ({', '.join(names)})" for point, names in by_point.items())
    return f"hypervolume in normalised space, reference point {shown}; answers cut to {study.k} points"


def _reference_sets(study: Study) -> list[str]:
    by_source: dict[str, list[str]] = {}
    for name, scale in study.scales.items():
        if scale.source != "known front":
            by_source.setdefault(scale.source, []).append(name)
    words = {"relative": "what this study found (relative)"}
    return [
        f"reference set of {', '.join(names)}: {words.get(source, source)}"
        for source, names in by_source.items()
    ]


def _outside(study: Study) -> list[str]:
    """Points of the answers that added nothing to a hypervolume."""
    counts = Counter[tuple[str, str]]()
    for (problem, optimizer, _), quality in study.qualities.items():
        counts[problem, optimizer] += quality.answer.outside
    shown = [f"{count:,} of {o} on {p}" for (p, o), count in counts.items() if count]
    if not shown:
        return []
    more = f", ... ({len(shown)} in all)" if len(shown) > _OUTSIDE_SHOWN else ""
    listed = ", ".join(shown[:_OUTSIDE_SHOWN]) + more
    return [
        f"points of all runs' answers not strictly better than the reference point, counted as 0: {listed}"
    ]


def _failures(study: Study) -> str:
    """Each error once, with the first cell that met it."""
    first: dict[str, tuple[str, str, int]] = {}
    for key in study.cells:
        if key in study.failures:
            first.setdefault(study.failures[key].message, key)
    lines = [f"failed: {p}, {o}, seed {seed}: {message}" for message, (p, o, seed) in first.items()]
    more = len(lines) - _FAILURES_SHOWN
    return "\n".join(lines[:_FAILURES_SHOWN] + ([f"... and {more} other errors"] if more > 0 else []))
