"""A front as a table of colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.image import AxesImage

from moo.errors import OptionError, unknown_name
from moo.plot.objectives import axis_labels, drawable, goodness, limits, shares
from moo.plot.style import new_figure, nothing, shortened, shown
from moo.result import Result

_GAP = 0.35  # of a column, between objectives and variables
_NUMBERED = 30  # rows that are numbered one by one
_NAMED = 30  # columns that are named one by one


def heat_map(
    result: Result, ax: Axes | None = None, *, by: str | None = None, variables: bool = False
) -> Axes:
    """Draw the answer as a table: a row a point, a column an objective, the darker the better.

    Each objective is between the worst and the best value of the answer. Infeasible and non-finite rows are
    left out, infeasible ones only where there are feasible ones.

    Args:
        result: of any number of objectives.
        ax: where to draw; None makes a figure.
        by: the objective that orders the rows, best first; by default the first one.
        variables: also show the decision variables, each from the least to the greatest value of the
            answer, in grey, since none of their values is better.

    Raises:
        OptionError: for an unknown objective.
    """
    names = result.problem.names
    if by is not None and by not in names:
        raise OptionError(unknown_name("objective", by, names))
    columns = len(names) + (result.X.shape[1] if variables else 0)
    axes = ax if ax is not None else new_figure(width=min(2.0, max(1.0, columns / 12))).add_subplot()
    key = names.index(by) if by is not None else 0
    rows = drawable(result)
    rows = rows[np.argsort(result.F[rows, key], kind="stable")]
    if len(rows) == 0:
        nothing(axes, "the answer has no finite row")
        return axes
    _draw(axes, result, rows, variables=variables)
    axes.set_ylabel(f"points, ordered by {axis_labels(result.problem)[key]}")
    if ax is None:
        axes.set_title(shown(result.problem.title), fontsize=11)
    return axes


def _draw(ax: Axes, result: Result, rows: np.ndarray, *, variables: bool) -> None:
    m, n = len(result.problem.names), len(rows)
    bars = [_block(ax, goodness(result)[rows], 0.0, "viridis_r")]
    titles, ends = ["objectives"], [["worst", "best"]]
    places, names = [i + 0.5 for i in range(m)], axis_labels(result.problem)
    width = float(m)
    if variables:
        X = result.X[rows]
        d = X.shape[1]
        bars.append(_block(ax, shares(X, *limits(X)), m + _GAP, "Greys"))
        titles, ends = [*titles, "variables"], [*ends, ["least", "most"]]
        places += [m + _GAP + i + 0.5 for i in range(d)]
        names += [shown(name) for name in result.problem.var_names]
        width = m + _GAP + d
    ax.set_xlim(0, width)
    ax.set_ylim(n, 0)
    _ticks(ax, places, names, rows)
    figure = ax.get_figure()
    assert figure is not None
    for image, title, labels in zip(bars[::-1], titles[::-1], ends[::-1], strict=True):
        _bar(figure, ax, image, title, labels)


def _block(ax: Axes, shade: np.ndarray, left: float, colors: str) -> AxesImage:
    n, columns = shade.shape
    return ax.imshow(
        shade,
        cmap=colors,
        vmin=0,
        vmax=1,
        aspect="auto",
        interpolation="nearest",
        extent=(left, left + columns, n, 0),
    )


def _ticks(ax: Axes, places: list[float], names: list[str], rows: np.ndarray) -> None:
    step = -(-len(names) // _NAMED)
    many = sum(map(len, names)) > 40
    slant: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if many else {}
    short = [shortened(name, 24) for name in names]
    ax.set_xticks(places[::step], short[::step], fontsize=8 if len(names) <= 16 else 6.5, **slant)
    every = max(1, -(-len(rows) // _NUMBERED))
    ax.set_yticks(np.arange(0, len(rows), every) + 0.5, [str(row) for row in rows[::every]], fontsize=7)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _bar(figure: Figure | SubFigure, ax: Axes, image: AxesImage, title: str, ends: list[str]) -> None:
    bar = figure.colorbar(image, ax=ax, ticks=[0, 1], shrink=0.6, aspect=18, pad=0.02)
    bar.ax.set_yticklabels(ends, fontsize=8)
    bar.ax.set_ylabel(title, fontsize=8, labelpad=-8)
    bar.outline.set_visible(False)
