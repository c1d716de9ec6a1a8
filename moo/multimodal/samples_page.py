"""One self-contained page of samples to look at: what models say of pictures and draw of captions."""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from moo.errors import MissingExtraError, ProblemError, StorageError

if TYPE_CHECKING:
    from moo.multimodal.tasks.generation import Generation

_SHOWN = 64  # pixels a side on the page
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
        captions: of the pictures (n,).
        images: of the captions (n, size, size, 3), in [0, 1].
    """

    title: str
    captions: list[str]
    images: np.ndarray


def write_page(task: Generation, X: np.ndarray, file: Path, *, part: str, n: int) -> Path:
    """Write the page of n samples of a split for the models in the rows of X (k, n_var); the file's path.

    Raises:
        ProblemError: without a model, or for n below 1.
        StorageError: when the file cannot be written.
        MissingExtraError: without Pillow.
    """
    if len(X) == 0 or n < 1:
        raise ProblemError(f"a page of {n} samples of {len(X)} models is empty: give at least one of each")
    samples = task.data.part(part)
    rows = np.unique(np.linspace(0, len(samples) - 1, min(n, len(samples))).round().astype(int))
    some = samples.take(rows)
    columns = [
        Column(title, task.captions(X[i], some), task.images(X[i], some))
        for title, i in shown_models(task, X).items()
    ]
    pictures = some.modalities["image"].permute(0, 2, 3, 1).cpu().numpy()
    written = [task.written(part)[i] for i in rows]
    return _write(file, page(f"{task.title}: {part} samples", written, pictures, columns))


def shown_models(task: Generation, X: np.ndarray) -> dict[str, int]:
    """The rows of X (k, n_var) worth a look, by what they are: the ends of the front, which have the
    lowest training losses, and the chosen one. One that is several of these is there once."""
    report = task.report(X)
    named = {f"best {name}": int(np.argmin(report[f"train {name}"])) for name in task.losses}
    titles: dict[int, list[str]] = {}
    for title, i in {**named, "chosen": task.chosen(X)}.items():
        titles.setdefault(i, []).append(title)
    return {", ".join(each): i for i, each in titles.items()}


def page(title: str, written: list[str], pictures: np.ndarray, columns: list[Column]) -> str:
    """The page as HTML: a row a sample, all text escaped, all pictures inline.

    Args:
        title: of the page.
        written: the samples' own captions (n,).
        pictures: the samples' own images (n, size, size, 3), in [0, 1].
        columns: one a model.
    """
    heads = "".join(f"<th>{html.escape(text)}</th>" for text in ["sample", *(c.title for c in columns)])
    body = "\n".join(_row(i, written, pictures, columns) for i in range(len(written)))
    name = html.escape(title)
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{name}</title>'
        f"<style>{_STYLE}</style>\n<h1>{name}</h1>\n<p>Left: a picture and its caption. Then, for each "
        "model, what it draws of the caption, and says of the picture.</p>\n"
        f"<table><tr>{heads}</tr>\n{body}\n</table></html>\n"
    )


def _row(i: int, written: list[str], pictures: np.ndarray, columns: list[Column]) -> str:
    cells = [_cell(pictures[i], written[i]), *(_cell(c.images[i], c.captions[i]) for c in columns)]
    return f"<tr>{''.join(cells)}</tr>"


def _cell(image: np.ndarray, caption: str) -> str:
    text = html.escape(caption)
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
