"""The figures of a study."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moo.plot.curves import Band, convergence, ecdf
from moo.plot.fronts import front
from moo.plot.ranks import critical_difference, rank_intervals
from moo.plot.style import DPI, legend_below, new_axes, new_figure, shown, styles
from moo.plot.surfaces import attainment
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


def plot_attainment(study: Study, problem: str, ax: Axes | None) -> Axes:
    """Of the answers, uncut: an attainment surface is about where points are, not how many."""
    runs = {optimizer: list(results.values()) for optimizer, results in _drawn(study, problem).items()}
    if not runs:
        return _nothing(ax or new_axes(), problem)
    axes = attainment(runs, ax, style=styles(study.optimizers))
    axes.set_title(f"{shown(problem)}: attainment of {_runs(runs)}", fontsize=11)
    return axes


def plot_ecdf(study: Study, problems: list[str], ax: Axes | None) -> Axes:
    one = problems[0] if len(problems) == 1 else None
    return ecdf(
        study.ecdf(one),
        ax,
        vjp_cost=study.budget.vjp_cost,
        budget=study.budget.cost,
        style=styles(study.optimizers),
    )


def plot_ranks(study: Study, ax: Axes | None) -> Axes:
    """With a critical difference where there are problems enough, else with bootstrap intervals."""
    ranks = study.ranks()
    if ranks.critical_difference is not None:
        return critical_difference(
            ranks.mean, ranks.critical_difference, ranks.cliques, ax, problems=len(ranks.problems)
        )
    ordered = [label for label in study.optimizers if label in ranks.mean]  # which decides their colours
    whole = {label: (ranks.mean[label], *ranks.intervals[label]) for label in ordered}
    return rank_intervals(whole, ax, problems=len(ranks.problems))


def _runs(runs: Mapping[str, Sequence[Result]]) -> str:
    most = max(len(of) for of in runs.values())
    return f"{most} runs" if most > 1 else "one run"


def _complete(axes: Axes, *, own: bool) -> Axes:
    if own and isinstance(axes.figure, Figure):
        legend_below(axes.figure, axes)
    return axes


def save(study: Study, folder: Path) -> list[Path]:
    """Write one figure of each kind for every problem that has results, and those of the whole study."""
    return [_written(draw(), folder / f"{name}.png") for name, draw in _drawings(study)]


def _drawings(study: Study) -> Iterator[tuple[str, Callable[[], Axes]]]:
    """Name and drawing of each figure that says something."""
    safe = slugs(study.problems)
    solved = list(dict.fromkeys(key[0] for key in study.results))
    for problem in solved:
        yield f"front-{safe[problem]}", partial(plot_front, study, problem, None)
        yield f"convergence-{safe[problem]}", partial(plot_convergence, study, problem, None)
        if len(study.problems[problem].names) == 2 and len(study.seeds) > 1:
            yield f"attainment-{safe[problem]}", partial(plot_attainment, study, problem, None)
    if solved and len(study.optimizers) > 1:
        yield "ecdf", partial(plot_ecdf, study, list(study.problems), None)
        if study.ranks().mean:
            yield "ranks", partial(plot_ranks, study, None)


def _written(axes: Axes, path: Path) -> Path:
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.savefig(path, dpi=DPI)
    return path


def _drawn(study: Study, problem: str) -> dict[str, dict[int, Result]]:
    """The runs to draw of each optimizer: those that came to their end, else the interrupted ones."""
    drawn = {}
    for optimizer in study.optimizers:
        found = {key[2]: r for key, r in study.results.items() if key[:2] == (problem, optimizer)}
        runs = study.runs_of(problem, optimizer) or found
        if runs:
            drawn[optimizer] = runs
    return drawn


def _front(study: Study, problem: str, ax: Axes, *, legend: bool) -> Axes:
    runs = _drawn(study, problem)
    if not runs:
        return _nothing(ax, problem)
    chosen = {
        optimizer: results[_median_seed(study, problem, optimizer, list(results))]
        for optimizer, results in runs.items()
    }
    front(chosen, ax, style=styles(study.optimizers), legend=legend)
    most = max(len(results) for results in runs.values())
    ax.set_title(f"{shown(problem)}: " + (f"median run of {most}" if most > 1 else "one run"), fontsize=11)
    return ax


def _median_seed(study: Study, problem: str, optimizer: str, seeds: list[int]) -> int:
    """The seed whose hypervolume is the median; of an even number the lower of the middle two."""
    ordered = sorted(seeds, key=lambda seed: study.qualities[problem, optimizer, seed].hypervolume)
    return ordered[(len(ordered) - 1) // 2]


def _convergence(study: Study, problem: str, ax: Axes, *, legend: bool) -> Axes:
    drawn = _drawn(study, problem)
    runs = {label: drawn[label] for label in study.solvers if label in drawn}
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
    ax.set_title(f"{shown(problem)}: {title}", fontsize=11)
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
    ax.set_title(f"{shown(problem)}: no run has a result", fontsize=11)
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
