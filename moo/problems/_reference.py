"""Reference sets: fronts without a closed form, found once by long runs and stored with the package.

``reference_sets/index.json`` names, for each problem, the file of its set, the version, the file's
SHA-256 and how the set was made (`benchmarks/reference_sets.py`). A file that differs from its hash is
refused, so that two results that name the same set were measured against the same points.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from moo.errors import ProblemError, unknown_name
from moo.problems._base import _Benchmark
from moo.problems._front import Floats

FOLDER = Path(__file__).parent / "reference_sets"


@dataclass(frozen=True)
class ReferenceSet:
    """Mutually non-dominated points, spread so that the first n of them are n spread points.

    Attributes:
        name, version: what it is called; a changed set has another version.
        sha256: of the file.
        made: by which runs.
        X, F: the points (k, n_var) and their objective vectors (k, n_obj), the extremes first.
    """

    name: str
    version: str
    sha256: str
    made: str
    X: Floats
    F: Floats

    def first(self, n: int) -> tuple[Floats, Floats]:
        """(X, F) of n spread points, the extremes among them, in the order of their objectives."""
        X, F = self.X[:n], self.F[:n]
        order = np.lexsort(F.T[::-1])
        return X[order], F[order]

    @property
    def described(self) -> dict[str, str]:
        """What a result keeps of it."""
        return {"name": self.name, "version": self.version, "sha256": self.sha256}


def load(name: str, folder: Path | None = None) -> ReferenceSet:
    """The stored set of a problem, by default one of the package.

    Raises:
        ProblemError: when there is none, or its file is missing or not the one that the index names.
    """
    return _loaded(name, folder or FOLDER)


@cache
def _loaded(name: str, folder: Path) -> ReferenceSet:
    entry = _entry(name, folder)
    content = _content(folder / entry["file"])
    found = sha256(content).hexdigest()
    if found != entry["sha256"]:
        raise ProblemError(
            f"the reference set {entry['file']} was changed: its SHA-256 is {found[:12]}..., "
            f"expected {entry['sha256'][:12]}... of version {entry['version']}"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        X, F = arrays["X"], arrays["F"]
    for array in (X, F):
        array.flags.writeable = False
    return ReferenceSet(name, entry["version"], found, entry["made"], X, F)


def _entry(name: str, folder: Path) -> dict[str, Any]:
    try:
        index: dict[str, dict[str, Any]] = json.loads((folder / "index.json").read_text())
    except (OSError, ValueError) as error:
        raise ProblemError(f"the index of the reference sets cannot be read: {error}") from None
    if name not in index:
        raise ProblemError(unknown_name("reference set", name, index))
    return index[name]


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ProblemError(f"the reference set {file.name} cannot be read: {error}") from None


class _Stored(_Benchmark):
    """A problem whose front is the stored reference set of its class's name.

    Raises:
        ProblemError: at once, rather than after a run, when the set is not the one that the index names.
    """

    def __init__(self, **statement: Any) -> None:
        super().__init__(**statement)
        self._stored()

    @property
    def reference_set(self) -> dict[str, str]:
        """Name, version and SHA-256 of the stored set that is this problem's front."""
        return self._stored().described

    def _stored(self) -> ReferenceSet:
        ours = (cls for cls in type(self).__mro__ if cls.__module__.startswith("moo.problems."))
        return load(next(ours).__name__)  # a user's subclass has the front of ours

    def _calc_pareto_front(self, n_pareto_points: int = 500) -> Floats:
        return self._stored().first(n_pareto_points)[1]

    def _calc_pareto_set(self, n_pareto_points: int = 500) -> Floats:
        return self._stored().first(n_pareto_points)[0]
