"""The interactive page: one self-contained HTML file in which the points of a study are looked at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from moo.explore.gather import Source, gather
from moo.explore.page import page
from moo.storage import replacing

if TYPE_CHECKING:
    from moo.result import Result
    from moo.study import Study

__all__ = ["Source", "explore", "gather", "page"]


def explore(what: Result | Study | str | Path, out: str | Path | None = None) -> Path:
    """Write the interactive page of a result or a study: linked front, parallel coordinates and table.

    The file holds everything it needs and opens without a network; see docs/explore.md for its parts.

    Args:
        what: a `Result`, a `Study`, or the folder that ``moo solve``, ``moo compare``, ``moo bench run`` or
            ``moo train`` wrote with ``--out``.
        out: the file; by default ``explore.html`` in the folder, or in the working directory.

    Returns:
        The file's path.

    Raises:
        StorageError: for a folder without results, and when the file cannot be written.
        MissingExtraError: without plotly.
    """
    text = page(gather(what))
    folder = Path(what) if isinstance(what, str | Path) else Path()
    file = folder / "explore.html" if out is None else Path(out)
    with replacing(file) as stream:
        stream.write(text.encode())
    return file
