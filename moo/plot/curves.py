"""How a figure of merit grows with what was spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes

from moo.errors import OptionError
from moo.plot.style import Style, finish_legend, frame, new_axes, shown, styles

_MARKS = 8  # markers along a curve
_DECADES = 1e-9  # of the greatest cost; what costs less stands at the left end


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
    finish_legend(axes, own=ax is None, legend=legend)
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
        label=shown(label),
    )


Runtimes: TypeAlias = (
    tuple[np.ndarray, np.ndarray] | tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]
)


def ecdf(
    curves: Mapping[str, Runtimes],
    ax: Axes | None = None,
    *,
    vjp_cost: float = 2.0,
    budget: float | None = None,
    style: Mapping[str, Style] | None = None,
    legend: bool = True,
) -> Axes:
    """Draw what share of all (problem, target) pairs is reached within what cost, on a logarithmic axis.

    Args:
        curves: label -> (costs, shares), (n,) each: the share in [0, 1] holds from its cost to the next one;
            with a third entry (low, high), (n,) each, for a band, such as of a bootstrap. Costs of zero are
            drawn at the left end.
        ax: where to draw; None makes a figure.
        vjp_cost: c of the F-equivalents n_f + c n_vjp, for the axis label.
        budget: where the runs ended: beyond it there is only what restarts are estimated to reach.
        style: colour and marker of each label; by default from the order of ``curves``.
        legend: whether to draw one.

    Raises:
        OptionError: without curves, for arrays of different lengths, shares outside [0, 1] and falling
            shares or costs.

    Source:
        Hansen, Auger, Brockhoff, Tušar (2022), Anytime performance assessment in blackbox optimization
        benchmarking, IEEE TEVC 26.
    """
    if not curves:
        raise OptionError("there is nothing to draw: give at least one curve")
    checked = {label: _runtimes(label, curve) for label, curve in curves.items()}
    axes = ax if ax is not None else new_axes()
    left, right = _cost_range(checked, budget)
    look = style or styles(curves)
    for label, curve in checked.items():
        _steps(axes, label, curve, look[label], left, right)
    if budget is not None:
        axes.axvline(budget, color="0.45", linewidth=1.0, linestyle=":", label="budget of a run")
    axes.set_xscale("log")
    axes.set_xlim(left, right)
    axes.set_ylim(0.0, 1.0)
    axes.set_xlabel(f"cost in F-equivalents (n_f + {vjp_cost:g} n_vjp)")
    axes.set_ylabel("share of (problem, target) pairs reached")
    frame(axes)
    finish_legend(axes, own=ax is None, legend=legend)
    return axes


def _runtimes(label: str, curve: Runtimes) -> Band:
    given = [np.asarray(part, dtype=float) for part in curve[:2]]
    cost, share = given
    low, high = (np.asarray(part, dtype=float) for part in curve[2]) if len(curve) > 2 else (share, share)
    if len({part.shape for part in (cost, share, low, high)}) > 1 or cost.ndim != 1:
        raise OptionError(f"the curve {label!r} is not accepted: give arrays (n,) of one length")
    sound = all((np.isfinite(part) & (part >= 0) & (part <= 1)).all() for part in (share, low, high))
    rising = np.isfinite(cost).all() and (np.diff(cost) >= 0).all() and (np.diff(share) >= 0).all()
    if not (sound and rising and (cost >= 0).all()):
        raise OptionError(
            f"the curve {label!r} is not accepted: give costs and shares that never fall, shares in [0, 1]"
        )
    return Band(cost, low, share, high)


def _cost_range(curves: Mapping[str, Band], budget: float | None) -> tuple[float, float]:
    """From the least to the greatest positive cost shown, with some room at the right."""
    costs = np.concatenate([curve.cost for curve in curves.values()] + [[budget] if budget else []])
    positive = costs[costs > 0]
    if len(positive) == 0:
        return 1.0, 10.0
    left = max(positive.min(), positive.max() * _DECADES)
    return float(left), float(max(positive.max() * (positive.max() / left) ** 0.04, left * 1.5))


def _steps(ax: Axes, label: str, curve: Band, style: Style, left: float, right: float) -> None:
    """Steps from share 0 at the left end to the last share at the right end."""
    x = np.concatenate([[left], np.maximum(curve.cost, left), [right]])

    def held(values: np.ndarray) -> np.ndarray:
        return np.concatenate([[0.0], values, values[-1:] if len(values) else [0.0]])

    if (curve.low < curve.high).any():
        band: dict[str, Any] = {"step": "post", "color": style.color, "alpha": 0.18, "linewidth": 0}
        ax.fill_between(x, held(curve.low), held(curve.high), **band)
    line: dict[str, Any] = {"color": style.color, "marker": style.marker, "markersize": 5, "linewidth": 1.5}
    every = max(1, len(x) // _MARKS)
    ax.plot(
        x,
        held(curve.median),
        drawstyle="steps-post",
        markevery=(every // 2, every),
        label=shown(label),
        **line,
    )
