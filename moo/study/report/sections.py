"""What a report says, section by section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from moo import html
from moo.html import Strong, bullets, paragraph
from moo.indicators import exact_hypervolume
from moo.study.report.drawings import drawings
from moo.study.report.origin import origin
from moo.study.report.page import Section
from moo.study.report.statistics import statistics
from moo.study.report.tables import figure, scrolling, short_table, verdict
from moo.study.summary import cost_unit, heading, notes

if TYPE_CHECKING:
    from moo.study.study import Study

_MOST_CELLS = 12  # of an error that are listed; of more they are counted
_MEDIANS = "Medians over the runs of each optimizer"


def sections(study: Study) -> list[Section]:
    """All of a report."""
    return [
        _winners(study),
        Section("problems", "Problem by problem", "", _problems(study)),
        statistics(study),
        _cost(study),
        _failures(study),
        _method(study),
        origin(study),
    ]


def status_line(study: Study) -> str:
    """What was compared, and whether this is all of it; HTML."""
    line = f'<p class="status">{html.escape(heading(study))}.</p>'
    missing = len(study.cells) - len(study.results) - len(study.failures)
    cut_short = sum(result.status == "interrupted" for result in study.results.values())
    if missing + cut_short == 0:
        return line
    said = f"{len(study.cells) - missing} of {len(study.cells)} cells have an outcome"
    if cut_short:
        said += f", {cut_short} of them were interrupted and are in no statistic"
    return (
        line
        + f'<p class="partial" role="note"><strong>This report is partial:</strong> {html.escape(said)}.</p>'
    )


# ---------------------------------------------------------------------- who won


def _winners(study: Study) -> Section:
    table = study.table()
    body = bullets(study.sentences())
    if len(study.optimizers) > 1:
        caption = f"Median hypervolume of the answers, cut to {study.k} points; larger is better"
        body += _overview(study, table, caption)
    return Section("winners", "Who won", body)


def _overview(study: Study, table: pd.DataFrame, caption: str) -> str:
    """A row a problem, a column an optimizer."""
    by = {(row["problem"], row["optimizer"]): row for _, row in table.iterrows()}
    rows = [[p, *(_won(by[p, optimizer]) for optimizer in study.optimizers)] for p in study.problems]
    return scrolling(html.table(["problem", *study.optimizers], rows, caption=caption, heads=1), caption)


def _won(row: pd.Series[Any]) -> str:
    """For example "0.7213 best"; without runs the verdict alone."""
    shown = verdict(str(row["verdict"]))
    if np.isnan(row["hypervolume"]):
        return shown or "\N{EN DASH}"
    text = f"{row['hypervolume']:.4f} {shown}".rstrip()
    return Strong(text) if isinstance(shown, Strong) else text


# ---------------------------------------------------------------------- problem by problem


def _problems(study: Study) -> list[Section]:
    answers, archives = study.table(), study.table("archive")
    said, metrics = study.sentences(), study.metrics_table()
    return [
        Section(
            f"problem-{place}",
            name,
            "".join(paragraph(sentence) for sentence in said if sentence.startswith(f"{name}: "))
            + paragraph(_objectives(study, name))
            + drawings(study, name)
            + _view(answers, name, f"{name}: answers cut to {study.k} points (the headline)")
            + _view(
                archives, name, f"{name}: archives, every non-dominated point evaluated (flatters)", "points"
            )
            + _metrics(metrics, name),
        )
        for place, name in enumerate(study.problems, 1)
    ]


def _objectives(study: Study, name: str) -> str:
    stated = study.problems[name]
    directions = [
        f"{objective} ({'max' if sign < 0 else 'min'})"
        for objective, sign in zip(stated.names, stated.sign, strict=True)
    ]
    said = f"Objectives: {', '.join(directions)}; {len(stated.var_names)} variables"
    constraints = (
        f"; constraints: {', '.join(c.name for c in stated.constraints)}" if stated.constraints else ""
    )
    return f"{said}{constraints}."


def _view(full: pd.DataFrame, problem: str, caption: str, *without: str) -> str:
    rows = full[full["problem"] == problem]
    return scrolling(short_table(rows, caption, without=("problem", *without)), caption)


def _metrics(full: pd.DataFrame, problem: str) -> str:
    rows = full[full["problem"] == problem].drop(columns="problem")
    if len(rows) == 0:
        return ""
    caption = f"{problem}: further figures, medians over the runs"
    return scrolling(html.table(list(rows.columns), rows.itertuples(index=False), caption=caption), caption)


# ---------------------------------------------------------------------- cost


def _cost(study: Study) -> Section:
    table = study.table()
    columns = ["problem", "optimizer", "n_f", "n_vjp", "cost", "seconds"]
    heads = ["F-equivalents" if name == "cost" else name for name in columns]
    shown = html.table(heads, table[columns].itertuples(index=False), caption=_MEDIANS, heads=2)
    explained = (
        f"Cost is counted in {cost_unit(study.budget)}: n_f evaluations of the objective vector and n_vjp "
        "backward passes, one a row and objective. Failed and repeated evaluations count."
    )
    body = paragraph(explained) + scrolling(shown, _MEDIANS)
    return Section("cost", "Cost", body + _timings(study))


def _timings(study: Study) -> str:
    if not study.timings:
        return ""
    rows = [
        [
            name,
            *(figure(1e3 * t, ".3g") for t in (of.f, of.gradient, of.jacobian)),
            figure(of.vjp_cost, ".2f"),
        ]
        for name, of in study.timings.items()
    ]
    columns = ["problem", "F", "F and gradient", "F and Jacobian", "measured c"]
    caption = "Milliseconds a row that an evaluation takes, and what a backward pass costs in evaluations"
    return scrolling(html.table(columns, rows, caption=caption, heads=1), caption)


# ---------------------------------------------------------------------- failures


def _failures(study: Study) -> Section:
    """Each error once, with the cells that met it."""
    cells: dict[tuple[str, str], dict[str, list[int]]] = {}
    for (problem, optimizer, seed), failure in study.failures.items():
        of = cells.setdefault((failure.kind, failure.message), {})
        of.setdefault(f"{problem}, {optimizer}", []).append(seed)
    body = paragraph("No cell failed.")
    if cells:
        rows = [[kind, message, _count(of), _listed(of)] for (kind, message), of in cells.items()]
        caption = f"{len(study.failures)} of {len(study.cells)} cells failed"
        table = html.table(["kind", "what it said", "cells", "which"], rows, caption=caption)
        body = scrolling(table, caption)
    return Section("failures", "Failures", body + _lost_evaluations(study))


def _count(of: Mapping[str, Sequence[int]]) -> int:
    return sum(len(seeds) for seeds in of.values())


def _listed(of: Mapping[str, Sequence[int]]) -> str:
    """For example "zdt1, NSGA-II: seeds 0, 3"."""
    shown = [
        f"{cell}: seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
        for cell, seeds in of.items()
    ]
    more = len(shown) - _MOST_CELLS
    return "; ".join(shown[:_MOST_CELLS]) + (f"; and {more} more" if more > 0 else "")


def _lost_evaluations(study: Study) -> str:
    """Evaluations that failed in runs that went on."""
    counts: dict[tuple[str, str, str], int] = {}
    for (problem, optimizer, _), result in study.results.items():
        for status, count in result.statuses.items():
            if status != "ok" and count:
                key = (problem, optimizer, status)
                counts[key] = counts.get(key, 0) + count
    if not counts:
        return ""
    rows = [[*key, count] for key, count in counts.items()]
    caption = "Evaluations that failed in runs that went on, over all seeds"
    columns = ["problem", "optimizer", "status", "evaluations"]
    return scrolling(html.table(columns, rows, caption=caption, heads=2), caption)


# ---------------------------------------------------------------------- how it was measured


def _method(study: Study) -> Section:
    seeds = ", ".join(map(str, study.seeds[:20])) + (", ..." if len(study.seeds) > 20 else "")
    said = [
        f"Every problem was solved by every optimizer with the seeds {seeds}, each run within the same "
        "budget.",
        f"Answers are cut to the same k = {study.k} points before they are judged, spread over the answer, "
        "so that a large one is not rewarded for its size. The archive of all evaluated points is the second "
        "view.",
        "The hypervolume is of objectives scaled so that the ideal point is 0 and the nadir point 1, below "
        "the reference point in the table; points that are not strictly better than it add nothing.",
        "Where no front of a problem is known, its ideal and nadir point are those of all that this study "
        "found: such values are relative, and do not compare with those of another study.",
        "Verdicts are against the largest median of a problem: two-sided Mann-Whitney tests, corrected by "
        "Holm for all pairs on all problems; below 0.05 an optimizer counts as worse. A12 is the probability "
        "that a run of the best is better than one of this optimizer.",
        "IGD+, additive epsilon and R2 are of the same points, scaled alike; smaller is better.",
        *(f"{line[0].upper()}{line[1:]}." for line in notes(study).splitlines()),
    ]
    rows = [[name, *_scale(study, name)] for name in study.problems]
    caption = "How each problem is normalised (minimised form)"
    columns = ["problem", "normalised by", "ideal", "nadir", "reference point", "volume", "reference set"]
    table = scrolling(html.table(columns, rows, caption=caption, heads=1), caption)
    return Section("method", "How this was measured", bullets(said) + table)


def _scale(study: Study, name: str) -> list[str]:
    scale = study.scales[name]
    source = "this study (relative)" if scale.relative else "the known front"
    volume = "exact" if exact_hypervolume(len(scale.ideal)) else "approximate"
    reference = f"{scale.reference_point[0]:.5g} in each objective"
    return [source, _vector(scale.ideal), _vector(scale.nadir), reference, volume, scale.source]


def _vector(values: np.ndarray) -> str:
    return f"({', '.join(f'{value:.5g}' for value in values)})"
