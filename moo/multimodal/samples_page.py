"""One self-contained page of samples to look at: what models say of pictures, draw of captions, and take
samples for."""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from moo.errors import MissingExtraError, ProblemError, StorageError
from moo.multimodal.classifier import FUSED
from moo.multimodal.data import Samples

if TYPE_CHECKING:
    from moo.multimodal.tasks.base import Task
    from moo.multimodal.tasks.classification import Classification
    from moo.multimodal.tasks.generation import Generation

_SHOWN = 64  # pixels a side on the page
_GENERATED = (
    "Left: a picture and its caption. Then, for each model, what it draws of the caption, and says of the "
    "picture."
)
_CLASSIFIED = "Left: a sample and its class. Then, for each model, the class it takes it for."
_STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem; color: #222; background: #fff }
table { border-collapse: collapse }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem; border-bottom: 1px solid #ddd }
td { max-width: 12rem; overflow-wrap: anywhere }
img { display: block; image-rendering: pixelated; border: 1px solid #ddd; margin-bottom: .2rem }
"""


@dataclass(frozen=True)
class Column:
    """What one model made of the samples.

    Attributes:
        title: which model it is.
        texts: what it says of each sample (n,): the caption of its picture, or its class.
        images: what it draws of each caption (n, size, size, 3), in [0, 1]; None where it draws nothing.
    """

    title: str
    texts: list[str]
    images: np.ndarray | None = None


def write_page(task: Generation, X: np.ndarray, file: Path, *, part: str, n: int) -> Path:
    """Write the page of n samples of a split for the models in the rows of X (k, n_var); the file's path.

    Raises:
        ProblemError: without a model, or for n below 1.
        StorageError: when the file cannot be written.
        MissingExtraError: without Pillow.
    """
    rows, some = _spread(task, X, part, n)
    columns = [
        Column(title, task.captions(X[i], some), task.images(X[i], some))
        for title, i in shown_models(task, X).items()
    ]
    written = [task.written(part)[i] for i in rows]
    return _write(file, page(f"{task.title}: {part} samples", written, _pictures(some), columns, _GENERATED))


def write_classes(task: Classification, X: np.ndarray, file: Path, *, part: str, n: int) -> Path:
    """The same for models that classify: which class each takes a sample for by all modalities together.

    Raises:
        ProblemError, StorageError, MissingExtraError: as `write_page`.
    """
    rows, some = _spread(task, X, part, n)
    columns = [Column(title, _classes(task, X[i], some)) for title, i in shown_models(task, X).items()]
    names, data = task.data.class_names, task.data
    said = data.texts or data.items or [f"row {i}" for i in range(len(data))]
    written = [
        f"{said[i]} ({names[label]})"
        for i, label in zip(data.split[part][rows].tolist(), some.labels.tolist(), strict=True)
    ]
    return _write(file, page(f"{task.title}: {part} samples", written, _pictures(some), columns, _CLASSIFIED))


def _spread(task: Task, X: np.ndarray, part: str, n: int) -> tuple[np.ndarray, Samples]:
    """n rows of a split, evenly spread over it, and what is there."""
    if len(X) == 0 or n < 1:
        raise ProblemError(f"a page of {n} samples of {len(X)} models is empty: give at least one of each")
    samples = task.data.part(part)
    rows = np.unique(np.linspace(0, len(samples) - 1, min(n, len(samples))).round().astype(int))
    return rows, samples.take(rows)


def _pictures(samples: Samples) -> np.ndarray | None:
    """(n, size, size, 3); None for samples without images."""
    images = samples.modalities.get("image")
    return None if images is None or images.ndim != 4 else images.permute(0, 2, 3, 1).cpu().numpy()


def _classes(task: Classification, x: np.ndarray, samples: Samples) -> list[str]:
    """What a model takes each sample for; a cross beside what is wrong."""
    there = samples.to(task.device)
    with torch.no_grad():
        output = task.module(x).eval()(present=there.present, **there.modalities)
    taken = output[FUSED].argmax(dim=-1)
    marks = ["" if right else " \N{BALLOT X}" for right in (taken == there.labels).tolist()]
    return [task.data.class_names[k] + mark for k, mark in zip(taken.tolist(), marks, strict=True)]


def shown_models(task: Task, X: np.ndarray) -> dict[str, int]:
    """The rows of X (k, n_var) worth a look, by what they are: the ends of the front, which have the
    lowest training losses, and the chosen one. One that is several of these is there once."""
    report = task.report(X)
    named = {f"best {name}": int(np.argmin(report[f"train {name}"])) for name in task.losses}
    titles: dict[int, list[str]] = {}
    for title, i in {**named, "chosen": task.chosen(X)}.items():
        titles.setdefault(i, []).append(title)
    return {", ".join(each): i for i, each in titles.items()}


def page(
    title: str, written: list[str], pictures: np.ndarray | None, columns: list[Column], explained: str
) -> str:
    """The page as HTML: a row a sample, all text escaped, all pictures inline.

    Args:
        title: of the page.
        written: what the samples are (n,).
        pictures: the samples' own images (n, size, size, 3), in [0, 1]; None for those that have none.
        columns: one a model.
        explained: what is in the table, in a sentence.
    """
    heads = "".join(f"<th>{html.escape(text)}</th>" for text in ["sample", *(c.title for c in columns)])
    body = "\n".join(_row(i, written, pictures, columns) for i in range(len(written)))
    name = html.escape(title)
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{name}</title>'
        f"<style>{_STYLE}</style>\n<h1>{name}</h1>\n<p>{html.escape(explained)}</p>\n"
        f"<table><tr>{heads}</tr>\n{body}\n</table></html>\n"
    )


def _row(i: int, written: list[str], pictures: np.ndarray | None, columns: list[Column]) -> str:
    cells = [_cell(pictures, written, i), *(_cell(c.images, c.texts, i) for c in columns)]
    return f"<tr>{''.join(cells)}</tr>"


def _cell(images: np.ndarray | None, texts: list[str], i: int) -> str:
    text = html.escape(texts[i])
    if images is None:
        return f"<td>{text}</td>"
    image = images[i]
    data = base64.b64encode(png(image)).decode("ascii")
    source = f"data:image/png;base64,{data}"
    return f'<td><img src="{source}" alt="{text}" width="{_SHOWN}" height="{_SHOWN}">{text}</td>'


def png(image: np.ndarray) -> bytes:
    """An image (height, width, 3) in [0, 1] as a PNG file.

    Raises:
        MissingExtraError: without Pillow.
    """
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtraError("pillow", "multimodal") from None
    levels = (255.0 * np.clip(image, 0.0, 1.0)).round().astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


def _write(file: Path, text: str) -> Path:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror}") from error
    return file
