"""Mean ranks of optimizers over problems, and which of them can be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import offset_copy

from moo.errors import OptionError, unknown_name
from moo.plot.style import frame, new_figure, shown, styles

Interval: TypeAlias = tuple[float, float, float]

_ROW = 1.0  # height of a line of the diagram
_BAR = 0.45  # height between bars
_LABEL = 26  # characters
_ABOVE = 30.0  # points from the axis to the bar of the critical difference


def critical_difference(
    ranks: Mapping[str, float],
    cd: float | None = None,
    cliques: Sequence[Sequence[str]] = (),
    ax: Axes | None = None,
    *,
    problems: int | None = None,
) -> Axes:
    """Draw mean ranks on an axis, best at the left, and join those that cannot be told apart by a bar.

    Args:
        ranks: label -> mean rank over the problems, 1 is best.
        cd: the critical difference, drawn as a bar above the axis; None where the test has none.
        cliques: groups of labels that the test does not tell apart, each of two or more.
        ax: where to draw; None makes a figure.
        problems: over how many problems the ranks are means, for the axis label.

    Raises:
        OptionError: without ranks, for ranks that are not finite or below 1, a negative ``cd``, and labels
            in cliques that have no rank.

    Source:
        Demšar (2006), Statistical comparisons of classifiers over multiple data sets, JMLR 7, figure 1; his
        axis runs the other way.
    """
    ordered = _checked(ranks, cd, cliques)
    bars = _bars([[ranks[label] for label in clique] for clique in cliques if len(clique) > 1])
    levels = 1 + max((level for _, _, level in bars), default=-1)
    left = ordered[: (len(ordered) + 1) // 2]
    right = ordered[len(left) :][::-1]
    height = 1.6 + _BAR * levels + _ROW * len(left)
    axes = ax if ax is not None else new_figure(1.3, 0.14 + 0.06 * height).add_subplot()
    low, high = _scale_of(ranks, cd)
    _axis(axes, low, high, problems)
    if cd is not None:
        _cd_bar(axes, low, cd)
    for a, b, level in bars:
        y = -0.35 - _BAR * level
        pad = 0.012 * (high - low)
        axes.plot([a - pad, b + pad], [y, y], color="0.15", linewidth=3.2, solid_capstyle="butt", zorder=3)
    begin = -0.35 - _BAR * levels
    for side, labels in (("left", left), ("right", right)):
        for i, label in enumerate(labels):
            _elbow(axes, label, ranks[label], begin - _ROW * (i + 0.4), side, low, high)
    axes.set_ylim(begin - _ROW * len(left), 0.0)
    return axes


def rank_intervals(
    ranks: Mapping[str, Interval], ax: Axes | None = None, *, problems: int | None = None, level: float = 95
) -> Axes:
    """Draw mean ranks with intervals, best on top: for fewer problems than a test of ranks needs.

    Args:
        ranks: label -> (mean rank, low, high), for example of a bootstrap over the problems.
        ax: where to draw; None makes a figure.
        problems: over how many problems, for the axis label.
        level: of the intervals, in percent, for the axis label.

    Raises:
        OptionError: without ranks, and for intervals that are not finite or do not hold their mean.
    """
    if not ranks:
        raise OptionError("there is nothing to draw: give at least one rank")
    for label, (mean, low, high) in ranks.items():
        if not (np.isfinite([mean, low, high]).all() and low <= mean <= high):
            raise OptionError(
                f"the rank of {label!r} is {(mean, low, high)}: give (mean, low, high), low <= mean <= high"
            )
    axes = ax if ax is not None else new_figure(height=min(2.0, 0.3 + 0.075 * len(ranks))).add_subplot()
    look = styles(ranks)
    ordered = sorted(ranks, key=lambda label: ranks[label][0])
    for y, label in enumerate(ordered):
        mean, low, high = ranks[label]
        color, marker = look[label]
        axes.plot([low, high], [y, y], color=color, linewidth=2.2, solid_capstyle="butt")
        axes.plot([mean], [y], color=color, marker=marker, markersize=6, linestyle="none")
        axes.annotate(
            f"{mean:.2f}", (mean, y), (0, 5), textcoords="offset points", ha="center", va="bottom", fontsize=8
        )
    axes.set_yticks(range(len(ordered)), [shown(label, _LABEL) for label in ordered])
    axes.set_ylim(len(ordered) - 0.4, -0.7)
    over = f" over {problems} problem{'s' if problems != 1 else ''}" if problems else ""
    axes.set_xlabel(f"mean rank{over}, 1 is best\n({level:g} % intervals)")
    axes.set_xlim(*_padded(ranks))
    axes.set_xticks(_ticks(axes.get_xlim()[1]))
    frame(axes)
    axes.grid(visible=False, axis="y")
    return axes


def _padded(ranks: Mapping[str, Interval]) -> tuple[float, float]:
    low, high = min(1.0, *(i[1] for i in ranks.values())), max(i[2] for i in ranks.values())
    margin = 0.06 * max(high - low, 0.5)
    return low - margin, high + margin


def _checked(ranks: Mapping[str, float], cd: float | None, cliques: Sequence[Sequence[str]]) -> list[str]:
    """The labels, best first."""
    if not ranks:
        raise OptionError("there is nothing to draw: give at least one rank")
    for label, rank in ranks.items():
        if not (np.isfinite(rank) and rank >= 1):
            raise OptionError(f"the rank of {label!r} is {rank}: give mean ranks, finite and at least 1")
    if cd is not None and not (np.isfinite(cd) and cd > 0):
        raise OptionError(f"cd={cd} is not accepted: give a positive critical difference, or None")
    for label in (label for clique in cliques for label in clique):
        if label not in ranks:
            raise OptionError(unknown_name("label", str(label), ranks))
    return sorted(ranks, key=lambda label: ranks[label])


def _bars(cliques: list[list[float]]) -> list[tuple[float, float, int]]:
    """(from, to, level) of each, overlapping ones on levels of their own."""
    ends: list[float] = []
    found = []
    for low, high in sorted((min(group), max(group)) for group in cliques):
        level = next((i for i, end in enumerate(ends) if end < low - 1e-9), len(ends))
        ends[level : level + 1] = [high]
        found.append((low, high, level))
    return found


def _ticks(high: float) -> np.ndarray:
    """Whole ranks from 1, not more than a dozen."""
    return np.arange(1, high + 1e-9, max(1, -(-int(high) // 12)))


def _scale_of(ranks: Mapping[str, float], cd: float | None) -> tuple[float, float]:
    low, high = 1.0, float(max(len(ranks), np.ceil(max(ranks.values())), 2))
    return low, max(high, low + (cd or 0.0))


def _axis(ax: Axes, low: float, high: float, problems: int | None) -> None:
    ax.set_xlim(low - 0.02 * (high - low), high + 0.02 * (high - low))
    ax.xaxis.tick_top()
    ax.set_xticks(_ticks(high))
    ax.spines["top"].set_position(("data", 0.0))
    ax.spines["top"].set_bounds(low, high)
    for side in ("left", "right", "bottom"):
        ax.spines[side].set_visible(False)
    ax.set_yticks([])
    ax.tick_params(axis="x", labelsize=9)
    over = f" over {problems} problems" if problems else ""
    ax.set_xlabel(f"mean rank{over}, best at the left", fontsize=10, labelpad=6)


def _cd_bar(ax: Axes, low: float, cd: float) -> None:
    figure = ax.get_figure(root=True)
    above = offset_copy(ax.transData, figure, y=_ABOVE, units="points")
    look: dict[str, Any] = {"color": "0.15", "transform": above, "clip_on": False}
    ax.plot([low, low + cd], [0, 0], marker="|", markersize=8, linewidth=1.6, **look)
    ax.text(low + cd, 0, f"  critical difference {cd:.2f}", transform=above, va="center", fontsize=8)


def _elbow(ax: Axes, label: str, rank: float, y: float, side: str, low: float, high: float) -> None:
    """A line from the rank on the axis down and out to its label."""
    out = low - 0.03 * (high - low) if side == "left" else high + 0.03 * (high - low)
    ax.plot([rank, rank, out], [0, y, y], color="0.45", linewidth=0.9, clip_on=False)
    text = f"{shown(label, _LABEL)}  {rank:.2f}" if side == "left" else f"{rank:.2f}  {shown(label, _LABEL)}"
    away = (-4, 0) if side == "left" else (4, 0)
    ax.annotate(
        text,
        (out, y),
        away,
        textcoords="offset points",
        ha="right" if side == "left" else "left",
        va="center",
        fontsize=9,
        annotation_clip=False,
    )
