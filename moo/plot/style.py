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
_LEGEND_LINES = 2  # that the size has room for
_LEGEND_LINE = 0.19  # inches


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


def shown(text: str, width: int = 60) -> str:
    """Any text so that matplotlib draws it as it stands, on one line of at most ``width`` characters.

    A dollar sign would begin a formula, and an artist whose label begins with an underscore is left out of
    legends; of a longer text the middle is left out.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split()) or "(no name)"
    if len(line) > width:
        line = f"{line[: width // 2]}…{line[-(width - width // 2 - 1) :]}"
    return (" " if line.startswith("_") else "") + line.replace("$", r"\$")


def shortened(text: str, width: int) -> str:
    """What `shown` has returned, on at most ``width`` characters."""
    return shown(text.replace(r"\$", "$"), width)


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
    """The legend of ``ax`` below everything the figure holds, in as many columns as fit.

    The figure grows by the lines of a long one, which would otherwise take the room of the axes.
    """
    handles, labels = ax.get_legend_handles_labels()
    if not handles:
        return
    width = figure.get_size_inches()[0] / _SIZE[0] * _LEGEND_WIDTH
    columns = max(1, min(len(labels), int(width // (max(map(len, labels)) + 6))))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False, fontsize=9)
    more = max(0, -(-len(labels) // columns) - _LEGEND_LINES)
    figure.set_size_inches(figure.get_figwidth(), figure.get_figheight() + _LEGEND_LINE * more)


def finish_legend(ax: Axes, *, own: bool, legend: bool) -> None:
    """The legend that was asked for: below a figure of our own, inside of somebody else's axes."""
    figure = ax.get_figure(root=True)
    if legend and own and figure is not None:
        legend_below(figure, ax)
    elif legend:
        legend_inside(ax)


def nothing(ax: Axes, why: str) -> None:
    """One sentence where there is nothing to draw."""
    ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", va="center", color="0.4", fontsize=10)
    ax.set_xticks([])
    ax.set_yticks([])


def legend_inside(ax: Axes) -> None:
    """A legend on axes that belong to somebody else's figure, whose layout is not ours to change."""
    if ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize=9, framealpha=0.9)
