"""A few points of many objectives, each as a shape: petals and radar polygons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Polygon, Rectangle, Wedge

from moo.errors import OptionError
from moo.plot.objectives import axis_labels, chosen_rows, limits, number, same_problem, shares
from moo.plot.style import Style, finish_legend, new_axes, new_figure, shortened, shown, styles
from moo.result import Result

_PETALS = 6  # rows drawn where none are asked for
_POLYGONS = 3
_MOST_PETALS = 24
_MOST_POLYGONS = 8
_HATCHES = ("", "//", "..", "xx", "++")
_INNER = 0.1  # radius of the worst value of a petal, so that it can be seen

Rows = Sequence[int] | None


def petal(result: Result, ax: Axes | None = None, *, rows: Rows = None, legend: bool = True) -> Axes:
    """Draw a few points as petals: a sector an objective, the longer the better.

    A sector reaches the outer ring at the best value that the answer has of the objective, and ends near the
    middle at the worst. The rows' numbers stand below.

    Args:
        result: of two objectives or more.
        ax: where to draw; None makes a figure.
        rows: rows of the answer, at most 24; by default up to six far from each other, beginning with the
            one nearest to the ideal point.
        legend: whether to name the objectives.

    Raises:
        OptionError: for rows that the answer does not have, too many of them, and fewer than two objectives.
    """
    _several(result, "a petal diagram")
    chosen = chosen_rows(result, rows, _PETALS)
    _few(chosen, _MOST_PETALS, "a petal diagram")
    columns = min(len(chosen), 3 if len(chosen) <= 9 else 6)
    lines = -(-len(chosen) // columns)
    axes = ax if ax is not None else new_figure(height=0.3 + 0.72 * lines / columns).add_subplot()
    names = axis_labels(result.problem)
    lengths = 1.0 - shares(result.F, *limits(result.F))
    for k, row in enumerate(chosen):
        _flower(axes, 2.5 * (k % columns), -2.75 * (k // columns), lengths[row], f"row {row}")
    for i, name in enumerate(names):
        axes.add_patch(Rectangle((0, 0), 0, 0, label=name, **_petal_look(i)))  # for the legend alone
    _blank(axes, (-1.25, 2.5 * columns - 1.25), (-2.75 * (lines - 1) - 1.6, 1.2))
    if ax is None:
        _title(axes, f"{shown(result.problem.title)}: a longer petal is better")
    finish_legend(axes, own=ax is None, legend=legend)
    return axes


def radar(
    results: Result | Mapping[str, Result],
    ax: Axes | None = None,
    *,
    rows: Rows | Mapping[str, Sequence[int]] = None,
    style: Mapping[str, Style] | None = None,
    legend: bool = True,
) -> Axes:
    """Draw a few points as polygons over a spoke an objective, the farther out the better.

    The outer end of a spoke is the best value and the centre the worst that any of the results has; both are
    written at the spoke, worst to best, in the user's sign.

    Args:
        results: one `Result`, or label -> `Result`, of three objectives or more.
        ax: where to draw; None makes a figure.
        rows: rows of the answer, or label -> rows; by default three far from each other, of several results
            the one nearest to the ideal point of each. At most eight polygons in all.
        style: colour of each label; by default from the order of the polygons.
        legend: whether to draw one.

    Raises:
        OptionError: without results, for results of different objectives, rows that do not exist, too many
            polygons, and fewer than three objectives.
    """
    labelled = {"": results} if isinstance(results, Result) else dict(results)
    statement = same_problem(labelled)
    _several(next(iter(labelled.values())), "a radar chart", at_least=3)
    polygons = _polygons(labelled, rows)
    _few(polygons, _MOST_POLYGONS, "a radar chart")
    F = np.concatenate([result.F for result in labelled.values()])
    low, high = limits(F)
    axes = ax if ax is not None else new_axes()
    _web(axes, axis_labels(statement), low, high, np.array(statement.sign))
    look = styles(name for name, _, _ in polygons)
    for name, label, f in polygons:
        chosen = style[label] if style is not None and label in style else look[name]
        _polygon(axes, 1.0 - shares(f, low, high), name, chosen)
    if ax is None:
        _title(axes, f"{shown(statement.title)}: farther out is better")
    finish_legend(axes, own=ax is None, legend=legend)
    return axes


def _several(result: Result, kind: str, at_least: int = 2) -> None:
    if len(result.problem.names) < at_least:
        raise OptionError(
            f"{kind} needs at least {at_least} objectives, this problem has {len(result.problem.names)}"
        )


def _few(chosen: Sequence[object], most: int, kind: str) -> None:
    if len(chosen) > most:
        raise OptionError(f"{kind} shows up to {most} points, got {len(chosen)}: give fewer rows")


def _title(ax: Axes, text: str) -> None:
    """Above the figure: axes of a fixed aspect may end well below its edge."""
    figure = ax.get_figure(root=True)
    if figure is not None:
        figure.suptitle(text, fontsize=11)


def _blank(ax: Axes, x: tuple[float, float], y: tuple[float, float]) -> None:
    ax.set_xlim(*x)
    ax.set_ylim(*y)
    ax.set_aspect("equal")
    ax.set_axis_off()


def _petal_look(i: int) -> dict[str, Any]:
    cycle = list(styles(map(str, range(8))).values())
    hatch = _HATCHES[(i // len(cycle)) % len(_HATCHES)]
    return {"facecolor": cycle[i % len(cycle)].color, "edgecolor": "white", "linewidth": 0.8, "hatch": hatch}


def _flower(ax: Axes, x: float, y: float, lengths: np.ndarray, name: str) -> None:
    for radius in (0.5, 1.0):
        ax.add_patch(Circle((x, y), _INNER + (1 - _INNER) * radius, fill=False, color="0.85", linewidth=0.7))
    width = 360.0 / len(lengths)
    for i, length in enumerate(lengths):
        start = 90.0 - (i + 1) * width
        reach = _INNER + (1 - _INNER) * float(length)
        ax.add_patch(Wedge((x, y), reach, start, start + width, **_petal_look(i)))
    ax.text(x, y - 1.12, name, ha="center", va="top", fontsize=8)


def _polygons(
    results: Mapping[str, Result], rows: Rows | Mapping[str, Sequence[int]]
) -> list[tuple[str, str, np.ndarray]]:
    """(name, label, F of the row) of each."""
    most = _POLYGONS if len(results) == 1 else 1
    found = []
    for label, result in results.items():
        asked = rows.get(label) if isinstance(rows, Mapping) else rows
        for row in chosen_rows(result, asked, most):
            name = f"{label}, row {row}" if label else f"row {row}"
            found.append((name, label, result.F[row]))
    return found


def _spokes(m: int) -> np.ndarray:
    """Directions (m, 2), the first one upwards, clockwise."""
    angle = np.pi / 2 - 2 * np.pi * np.arange(m) / m
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _web(ax: Axes, names: list[str], low: np.ndarray, high: np.ndarray, sign: np.ndarray) -> None:
    spokes = _spokes(len(names))
    for radius in (0.25, 0.5, 0.75, 1.0):
        ax.add_patch(Polygon(radius * spokes, fill=False, edgecolor="0.85", linewidth=0.7))
    for (x, y), name, best, worst in zip(spokes, names, low * sign, high * sign, strict=True):
        ax.plot([0, x], [0, y], color="0.75", linewidth=0.8, zorder=1)
        side = "center" if abs(x) < 0.1 else ("left" if x > 0 else "right")
        rise = "center" if abs(y) < 0.5 else ("bottom" if y > 0 else "top")
        span = abs(worst - best)
        text = f"{shortened(name, 22)}\n{number(worst, span)} → {number(best, span)}"
        ax.text(1.08 * x, 1.08 * y, text, ha=side, va=rise, fontsize=8)
    _blank(ax, (-1.95, 1.95), (-1.4, 1.4))  # room for the texts


def _polygon(ax: Axes, lengths: np.ndarray, name: str, style: Style) -> None:
    corners = lengths[:, None] * _spokes(len(lengths))
    closed = np.concatenate([corners, corners[:1]])
    ax.add_patch(Polygon(corners, facecolor=style.color, alpha=0.12, edgecolor="none"))
    ax.plot(*closed.T, color=style.color, marker=style.marker, markersize=4, linewidth=1.6, label=shown(name))
