"""Chosen points in figures, and the animation of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from legibility import legible, offsets
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

import moo
from moo.errors import OptionError, StorageError
from moo.plot import animate, front, mark
from moo.plot.coordinates import ranges
from moo.plot.objectives import shares
from moo.result import Result


@dataclass(frozen=True)
class Decision:
    rule: str
    row: int
    runner_up: int | None = None


# ------------------------------------------------------------------ choices


CHOICES = [
    Decision("knee", 3, 5),
    Decision("TOPSIS", 3, 8),
    Decision("pseudo-weights", 8, 3),
    Decision("a bound", 11),
]


def stars(ax: Axes) -> list[Any]:
    return [c for c in ax.collections if c.get_zorder() in (5, 6) and len(c.get_offsets())]


def test_choices_are_stars_in_the_plane(plane: Result) -> None:
    ax = mark(front({"a": plane}), plane, CHOICES)
    drawn = {tuple(np.asarray(c.get_offsets())[0]) for c in stars(ax)}
    assert drawn == {tuple(plane.values[row]) for row in (3, 5, 8, 11)}
    hollow = [c for c in stars(ax) if c.get_facecolor()[0][:3].sum() == 3.0]
    assert [tuple(np.asarray(c.get_offsets())[0]) for c in hollow] == [tuple(plane.values[5])]
    texts = legible(ax)
    assert {"knee, TOPSIS\n2nd by pseudo-weights", "2nd by knee", "a bound"} <= set(texts)


def test_labels_keep_clear_of_each_other_even_at_one_place(plane: Result) -> None:
    close = replace(plane, F=plane.F[0] + 1e-3 * np.arange(len(plane.F))[:, None] * [1, -1])
    legible(mark(front({"a": close}), close, [Decision(f"rule number {i}", i) for i in range(8)]))


def test_choices_are_marked_in_space_and_follow_the_view(space: Result) -> None:
    ax: Any = mark(front({"a": space}), space, CHOICES)
    legible(ax)
    label = next(text for text in ax.texts if text.get_text() == "a bound")
    before = label.xy
    ax.view_init(elev=60, azim=200)
    FigureCanvasAgg(ax.figure).draw()
    assert label.xy != before


def test_choices_are_bold_lines_in_parallel_coordinates(many: Result) -> None:
    ax = mark(front({"a": many}), many, CHOICES)
    texts = legible(ax)
    assert "knee, TOPSIS\n2nd by pseudo-weights" in texts
    scale = ranges(ax)
    assert scale is not None
    heights = shares(many.values[[11]], scale.low, scale.high)[0]
    assert any(np.allclose(d[:, 1], heights) for d in offsets(ax) if len(d) == 6)


def test_one_choice_is_enough_and_none_is_nothing(plane: Result) -> None:
    ax = front({"a": plane})
    before = len(ax.collections)
    assert mark(ax, plane, []) is ax
    assert len(ax.collections) == before
    mark(ax, plane, Decision("$ knee_1", 0, 0))
    assert len(stars(ax)) == 1
    legible(ax)


def test_decisions_can_be_marked(plane: Result) -> None:
    decision = pytest.importorskip("moo.decision")
    choice = decision.topsis(plane)
    ax = mark(front({"a": plane}), plane, choice)
    assert tuple(plane.values[choice.row]) in {tuple(np.asarray(c.get_offsets())[0]) for c in stars(ax)}


def test_choices_on_other_axes_are_refused(plane: Result, space: Result) -> None:
    with pytest.raises(OptionError, match=r"moo\.plot\.front"):
        mark(front({"a": plane}), space, [Decision("knee", 0)])
    with pytest.raises(OptionError, match="not in the answer"):
        mark(front({"a": plane}), plane, [Decision("knee", 99)])


# ------------------------------------------------------------------ animation


@pytest.mark.parametrize("kind", ["plane", "space", "many"])
def test_an_animation_moves_loops_and_is_small(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    result: Result = request.getfixturevalue(kind)
    path = animate(result, tmp_path / "new" / "run.gif", seconds=2.0, frames=8)
    with Image.open(path) as film:
        assert film.n_frames == 8  # type: ignore[attr-defined]
        assert film.info["loop"] == 0
        first = np.asarray(film.convert("RGB"))
        film.seek(7)
        last = np.asarray(film.convert("RGB"))
        assert film.info["duration"] == 2000
    assert (first[0, 0] == 255).all()
    assert (first != last).any()
    assert path.stat().st_size < 300_000


def test_what_cannot_be_animated_is_refused(plane: Result, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"\.gif or \.mp4"):
        animate(plane, tmp_path / "run.avi")
    empty = replace(plane, history=moo.result.History())
    with pytest.raises(OptionError, match="nothing to animate"):
        animate(empty, tmp_path / "run.gif")
    for seconds in (0, -1, 1e4, float("nan")):
        with pytest.raises(OptionError, match="seconds"):
            animate(plane, tmp_path / "run.gif", seconds=seconds)
    with pytest.raises(OptionError, match="frames"):
        animate(plane, tmp_path / "run.gif", frames=1)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        animate(plane, tmp_path / "file" / "run.gif", frames=2)


def test_a_film_needs_ffmpeg(plane: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OptionError, match="ffmpeg, which is not installed"):
        animate(plane, tmp_path / "run.mp4")
    tool = tmp_path / "ffmpeg"
    tool.write_text('#!/bin/sh\nfor last; do :; done\n/bin/cat > "$last"\n')
    tool.chmod(0o755)
    path = animate(plane, tmp_path / "run.mp4", frames=3)
    assert path.stat().st_size == 3 * 480 * 420 * 3  # raw frames, all of them
    tool.write_text("#!/bin/sh\n/bin/cat > /dev/null\necho no codec >&2\nexit 1\n")
    with pytest.raises(StorageError, match="no codec"):
        animate(plane, tmp_path / "run.mp4", frames=3)
