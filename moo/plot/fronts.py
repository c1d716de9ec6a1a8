"""Answers in objective space, with the user's signs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from moo.errors import OptionError
from moo.plot.style import FRONT_COLOR, Style, frame, legend_below, legend_inside, new_axes, styles
from moo.result import Result, Statement

_POINT = 22.0  # area of a marker, in square points
_FRONT_LINES = 60  # of a known front in parallel coordinates


def front(
    results: Mapping[str, Result],
    ax: Axes | None = None,
    *,
    style: Mapping[str, Style] | None = None,
    legend: bool = True,
) -> Axes:
    """Draw the answers of runs on one problem, by label, over the known front in grey.

    Two objectives are a plane, three a space, one a strip, more than three parallel coordinates.
    Infeasible points are hollow.

    Args:
        results: label -> `Result`, all of the same objectives.
        ax: where to draw; for three objectives made with ``projection="3d"``. None makes a figure.
        style: colour and marker of each label; by default from the order of ``results``.
        legend: whether to draw one.

    Raises:
        OptionError: without results, for results of different objectives, and for three objectives
            on axes of two dimensions.
    """
    statement = _same_problem(results)
    space = len(statement.names) == 3
    axes = ax if ax is not None else new_axes("3d" if space else None)
    if space and axes.name != "3d":
        raise OptionError('three objectives need axes in space: make ax with projection="3d"')
    draw = {1: _strip, 2: _plane, 3: _space}.get(len(statement.names), _parallel)
    draw(axes, statement, results, style or styles(results))
    if ax is None:
        axes.set_title(statement.title, fontsize=11)
    if legend:
        legend_inside(axes) if ax is not None else legend_below(axes.get_figure(root=True), axes)  # type: ignore[arg-type]
    return axes


def axis_labels(statement: Statement) -> list[str]:
    """The objectives' names; maximised ones say so, since moo's default is to minimise."""
    return [
        name if sign > 0 else f"{name} (max)"
        for name, sign in zip(statement.names, statement.sign, strict=True)
    ]


def _same_problem(results: Mapping[str, Result]) -> Statement:
    statements = [result.problem for result in results.values()]
    if not statements:
        raise OptionError("there is nothing to draw: give at least one result")
    for other in statements[1:]:
        if (other.names, other.sign) != (statements[0].names, statements[0].sign):
            raise OptionError(
                f"one figure shows one problem, got objectives {statements[0].names} and {other.names}"
            )
    return statements[0]


def _known(statement: Statement) -> np.ndarray | None:
    """The known front with the user's signs (k, n_obj)."""
    return None if statement.front is None else np.array(statement.front) * np.array(statement.sign)


def _scatter(ax: Any, results: Mapping[str, Result], style: Mapping[str, Style], **more: Any) -> None:
    """Feasible points filled, infeasible ones hollow."""
    for label, result in results.items():
        color, marker = style[label]
        feasible = result.CV <= 0
        parts: list[tuple[str, np.ndarray, dict[str, Any]]] = [
            (label, feasible, {"c": color, "edgecolors": "white", "linewidths": 0.4, "alpha": 0.9})
        ]
        if not feasible.all():
            hollow: dict[str, Any] = {"facecolors": "none", "edgecolors": color, "linewidths": 1.2}
            parts.append((f"{label} (infeasible)", ~feasible, hollow))
        for name, rows, look in parts:
            if rows.any():
                ax.scatter(*result.values[rows].T, s=_POINT, marker=marker, label=name, **look, **more)


def _plane(ax: Axes, statement: Statement, results: Mapping[str, Result], style: Mapping[str, Style]) -> None:
    known = _known(statement)
    if known is not None:  # points, not a line: a front may have gaps
        ax.scatter(known[:, 0], known[:, 1], s=7, color=FRONT_COLOR, linewidths=0)
        ax.plot([], [], color=FRONT_COLOR, linewidth=2.5, label="known front")
    _scatter(ax, results, style)
    x, y = axis_labels(statement)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    frame(ax)


def _space(ax: Any, statement: Statement, results: Mapping[str, Result], style: Mapping[str, Style]) -> None:
    known = _known(statement)
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
    known = _known(statement)
    if known is not None:
        ax.axhline(float(known[0, 0]), color=FRONT_COLOR, label="known optimum")
    for place, (label, result) in enumerate(results.items()):
        color, marker = style[label]
        faces = [color if feasible else "none" for feasible in result.CV <= 0]
        x = np.full(len(result.F), place)
        ax.scatter(x, result.values[:, 0], _POINT, c=faces, marker=marker, edgecolors=color, label=label)
    ax.set_xticks(range(len(results)), list(results))
    ax.set_ylabel(axis_labels(statement)[0])
    frame(ax)


def _parallel(
    ax: Axes, statement: Statement, results: Mapping[str, Result], style: Mapping[str, Style]
) -> None:
    """One vertical axis an objective, each from the least to the greatest value shown; a line a point."""
    known = _known(statement)
    shown = [result.values for result in results.values()] + ([] if known is None else [known])
    low, high = _range(np.concatenate(shown))
    span = np.where(high > low, high - low, 1.0)
    if known is not None:
        lines = (known[:: -(-len(known) // _FRONT_LINES)] - low) / span
        _lines(ax, lines, "known front", color=FRONT_COLOR, alpha=0.5, linewidth=0.7)
    for label, result in results.items():
        for name, rows, dash in _by_feasibility(label, result):
            look = {"color": style[label].color, "alpha": 0.6, "linewidth": 0.9, "linestyle": dash}
            _lines(ax, (result.values[rows] - low) / span, name, **look)
    names = [
        f"{n}\n{lo:.3g} to {hi:.3g}" for n, lo, hi in zip(axis_labels(statement), low, high, strict=True)
    ]
    ax.set_xticks(range(len(names)), names, fontsize=8)
    ax.set_ylabel("share of the range shown")
    ax.set_xlim(-0.1, len(names) - 0.9)
    frame(ax)


def _range(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    finite = values[np.isfinite(values).all(axis=1)]
    if len(finite) == 0:
        return np.zeros(values.shape[1]), np.ones(values.shape[1])
    return finite.min(axis=0), finite.max(axis=0)


def _by_feasibility(label: str, result: Result) -> list[tuple[str, np.ndarray, str]]:
    feasible = result.CV <= 0
    return [(label, feasible, "-"), (f"{label} (infeasible)", ~feasible, ":")]


def _lines(ax: Axes, rows: np.ndarray, label: str, **look: Any) -> None:
    for i, row in enumerate(rows):
        ax.plot(row, label=label if i == 0 else None, **look)
