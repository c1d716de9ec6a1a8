"""How the objectives' gradients stood to each other in the course of a run."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from moo.errors import OptionError
from moo.plot.style import frame, legend_below, new_figure, nothing, shown, styles
from moo.result import Result

_PAIRS = 6  # that are drawn one by one; of more their range and mean
_BEYOND = 1e6  # ratio of lengths; where a gradient has vanished it is larger, and out of the picture
_MARKS = 6  # markers along a curve


def gradient_conflict(result: Result) -> Figure:
    """Draw the gradients' diagnostics of a run against cost, in four panels.

    The cosine of each pair of gradients (of more than six pairs their range and mean), the share of rows
    where two gradients point apart, the longest gradient's length over the shortest's (up to a million:
    beyond it one has vanished), and the weights that the method gave them. Where gradients hardly ever
    conflict, a weighted sum does as well.

    Args:
        result: of a method that follows gradients.

    Raises:
        OptionError: for a run without diagnostics, such as of an evolutionary method.

    Source:
        Yu, Kumar, Gupta, Levine, Hausman, Finn (2020), Gradient surgery for multi-task learning, NeurIPS
        2020, definitions 1 and 2.
    """
    found = result.diagnostics
    if len(found.get("cost", ())) == 0:
        raise OptionError(
            f"the run of {result.optimizer_name} has no gradient diagnostics: it followed no gradients, or "
            "stopped before its first record"
        )
    figure = new_figure(width=1.7, height=1.35)
    panels = [figure.add_subplot(2, 2, k + 1) for k in range(4)]
    names = [shown(name, 24) for name in result.problem.names]
    _cosines(panels[0], found["cost"], found["cosine"], names)
    _share(panels[1], found["cost"], found["conflict"])
    _ratio(panels[2], found["cost"], found["norm_ratio"])
    _weights(panels[3], found["cost"], found["weights"], names)
    for ax in panels:
        frame(ax)
        ax.set_xlim(_around(found["cost"]))
        ax.xaxis.set_major_locator(MaxNLocator(5))
    for ax in panels[2:]:
        ax.set_xlabel(f"cost in F-equivalents (n_f + {result.cost.vjp_cost:g} n_vjp)", fontsize=9)
    figure.suptitle(f"{shown(result.problem.title)}: {shown(result.optimizer_name)}", fontsize=11)
    legend_below(figure, panels[3])
    return figure


def _around(cost: np.ndarray) -> tuple[float, float]:
    margin = 0.03 * float((cost.max() - cost.min()) or max(cost.max(), 1.0))
    return float(cost.min() - margin), float(cost.max() + margin)


def _cosines(ax: Axes, cost: np.ndarray, cosine: np.ndarray, names: list[str]) -> None:
    ax.set_title("cosine of gradients", fontsize=10)
    ax.set_ylim(-1.05, 1.05)
    pairs = list(combinations(range(len(names)), 2))
    curves = np.array([cosine[:, i, j] for i, j in pairs]).reshape(len(pairs), len(cost))
    if not np.isfinite(curves).any():
        nothing(ax, "not recorded" if pairs else "one objective")
        return
    ax.axhspan(-1.05, 0, color="0.95", zorder=0)
    ax.text(0.01, 0.02, "conflict", transform=ax.transAxes, va="bottom", fontsize=8, color="0.5", zorder=0)
    if len(pairs) == 1:
        ax.set_title(f"cosine of the gradients of {names[0]} and {names[1]}", fontsize=10)
        ax.plot(cost, curves[0], color="0.1", linewidth=1.6, marker=_mark(cost))
        return
    if len(pairs) <= _PAIRS:
        for k, ((i, j), look) in enumerate(zip(pairs, styles(map(str, pairs)).values(), strict=True)):
            text = f"{names[i]}, {names[j]}"
            ax.plot(cost, curves[k], color=look.color, linestyle=_dash(k), marker=_mark(cost), label=text)
    else:
        ax.fill_between(cost, curves.min(axis=0), curves.max(axis=0), color="0.8", label="range of all pairs")
        ax.plot(
            cost,
            curves.mean(axis=0),
            color="0.1",
            linewidth=1.6,
            marker=_mark(cost),
            label="mean of all pairs",
        )
    ax.legend(fontsize=7, framealpha=0.85, loc="upper right")


def _dash(k: int) -> tuple[int, tuple[int, ...]] | str:
    return ("-", "--", "-.", ":")[k % 4]


def _mark(cost: np.ndarray) -> str:
    """A single moment has no line, so it gets a point."""
    return "o" if len(cost) == 1 else ""


def _share(ax: Axes, cost: np.ndarray, conflict: np.ndarray) -> None:
    ax.set_title("share of rows where gradients conflict", fontsize=10)
    ax.set_ylim(-0.02, 1.02)
    if not np.isfinite(conflict).any():
        nothing(ax, "not recorded")
        return
    ax.plot(cost, conflict, color="0.1", linewidth=1.6, marker=_mark(cost))


def _ratio(ax: Axes, cost: np.ndarray, ratio: np.ndarray) -> None:
    ax.set_title("longest gradient over shortest, median", fontsize=10)
    known = np.where(np.isfinite(ratio), ratio, np.nan)
    if not np.isfinite(known).any():
        nothing(ax, "not recorded")
        return
    ax.plot(cost, known, color="0.1", linewidth=1.6, marker=_mark(cost))
    least, most = np.nanmin(known), np.nanmax(known)
    if least > 0 and most > 10 * least:
        ax.set_yscale("log")
        ax.set_ylim(top=min(2 * float(most), _BEYOND))
    else:
        ax.set_ylim(bottom=min(1.0, float(least)) * 0.95)


def _weights(ax: Axes, cost: np.ndarray, weights: np.ndarray, names: list[str]) -> None:
    ax.set_title("mean weight of each objective", fontsize=10)
    if not np.isfinite(weights).any():
        nothing(ax, "this method gives no weights")
    look = styles(map(str, range(len(names)))).values()
    for curve, name, (color, marker) in zip(weights.T, names, look, strict=True):
        every = max(1, len(cost) // _MARKS)
        ax.plot(cost, curve, color=color, marker=marker, markersize=4, markevery=every, label=name)
