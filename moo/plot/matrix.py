"""Every pair of objectives side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from moo.errors import OptionError
from moo.plot.objectives import axis_labels, depths, finite, known_front, limits, same_problem
from moo.plot.style import FRONT_COLOR, Style, frame, legend_below, new_figure, shortened, shown, styles
from moo.result import Result, Statement

_MOST = 10  # objectives; more panels than these can be read by nobody
_BINS = 24
_CROWDED = 300  # points; from here on they are fainter
_MANY = 2000  # points; from here on they are pixels in vector files
_MARGIN = 0.06  # of the range, on both sides


def scatter_matrix(results: Mapping[str, Result], *, style: Mapping[str, Style] | None = None) -> Figure:
    """Draw each pair of objectives against each other, and on the diagonal how each is distributed.

    Axes are in the user's signs and shared along rows and columns; infeasible points are hollow. On the
    diagonal the points of a label are shared out over the range, so labels of different sizes compare.

    Args:
        results: label -> `Result`, all of the same objectives.
        style: colour and marker of each label; by default from the order of ``results``.

    Returns:
        A figure with m (m + 1) / 2 axes for m objectives.

    Raises:
        OptionError: without results, for results of different objectives, and for more than ten.
    """
    statement = same_problem(results)
    m = len(statement.names)
    if m > _MOST:
        raise OptionError(
            f"a scatter matrix shows up to {_MOST} objectives, got {m}: draw them with moo.plot.parallel"
        )
    figure = new_figure(*(2 * [max(1.0, 0.2 * m + 0.4)]))
    grid = [[figure.add_subplot(m, m, i * m + j + 1) for j in range(i + 1)] for i in range(m)]
    _fill(grid, statement, results, style or styles(results))
    figure.suptitle(shown(statement.title), fontsize=11)
    legend_below(figure, grid[-1][0])
    return figure


def _fill(
    grid: list[list[Axes]], statement: Statement, results: Mapping[str, Result], style: Mapping[str, Style]
) -> None:
    known = known_front(statement)
    low, high = limits(
        np.concatenate([r.values for r in results.values()] + ([] if known is None else [known]))
    )
    pad = np.where(high > low, high - low, np.maximum(np.abs(high), 1.0)) * _MARGIN
    ends = np.stack([low - pad, high + pad], axis=1)
    for i, row in enumerate(grid):
        for j, ax in enumerate(row):
            if i == j:
                _distribution(ax, i, results, style, ends[i])
            else:
                _pair(ax, j, i, results, style, known)
                ax.set_ylim(*ends[i])
            ax.set_xlim(*ends[j])
    _label(grid, axis_labels(statement))


def _pair(
    ax: Axes,
    x: int,
    y: int,
    results: Mapping[str, Result],
    style: Mapping[str, Style],
    known: np.ndarray | None,
) -> None:
    if known is not None:
        ax.scatter(known[:, x], known[:, y], s=4, color=FRONT_COLOR, linewidths=0, rasterized=True)
        ax.scatter([], [], s=22, color=FRONT_COLOR, label="known front")
    depth = depths(results)
    for label, result in results.items():
        color, marker = style[label]
        points, sound, feasible = result.values[:, [x, y]], finite(result.values), result.CV <= 0
        many = len(points) > _MANY
        shape: dict[str, Any] = {"marker": marker, "s": 12, "rasterized": many, "zorder": depth[label]}
        full = {"c": color, "linewidths": 0, "alpha": 0.8 if len(points) < _CROWDED else 0.4}
        _dots(ax, points[sound & feasible], label=shown(label), **full, **shape)
        if (sound & ~feasible).any():
            hollow = {"facecolors": "none", "edgecolors": color, "linewidths": 0.8}
            _dots(ax, points[sound & ~feasible], label=f"{shown(label)} (infeasible)", **hollow, **shape)


def _dots(ax: Axes, points: np.ndarray, **look: Any) -> None:
    ax.scatter(points[:, 0], points[:, 1], **look)


def _distribution(
    ax: Axes, i: int, results: Mapping[str, Result], style: Mapping[str, Style], ends: np.ndarray
) -> None:
    for label, result in results.items():
        values = result.values[finite(result.values), i]
        share = np.full(len(values), 1.0 / max(len(values), 1))
        counts, edges = np.histogram(
            values, bins=_BINS, range=(float(ends[0]), float(ends[1])), weights=share
        )
        ax.stairs(counts, edges, fill=True, color=style[label].color, alpha=0.25)
        ax.stairs(counts, edges, color=style[label].color, linewidth=1.0, label=shown(label))
    ax.set_yticks([])
    ax.set_ylim(bottom=0)


def _label(grid: list[list[Axes]], names: list[str]) -> None:
    """Names and numbers at the left and at the foot only."""
    m = len(grid)
    for i, row in enumerate(grid):
        for j, ax in enumerate(row):
            frame(ax)
            ax.tick_params(labelsize=7, labelbottom=i == m - 1, labelleft=j == 0)
            ax.xaxis.set_major_locator(MaxNLocator(3))
            if i != j:
                ax.yaxis.set_major_locator(MaxNLocator(4))
            if i == m - 1:
                ax.set_xlabel(shortened(names[j], 18), fontsize=8)
            if j == 0:
                ax.set_ylabel("share" if i == 0 else shortened(names[i], 14), fontsize=8)
