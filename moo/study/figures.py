"""The figures of a study."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moo.plot.curves import Band, convergence
from moo.plot.fronts import front
from moo.plot.style import DPI, legend_below, new_axes, new_figure, styles
from moo.result import Result
from moo.study.cells import slugs
from moo.study.quality import Scale, cut
from moo.study.summary import cost_unit

if TYPE_CHECKING:
    from moo.study.study import Study


def plot(study: Study, problems: list[str]) -> Figure:
    """A row a problem: fronts to the left, convergence to the right, one legend for all."""
    figure = new_figure(width=1.9, height=0.2 + 0.8 * len(problems))
    for row, problem in enumerate(problems):
        space = len(study.problems[problem].names) == 3
        left = figure.add_subplot(len(problems), 2, 2 * row + 1, projection="3d" if space else None)
        right = figure.add_subplot(len(problems), 2, 2 * row + 2)
        _front(study, problem, left, legend=False)
        _convergence(study, problem, right, legend=False)
    _shared_legend(figure)
    return figure


def plot_front(study: Study, problem: str, ax: Axes | None) -> Axes:
    space = len(study.problems[problem].names) == 3
    axes = _front(study, problem, ax or new_axes("3d" if space else None), legend=ax is not None)
    return _complete(axes, own=ax is None)


def plot_convergence(study: Study, problem: str, ax: Axes | None) -> Axes:
    axes = _convergence(study, problem, ax or new_axes(), legend=ax is not None)
    return _complete(axes, own=ax is None)


def _complete(axes: Axes, *, own: bool) -> Axes:
    if own and isinstance(axes.figure, Figure):
        legend_below(axes.figure, axes)
    return axes


def save(study: Study, folder: Path) -> list[Path]:
    """Write one figure of each kind for every problem that has results."""
    written = []
    safe = slugs(study.problems)
    for problem in dict.fromkeys(key[0] for key in study.results):
        for kind, draw in (("front", plot_front), ("convergence", plot_convergence)):
            path = folder / f"{kind}-{safe[problem]}.png"
            figure = draw(study, problem, None).get_figure(root=True)
            assert figure is not None
            figure.savefig(path, dpi=DPI)
            written.append(path)
    return written


def _shown(study: Study, problem: str) -> dict[str, dict[int, Result]]:
    """The runs to draw of each optimizer: those that came to their end, else the interrupted ones."""
    shown = {}
    for optimizer in study.optimizers:
        found = {key[2]: r for key, r in study.results.items() if key[:2] == (problem, optimizer)}
        runs = study.runs_of(problem, optimizer) or found
        if runs:
            shown[optimizer] = runs
    return shown


def _front(study: Study, problem: str, ax: Axes, *, legend: bool) -> Axes:
    runs = _shown(study, problem)
    if not runs:
        return _nothing(ax, problem)
    chosen = {
        optimizer: results[_median_seed(study, problem, optimizer, list(results))]
        for optimizer, results in runs.items()
    }
    front(chosen, ax, style=styles(study.optimizers), legend=legend)
    most = max(len(results) for results in runs.values())
    ax.set_title(f"{problem}: " + (f"median run of {most}" if most > 1 else "one run"), fontsize=11)
    return ax


def _median_seed(study: Study, problem: str, optimizer: str, seeds: list[int]) -> int:
    """The seed whose hypervolume is the median; of an even number the lower of the middle two."""
    ordered = sorted(seeds, key=lambda seed: study.qualities[problem, optimizer, seed].hypervolume)
    return ordered[(len(ordered) - 1) // 2]


def _convergence(study: Study, problem: str, ax: Axes, *, legend: bool) -> Axes:
    runs = _shown(study, problem)
    if not runs:
        return _nothing(ax, problem)
    bands = bands_of(runs, study.scales[problem], study.k)
    most = max(len(results) for results in runs.values())
    relative = ", relative" if study.scales[problem].relative else ""
    convergence(
        bands,
        ax,
        xlabel=f"cost in {cost_unit(study.budget)}",
        ylabel=f"hypervolume of the answer ({study.k} points{relative})",
        style=styles(study.optimizers),
        legend=legend,
    )
    title = f"median and quartiles of {most} runs" if most > 1 else "one run"
    ax.set_title(f"{problem}: {title}", fontsize=11)
    return ax


def bands_of(runs: Mapping[str, Mapping[int, Result]], scale: Scale, k: int) -> dict[str, Band]:
    """Quartiles over the seeds of the answer's hypervolume, at every cost where one of them changes."""
    return {label: _band([_curve(run, scale, k) for run in of.values()]) for label, of in runs.items()}


def _curve(result: Result, scale: Scale, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(cost, hypervolume) of the snapshots, and of the answer at the end."""
    history = result.history
    fronts = [*history.fronts, result.F[result.CV <= 0]]
    cost = np.array([*history.cost, result.cost.total])
    return cost, np.array([scale.hypervolume(cut(F, k)) for F in fronts])


def _band(curves: list[tuple[np.ndarray, np.ndarray]]) -> Band:
    """Each value holds until the next one, the last for good; the band begins once all runs have one."""
    begin = max(cost[0] for cost, _ in curves)
    grid = np.unique(np.concatenate([cost for cost, _ in curves]))
    grid = grid[grid >= begin]
    held = [values[np.searchsorted(cost, grid, side="right") - 1] for cost, values in curves]
    low, median, high = np.percentile(held, [25, 50, 75], axis=0)
    return Band(grid, low, median, high)


def _nothing(ax: Axes, problem: str) -> Axes:
    ax.set_title(f"{problem}: no run has a result", fontsize=11)
    ax.set_axis_off()
    return ax


def _shared_legend(figure: Figure) -> None:
    """One legend: of each name the first handle, fronts before curves."""
    named: dict[str, Artist] = {}
    for ax in figure.axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    if named:
        columns = min(len(named), 6)
        figure.legend(
            list(named.values()),
            list(named),
            loc="outside lower center",
            ncols=columns,
            frameon=False,
            fontsize=9,
        )
