"""Parallel coordinates: answers of any number of objectives, a line a point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from moo.errors import OptionError
from moo.plot.objectives import axis_labels, depths, finite, known_front, limits, number, same_problem, shares
from moo.plot.style import FRONT_COLOR, Style, finish_legend, new_figure, shortened, shown, styles
from moo.result import Result, Statement

_FRONT_LINES = 60  # of a known front
_CROWDED = 40  # lines; more of them are fainter
_WIDE = 8  # objectives whose labels stand side by side; of more they stand on two levels


class Ranges(Artist):
    """Carries the least and greatest value of each axis (n_obj,), so that points can be added later."""

    def __init__(self, low: np.ndarray, high: np.ndarray) -> None:
        super().__init__()
        self.low = low
        self.high = high
        self.set_in_layout(False)


def parallel(
    results: Mapping[str, Result],
    ax: Axes | None = None,
    *,
    highlight: Sequence[int] = (),
    style: Mapping[str, Style] | None = None,
    legend: bool = True,
) -> Axes:
    """Draw answers in parallel coordinates: an axis an objective with its real values, a line a point.

    Every axis reaches from the least to the greatest value shown, in the user's sign; which way is better
    is written below. Infeasible points are dotted.

    Args:
        results: label -> `Result`, all of the same objectives.
        ax: where to draw; None makes a figure.
        highlight: rows of the first result that stand out, the others fade.
        style: colour of each label; by default from the order of ``results``.
        legend: whether to draw one.

    Raises:
        OptionError: without results, for results of different objectives, for one objective, and for rows
            that the first result does not have.

    Source:
        Inselberg (1985), The plane with parallel coordinates, The Visual Computer 1.
    """
    statement = same_problem(results)
    if len(statement.names) < 2:
        raise OptionError("parallel coordinates need at least two objectives, this problem has one")
    rows = _rows(next(iter(results.values())), highlight)
    axes = ax if ax is not None else wide_axes(len(statement.names))
    look = style or styles(results)
    draw_parallel(axes, statement, results, look, faint=bool(rows))
    if rows:
        first, result = next(iter(results.items()))
        add_lines(axes, result.values[rows], color=look[first].color, linewidth=2.2, zorder=4)
    if ax is None:
        axes.set_title(shown(statement.title), fontsize=11)
    finish_legend(axes, own=ax is None, legend=legend)
    return axes


def wide_axes(n_obj: int) -> Axes:
    """Axes of a new figure, wider for more than ten objectives."""
    return new_figure(width=max(1.0, n_obj / 10)).add_subplot()


def draw_parallel(
    ax: Axes,
    statement: Statement,
    results: Mapping[str, Result],
    style: Mapping[str, Style],
    *,
    faint: bool = False,
    over: Ranges | None = None,
) -> None:
    """Axes with the known front and the answers; ``over`` which ranges, by default of all that is drawn."""
    known = known_front(statement)
    if over is None:
        over = Ranges(*limits(_all_values(results, known)))
    ax.add_artist(over)
    if known is not None:
        thinned = known[:: -(-len(known) // _FRONT_LINES)]
        add_lines(ax, thinned, label="known front", color=FRONT_COLOR, alpha=0.5, linewidth=0.7, zorder=1)
    depth = depths(results)
    for label, result in results.items():
        for name, lines, dash in _by_feasibility(label, result):
            alpha = (0.3 if faint else 0.75) * (min(1.0, _CROWDED / max(len(lines), 1)) ** 0.75)
            look = {"color": style[label].color, "alpha": max(alpha, 0.02), "linestyle": dash}
            add_lines(ax, lines, label=name, linewidth=1.0, zorder=depth[label], **look)
    _axes_of(ax, axis_labels(statement), over.low, over.high, statement.sign)


def _all_values(results: Mapping[str, Result], known: np.ndarray | None) -> np.ndarray:
    return np.concatenate([r.values for r in results.values()] + ([] if known is None else [known]))


def add_lines(
    ax: Axes, values: np.ndarray, *, label: str | None = None, **look: Any
) -> LineCollection | None:
    """Points (n, n_obj) with the user's signs, each a line through axes that `draw_parallel` has made."""
    scale = ranges(ax)
    if scale is None or len(values) == 0:
        return None
    y = shares(values, scale.low, scale.high)
    x = np.broadcast_to(np.arange(y.shape[1], dtype=float), y.shape)
    lines = LineCollection(list(np.stack([x, y], axis=2)), **look)
    ax.add_collection(lines, autolim=False)
    if label is not None:
        own = {key: look[key] for key in ("color", "linestyle") if key in look}
        ax.plot([], [], label=label, linewidth=1.5, **own)
    return lines


def ranges(ax: Axes) -> Ranges | None:
    """What `draw_parallel` left on the axes; None on other axes."""
    return next((child for child in ax.get_children() if isinstance(child, Ranges)), None)


def _rows(result: Result, highlight: Sequence[int]) -> list[int]:
    for row in highlight:
        if not 0 <= row < len(result.F):
            raise OptionError(
                f"highlight={list(highlight)} is not accepted: the first result has {len(result.F)} rows, "
                "counted from 0"
            )
    return [row for row in highlight if np.isfinite(result.F[row]).all()]


def _by_feasibility(label: str, result: Result) -> Iterator[tuple[str, np.ndarray, str]]:
    sound, feasible = finite(result.values), result.CV <= 0
    yield shown(label), result.values[sound & feasible], "-"
    if (sound & ~feasible).any():
        yield f"{shown(label)} (infeasible)", result.values[sound & ~feasible], ":"


def _axes_of(ax: Axes, names: list[str], low: np.ndarray, high: np.ndarray, sign: list[float]) -> None:
    """Vertical axes with the least value at their foot, the greatest at their head, the name below."""
    m = len(names)
    size = 8 if m <= _WIDE else 7
    for i, (lo, hi) in enumerate(zip(low, high, strict=True)):
        ax.plot([i, i], [0, 1], color="0.55", linewidth=0.8, zorder=3)
        foot, head = _ends(lo, hi)
        away = 0.02 + (0.045 if m > _WIDE and i % 2 else 0.0)
        ax.text(i, -away, foot, ha="center", va="top", fontsize=size, color="0.3")
        ax.text(i, 1 + away, head, ha="center", va="bottom", fontsize=size, color="0.3")
    mixed = len(set(sign)) > 1
    width = max(6, 54 // m) * (1 if m <= _WIDE else 2)
    labels = [_short(name, width) + _arrow(s, mixed=mixed) for name, s in zip(names, sign, strict=True)]
    if not mixed:
        ax.set_xlabel(f"{'lower' if sign[0] > 0 else 'higher'} is better on every axis", fontsize=9)
    ax.set_xticks(range(m), labels, fontsize=size)
    for lower in ax.get_xticklabels()[1::2] if m > _WIDE else ():
        lower.set_y(-0.08 if mixed else -0.05)
    ax.set_yticks([])
    ax.tick_params(axis="x", length=0, pad=4)
    ax.set_xlim(-0.3, m - 0.7)
    ax.set_ylim(-0.1, 1.1)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _arrow(sign: float, *, mixed: bool) -> str:
    """Which way is better, where that is not the same on every axis."""
    return f"\nbetter {'↓' if sign > 0 else '↑'}" if mixed else ""


def _ends(low: float, high: float) -> tuple[str, str]:
    span = high - low
    return (number(low, span), number(high, span)) if span > 0 else ("constant", f"{low:.3g}")


def _short(name: str, width: int) -> str:
    return name if len(name) <= width + 6 else shortened(name, width)
