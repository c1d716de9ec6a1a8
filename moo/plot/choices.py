"""Chosen points in figures of answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.path import Path
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox
from mpl_toolkits.mplot3d.proj3d import proj_transform  # type: ignore[import-untyped]

from moo.errors import OptionError
from moo.plot.coordinates import Ranges, add_lines, ranges
from moo.plot.objectives import shares
from moo.plot.style import shown
from moo.result import Result

_STAR = 150.0  # area of a star, in square points
_INK = "#111111"
_REACH = (14, 26, 40, 56, 74, 94)  # points from a star to its label, nearest first
_ANGLES = np.deg2rad([45, 0, 90, -45, 135, 180, -90, -135, 20, 70, -20, 110])
_POINT = 150.0  # what a covered point counts
_OVERLAP = 50.0  # what a square pixel of two labels over each other counts
_CROSSING = 2000.0  # what a line through a label counts
_GAP = 13.0  # points between labels at the right of parallel coordinates


class Chosen(Protocol):
    """A decision: the rule's name, the row of the answer it chose, and the one it would have chosen next."""

    @property
    def rule(self) -> str: ...
    @property
    def row(self) -> int: ...
    @property
    def runner_up(self) -> int | None: ...


def mark(ax: Axes, result: Result, choices: Chosen | Iterable[Chosen]) -> Axes:
    """Mark chosen points: a star for each choice, a hollow one for its runner-up, labelled by the rule.

    Rules that agree share a star. Labels are placed where they cover neither stars nor each other.

    Args:
        ax: axes that `moo.plot.front` or `moo.plot.parallel` has drawn on.
        result: the answer that the rows belong to.
        choices: of `moo.decision`, or anything with ``rule``, ``row`` and ``runner_up``.

    Returns:
        ``ax``.

    Raises:
        OptionError: for rows that the answer does not have, and axes of another number of objectives.
    """
    given = list(choices) if isinstance(choices, Iterable) else [choices]
    texts = _texts(result, given)
    if not texts:
        return ax
    m = len(result.problem.names)
    scale = ranges(ax)
    if scale is not None:
        _on_lines(ax, result, texts, scale)
    elif m == 3 and ax.name == "3d":
        _in_space(ax, result.values, texts)
    elif m == 2 and ax.name != "3d":
        _in_plane(ax, result.values, texts)
    else:
        raise OptionError(
            f"choices among {m} objectives cannot be marked on these axes: draw them with moo.plot.front or "
            "moo.plot.parallel first"
        )
    return ax


def _texts(result: Result, choices: Sequence[Chosen]) -> dict[int, tuple[str, bool]]:
    """row -> (label, whether it is a choice rather than only a runner-up), choices first."""
    first: dict[int, list[str]] = {}
    second: dict[int, list[str]] = {}
    for choice in choices:
        first.setdefault(_row(result, choice.row), []).append(shown(choice.rule, 30))
        if choice.runner_up is not None and choice.runner_up != choice.row:
            second.setdefault(_row(result, choice.runner_up), []).append(shown(choice.rule, 30))
    texts = {}
    for row in dict.fromkeys([*first, *second]):
        parts = [", ".join(dict.fromkeys(first[row]))] if row in first else []
        if row in second:
            parts.append("2nd by " + ", ".join(dict.fromkeys(second[row])))
        texts[row] = ("\n".join(parts), row in first)
    return texts


def _row(result: Result, row: int) -> int:
    if not 0 <= row < len(result.F):
        raise OptionError(f"row {row} is not in the answer: it has {len(result.F)} rows, counted from 0")
    if not np.isfinite(result.F[row]).all():
        raise OptionError(f"row {row} of the answer is not finite: it cannot be marked")
    return int(row)


def _look(*, chosen: bool) -> dict[str, Any]:
    face = {"facecolors": _INK, "edgecolors": "white", "linewidths": 0.8}
    hollow = {"facecolors": "white", "edgecolors": _INK, "linewidths": 1.1}
    return {"s": _STAR, "marker": "*", "zorder": 6 if chosen else 5, **(face if chosen else hollow)}


class _Label(Annotation):
    """A label beside a point in the plane or in space, with a thin line to it."""

    def __init__(self, text: str, point: np.ndarray, *, chosen: bool) -> None:
        super().__init__(
            text,
            (0.0, 0.0),
            xytext=(0.0, 0.0),
            textcoords="offset points",
            fontsize=8.5 if chosen else 7.5,
            color=_INK if chosen else "0.3",
            ha="center",
            va="center",
            zorder=7,
            annotation_clip=False,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
            arrowprops={"arrowstyle": "-", "color": "0.4", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 5},
        )
        self.point = point
        self.set_in_layout(False)

    def settle(self) -> None:
        """Follow the point; a view in space may have been turned."""
        if len(self.point) == 2:
            self.xy = (float(self.point[0]), float(self.point[1]))
        elif self.axes is not None:
            x, y, _ = proj_transform(*self.point, self.axes.get_proj())  # type: ignore[attr-defined]
            self.xy = (float(x), float(y))

    def draw(self, renderer: RendererBase) -> None:
        self.settle()
        super().draw(renderer)


def _in_plane(ax: Axes, values: np.ndarray, texts: dict[int, tuple[str, bool]]) -> None:
    for row, (_, chosen) in texts.items():
        ax.scatter(*values[row], **_look(chosen=chosen))
    _place(ax, values, texts)


def _in_space(ax: Any, values: np.ndarray, texts: dict[int, tuple[str, bool]]) -> None:
    ax.computed_zorder = False  # stars stand in front of the points about them
    for row, (_, chosen) in texts.items():
        ax.scatter(*values[row], depthshade=False, **_look(chosen=chosen))
    _place(ax, values, texts)


def _place(ax: Axes, values: np.ndarray, texts: dict[int, tuple[str, bool]]) -> None:
    """Labels as near to their stars as they fit, inside the axes where that is possible."""
    labels = []
    for row, (text, chosen) in texts.items():
        labels.append(_Label(text, values[row], chosen=chosen))
        ax.add_artist(labels[-1])
    figure = ax.get_figure(root=True)
    if figure is None:
        return
    figure.draw_without_rendering()  # the layout decides where points are
    for label in labels:
        label.settle()
    renderer = figure.canvas.get_renderer() if hasattr(figure.canvas, "get_renderer") else None
    stars = ax.transData.transform([label.xy for label in labels])
    half = figure.dpi / 72 * _STAR**0.5 / 2
    taken = [Bbox.from_extents(x - half, y - half, x + half, y + half) for x, y in stars]
    scene = _Scene(taken, [], _pixels(ax, values), ax.get_window_extent(renderer))
    for label in labels:
        _fit(label, scene, figure.dpi / 72, renderer)


def _pixels(ax: Axes, values: np.ndarray) -> np.ndarray:
    """Where all points of the answer are on the canvas (n, 2)."""
    sound = values[np.isfinite(values).all(axis=1)]
    if sound.shape[1] == 3:
        x, y, _ = proj_transform(*sound.T, ax.get_proj())  # type: ignore[attr-defined]
        sound = np.stack([x, y], axis=1)
    return np.asarray(ax.transData.transform(sound))


@dataclass
class _Scene:
    """What labels must keep clear of, in pixels: boxes, lines to labels, points, and the edge of the axes."""

    taken: list[Bbox]
    leaders: list[Path]
    points: np.ndarray
    inside: Bbox

    def cover(self, box: Bbox, leader: Path) -> float:
        """How bad a place is for a label; 0 where it covers nothing."""
        area = sum(_shared(box, other) for other in self.taken)
        area += box.width * box.height - _shared(box, self.inside)
        crossed = sum(line.intersects_bbox(box, filled=False) for line in self.leaders)
        crossed += sum(
            leader.intersects_bbox(other, filled=False)
            for other in self.taken[len(self.taken) - len(self.leaders) :]
        )
        hidden = np.count_nonzero(((self.points > box.min) & (self.points < box.max)).all(axis=1))
        return float(_OVERLAP * area + _CROSSING * crossed + _POINT * hidden)


def _fit(label: _Label, scene: _Scene, scale: float, renderer: RendererBase | None) -> None:
    """Move the label to the first place that is free; else to the one that covers least."""
    size = Annotation.get_window_extent(label, renderer)
    width, height = _text_size(label, renderer, size)
    x, y = label.axes.transData.transform(label.xy)  # type: ignore[union-attr]
    best: tuple[float, tuple[float, float], Bbox, Path] | None = None
    for reach, angle in product(_REACH, _ANGLES):
        dx = np.cos(angle) * (reach * scale + width / 2)
        dy = np.sin(angle) * (reach * scale + height / 2)
        box = Bbox.from_bounds(x + dx - width / 2, y + dy - height / 2, width, height)
        leader = Path([(x, y), (x + dx, y + dy)])
        cover = scene.cover(box, leader)
        if best is None or cover < best[0]:
            best = (cover, (dx / scale, dy / scale), box, leader)
        if cover == 0:
            break
    assert best is not None
    label.set_position(best[1])
    scene.taken.append(best[2])
    scene.leaders.append(best[3])


def _text_size(label: _Label, renderer: RendererBase | None, whole: Bbox) -> tuple[float, float]:
    patch = label.get_bbox_patch()
    box = patch.get_window_extent(renderer) if patch is not None else whole
    return float(box.width), float(box.height)


def _shared(a: Bbox, b: Bbox) -> float:
    """Area that two boxes share."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    return float(max(width, 0.0) * max(height, 0.0))


def _on_lines(ax: Axes, result: Result, texts: dict[int, tuple[str, bool]], scale: Ranges) -> None:
    """Bold lines with stars where they meet the axes, labelled at the right end."""
    rows = list(texts)
    y = shares(result.values[rows], scale.low, scale.high)
    if y.shape[1] != len(result.problem.names):
        raise OptionError("these axes show another number of objectives than the answer has")
    x = np.arange(y.shape[1])
    for row, heights in zip(rows, y, strict=True):
        chosen = texts[row][1]
        dash, width = ("-", 2.0) if chosen else ((0, (4, 2)), 1.3)
        add_lines(ax, result.values[[row]], color=_INK, linestyle=dash, linewidth=width, zorder=5)
        ax.scatter(x, heights, clip_on=False, **_look(chosen=chosen))
    figure = ax.get_figure(root=True)
    pixels = ax.get_window_extent().height / (ax.get_ylim()[1] - ax.get_ylim()[0])
    gap = _GAP * (figure.dpi if figure is not None else 72) / 72 / max(pixels, 1.0)
    lines = [texts[row][0].count("\n") + 1 for row in rows]
    for row, at, height in zip(rows, y[:, -1], _apart(y[:, -1], np.array(lines) * gap), strict=True):
        text, chosen = texts[row]
        end = float(x[-1])
        ax.annotate(
            text,
            (end, float(at)),
            (end + 0.12, float(height)),
            fontsize=8.5 if chosen else 7.5,
            color=_INK if chosen else "0.3",
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": "0.4", "linewidth": 0.7, "shrinkB": 6},
        )


def _apart(wanted: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Heights in the order of those wanted, of labels that need so much room each, near to them."""
    order = np.argsort(wanted, kind="stable")
    placed = np.empty(len(wanted))
    edge = -np.inf
    for i in order:
        placed[i] = max(wanted[i], edge + sizes[i] / 2)
        edge = placed[i] + sizes[i] / 2
    return np.asarray(placed - (placed - wanted).mean())
