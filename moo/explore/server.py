"""The page on this machine alone, made anew where the folder has new results."""

from __future__ import annotations

import errno
import html
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

from moo.errors import MooError, OptionError
from moo.explore.gather import gather
from moo.explore.page import page

_HOST = "127.0.0.1"
_RESULTS = (
    "study.json",
    "result.json",
    "cells/*/*/*/result.json",
    "cells/*/*/*/failure.json",
    "*/search.json",
)
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


class Pages:
    """The page of a folder, kept until a file of results is added or changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self._made: tuple[list[tuple[str, int]], bytes] | None = None

    def current(self) -> bytes:
        """
        Raises:
            MooError: when the folder cannot be shown.
        """
        with self._lock:
            stamp = self._stamp()
            if self._made is None or self._made[0] != stamp:
                self._made = stamp, page(gather(self.folder), served=True).encode()
            return self._made[1]

    def _stamp(self) -> list[tuple[str, int]]:
        files = [file for pattern in _RESULTS for file in self.folder.glob(pattern)]
        return sorted((str(file), file.stat().st_mtime_ns) for file in files)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    pages: Pages


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        if not self._is_ours():
            self._answer(403, b"This page is for this machine alone.")
        elif self.path.partition("?")[0] != "/":
            self._answer(404, b"There is one page here: /")
        else:
            self._answer(*self._page())

    def _page(self) -> tuple[int, bytes]:
        try:
            return 200, self.server.pages.current()
        except (MooError, OSError) as error:
            return 503, f"<!doctype html><title>moo</title><p>{html.escape(str(error))}</p>".encode()

    def _is_ours(self) -> bool:
        """Whether the browser was sent here by this address, not by a foreign name that leads to it."""
        port = self.server.server_address[1]
        return self.headers.get("Host", "") in (f"{_HOST}:{port}", f"localhost:{port}")

    def _answer(self, status: int, content: bytes) -> None:
        try:
            self.send_response(status)
            for name, value in _HEADERS.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except ConnectionError:  # the browser went away: nobody waits for the rest
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of requests."""


@contextmanager
def serving(folder: str | Path, port: int = 0) -> Iterator[tuple[ThreadingHTTPServer, str]]:
    """A server of the folder's page on 127.0.0.1, and its address; ``serve_forever`` runs it.

    The page is made anew when it is asked for and the folder has new results, so that a study that is still
    running can be watched.

    Args:
        port: 0 for any that is free.

    Raises:
        StorageError: for a folder without results.
        OptionError: for a port that does not exist or is taken.
        MissingExtraError: without plotly.
    """
    pages = Pages(Path(folder))
    pages.current()
    server = _listening(port)
    server.pages = pages
    try:
        yield server, f"http://{_HOST}:{server.server_address[1]}/"
    finally:
        server.server_close()


def _listening(port: int) -> _Server:
    if not 0 <= port <= 65535:
        raise OptionError(f"port {port} does not exist: give one from 1 to 65535, or 0 for any that is free")
    try:
        return _Server((_HOST, port), _Handler)
    except OSError as error:
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise OptionError(f"port {port} of {_HOST} {why}: give another, or 0 for any that is free") from None
