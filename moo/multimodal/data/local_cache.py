"""Arrays that were dear to make, kept in a folder of the user's."""

from __future__ import annotations

import os
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/moo``, or ``~/.cache/moo``; it may not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path(os.path.expanduser("~")) / ".cache") / "moo"


def read_arrays(file: Path) -> dict[str, np.ndarray] | None:
    """The arrays of an .npz file; None where there is no file, or it is cut short or damaged."""
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
        TypeError,
        AttributeError,
    ):
        return None  # TypeError, AttributeError: np.load gives a bare array for a file that is no archive


def write_arrays(file: Path, **arrays: Any) -> None:
    """Write arrays of numbers or strings, aside first and renamed then, so that no reader meets half a file.

    Raises:
        OSError: for a folder that cannot be written, or a full disk; nothing is left behind then.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=file.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez_compressed(stream, **arrays)
        os.replace(aside, file)
    except BaseException:
        os.unlink(aside)
        raise
