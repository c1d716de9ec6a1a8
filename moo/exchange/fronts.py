"""Fronts from CSV files, as somebody else's program wrote them."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moo.errors import StorageError, unknown_name
from moo.result import Statement

_RUN = ("run", "seed")  # what a column that tells runs apart may be called
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class Front:
    """The points of one run.

    Attributes:
        F: (n, n_obj), every objective minimised.
        X: (n, n_var), or None where the file has no variables.
    """

    F: np.ndarray
    X: np.ndarray | None


def read_fronts(path: str | Path, stated: Statement) -> list[Front]:
    """The fronts of a CSV file (comma, semicolon or tab; UTF-8), one a run, in the order of the file.

    Its first line names the columns: every objective, by its name or as f1, f2, ..., in its own sense (a
    maximised one is not negated); all variables or none, by their names or as x1, x2, ...; and "run" or
    "seed" where there is more than one run. The order of the columns does not matter.

    Raises:
        StorageError: naming the line: for a file that is not there or no text, a column that is missing,
            given twice or unknown, a line of another length, a value that is no finite number.
    """
    file = Path(path)
    lines = _lines(file)
    header = [name.strip() for name in next(lines, (1, []))[1]]
    columns = _columns(file, header, stated)
    rows: dict[str, list[list[float]]] = {}
    for number, cells in lines:
        if len(cells) != len(header):
            raise StorageError(f"{file}, line {number}: {len(cells)} values, expected {len(header)}")
        run = cells[columns.run].strip() if columns.run is not None else ""
        rows.setdefault(run, []).append([_number(file, number, header[i], cells[i]) for i in columns.order])
    if not rows:
        raise StorageError(f"{file} has no points: expected a line of column names, and a line a point")
    return [_front(np.array(of), stated) for of in rows.values()]


@dataclass(frozen=True)
class _Columns:
    """Where in a line the objectives and, behind them, the variables are, and the run."""

    order: list[int]
    run: int | None


def _lines(file: Path) -> Iterator[tuple[int, list[str]]]:
    """(number, cells) of every line that is not empty."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise StorageError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise StorageError(f"{file} is no text in UTF-8") from None
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(text.splitlines(), delimiter=delimiter)
    try:
        yield from ((reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells))
    except csv.Error as error:
        raise StorageError(f"{file}, line {reader.line_num}: {error}") from None


def _columns(file: Path, header: Sequence[str], stated: Statement) -> _Columns:
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise StorageError(f"{file}, line 1: the column {twice[0]!r} is there twice")
    objectives = _places(header, stated.names, "f")
    if objectives is None:
        wanted = ", ".join(stated.names)
        raise StorageError(f"{file}, line 1: the objectives are missing: expected {wanted}, or f1, f2, ...")
    variables = _places(header, stated.var_names, "x") or []
    run = next((i for i, name in enumerate(header) if name in _RUN and i not in objectives), None)
    known = {*objectives, *variables, *(() if run is None else (run,))}
    for i, name in enumerate(header):
        if i not in known and name in (*stated.var_names, *_numbered("x", stated.var_names)):
            n = len(stated.var_names)
            raise StorageError(f"{file}, line 1: some of the {n} variables are missing: give all or none")
        if i not in known:
            accepted = [*stated.names, *stated.var_names, *_RUN]
            raise StorageError(f"{file}, line 1: {unknown_name('column', name, accepted)}")
    return _Columns([*objectives, *variables], run)


def _places(header: Sequence[str], names: Sequence[str], letter: str) -> list[int] | None:
    """Where these names are, or f1, f2, ...; None when one is missing."""
    for accepted in (names, _numbered(letter, names)):
        if all(name in header for name in accepted):
            return [header.index(name) for name in accepted]
    return None


def _numbered(letter: str, names: Sequence[str]) -> list[str]:
    return [f"{letter}{i}" for i in range(1, len(names) + 1)]


def _number(file: Path, line: int, column: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise StorageError(f"{file}, line {line}: {column} is {cell.strip()!r}, expected a number") from None
    if not math.isfinite(value):
        raise StorageError(f"{file}, line {line}: {column} is {value}, expected a finite number")
    return value


def _front(rows: np.ndarray, stated: Statement) -> Front:
    n_obj = len(stated.names)
    X = rows[:, n_obj:] if rows.shape[1] > n_obj else None
    return Front(rows[:, :n_obj] * np.array(stated.sign), X)
