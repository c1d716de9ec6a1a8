"""Empirical attainment: what share of the runs reached how far, and where two optimizers differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import moocore
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from moo.errors import OptionError, unknown_name
from moo.plot.objectives import axis_labels, known_front, same_problem
from moo.plot.style import (
    FRONT_COLOR,
    Style,
    finish_legend,
    frame,
    legend_below,
    new_axes,
    new_figure,
    nothing,
    shown,
    styles,
)
from moo.result import Result

Runs: TypeAlias = Sequence[np.ndarray] | Sequence[Result]

_PAD = 0.05  # of the range of all points, shown around it
_RAMP = ("#fdd9b4", "#fdae6b", "#f2744c", "#c8382c", "#7a1620")  # steps of 20 %; white is no difference
_COLUMNS = 1500  # strips of a figure of differences, more than it has pixels
_MANY = 2000  # rectangles; from here on they are pixels in vector files
_SHADES = 0.22


class _Sets(NamedTuple):
    """Runs of one problem in minimised form: label -> sets (n, 2), a run each, with names and signs."""

    runs: dict[str, list[np.ndarray]]
    names: list[str]
    sign: np.ndarray
    known: np.ndarray | None


def attainment_surface(runs: Sequence[np.ndarray], level: float) -> np.ndarray:
    """The corners (k, 2) of the region that at least ``level`` % of the runs attain, by the first objective.

    Args:
        runs: a set (n, 2) of objective vectors a run, minimised; a run without points attains nothing.
        level: of the runs, in (0, 100].

    Returns:
        Mutually non-dominated corners; none where too few runs attain anything.

    Raises:
        OptionError: without runs, for a level out of its range, and for more than two objectives.

    Source:
        Fonseca, Guerreiro, López-Ibáñez, Paquete (2011), On the computation of the empirical attainment
        function, EMO 2011, section 2.
    """
    if not len(runs):
        raise OptionError("there is nothing to draw: give at least one run")
    _check_level(level)
    sets = [_clean(run, np.ones(2)) for run in runs]
    needed = int(np.ceil(round(level * len(sets) / 100, 9)))
    some = [points for points in sets if len(points)]
    if needed > len(some):
        return np.empty((0, 2))
    index = np.repeat(np.arange(len(some)), [len(points) for points in some])
    share = 100.0 * (needed - 0.5) / len(some)  # strictly between two counts: rounding cannot matter
    corners = moocore.eaf(np.concatenate(some), index, percentiles=[share])[:, :2]
    return np.asarray(corners[np.argsort(corners[:, 0])])


def attainment(
    runs: Mapping[str, Runs],
    ax: Axes | None = None,
    *,
    levels: Sequence[float] = (25, 50, 75),
    names: Sequence[str] = ("f1", "f2"),
    directions: Sequence[str] = ("min", "min"),
    style: Mapping[str, Style] | None = None,
    legend: bool = True,
) -> Axes:
    """Draw what share of the runs attained which region: the middle level a line, the outer ones a band.

    Above and to the right of the 50 % line (for two minimised objectives) lies what at least half of the
    runs weakly dominate. A run without feasible points counts as one that attained nothing.

    Args:
        runs: label -> runs, each a `Result` or an array (n, 2) of objective vectors in the user's signs.
        ax: where to draw; None makes a figure.
        levels: percentages of the runs in (0, 100], any number of them.
        names, directions: of the objectives where runs are arrays: "min" or "max" each.
        style: colour of each label; by default from the order of ``runs``.
        legend: whether to draw one.

    Raises:
        OptionError: without runs, for other than two objectives, unknown directions, and levels out of
            their range.

    Source:
        Grunert da Fonseca, Fonseca, Hall (2001), Inferential performance assessment of stochastic
        optimisers and the attainment function, EMO 2001.
    """
    sets = _gathered(runs, names, directions)
    shares = sorted(levels)
    if not shares:
        raise OptionError("levels=() is not accepted: give at least one percentage, for example 50")
    for level in shares:
        _check_level(level)
    axes = ax if ax is not None else new_axes()
    worst = _limit(axes, sets)
    frame(axes)
    if worst is None:
        nothing(axes, "no run has a feasible point")
        return axes
    if sets.known is not None:
        axes.scatter(sets.known[:, 0], sets.known[:, 1], s=7, color=FRONT_COLOR, linewidths=0, zorder=1)
        axes.plot([], [], color=FRONT_COLOR, linewidth=2.5, label="known front")
    look = style or styles(sets.runs)
    for label, of in sets.runs.items():
        _levels(axes, label, of, shares, sets.sign, worst, look[label])
    _explain(axes, shares)
    _name(axes, sets.names)
    finish_legend(axes, own=ax is None, legend=legend)
    return axes


def attainment_difference(
    a: Runs,
    b: Runs,
    *,
    labels: tuple[str, str] = ("A", "B"),
    names: Sequence[str] = ("f1", "f2"),
    directions: Sequence[str] = ("min", "min"),
) -> Figure:
    """Draw where the runs of one optimizer attain more than those of another, a panel for each of them.

    The colour is the difference of the shares of runs that attain a point, in steps of 20 %. Dashed is the
    panel's own median surface; solid are the best and the worst surface over all runs: what any of them
    attained, and what each of them did.

    Args:
        a, b: runs, each a `Result` or an array (n, 2) of objective vectors in the user's signs.
        labels: what to call them.
        names, directions: of the objectives where runs are arrays: "min" or "max" each.

    Raises:
        OptionError: without runs, for other than two objectives, and unknown directions.

    Source:
        López-Ibáñez, Paquete, Stützle (2010), Exploratory analysis of stochastic local search algorithms in
        biobjective optimization, section 9.3.
    """
    sets = _gathered({"a": a, "b": b}, names, directions)
    figure = new_figure(width=1.75)
    left = figure.add_subplot(1, 2, 1)
    right = figure.add_subplot(1, 2, 2, sharex=left, sharey=left)
    for ax, own, other, label in ((left, "a", "b", labels[0]), (right, "b", "a", labels[1])):
        ax.set_title(f"{shown(label, 36)} attains more", fontsize=11)
        worst = _limit(ax, sets)
        frame(ax)
        if worst is None:
            nothing(ax, "no run has a feasible point")
            continue
        _ahead(ax, sets.runs[own], sets.runs[other], sets.sign, worst)
        _outlines(ax, sets.runs[own], sets.runs[other], sets.sign, worst)
        _name(ax, sets.names)
    _scale(figure, [left, right])
    legend_below(figure, left)
    return figure


def _gathered(runs: Mapping[str, Runs], names: Sequence[str], directions: Sequence[str]) -> _Sets:
    if not runs or not all(len(of) for of in runs.values()):
        raise OptionError("there is nothing to draw: give at least one run of each label")
    results = {
        f"{label} {i}": r for label, of in runs.items() for i, r in enumerate(of) if isinstance(r, Result)
    }
    if results:
        statement = same_problem(results)
        names, sign, known = axis_labels(statement), np.array(statement.sign), known_front(statement)
    else:
        sign, known = _signs(directions), None
        names = [shown(n) if s > 0 else f"{shown(n)} (max)" for n, s in zip(names, sign, strict=False)]
    if len(names) != 2 or len(sign) != 2:
        raise OptionError(
            f"attainment surfaces are drawn of two objectives, got {len(names)}: compare by indicators"
        )
    return _Sets(
        {label: [_points(r, sign) for r in of] for label, of in runs.items()}, list(names), sign, known
    )


def _signs(directions: Sequence[str]) -> np.ndarray:
    for direction in directions:
        if direction not in ("min", "max"):
            raise OptionError(unknown_name("direction", str(direction), ("min", "max")))
    return np.array([1.0 if direction == "min" else -1.0 for direction in directions])


def _points(run: Result | np.ndarray, sign: np.ndarray) -> np.ndarray:
    if isinstance(run, Result):
        return _clean(run.F[run.CV <= 0], np.ones(2))
    return _clean(run, sign)


def _clean(points: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """Finite rows in minimised form."""
    array = np.asarray(points, dtype=float)
    if array.size == 0:
        return np.empty((0, 2))
    if array.ndim != 2 or array.shape[1] != 2:
        raise OptionError(f"a run is an array (n, 2) of two objectives, got shape {array.shape}")
    return np.asarray(array[np.isfinite(array).all(axis=1)] * sign)


def _check_level(level: float) -> None:
    if not 0 < level <= 100:
        raise OptionError(f"level {level!r} is not accepted: give percentages of the runs in (0, 100]")


def _limit(ax: Axes, sets: _Sets) -> np.ndarray | None:
    """Show all points and some room; the worst corner (2,) shown, minimised; None without any point."""
    some = [points for of in sets.runs.values() for points in of if len(points)]
    if not some:
        return None
    points = np.concatenate(some)
    best, worst = points.min(axis=0), points.max(axis=0)
    pad = _PAD * np.where(worst > best, worst - best, np.maximum(np.abs(worst), 1.0))
    ends = np.stack([best - pad, worst + pad]) * sets.sign
    ax.set_xlim(ends[:, 0].min(), ends[:, 0].max())
    ax.set_ylim(ends[:, 1].min(), ends[:, 1].max())
    return np.asarray(worst + pad)


def _name(ax: Axes, names: list[str]) -> None:
    ax.set_xlabel(names[0])
    ax.set_ylabel(names[1])


def _staircase(corners: np.ndarray, worst: np.ndarray) -> np.ndarray:
    """The edge (k, 2) of what the corners (by the first objective) dominate, up to the worst corner."""
    if len(corners) == 0:
        return np.empty((0, 2))
    x, y = corners.T
    across = np.append(np.repeat(x, 2), worst[0])
    return np.stack([across, np.repeat(np.append(worst[1], y), 2)[1:]], axis=1)


def _levels(
    ax: Axes,
    label: str,
    runs: list[np.ndarray],
    levels: list[float],
    sign: np.ndarray,
    worst: np.ndarray,
    style: Style,
) -> None:
    edges = [_staircase(attainment_surface(runs, level), worst) for level in levels]
    middle = (len(levels) - 1) // 2
    for i in range(middle):  # bands within bands
        inner, outer = edges[i], edges[-1 - i]
        if len(inner):
            back = outer[::-1] if len(outer) else worst[None]
            band = np.concatenate([inner, back]) * sign
            ax.fill(*band.T, color=style.color, alpha=_SHADES, linewidth=0, zorder=2)
    count = f"{len(runs)} run{'s' if len(runs) > 1 else ''}"
    missing = "" if len(edges[middle]) else f", {levels[middle]:g} % not attained"
    name = f"{shown(label)} ({count}{missing})"
    ax.plot(*(edges[middle] * sign).T, color=style.color, linewidth=1.7, zorder=3, label=name)


def attainment_differences(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> np.ndarray:
    """Rectangles (k, 5) where two groups of runs attain differently: x0, y0, x1, y1 and by how much.

    The last column is the share of the runs ``a`` that attain the rectangle less that of ``b``, in [-1, 1].
    `moocore.eafdiff` gives the same for as many runs in ``a`` as in ``b``, which this does not need.

    Args:
        a, b: a set (n, 2) of objective vectors a run, minimised; empty for a run that attains nothing.

    Raises:
        OptionError: without runs, and for more than two objectives.
    """
    if not len(a) or not len(b):
        raise OptionError("there is nothing to compare: give at least one run of each")
    sets = [_clean(run, np.ones(2)) for run in (*a, *b)]
    x = np.unique(np.concatenate(sets)[:, 0])
    x = x[:: max(1, -(-len(x) // _COLUMNS))]
    y = np.stack([_reached(points, x) for points in sets])
    share = np.concatenate([np.full(len(a), 1.0 / len(a)), np.full(len(b), -1.0 / len(b))])
    order = np.argsort(y, axis=0)
    bottom, ahead = np.take_along_axis(y, order, axis=0), np.cumsum(share[order], axis=0)
    top = np.concatenate([bottom[1:], np.full((1, len(x)), np.inf)])
    left, right = np.broadcast_arrays(np.append(x, np.inf)[:-1], np.append(x, np.inf)[1:])
    columns = (np.broadcast_to(left, y.shape), bottom, np.broadcast_to(right, y.shape), top, ahead)
    flat = np.stack([column.ravel() for column in columns], axis=1)
    return np.asarray(flat[(flat[:, 1] < flat[:, 3]) & (np.abs(flat[:, 4]) > 1e-9)])


def _reached(points: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The least second objective among points that are no farther than each x; inf where there is none."""
    ordered = points[np.argsort(points[:, 0])]
    least = np.append(np.inf, np.minimum.accumulate(ordered[:, 1]))
    return np.asarray(least[np.searchsorted(ordered[:, 0], x, side="right")])


def _explain(ax: Axes, levels: list[float]) -> None:
    """What line and band are, in the legend."""
    middle = (len(levels) - 1) // 2
    band = f", band {levels[0]:g} to {levels[-1]:g} %" if len(levels) > 1 else ""
    look: dict[str, Any] = {"facecolor": "0.85", "edgecolor": "0.3", "linewidth": 1.2}
    ax.add_patch(Rectangle((0, 0), 0, 0, label=f"line {levels[middle]:g} %{band} of the runs", **look))


def _ahead(
    ax: Axes, own: list[np.ndarray], other: list[np.ndarray], sign: np.ndarray, worst: np.ndarray
) -> None:
    """Rectangles where ``own`` attains more, coloured by how much."""
    found = attainment_differences(own, other)
    found = found[found[:, 4] > 0]
    if len(found) == 0:
        ax.text(
            0.5, 0.5, "nowhere", transform=ax.transAxes, ha="center", va="center", color="0.4", fontsize=10
        )
        return
    x = np.clip(found[:, [0, 2]], None, worst[0]) * sign[0]
    y = np.clip(found[:, [1, 3]], None, worst[1]) * sign[1]
    corners = np.stack([x[:, [0, 1, 1, 0]], y[:, [0, 0, 1, 1]]], axis=2)
    shades = np.array(_RAMP)[np.ceil(found[:, 4] * len(_RAMP) - 1e-9).astype(int) - 1].tolist()
    many = len(corners) > _MANY
    ax.add_collection(
        PolyCollection(corners, facecolors=shades, edgecolors=shades, linewidths=0.3, rasterized=many),  # type: ignore[arg-type]
        autolim=False,
    )


def _outlines(
    ax: Axes, own: list[np.ndarray], other: list[np.ndarray], sign: np.ndarray, worst: np.ndarray
) -> None:
    everything = [*own, *other]
    lines = (
        (own, 50.0, "--", 1.4, "median of its runs"),
        (everything, 100.0 / len(everything), "-", 0.9, "best and worst over all runs"),
        (everything, 100.0, "-", 0.9, None),
    )
    for runs, level, dash, width, label in lines:
        edge = _staircase(attainment_surface(runs, level), worst) * sign
        ax.plot(*edge.T, color="0.2", linestyle=dash, linewidth=width, zorder=3, label=label)


def _scale(figure: Figure, axes: list[Axes]) -> None:
    bounds = np.linspace(0, 100, len(_RAMP) + 1)
    norm = BoundaryNorm(bounds, len(_RAMP))
    bar = figure.colorbar(ScalarMappable(norm, ListedColormap(_RAMP)), ax=axes, ticks=bounds, aspect=25)
    bar.set_label("difference in runs that attain it, %", fontsize=9)
    bar.ax.tick_params(labelsize=8)
