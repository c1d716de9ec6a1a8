"""A study as a folder: ``study.json`` and one folder a cell, each written whole or not at all.

    study.json                                    what was compared, and how far it came
    cells/<problem>/<optimizer>/<seed>/           a `Result`: result.json, arrays.npz
                                       failure.json   the sentence of a cell that failed

A cell counts as finished once its JSON file is there, which is written last.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moo import storage
from moo.budget import Budget
from moo.errors import StorageError
from moo.result import Result, Statement
from moo.study.cells import Failure, Key, slugs

if TYPE_CHECKING:
    from moo.study.study import Study

_FORMAT = 1
_PLAIN = ("optimizers", "seeds", "k", "status", "started", "ended", "provenance", "command")


def claim(folder: str | Path, *, overwrite: bool) -> Path:
    """The folder for a new study. The cells of a study that is overwritten are removed, so that none
    of them passes for one of the new study's.

    Raises:
        StorageError: when it holds files and ``overwrite`` is false, or cannot be made.
    """
    path = storage.claim(folder, overwrite=overwrite)
    if (path / "study.json").exists():
        (path / "study.json").unlink()
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
        storage.write_json(self.folder / "study.json", content | {n: getattr(study, n) for n in _PLAIN})

    def save_result(self, key: Key, result: Result) -> None:
        result.save(self.cell(key), overwrite=True)

    def save_failure(self, key: Key, failure: Failure) -> None:
        path = storage.claim(self.cell(key), overwrite=True)
        if failure.result is not None:
            failure.result.save(path / "found", overwrite=True)
        storage.write_json(path / "failure.json", {"message": failure.message})

    def load_cell(self, key: Key) -> Result | Failure | None:
        """What is there of a cell; None when it was not finished."""
        path = self.cell(key)
        if (path / "failure.json").exists():
            message = str(storage.read_json(path / "failure.json")["message"])
            found = path / "found"
            return Failure(message, Result.load(found) if (found / "result.json").exists() else None)
        return Result.load(path) if (path / "result.json").exists() else None


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
    path = folder / "study.json"
    content = storage.read_json(path)
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise StorageError(
            f"{path} is no study of format {_FORMAT}: it was written by another version of moo"
        )
    try:
        described = {name: content[name] for name in _PLAIN}
        described["budget"] = Budget(**content["budget"])
        described["problems"] = {name: Statement(**stated) for name, stated in content["problems"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise StorageError(f"{path} is damaged: {error}") from None
    return described
