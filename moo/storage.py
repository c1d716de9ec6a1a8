"""Folders of arrays and JSON: written whole or not at all, never with pickle."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from moo.errors import StorageError


def claim(folder: str | Path, *, overwrite: bool) -> Path:
    """The folder, made where it is missing.

    Raises:
        StorageError: when it holds files and ``overwrite`` is false, or cannot be made.
    """
    path = Path(folder)
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())) and not overwrite:
            raise StorageError(
                f"{path} already holds files: choose another, or allow it (overwrite=True, --overwrite)"
            )
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, PermissionError, NotADirectoryError) as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    return path


def locked(path: Path, patience: float = 0.0) -> IO[bytes]:
    """The file, locked until it is closed here and by every process that was handed it, or all have ended.

    Args:
        patience: seconds to wait for a process that is about to end.

    Raises:
        StorageError: when another process holds it.
    """
    import fcntl  # where it does not exist (Windows), runs cannot be stored

    file = path.open("wb")
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except OSError:
            if time.monotonic() > deadline:
                file.close()
                raise StorageError(f"{path.parent} is in use by another process") from None
            time.sleep(0.05)


def is_locked(path: Path) -> bool:
    """Whether a process holds the file."""
    if not path.exists():
        return False
    try:
        locked(path).close()
    except StorageError:
        return True
    return False


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of ``path`` only once it is written whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def plain(value: Any) -> Any:
    """JSON's own types; it has no NaN and no infinity, they become null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "item"):  # a numpy scalar
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_json(path: Path, content: Any) -> None:
    with replacing(path) as file:
        file.write(json.dumps(content, indent=1).encode())


def read_json(path: Path) -> Any:
    """
    Raises:
        StorageError: when the file is missing or holds no JSON.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise StorageError(f"{path} does not exist") from None
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise StorageError(f"{path} is no JSON: {error}") from None


def write_arrays(path: Path, arrays: dict[str, np.ndarray], *, compress: bool = True) -> None:
    write = np.savez_compressed if compress else np.savez
    with replacing(path) as file:
        write(file, allow_pickle=False, **arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """
    Raises:
        StorageError: when the file is missing or torn.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        raise StorageError(f"{path} does not exist") from None
    except Exception as error:  # zipfile, zlib and numpy raise nearly anything on damaged bytes
        raise StorageError(f"{path} cannot be read: {error}") from None
