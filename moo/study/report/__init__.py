"""A study as one HTML file: who won, tables, figures, statistics, cost, failures, and where it comes from.

The file needs no network and runs no script. It is made from the study alone, so that one that was
interrupted, or still runs, gives a report of what is there, which says so.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from moo import storage
from moo.errors import StorageError
from moo.study.report.page import page
from moo.study.report.sections import sections, status_line

if TYPE_CHECKING:
    from moo.study.study import Study


def report(study: Study) -> str:
    """The report as HTML."""
    return page(f"Study of {_names(list(study.problems))}", status_line(study), sections(study))


def write(study: Study, path: str | Path) -> Path:
    """Write the report, whole or not at all; its path.

    Raises:
        StorageError: when the file cannot be written.
    """
    file = Path(path)
    if file.is_dir():
        raise StorageError(f"{file} is a folder: give a file such as {file / 'report.html'}")
    content = report(study).encode()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror}") from error
    with storage.replacing(file) as open_file:
        open_file.write(content)
    return file


def _names(names: list[str]) -> str:
    """For example "zdt1, zdt2 and 7 more"."""
    shown, more = names[:3], len(names) - 3
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
