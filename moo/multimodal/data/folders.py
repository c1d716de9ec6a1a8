"""Data sets in a folder that the user has: what they share, whatever the format."""

from __future__ import annotations

import hashlib
import json
import os
from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from moo.errors import OptionError, ProblemError
from moo.multimodal.data.base import SPLITS, DataSet, MultimodalData
from moo.multimodal.data.local_cache import cache_folder, read_arrays, write_arrays


@dataclass(frozen=True)
class FolderDataSet(DataSet):
    """A data set that moo does not bring: the user has it, in a folder, in its published format.

    Rows of the source that cannot be used are left out, and ``MultimodalData.skipped`` has a sentence
    on each.

    Args:
        root: the folder.

    Raises:
        OptionError: when ``root`` is no path.
        ProblemError: by ``load``: without a folder, and when nothing in it can be used.
    """

    root: str | Path | None = None

    expects: ClassVar[str]
    """What the folder holds, where that is published and under which terms."""

    def __post_init__(self) -> None:
        if self.root is not None and not isinstance(self.root, str | os.PathLike):
            raise OptionError(f"root={self.root!r} is not accepted: give the path of a folder")

    def load(self) -> MultimodalData:
        return self._read(self._folder(), [])

    @abstractmethod
    def _read(self, root: Path, skipped: list[str]) -> MultimodalData:
        """The data in ``root``; ``skipped`` is filled with what the result's says."""

    def _folder(self) -> Path:
        name = type(self).__name__
        if self.root is None:
            raise ProblemError(f"{name} is read from a folder of yours: give root=, {self.expects}")
        folder = Path(self.root).expanduser()
        if not folder.is_dir():
            raise ProblemError(f"there is no folder {folder}: {name} expects {self.expects}")
        return folder


# ------------------------------------------------------------------ text files


def _stored(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise ProblemError(f"there is no file {file}") from None
    except OSError as error:
        raise ProblemError(f"{file} cannot be read: {error.strerror}") from None


def read_lines(file: Path) -> list[tuple[str, str]]:
    """The lines that are not blank, each after where it is: ``("FILE line 1", "text")``.

    Bytes that are not UTF-8 are taken as Latin-1, line by line.

    Raises:
        ProblemError: when there is no such file, or it cannot be read.
    """
    lines = _stored(file).removeprefix(b"\xef\xbb\xbf").splitlines()
    return [(f"{file} line {i}", _decoded(line)) for i, line in enumerate(lines, 1) if line.strip()]


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def read_json(file: Path, without: Sequence[str] = ()) -> dict[str, Any]:
    """The JSON object that a file holds.

    Args:
        file: in UTF-8.
        without: keys that are dropped while reading, from every object in it, so that the large ones
            never are in memory together.

    Raises:
        ProblemError: when there is no such file, or it holds something else; with the line.
    """

    def slim(entry: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in entry.items() if key not in without}

    try:
        found = json.loads(_stored(file).decode("utf-8-sig"), object_hook=slim if without else None)
    except json.JSONDecodeError as error:
        raise ProblemError(f"{file} line {error.lineno} is not valid JSON: {error.msg}") from None
    except UnicodeDecodeError as error:
        raise ProblemError(f"{file} is not valid JSON: byte {error.start} is not UTF-8") from None
    except (RecursionError, ValueError) as error:  # ValueError: a number of thousands of digits
        raise ProblemError(f"{file} is not valid JSON: {error}") from None
    if not isinstance(found, dict):
        raise ProblemError(f"{file} holds a JSON {type(found).__name__}, expected an object")
    return found


def json_list(found: dict[str, Any], key: str, file: Path) -> list[tuple[str, dict[str, Any]]]:
    """The entries under a key, each after where it is: ``("FILE: images[0]", {...})``; what is no object
    is an empty one here.

    Raises:
        ProblemError: when there is no list under that key.
    """
    entries = found.get(key)
    if not isinstance(entries, list):
        raise ProblemError(f"{file} has no list {key!r}, expected one")
    return [(f"{file}: {key}[{i}]", e if isinstance(e, dict) else {}) for i, e in enumerate(entries)]


# ------------------------------------------------------------------ a row a file, kept in the cache


def cached_rows(
    files: Sequence[Path],
    read: Callable[[Path], np.ndarray],
    shape: tuple[int, ...],
    dtype: DTypeLike,
    kind: str,
) -> tuple[np.ndarray, dict[int, str]]:
    """What ``read`` makes of each file, from the cache where the files have not changed since.

    Args:
        files: n of them.
        read: gives a row, or raises ProblemError.
        shape: of a row.
        dtype: of the rows.
        kind: begins the cache file's name; it says all that the rows depend on but the files.

    Returns:
        The rows (n, *shape), zero where ``read`` failed, and why it did, by the row's number. Failures
        are not kept: those files are tried again each time.
    """
    file = cache_folder() / f"{kind}-{_digest(files)}.npz"
    stored = read_arrays(file)
    known = stored is not None and _fits(stored, (len(files), *shape), np.dtype(dtype))
    rows = stored["rows"] if stored and known else np.zeros((len(files), *shape), dtype=dtype)
    done = stored["done"] if stored and known else np.zeros(len(files), dtype=bool)
    reasons = _fill(rows, np.flatnonzero(~done), files, read)
    if not known and len(reasons) < len(files):
        done = ~np.isin(np.arange(len(files)), list(reasons))
        with suppress(OSError):  # a folder that cannot be written means no cache, not no data
            write_arrays(file, rows=rows, done=done)
    return rows, reasons


def _fill(
    rows: np.ndarray, pending: np.ndarray, files: Sequence[Path], read: Callable[[Path], np.ndarray]
) -> dict[int, str]:
    reasons = {}
    for i in pending.tolist():
        try:
            rows[i] = read(files[i])
        except ProblemError as error:
            reasons[i] = str(error)
    return reasons


def _fits(stored: dict[str, np.ndarray], shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    if stored.keys() != {"rows", "done"}:
        return False
    rows, done = stored["rows"], stored["done"]
    return rows.shape == shape and rows.dtype == dtype and done.shape == shape[:1] and done.dtype == bool


def _digest(files: Sequence[Path]) -> str:
    """Of the paths, sizes and times of change; a file that is not there has its path alone."""
    digest = hashlib.sha256()
    for file in files:
        stamp = ""
        with suppress(OSError, ValueError):  # ValueError: a null character in the path
            stat = file.stat()
            stamp = f"{stat.st_size} {stat.st_mtime_ns}"
        digest.update(f"{os.path.abspath(file)}\n{stamp}\n".encode(errors="surrogatepass"))
    return digest.hexdigest()[:32]


# ------------------------------------------------------------------ splits


def held_out(groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Which rows a random share of the groups has (n,), bool: one group at least.

    Args:
        groups: group of each row (n,).
        share: of the groups, in (0, 1).
        seed: of the draw.
    """
    keys = np.unique(groups)
    chosen = np.random.default_rng(seed).permutation(keys)[: max(1, round(share * len(keys)))]
    return np.isin(groups, chosen)


def split_rows(parts: np.ndarray, skipped: Sequence[str]) -> dict[str, np.ndarray]:
    """The rows of each split, from the name of each row's (n,); other names are in none.

    Raises:
        ProblemError: when a split has none, with the first reason for a row that was left out.
    """
    split = {name: np.flatnonzero(parts == name) for name in SPLITS}
    for name, rows in split.items():
        if len(rows) == 0:
            raise ProblemError(f"nothing is left for the split {name!r}{because(skipped)}")
    return split


def because(skipped: Sequence[str]) -> str:
    """The first of the reasons, as the end of a sentence."""
    return f" (left out: {len(skipped)}, the first: {skipped[0]})" if skipped else ""
