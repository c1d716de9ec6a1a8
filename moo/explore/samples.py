"""What models made of samples, read from the page that `moo.multimodal.samples_page` wrote beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from moo.errors import StorageError
from moo.explore.points import Sample, SampleSet
from moo.result import Result

_FILE = "samples.html"
_PICTURE = "data:image/png;base64,"


class _Table(HTMLParser):
    """The headings and cells of the page's table."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.heads: list[str] = []
        self.rows: list[list[Sample]] = []
        self._text: list[str] | None = None
        self._image = ""

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self._text, self._image = [], ""
        elif tag == "img" and self._text is not None:
            source = dict(attrs).get("src") or ""
            self._image = source if source.startswith(_PICTURE) else ""

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("th", "td") or self._text is None:
            return
        text = "".join(self._text)
        if tag == "th":
            self.heads.append(text)
        elif self.rows:
            self.rows[-1].append(Sample(text, self._image))
        self._text = None


def read_samples(file: Path) -> list[SampleSet]:
    """One set a model of a page of samples; none where there is no such page.

    Raises:
        StorageError: when the file is there and cannot be read.
    """
    if not file.is_file():
        return []
    table = _Table()
    try:
        table.feed(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{file} cannot be read: {error}") from None
    rows = [row for row in table.rows if row and len(row) == len(table.heads)]
    return [
        SampleSet(title, [row[0] for row in rows], [row[place] for row in rows])
        for place, title in enumerate(table.heads)
        if place > 0 and rows
    ]


def by_row(
    sets: Sequence[SampleSet],
    figures: Mapping[str, np.ndarray],
    rows: np.ndarray,
    chosen_by: tuple[str, bool] | None,
) -> dict[int, SampleSet]:
    """Which row each set is of: a title says "best <loss>", of least training loss, and "chosen".

    Args:
        figures: what was reported of all rows, by name.
        rows: those of which samples were made.
        chosen_by: the figure that the choice went by, and whether larger is better.
    """
    found: dict[int, SampleSet] = {}
    for made in sets:
        row = _row_of(made.title, figures, rows, chosen_by)
        if row is not None:
            found[row] = made
    return found


def _row_of(
    title: str, figures: Mapping[str, np.ndarray], rows: np.ndarray, chosen_by: tuple[str, bool] | None
) -> int | None:
    """The first part of the title that can be told decides."""
    for part in title.split(", "):
        name, larger = (f"train {part.removeprefix('best ')}", False)
        if part == "chosen" and chosen_by is not None:
            name, larger = chosen_by
        if name in figures and len(rows):
            values = np.asarray(figures[name], dtype=float)[rows]
            return int(rows[np.argmax(values) if larger else np.argmin(values)])
    return None


def of_result(result: Result, folder: Path | None) -> dict[int, SampleSet]:
    """What the page of samples in a result's folder says of its rows."""
    sets = [] if folder is None else read_samples(folder / _FILE)
    if not sets:
        return {}
    return by_row(sets, result.metrics, np.arange(len(result.F)), _chosen_by(result))


def _chosen_by(result: Result) -> tuple[str, bool] | None:
    """The figure of this result that some task chooses by, and whether larger is better."""
    from moo.multimodal.tasks import tasks

    for task in tasks().values():
        if (name := f"validation {task.chosen_by}") in result.metrics:
            return name, task.larger_is_better
    return None


def in_folder(folder: Path) -> list[SampleSet]:
    """The page of samples that a folder has."""
    return read_samples(folder / _FILE)
