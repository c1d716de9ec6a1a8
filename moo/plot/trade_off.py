"""Two losses of every model of a search, and the one that was chosen."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moo.errors import OptionError, unknown_name
from moo.plot.style import FRONT_COLOR, frame, legend_below, legend_inside, new_axes, new_figure, styles

if TYPE_CHECKING:
    from moo.multimodal.search import WeightSearch

_MOST_PANELS = 3
_BEYOND = 0.5  # of what the front spans is shown around it; a setting that nearly diverged is not


def trade_off(
    search: WeightSearch, x: str | None = None, y: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the settings of a search by two of their validation losses: all in grey, the front over all
    losses in colour, the chosen one as a star. Settings far beyond these are out of the picture.

    Args:
        search: what `moo.multimodal.search_weights` returned.
        x, y: names of losses; by default the first two.
        ax: where to draw; None makes a figure.

    Raises:
        OptionError: for unknown losses, and with a single one.
    """
    if len(search.names) < 2:
        raise OptionError("a trade-off is of two losses, this search has one")
    x, y = x or search.names[0], y or search.names[1]
    for name in (x, y):
        if name not in search.names:
            raise OptionError(unknown_name("loss", name, search.names))
    axes = new_axes() if ax is None else ax
    _draw(axes, search, x, y)
    if ax is None:
        legend_below(axes.get_figure(root=True), axes)  # type: ignore[arg-type]
    else:
        legend_inside(axes)
    return axes


def trade_offs(search: WeightSearch) -> Figure:
    """A figure with a panel for each pair of losses, the first three pairs of more, and one legend.

    Raises:
        OptionError: for a search of one loss.
    """
    pairs = list(combinations(search.names, 2))[:_MOST_PANELS]
    if not pairs:
        raise OptionError("a trade-off is of two losses, this search has one")
    figure = new_figure(width=max(1.0, 0.8 * len(pairs)))
    for k, (x, y) in enumerate(pairs):
        _draw(figure.add_subplot(1, len(pairs), k + 1), search, x, y)
    legend_below(figure, figure.axes[0])
    return figure


def _draw(ax: Axes, search: WeightSearch, x: str, y: str) -> None:
    columns = [f"validation {x}", f"validation {y}"]
    sound = search.settings[search.settings.ok]
    chosen_too = [] if search.chosen is None else [search.chosen]
    shown = search.settings.loc[[*search.front.index, *chosen_too]]
    limits = [_limits(shown[column].to_numpy(), sound[column].to_numpy()) for column in columns]
    front, chosen = styles(["front", "chosen"]).values()
    for rows, color, size, label in (
        (sound, FRONT_COLOR, 14, "every setting"),
        (search.front, front.color, 24, "front"),
    ):
        ax.scatter(rows[columns[0]], rows[columns[1]], size, color, linewidths=0, label=label)
    if search.chosen is not None:
        place = search.settings.loc[[search.chosen]]
        look: dict[str, Any] = {"marker": "*", "edgecolors": "white", "linewidths": 0.6, "zorder": 3}
        ax.scatter(place[columns[0]], place[columns[1]], 150, chosen.color, label="chosen", **look)
    ax.set_xlim(limits[0])
    ax.set_ylim(limits[1])
    ax.set_xlabel(f"validation {x}")
    ax.set_ylabel(f"validation {y}")
    frame(ax)


def _limits(shown: np.ndarray, all_values: np.ndarray) -> tuple[float, float]:
    """From the least to the largest of all values, but not far beyond those that must be shown."""
    if not len(shown):
        return (0.0, 1.0)
    span = _BEYOND * ((shown.max() - shown.min()) or abs(shown.max()) or 1.0)
    low, high = max(all_values.min(), shown.min() - span), min(all_values.max(), shown.max() + span)
    margin = 0.04 * ((high - low) or 1.0)
    return (float(low - margin), float(high + margin))
