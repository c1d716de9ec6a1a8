"""The statistics of a report: ranks over problems, runtimes to targets, every pair, the price of a backward
pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from moo import html, plot
from moo.html import Written, paragraph
from moo.study.report.drawings import drawing, gallery
from moo.study.report.page import Section
from moo.study.report.tables import effect, figure, scrolling
from moo.study.targets import TARGETS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from moo.study.ranks import Ranks
    from moo.study.study import Study

_GAPS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)


def statistics(study: Study) -> Section:
    """Nothing but a sentence where there are no runs, or nothing to compare."""
    if not study.results:
        return Section("statistics", "Statistics", paragraph("There are no runs yet."))
    parts = [Section("runtimes", "Runtimes to targets", _runtimes(study))]
    if len(study.optimizers) > 1:
        parts = [
            *(
                [Section("ranks", "Ranks over the problems", _ranks(study))]
                if len(study.problems) > 1
                else []
            ),
            *parts,
            Section("pairs", "Every pair", _pairs(study)),
        ]
    if any(result.cost.n_vjp for result in study.results.values()):
        parts.append(Section("price", "The price of a backward pass", _price(study)))
    return Section("statistics", "Statistics", "", parts)


# ---------------------------------------------------------------------- ranks


def _ranks(study: Study) -> str:
    found = study.ranks()
    if not found.problems:
        return paragraph("No problem has runs of every optimizer: there is nothing to rank.")
    caption = "1 is the best. Intervals are of a bootstrap over the runs, for these problems."
    shown = drawing(_rank_figure(study, found), f"Mean ranks of the optimizers: {found}", caption)
    return paragraph(f"{str(found)[0].upper()}{str(found)[1:]}.") + gallery(shown)


def _rank_figure(study: Study, found: Ranks) -> Axes:
    """The critical difference where there is one, else intervals."""
    n = len(found.problems)
    if found.critical_difference is not None:
        return plot.critical_difference(found.mean, found.critical_difference, found.cliques, problems=n)
    intervals = {
        label: (found.mean[label], *found.intervals[label])
        for label in study.optimizers
        if label in found.mean
    }
    return plot.rank_intervals(intervals, problems=n)


# ---------------------------------------------------------------------- runtimes


def _runtimes(study: Study) -> str:
    explained = (
        "A target is a gap to the hypervolume of the reference set, relative to it. A run reaches it once "
        "the archive of all it has evaluated comes as near; one that never does is started again in "
        "simulation, or counts as censored: none is dropped."
    )
    return paragraph(explained) + _ecdf(study) + _areas(study) + _ert(study)


def _ecdf(study: Study) -> str:
    curves = study.ecdf()
    axes = plot.ecdf(
        curves, vjp_cost=study.budget.vjp_cost, budget=study.budget.cost, style=plot.styles(study.optimizers)
    )
    caption = f"Share of {TARGETS} targets a problem, gaps from 1 to 1e-5, that are reached within a cost."
    return gallery(drawing(axes, "ECDF of the runtimes to the targets of all problems", caption))


def _areas(study: Study) -> str:
    ordered = study.areas().sort_values("area", ascending=False, kind="stable")
    rows = [_area_row(row) for _, row in ordered.iterrows()]
    columns = ["optimizer", "area", "95 % interval", "runs", "targets reached without restarts"]
    caption = "Area under the ECDF over the logarithm of the cost: 1 when everything is reached at once"
    return scrolling(html.table(columns, rows, caption=caption, heads=1), caption)


def _area_row(row: pd.Series[Any]) -> list[Any]:
    interval = Written(f"{row['lower']:.3f} to {row['upper']:.3f}")
    area, reached = figure(row["area"], ".3f"), figure(row["reached"], ".0%")
    return [row["optimizer"], area, interval, row["runs"], reached]


def _ert(study: Study) -> str:
    """A row a problem and optimizer, a column a gap."""
    table = study.ert(_GAPS)
    table["shown"] = [_expected(row) for _, row in table.iterrows()]
    rows = [
        [problem, optimizer, *(Written(text) for text in of["shown"])]
        for (problem, optimizer), of in table.groupby(["problem", "optimizer"], sort=False)
    ]
    columns = ["problem", "optimizer", *(f"gap {gap:g}" for gap in sorted(_GAPS, reverse=True))]
    caption = "Expected running time (ERT) to a gap, in F-equivalents, and how many runs reached it"
    return scrolling(html.table(columns, rows, caption=caption, heads=2), caption)


def _expected(row: pd.Series[Any]) -> str:
    """For example "1,240 (6/6)"."""
    value = f"{row['ert']:,.0f}" if np.isfinite(row["ert"]) else "\N{INFINITY}"
    return f"{value} ({row['successes']}/{row['runs']})"


# ---------------------------------------------------------------------- pairs


def _pairs(study: Study) -> str:
    explained = (
        "Hypervolume of the answers. p is of a two-sided Mann-Whitney test, corrected by Holm for all rows "
        "of this table; A12 is the probability that a run of the first is better than one of the second, "
        "with its 95 % interval: 0.5 is no difference."
    )
    rows = [_pair_row(row) for _, row in study.pairs().iterrows()]
    columns = [
        "problem",
        "first",
        "second",
        "runs",
        "medians",
        "p",
        "p (Holm)",
        "A12 of the first",
        "verdict",
    ]
    caption = "Every optimizer against every other"
    table = html.table(columns, rows, caption=caption, heads=3)
    return paragraph(explained) + scrolling(table, caption)


def _pair_row(row: pd.Series[Any]) -> list[Any]:
    return [
        *(row[name] for name in ("problem", "a", "b")),
        Written(f"{row['n a']}, {row['n b']}"),
        Written(f"{figure(row['median a'], '.4f')}, {figure(row['median b'], '.4f')}"),
        *(figure(row[name], ".2g") for name in ("p", "p (Holm)")),
        effect(row["A12"], row["lower"], row["upper"]),
        row["verdict"],
    ]


# ---------------------------------------------------------------------- the price of a backward pass


def _price(study: Study) -> str:
    explained = (
        "A backward pass is counted as c evaluations. Here the runs are read again at other prices, each at "
        "the most that every run has spent at that price."
    )
    rows = [
        [problem, Written(f"{c:g}"), Written(f"{of['budget'].iloc[0]:,.0f}"), _ranking(of)]
        for (problem, c), of in study.sensitivity().groupby(["problem", "c"], sort=False)
    ]
    caption = "Median hypervolume of the answers, best first, by the price c"
    table = html.table(["problem", "c", "n_f + c n_vjp", "ranking"], rows, caption=caption, heads=1)
    return paragraph(explained) + scrolling(table, caption)


def _ranking(of: pd.DataFrame) -> str:
    return ", ".join(f"{row['optimizer']} {row['hypervolume']:.4f}" for _, row in of.iterrows())
