"""What corrupted data do to trained models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from moo.errors import OptionError, unknown_name
from moo.plot.curves import Band
from moo.plot.style import Style, finish_legend, frame, new_axes, shown, styles

if TYPE_CHECKING:
    import pandas as pd

_OTHER = ("level", "model")  # columns of `robustness_curve` that are no figures
_WHAT = {
    "models": "median and quartiles of {n} models",
    "model": "one model",
    "seeds": "mean and 95 % interval, {n} seeds",
    "seed": "one seed",
}


def robustness(
    frames: pd.DataFrame | Mapping[str, pd.DataFrame],
    ax: Axes | None = None,
    *,
    figure: str | None = None,
    xlabel: str = "severity of the corruption",
    style: Mapping[str, Style] | None = None,
    legend: bool = True,
) -> Axes:
    """Draw a metric or loss against the severity of a corruption: a line and a band a corruption.

    Of `moo.multimodal.robustness_curve` the line is the median of the models and the band their quartiles;
    of `moo.multimodal.retrained_curve` they are the mean over the seeds and its 95 % interval.

    Args:
        frames: label -> what one of the two functions returned, one a corruption or modality; or a single
            frame.
        ax: where to draw; None makes a figure.
        figure: the metric or loss. Without it, one frame shows all figures of its last kind, such as "fused
            accuracy", "image accuracy" and "text accuracy"; of several frames it is the first of these.
        xlabel: what the levels are, for example "noise on the images, standard deviations".
        style: colour and marker of each line; by default from their order.
        legend: whether to draw one.

    Raises:
        OptionError: without rows, for an unknown figure, and for frames of other columns.
    """
    labelled = frames if isinstance(frames, Mapping) else {"": frames}
    lines, ylabel, what = _lines(labelled, figure)
    axes = ax if ax is not None else new_axes()
    look = style or styles(lines)
    for label, band in lines.items():
        _draw(axes, label, band, look[label])
    axes.set_xlabel(shown(xlabel))
    axes.set_ylabel(shown(ylabel))
    axes.set_title(what, fontsize=10)
    frame(axes)
    finish_legend(axes, own=ax is None, legend=legend)
    return axes


def _lines(frames: Mapping[str, pd.DataFrame], figure: str | None) -> tuple[dict[str, Band], str, str]:
    """label -> band, the name of the vertical axis, and what line and band are."""
    if not frames or any(len(table) == 0 for table in frames.values()):
        raise OptionError("there is nothing to draw: give at least one frame with rows")
    if not all("level" in getattr(table, "columns", ()) for table in frames.values()):
        raise OptionError(
            "a frame has no column 'level': give what robustness_curve or retrained_curve returned"
        )
    first = next(iter(frames.values()))
    known = _figures(first)
    if figure is not None and figure not in known:
        raise OptionError(unknown_name("figure", figure, known))
    chosen = [figure] if figure is not None else _of_one_kind(known)
    if len(frames) > 1:
        chosen = chosen[:1]
    lines = {}
    for label, table in frames.items():
        for name in chosen:
            if name not in _figures(table):
                raise OptionError(f"the frame {label!r} has no figure {name!r}: {', '.join(_figures(table))}")
            lines[label if len(frames) > 1 else name] = _band(table, name)
    ylabel = chosen[0] if len(chosen) == 1 else chosen[0].rpartition(" ")[2]
    return lines, ylabel, _what(first)


def _figures(frame: pd.DataFrame) -> list[str]:
    if "figure" in frame.columns:
        return list(dict.fromkeys(frame["figure"]))
    return [str(column) for column in frame.columns if column not in _OTHER]


def _of_one_kind(names: list[str]) -> list[str]:
    """All names that end in the word which the last one ends in."""
    if not names:
        raise OptionError("the frame has no figures: give what robustness_curve or retrained_curve returned")
    kind = names[-1].rpartition(" ")[2]
    return [name for name in names if name.rpartition(" ")[2] == kind]


def _band(frame: pd.DataFrame, name: str) -> Band:
    if "figure" in frame.columns:
        of = frame[frame["figure"] == name].sort_values("level")
        low, middle, high = (of[column].to_numpy(dtype=float) for column in ("low", "mean", "high"))
        return Band(of["level"].to_numpy(dtype=float), low, middle, high)
    levels = np.unique(frame["level"].to_numpy(dtype=float))
    values = [frame.loc[frame["level"] == level, name].to_numpy(dtype=float) for level in levels]
    low, middle, high = np.array([_quartiles(v[np.isfinite(v)]) for v in values]).T
    return Band(levels, low, middle, high)


def _quartiles(values: np.ndarray) -> np.ndarray:
    return np.percentile(values, [25, 50, 75]) if len(values) else np.full(3, np.nan)


def _what(frame: pd.DataFrame) -> str:
    if "figure" in frame.columns:
        n, kind = int(frame["n"].max()), "seed"
    else:
        n, kind = int(frame["model"].nunique()) if "model" in frame.columns else 1, "model"
    return _WHAT[kind if n == 1 else f"{kind}s"].format(n=n)


def _draw(ax: Axes, label: str, band: Band, style: Style) -> None:
    if (band.low < band.high).any():
        ax.fill_between(band.cost, band.low, band.high, color=style.color, alpha=0.18, linewidth=0)
    line: dict[str, Any] = {"color": style.color, "marker": style.marker, "markersize": 5, "linewidth": 1.5}
    ax.plot(band.cost, band.median, label=shown(label), **line)
