"""Whether every text of a figure can be read, texts that are hard on matplotlib, and what was drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from moo.result import Result

NASTY = [
    "_hidden",
    "a$b",
    "x_1 $ y$",
    "$\\bad{",
    "a very long label " * 12,
    "",
    "tab\tnew\nline",
    "<b>&",
    "\\",
]
NASTY += ["$$", "^_{", "100 %"]


def figure_of(drawn: Axes | Figure) -> Figure:
    figure = drawn if isinstance(drawn, Figure) else drawn.get_figure(root=True)
    assert isinstance(figure, Figure)
    return figure


def texts_of(figure: Figure) -> Iterator[Text]:
    """Every text that a reader sees."""
    yield from figure.texts
    for legend in [*figure.legends, *(ax.get_legend() for ax in figure.axes)]:
        yield from [] if legend is None else legend.get_texts()
    for ax in figure.axes:
        yield from (ax.title, *ax.texts)
        if not ax.axison or ax.name == "3d":
            continue
        yield from (ax.xaxis.label, ax.yaxis.label)
        for axis, limits in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
            low, high = min(limits), max(limits)
            for tick in axis.get_major_ticks():
                if low - 1e-9 <= tick.get_loc() <= high + 1e-9:
                    yield from (label for label in (tick.label1, tick.label2) if label.get_visible())


def box_of(text: Text) -> Bbox:
    if isinstance(text, Annotation):  # without its line
        return Text.get_window_extent(text)
    return text.get_window_extent()


def legible(drawn: Axes | Figure) -> list[str]:
    """Draw; no text may overlap another one or leave the figure."""
    figure = figure_of(drawn)
    figure.set_dpi(100)
    FigureCanvasAgg(figure).draw()
    seen = [text for text in texts_of(figure) if text.get_visible() and text.get_text().strip()]
    boxes = [(text.get_text(), box_of(text)) for text in seen if not text.get_rotation() % 90]
    for (a, first), (b, second) in combinations(boxes, 2):
        width = min(first.x1, second.x1) - max(first.x0, second.x0)
        height = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert width <= 2 or height <= 2, f"{a!r} overlaps {b!r} by {width:.0f} x {height:.0f} pixels"
    for name, box in boxes:
        assert box.x0 >= -2, name
        assert box.y0 >= -2, name
        assert box.x1 <= figure.bbox.x1 + 2, name
        assert box.y1 <= figure.bbox.y1 + 2, name
    return [text.get_text() for text in seen]


def ordered(result: Result) -> Result:
    return rows_of(result, np.argsort(result.F[:, 0], kind="stable"))


def rows_of(result: Result, rows: Any) -> Result:
    return replace(result, **{name: getattr(result, name)[rows] for name in ("X", "F", "G", "H", "CV")})


def lines_of(ax: Axes) -> list[np.ndarray]:
    found = [c for c in ax.collections if isinstance(c, LineCollection)]
    return [np.array(c.get_segments()) for c in found]


def offsets(ax: Axes) -> list[np.ndarray]:
    return [np.asarray(c.get_offsets()) for c in ax.collections if len(c.get_offsets())]
