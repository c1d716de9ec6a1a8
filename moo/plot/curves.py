"""How a figure of merit grows with what was spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from moo.errors import OptionError
from moo.plot.style import Style, frame, legend_below, legend_inside, new_axes, styles

_MARKS = 8  # markers along a curve


@dataclass(frozen=True)
class Band:
    """A curve over several runs: quartiles of a value at each cost, all (n,)."""

    cost: np.ndarray
    low: np.ndarray
    median: np.ndarray
    high: np.ndarray


def convergence(
    bands: Mapping[str, Band],
    ax: Axes | None = None,
    *,
    xlabel: str = "cost in F-equivalents",
    ylabel: str = "hypervolume",
    style: Mapping[str, Style] | None = None,
    legend: bool = True,
) -> Axes:
    """Draw medians as lines and the quartiles around them as bands, against cost.

    Args:
        bands: label -> `Band`; values hold from one cost to the next.
        ax: where to draw; None makes a figure.
        style: colour and marker of each label; by default from the order of ``bands``.
        legend: whether to draw one.

    Raises:
        OptionError: without bands.
    """
    if not bands:
        raise OptionError("there is nothing to draw: give at least one band")
    axes = ax if ax is not None else new_axes()
    look = style or styles(bands)
    for label, band in bands.items():
        _draw(axes, label, band, look[label])
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.set_xlim(left=0)
    frame(axes)
    if legend:
        legend_inside(axes) if ax is not None else legend_below(axes.get_figure(root=True), axes)  # type: ignore[arg-type]
    return axes


def _draw(ax: Axes, label: str, band: Band, style: Style) -> None:
    ax.fill_between(band.cost, band.low, band.high, step="post", color=style.color, alpha=0.18, linewidth=0)
    ax.plot(
        band.cost,
        band.median,
        drawstyle="steps-post",
        color=style.color,
        marker=style.marker,
        markevery=max(1, len(band.cost) // _MARKS),
        markersize=5,
        linewidth=1.5,
        label=label,
    )
