"""A study as a folder: ``study.json`` and one folder a cell, each written whole or not at all.

    study.json                                    what was compared, and how far it came
    cells/<problem>/<optimizer>/<seed>/           a `Result`: result.json, arrays.npz
                                       failure.json   the sentence of a cell that failed
    lock                                          held by the processes that work on it

A cell counts as finished once its JSON file is there, which is written last. A long cell keeps a journal
beside it (`moo.checkpoint`), from which it goes on.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moo import storage
from moo.budget import Budget
from moo.errors import StorageError
from moo.result import Result, Statement
from moo.study.cells import Failure, Key, slugs
from moo.study.timing import Timing

if TYPE_CHECKING:
    from moo.study.study import Study

_FORMAT = 1
_PLAIN = ("optimizers", "seeds", "k", "status", "started", "ended", "provenance", "command")
_SINCE: dict[str, Any] = {"digests": {}, "timings": {}}  # what earlier versions did not write
_STUDY, _RESULT, _FAILURE = "study.json", "result.json", "failure.json"


def holds_study(folder: str | Path) -> bool:
    return (Path(folder) / _STUDY).exists()


def claim(folder: str | Path, *, overwrite: bool) -> Path:
    """The folder for a new study. The cells of a study that is overwritten are removed, so that none
    of them passes for one of the new study's.

    Raises:
        StorageError: when it holds files and ``overwrite`` is false, or cannot be made.
    """
    path = storage.claim(folder, overwrite=overwrite)
    if holds_study(path):
        (path / _STUDY).unlink()
        shutil.rmtree(path / "cells", ignore_errors=True)
    return path


class Store:
    """Where each cell of a study goes. Folder names are made from the names of problems and
    optimizers, never read from a file."""

    def __init__(self, folder: Path, study: Study) -> None:
        self.folder = folder
        self._problems, self._optimizers = slugs(study.problems), slugs(study.optimizers)

    def cell(self, key: Key) -> Path:
        problem, optimizer, seed = key
        return self.folder / "cells" / self._problems[problem] / self._optimizers[optimizer] / str(seed)

    def save_description(self, study: Study) -> None:
        content: dict[str, Any] = {"format": _FORMAT, "budget": asdict(study.budget)}
        content |= {"problems": {name: asdict(stated) for name, stated in study.problems.items()}}
        content |= {"timings": {name: asdict(timing) for name, timing in study.timings.items()}}
        content |= {"digests": study.digests}
        storage.write_json(self.folder / _STUDY, content | {n: getattr(study, n) for n in _PLAIN})

    def save(self, key: Key, outcome: Result | Failure) -> None:
        """Write what became of a cell.

        Raises:
            StorageError: when the disk does not take it.
        """
        if isinstance(outcome, Failure):
            self.save_failure(key, outcome)
        else:
            self.save_result(key, outcome)

    def save_result(self, key: Key, result: Result) -> None:
        path = self.cell(key)
        result.save(path, overwrite=True)
        (path / _FAILURE).unlink(missing_ok=True)

    def save_failure(self, key: Key, failure: Failure) -> None:
        path = storage.claim(self.cell(key), overwrite=True)
        if failure.result is not None:
            failure.result.save(path / "found", overwrite=True)
        storage.write_json(path / _FAILURE, {"message": failure.message, "kind": failure.kind})

    def load_cell(self, key: Key) -> Result | Failure | None:
        """What is there of a cell; None when it was not finished.

        Raises:
            StorageError: when what is there cannot be read.
        """
        path = self.cell(key)
        if (path / _FAILURE).exists():
            content = storage.read_json(path / _FAILURE)
            found = path / "found"
            result = Result.load(found) if (found / _RESULT).exists() else None
            return Failure(str(content["message"]), result, str(content.get("kind", "error")))
        return Result.load(path) if (path / _RESULT).exists() else None

    def clear(self, key: Key) -> None:
        """Remove what an unfinished attempt at a cell left, but for the journal of a long one."""
        path = self.cell(key)
        if not (path / "run.json").exists():
            shutil.rmtree(path, ignore_errors=True)
        shutil.rmtree(path / "found", ignore_errors=True)
        (path / _FAILURE).unlink(missing_ok=True)


def save(study: Study, folder: str | Path, *, overwrite: bool) -> Path:
    path = claim(folder, overwrite=overwrite)
    store = Store(path, study)
    store.save_description(study)
    for key, result in study.results.items():
        store.save_result(key, result)
    for key, failure in study.failures.items():
        store.save_failure(key, failure)
    return path


def read_description(folder: Path) -> dict[str, Any]:
    """The arguments of `Study` that are no cells.

    Raises:
        StorageError: when the folder holds no study, or one of another format.
    """
    path = folder / _STUDY
    content = storage.read_json(path)
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise StorageError(
            f"{path} is no study of format {_FORMAT}: it was written by another version of moo"
        )
    content = _SINCE | content
    try:
        described: dict[str, Any] = {name: content[name] for name in (*_PLAIN, "digests")}
        described["budget"] = Budget(**content["budget"])
        described["problems"] = {name: Statement(**stated) for name, stated in content["problems"].items()}
        described["timings"] = {name: Timing(**measured) for name, measured in content["timings"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise StorageError(f"{path} is damaged: {error}") from None
    return described


def load(folder: Path, *, damaged_as_missing: bool = False) -> Study:
    """The study in a folder; of one that was killed the finished cells.

    Raises:
        StorageError: when the folder holds no study, or a cell that cannot be read (unless such cells are
            to count as missing).
    """
    from moo.study.study import Study

    study = Study(**read_description(folder))
    store = Store(folder, study)
    for key in product(study.problems, study.optimizers, study.seeds):
        try:
            cell = store.load_cell(key)
        except StorageError:
            if not damaged_as_missing:
                raise
            cell = None
        if isinstance(cell, Failure):
            study.failures[key] = cell
        elif cell is not None:
            study.results[key] = cell
    study.sort()
    return study


@contextmanager
def changing(folder: Path) -> Iterator[Study]:
    """The study in a folder; what is added to it is stored, with its tables, when the block ends without an
    exception.

    Raises:
        StorageError: when the folder holds no study, another process works on it, or it cannot be written.
    """
    with ExitStack() as stack:
        study = load(folder)
        stack.enter_context(storage.locked(folder / "lock"))
        stack.callback((folder / "lock").unlink)
        before = set(study.results)
        yield study
        store = Store(folder, study)
        for key in study.results:
            if key not in before:
                store.save_result(key, study.results[key])
        store.save_description(study)
        study.save_tables(folder)
