"""Studies in the formats of other toolkits, and fronts that other programs computed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from moo import storage
from moo.errors import OptionError, StorageError, unknown_name
from moo.exchange.frames import csv, json, parquet
from moo.exchange.iohprofiler import iohprofiler
from moo.exchange.jmetal import jmetal
from moo.exchange.latex import latex
from moo.exchange.paretobench import paretobench
from moo.study.store import holds_study

if TYPE_CHECKING:
    from moo.study import Study

__all__ = ["FORMATS", "export"]

FORMATS: dict[str, Callable[[Study, Path], list[Path]]] = {
    "csv": csv,
    "json": json,
    "parquet": parquet,
    "latex": latex,
    "paretobench": paretobench,
    "iohprofiler": iohprofiler,
    "jmetal": jmetal,
}


def export(study: Study, format: str, folder: str | Path, *, overwrite: bool = False) -> list[Path]:
    """Write a study's results as files of another format; docs/exchange.md says what each holds.

    Args:
        format: "csv", "json", "parquet", "latex", "paretobench", "iohprofiler" or "jmetal".
        folder: a new or empty one.
        overwrite: it may hold files; those of the same names are replaced.

    Returns:
        The files.

    Raises:
        OptionError: for another format, and for a study without results.
        StorageError: when the folder holds files, or cannot be written; whatever ``overwrite`` says, when
            it holds a study, whose own files an export would replace.
        MissingExtraError: without the package that writes the format.
    """
    if format not in FORMATS:
        raise OptionError(unknown_name("format", str(format), FORMATS))
    if not study.results:
        raise OptionError("the study has no result to export yet")
    if holds_study(folder):
        raise StorageError(f"{folder} holds a study, which an export could replace: choose another folder")
    return FORMATS[format](study, storage.claim(folder, overwrite=overwrite))
