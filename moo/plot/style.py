"""What all figures share: colours and markers that everybody can tell apart, sizes, legends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito (2008), distinguishable under all common colour blindness; yellow, faint on white, last.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
FRONT_COLOR = "0.62"
DPI = 200
_SIZE = (5.4, 4.6)  # inches, a legend below the axes included
_LEGEND_WIDTH = 64  # characters a row of a legend


class Style(NamedTuple):
    """How one optimizer looks in every figure."""

    color: str
    marker: str


def styles(labels: Iterable[str]) -> dict[str, Style]:
    """A colour and a marker for each label; from the ninth on colours repeat with other markers."""
    n = len(_COLORS)
    return {
        label: Style(_COLORS[i % n], _MARKERS[(i + i // n) % len(_MARKERS)]) for i, label in enumerate(labels)
    }


def new_figure(width: float = 1.0, height: float = 1.0) -> Figure:
    """A figure outside pyplot; width and height in units of a single one."""
    return Figure(figsize=(_SIZE[0] * width, _SIZE[1] * height), dpi=DPI, layout="constrained")


def new_axes(projection: str | None = None) -> Axes:
    return new_figure().add_subplot(projection=projection)


def frame(ax: Axes) -> None:
    """A light grid behind the data, and no box around it."""
    ax.grid(visible=True, color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def legend_below(figure: Figure, ax: Axes) -> None:
    """The legend of ``ax`` below everything the figure holds, in as many columns as fit."""
    handles, labels = ax.get_legend_handles_labels()
    if not handles:
        return
    width = figure.get_size_inches()[0] / _SIZE[0] * _LEGEND_WIDTH
    columns = max(1, min(len(labels), int(width // (max(map(len, labels)) + 6))))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False, fontsize=9)


def legend_inside(ax: Axes) -> None:
    """A legend on axes that belong to somebody else's figure, whose layout is not ours to change."""
    if ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize=9, framealpha=0.9)
