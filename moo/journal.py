"""An append-only file of measured values, so that nothing computed is lost when a run is killed.

A record is written with one call: a head with its length and checksum, a line of JSON, the bytes of
its arrays. A record torn by a crash is cut off when the file is opened again.
"""

from __future__ import annotations

import json
import os
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from moo.errors import StorageError

_HEAD = struct.Struct("<4sQI")  # mark, length of the body, its CRC-32
_MARK = b"moo1"
_SYNC_SECONDS = 1.0  # the disk is waited for no more often; a killed process loses nothing either way


@dataclass
class Record:
    """What one measurement gave: ``facts`` are JSON values, ``arrays`` numpy arrays by name."""

    facts: dict[str, Any]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        contiguous = {name: np.ascontiguousarray(array) for name, array in self.arrays.items()}
        shapes = {name: [array.dtype.str, self.arrays[name].shape] for name, array in contiguous.items()}
        line = json.dumps([self.facts, shapes]).encode() + b"\n"
        body = line + b"".join(array.tobytes() for array in contiguous.values())
        return _HEAD.pack(_MARK, len(body), zlib.crc32(body)) + body

    @classmethod
    def of_body(cls, body: bytes) -> Record:
        end = body.index(b"\n") + 1
        facts, shapes = json.loads(body[:end])
        arrays = {}
        for name, (kind, shape) in shapes.items():
            dtype = np.dtype(kind)
            size = int(np.prod(shape)) * dtype.itemsize
            arrays[name] = np.frombuffer(body[end : end + size], dtype).reshape(shape).copy()
            end += size
        return cls(facts, arrays)


class Journal:
    """One file, one writer. ``records`` are those an earlier writer left, in order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = 0  # bytes, by this writer
        self._synced = time.monotonic()
        try:
            self._file = path.open("a+b", buffering=0)
        except OSError as error:
            raise StorageError(f"{path} cannot be written: {error.strerror}") from error
        self.records = self._recover()

    def _recover(self) -> list[Record]:
        """The whole records; what follows the last of them is cut off."""
        self._file.seek(0)
        content = self._file.read()
        bodies = list(_bodies(content))
        end = bodies[-1][1] if bodies else 0
        if end < len(content):
            self._file.truncate(end)
        return [Record.of_body(content[start:end]) for start, end in bodies]

    def append(self, record: Record) -> None:
        """
        Raises:
            StorageError: when the disk does not take it.
        """
        data = record.to_bytes()
        try:
            if self._file.write(data) != len(data):
                raise OSError(None, "the disk is full")
            if time.monotonic() - self._synced > _SYNC_SECONDS:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            raise StorageError(f"{self.path} cannot be written: {error.strerror}") from error
        self.written += len(data)

    def close(self) -> None:
        self._file.close()


def _bodies(content: bytes) -> Iterator[tuple[int, int]]:
    """(start, end) of the body of each whole record."""
    at = 0
    while at + _HEAD.size <= len(content):
        mark, length, checksum = _HEAD.unpack_from(content, at)
        start, end = at + _HEAD.size, at + _HEAD.size + length
        if mark != _MARK or end > len(content) or zlib.crc32(content[start:end]) != checksum:
            return
        yield start, end
        at = end
