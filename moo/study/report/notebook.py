"""A study in a notebook: its sentences, a short table, a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moo import html
from moo.study.report.tables import short_table
from moo.study.summary import heading

if TYPE_CHECKING:
    from moo.study.study import Study

_PROBLEMS_DRAWN = 2
_LEFT_OUT = ("quartiles", "p (Holm)", "A12 of the best", "epsilon", "r2")


def study_html(study: Study) -> str:
    """For `Study._repr_html_`."""
    return html.note(
        f"<p><b>{html.escape(heading(study))}</b></p>",
        html.bullets(study.sentences()),
        short_table(study.table(), f"answers cut to {study.k} points, medians", without=_LEFT_OUT),
        _figure(study),
    )


def _figure(study: Study) -> str:
    drawn = list(dict.fromkeys(key[0] for key in study.results))[:_PROBLEMS_DRAWN]
    if not drawn:
        return ""
    from moo.study.figures import plot

    return html.small_image(plot(study, drawn), f"Fronts and convergence on {', '.join(drawn)}", wide=True)
