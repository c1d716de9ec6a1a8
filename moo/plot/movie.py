"""An animation of a run: the front as it moves."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from moo.errors import OptionError, StorageError
from moo.plot.coordinates import Ranges, add_lines, draw_parallel
from moo.plot.objectives import axis_labels, known_front
from moo.plot.style import FRONT_COLOR, frame, shown, styles
from moo.result import Result

_SIZE = (4.8, 4.2)  # inches
_DPI = 100
_COLORS = 64  # of a GIF
_LINES = 100  # points of parallel coordinates that are drawn in each frame
_HOLD = 2.0  # seconds for which the last frame stands
_VIEW = 2.5  # spans of the last front that are shown; early points beyond them are out of the picture
_FORMATS = (".gif", ".mp4")


def animate(result: Result, path: str | Path, *, seconds: float = 6.0, frames: int = 60) -> Path:
    """Write an animation of a run: its answer at each moment of the history, with what it had cost.

    Two objectives are a plane, three a space, one or more than three parallel coordinates. The view is that
    of the last front with some room; a known front is grey.

    Args:
        result: with a history.
        path: ends in ".gif" (loops for ever) or ".mp4" (needs the program ffmpeg).
        seconds: how long the run takes, in (0, 600]; its end then stands for two more.
        frames: at most so many of the history's moments, evenly spaced.

    Returns:
        The path written.

    Raises:
        OptionError: for another ending, a run without feasible points in its history, ".mp4" without ffmpeg,
            and numbers out of their range.
        StorageError: when the file cannot be written.
    """
    target = _target(path)
    if not 0 < seconds <= 600:
        raise OptionError(f"seconds={seconds} is not accepted: give a time in (0, 600]")
    if frames < 2:
        raise OptionError(f"frames={frames} is not accepted: give at least 2")
    moments = _moments(result, frames)
    scene = _Scene(result, [F for _, F in moments])
    pictures = (scene.picture(cost, F) for cost, F in moments)
    write = _gif if target.suffix.lower() == ".gif" else _mp4
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write(target, pictures, len(moments), seconds / len(moments))
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(f"{target} cannot be written: {error.strerror or error}") from error
    return target


def _target(path: str | Path) -> Path:
    target = Path(path)
    if target.suffix.lower() not in _FORMATS:
        raise OptionError(f"an animation ends in {' or '.join(_FORMATS)}, got {target.name!r}")
    if target.suffix.lower() == ".mp4" and shutil.which("ffmpeg") is None:
        raise OptionError(f"{target.name!r} needs the program ffmpeg, which is not installed: write a .gif")
    return target


def _moments(result: Result, most: int) -> list[tuple[float, np.ndarray]]:
    """(cost, F of the feasible answer), evenly spaced moments, the answer at the end last."""
    if len(result.problem.names) < 2:
        raise OptionError("an animation needs at least two objectives, this problem has one")
    found = list(zip(result.history.cost, result.history.fronts, strict=True))
    found.append((result.cost.total, result.F[result.CV <= 0]))
    sound = [(cost, F[np.isfinite(F).all(axis=1)]) for cost, F in found]
    if not any(len(F) for _, F in sound[:-1]):
        raise OptionError("this run has nothing to animate: its history has no feasible points")
    chosen = np.unique(np.linspace(0, len(sound) - 1, min(most, len(sound))).round().astype(int))
    return [sound[i] for i in chosen]


def _view(fronts: list[np.ndarray], known: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The least and greatest F that the picture shows, minimised: the last front, and some of the way."""
    some = [F for F in fronts if len(F)]
    last = np.concatenate([some[-1], *([] if known is None else [known])])
    low, high = last.min(axis=0), last.max(axis=0)
    span = np.where(high > low, high - low, np.maximum(np.abs(high), 1.0))
    seen = np.concatenate(some)
    top = np.minimum(np.maximum(seen.max(axis=0), high), low + _VIEW * span)
    bottom = np.maximum(np.minimum(seen.min(axis=0), low), high - _VIEW * span)
    return bottom, np.maximum(top, bottom + 1e-3 * span)


class _Scene:
    """A figure whose points move."""

    def __init__(self, result: Result, fronts: list[np.ndarray]) -> None:
        self.sign = np.array(result.problem.sign)
        self.unit = f"F-equivalents (n_f + {result.cost.vjp_cost:g} n_vjp)"
        self.moving: list[Any] = []
        self.figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
        self.canvas = FigureCanvasAgg(self.figure)
        self.n_obj = len(self.sign)
        self.ax: Any = self.figure.add_subplot(projection="3d" if self.n_obj == 3 else None)
        self.color = next(iter(styles(["run"]).values())).color
        known = None if result.problem.front is None else np.array(result.problem.front)
        ends = np.stack(_view(fronts, known)) * self.sign
        self.figure.suptitle(f"{shown(result.problem.title)}: {shown(result.optimizer_name)}", fontsize=11)
        if self.n_obj > 3:
            self._lines(result, ends)
        else:
            self._axes(result, ends)
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")  # nothing but the points moves

    def _axes(self, result: Result, ends: np.ndarray) -> None:
        known = known_front(result.problem)
        if known is not None:
            self.ax.scatter(*known.T, s=5, color=FRONT_COLOR, linewidths=0)
        pad = 0.05 * np.abs(ends[1] - ends[0])
        for i, (letter, name) in enumerate(zip("xyz", axis_labels(result.problem), strict=False)):
            low, high = ends[:, i].min() - pad[i], ends[:, i].max() + pad[i]
            self.ax.set(**{f"{letter}lim": (low, high), f"{letter}label": name})
        if self.n_obj == 3:
            self.ax.view_init(elev=25, azim=40)
        else:
            frame(self.ax)
        self.ax.set_title(" ", fontsize=9)

    def _lines(self, result: Result, ends: np.ndarray) -> None:
        still = Ranges(ends.min(axis=0), ends.max(axis=0))
        draw_parallel(self.ax, result.problem, {}, {}, over=still)
        self.ax.set_title(" ", fontsize=9, pad=14)

    def picture(self, cost: float, F: np.ndarray) -> np.ndarray:
        """The figure with these points, (height, width, 3) bytes."""
        for artist in self.moving:
            artist.remove()
        values = F * self.sign
        if self.n_obj > 3:
            thinned = values[:: max(1, -(-len(values) // _LINES))]
            plain: dict[str, Any] = {"linewidth": 0.7, "antialiased": False}  # smooth lines make large files
            line = add_lines(self.ax, thinned, color=self.color, zorder=3, **plain)
            self.moving = [] if line is None else [line]
        else:
            inside = self._inside(values)
            space = {"depthshade": False} if self.n_obj == 3 else {}
            shape = {"s": 18, "color": self.color, "edgecolors": "white", "linewidths": 0.4}
            self.moving = [self.ax.scatter(*values[inside].T, **shape, **space)]
        self.ax.title.set_text(f"{cost:,.0f} {self.unit}")
        self.canvas.draw()  # type: ignore[no-untyped-call]
        return np.asarray(self.canvas.buffer_rgba())[:, :, :3].copy()  # type: ignore[no-untyped-call]

    def _inside(self, values: np.ndarray) -> np.ndarray:
        """Which points are in the picture: axes in space do not cut off what is beyond them."""
        ends = [self.ax.get_xlim(), self.ax.get_ylim(), *([self.ax.get_zlim()] if self.n_obj == 3 else [])]
        low, high = np.array(ends).T
        return np.asarray(((values >= low) & (values <= high)).all(axis=1))


def _gif(path: Path, pictures: Iterator[np.ndarray], count: int, each: float) -> None:
    """One palette for all frames, so that only what changes takes room."""
    from PIL import Image

    shots = list(pictures)
    palette = _commonest(np.concatenate([shots[0], shots[-1]]))
    images = [Image.fromarray(_indexed(shot, palette)) for shot in shots]
    for image in images:
        image.putpalette(palette.tobytes())
    time = max(20, round(1000 * each))
    times = [time] * (count - 1) + [round(1000 * _HOLD)]
    images[0].save(path, save_all=True, append_images=images[1:], duration=times, loop=0, disposal=1)


def _commonest(picture: np.ndarray) -> np.ndarray:
    """The colours (k, 3) that most of the pixels have; white stays white."""
    colors, counts = np.unique(_packed(picture), return_counts=True)
    return _unpacked(colors[np.argsort(-counts, kind="stable")[:_COLORS]])


def _indexed(picture: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """The number of the nearest colour of the palette (height, width) of each pixel; an exact one keeps."""
    colors, place = np.unique(_packed(picture), return_inverse=True)
    apart = _unpacked(colors)[:, None].astype(int) - palette[None].astype(int)
    nearest = (apart**2).sum(axis=2).argmin(axis=1).astype(np.uint8)
    return np.asarray(nearest[place].reshape(picture.shape[:2]))


def _packed(picture: np.ndarray) -> np.ndarray:
    """Each pixel's colour as one number, flat."""
    red, green, blue = picture.reshape(-1, 3).astype(np.int32).T
    return np.asarray((red << 16) | (green << 8) | blue)


def _unpacked(colors: np.ndarray) -> np.ndarray:
    return np.stack([colors >> 16, (colors >> 8) & 255, colors & 255], axis=1).astype(np.uint8)


def _mp4(path: Path, pictures: Iterator[np.ndarray], count: int, each: float) -> None:
    """Frames as raw bytes to ffmpeg; H.264 in a form that every browser plays."""
    first = next(pictures)
    size = f"{first.shape[1]}x{first.shape[0]}"
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", f"{1 / each:.6g}", "-i", "-"]
    coded = ["-vf", f"tpad=stop_mode=clone:stop_duration={_HOLD:g}", "-pix_fmt", "yuv420p", "-r", "25"]
    command = ["ffmpeg", "-y", "-loglevel", "error", *raw, *coded, str(path.absolute())]
    frames = b"".join(picture.tobytes() for picture in (first, *pictures))
    done = subprocess.run(command, input=frames, capture_output=True, check=False)
    if done.returncode != 0:
        raise StorageError(
            f"ffmpeg could not write {path}: {done.stderr.decode(errors='replace').strip()[-300:]}"
        )
