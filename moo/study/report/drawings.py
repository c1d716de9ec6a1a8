"""Figures of a study as inline pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moo import html, plot

if TYPE_CHECKING:
    from moo.study.study import Study

_DPI = 150
_LEAST_RUNS = 3  # for a surface that some runs attain and others do not


def drawings(study: Study, problem: str) -> str:
    """Front and convergence on a problem, side by side; "" where no run has a result."""
    if not any(key[0] == problem for key in study.results):
        return ""
    names = ", ".join(study.problems[problem].names)
    front = study.plot_front(problem)
    convergence = study.plot_convergence(problem)
    return gallery(
        drawing(front, f"Fronts on {problem}: {names}", "The answer of each optimizer's median run."),
        drawing(
            convergence,
            f"Convergence on {problem}: hypervolume of the answers against cost",
            "Hypervolume of the answers against cost; bands are the quartiles over the seeds.",
        ),
        _attainment(study, problem),
    )


def _attainment(study: Study, problem: str) -> str:
    """Of two objectives and a few runs each; "" else."""
    runs = {label: list(study.runs_of(problem, label).values()) for label in study.optimizers}
    runs = {label: of for label, of in runs.items() if len(of) >= _LEAST_RUNS}
    if len(study.problems[problem].names) != 2 or not runs:
        return ""
    axes = plot.attainment(runs, style=plot.styles(study.optimizers))
    caption = (
        "What half of the runs attained (line), and between a quarter and three quarters of them (band)."
    )
    return drawing(axes, f"Attainment surfaces on {problem}", caption)


def gallery(*figures: str) -> str:
    """Figures side by side, below each other where there is no room."""
    return f'<div class="figures">{"".join(figures)}</div>'


def drawing(ax: Axes | Figure, alt: str, caption: str) -> str:
    """A figure with its caption; ``alt`` is what those read who do not see it."""
    figure = ax if isinstance(ax, Figure) else ax.get_figure(root=True)
    if figure is None:
        return ""
    picture = html.image(html.png(figure, _DPI), alt)
    return f"<figure>{picture}<figcaption>{html.escape(caption)}</figcaption></figure>"
