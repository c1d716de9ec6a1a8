"""Answers in objective space, with the user's signs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from moo.errors import OptionError
from moo.plot.coordinates import draw_parallel, wide_axes
from moo.plot.objectives import axis_labels, finite, known_front, same_problem
from moo.plot.style import FRONT_COLOR, Style, finish_legend, frame, new_axes, shown, styles
from moo.result import Result, Statement

_CHARACTERS = 50  # that names below a strip have room for side by side
_POINT = 22.0  # area of a marker, in square points


def front(
    results: Mapping[str, Result],
    ax: Axes | None = None,
    *,
    style: Mapping[str, Style] | None = None,
    legend: bool = True,
) -> Axes:
    """Draw the answers of runs on one problem, by label, over the known front in grey.

    Two objectives are a plane, three a space, one a strip, more than three parallel coordinates.
    Infeasible points are hollow; rows that are not finite are left out.

    Args:
        results: label -> `Result`, all of the same objectives.
        ax: where to draw; for three objectives made with ``projection="3d"``. None makes a figure.
        style: colour and marker of each label; by default from the order of ``results``.
        legend: whether to draw one.

    Raises:
        OptionError: without results, for results of different objectives, and for three objectives
            on axes of two dimensions.
    """
    statement = same_problem(results)
    space = len(statement.names) == 3
    axes = ax if ax is not None else (new_axes("3d") if space else wide_axes(len(statement.names)))
    if space and axes.name != "3d":
        raise OptionError('three objectives need axes in space: make ax with projection="3d"')
    draw = {1: _strip, 2: _plane, 3: _space}.get(len(statement.names), draw_parallel)
    draw(axes, statement, results, style or styles(results))
    if ax is None:
        axes.set_title(shown(statement.title), fontsize=11)
    finish_legend(axes, own=ax is None, legend=legend)
    return axes


def _scatter(ax: Any, results: Mapping[str, Result], style: Mapping[str, Style], **more: Any) -> None:
    """Feasible points filled, infeasible ones hollow."""
    for label, result in results.items():
        color, marker = style[label]
        sound, feasible, name = finite(result.values), result.CV <= 0, shown(label)
        parts: list[tuple[str, np.ndarray, dict[str, Any]]] = [
            (name, sound & feasible, {"c": color, "edgecolors": "white", "linewidths": 0.4, "alpha": 0.9})
        ]
        if not feasible.all():
            hollow: dict[str, Any] = {"facecolors": "none", "edgecolors": color, "linewidths": 1.2}
            parts.append((f"{name} (infeasible)", sound & ~feasible, hollow))
        for name, rows, look in parts:
            if rows.any():
                ax.scatter(*result.values[rows].T, s=_POINT, marker=marker, label=name, **look, **more)


def _plane(ax: Axes, statement: Statement, results: Mapping[str, Result], style: Mapping[str, Style]) -> None:
    known = known_front(statement)
    if known is not None:  # points, not a line: a front may have gaps
        ax.scatter(known[:, 0], known[:, 1], s=7, color=FRONT_COLOR, linewidths=0)
        ax.plot([], [], color=FRONT_COLOR, linewidth=2.5, label="known front")
    _scatter(ax, results, style)
    x, y = axis_labels(statement)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    frame(ax)


def _space(ax: Any, statement: Statement, results: Mapping[str, Result], style: Mapping[str, Style]) -> None:
    known = known_front(statement)
    if known is not None:
        ax.scatter(*known.T, s=5, color=FRONT_COLOR, alpha=0.5, linewidths=0)
        ax.scatter([], [], [], s=_POINT, color=FRONT_COLOR, label="known front")
    _scatter(ax, results, style, depthshade=False)
    for axis, name in zip((ax.xaxis, ax.yaxis, ax.zaxis), axis_labels(statement), strict=True):
        axis.set_label_text(name)
        axis.set_tick_params(labelsize=8, pad=1)
        axis.set_major_locator(MaxNLocator(5))
    ax.set_box_aspect((1, 1, 0.8), zoom=1.05)  # as large as leaves room for the three labels
    ax.view_init(elev=25, azim=40)


def _strip(ax: Axes, statement: Statement, results: Mapping[str, Result], style: Mapping[str, Style]) -> None:
    """One objective: its values, a column an optimizer."""
    known = known_front(statement)
    if known is not None:
        ax.axhline(float(known[0, 0]), color=FRONT_COLOR, label="known optimum")
    for place, (label, result) in enumerate(results.items()):
        color, marker = style[label]
        sound = finite(result.values)
        faces = [color if feasible else "none" for feasible in result.CV[sound] <= 0]
        y = result.values[sound, 0]
        x = np.full(len(y), place)
        ax.scatter(x, y, _POINT, c=faces, marker=marker, edgecolors=color, label=shown(label))
    names = [shown(label, 24) for label in results]
    crowded = sum(map(len, names)) > _CHARACTERS
    slant: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
    ax.set_xticks(range(len(results)), names, **slant)
    ax.set_ylabel(axis_labels(statement)[0])
    frame(ax)
