"""A run's folder: its journal, its checkpoints, and at the end its result.

    run.json                what is run: problem, optimizer, seed, budget
    journal-CALL.bin        values measured since that call (`moo.journal`)
    checkpoint-CALL.npz     the run as it stood before that call (`moo.freezing`)
    result.json, arrays.npz the `Result`
    lock                    held by the process that writes

The last two checkpoints are kept, each with the journal that follows it. A state that cannot be frozen
(a pymoo algorithm) has no checkpoints: its run is repeated from the journal.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from moo import storage
from moo.errors import OptionError, StorageError
from moo.freezing import CannotFreeze, Frozen, Thawed
from moo.journal import Journal

SECONDS_BETWEEN = 30.0  # checkpoints
_BYTES_BETWEEN = 64_000_000  # of journal, where derivatives are large
_KEPT = 2
_TREE = "tree"


class RunFolder:
    """The folder of one run, held by this process alone until `close`.

    Args:
        folder: where; made when missing.
        facts: what is run, as JSON; ``facts["code"]`` is the digest of the problem's code.
        resume: False wants an empty folder; True goes on with what is there, if it is the same run;
            "changed" also where the problem's code has changed.
        overwrite: the folder may hold files; an earlier run in it is forgotten.

    Raises:
        StorageError: when the folder holds another run, or files while ``resume`` is false, or is held
            by another process.
        OptionError: for another ``resume``.

    Attributes:
        finished: the run came to its end in an earlier process.
        checkpoint: the newest that can be read, None before the first.
        journal: what was measured after it.
    """

    def __init__(
        self, folder: str | Path, facts: dict[str, Any], resume: bool | str, overwrite: bool = False
    ) -> None:
        if resume not in (True, False, "changed"):
            raise OptionError(f"resume={resume!r} is not accepted: give True, False or 'changed'")
        self.path = storage.claim(folder, overwrite=overwrite or bool(resume))
        self._lock = storage.locked(self.path / "lock")
        try:
            if overwrite and not resume:
                self._forget()
            self._agree(facts, resume, overwrite)
            journals = self._numbered("journal", "bin")
            self.finished = (self.path / "result.json").exists() and not journals
            self.checkpoint = self._latest_checkpoint()
            self.journal = self._journal_after(self.calls)
        except BaseException:
            self._lock.close()
            raise
        self._last = time.monotonic()

    def _agree(self, facts: dict[str, Any], resume: bool | str, overwrite: bool) -> None:
        """Write what is run; where a run is there already, it must be the same."""
        path = self.path / "run.json"
        if path.exists():
            _same_run(storage.read_json(path), facts, self.path, resume)
            if resume != "changed":
                return
        elif not overwrite and any(_is_foreign(p.name) for p in self.path.iterdir()):
            raise StorageError(f"{self.path} holds files but no run to resume: choose another folder")
        storage.write_json(path, facts)

    @property
    def calls(self) -> int:
        """How many measurements were made before the checkpoint."""
        return 0 if self.checkpoint is None else int(self.checkpoint["calls"])

    def _numbered(self, name: str, ending: str) -> list[tuple[int, Path]]:
        """The folder's files of that name, by their call."""
        found = self.path.glob(f"{name}-*.{ending}")
        return sorted((int(p.stem.rpartition("-")[2]), p) for p in found)

    def _latest_checkpoint(self) -> dict[str, Any] | None:
        """The newest that can be read: its tree and arrays."""
        for _, path in reversed(self._numbered("checkpoint", "npz")):
            try:
                arrays = storage.read_arrays(path)
                tree: dict[str, Any] = json.loads(arrays.pop(_TREE).tobytes())
            except (StorageError, ValueError, KeyError):
                continue
            return {**tree, "arrays": arrays}
        return None

    def _journal_after(self, calls: int) -> Journal:
        """The journal that goes on from this call, with the records of all later ones."""
        later = [number for number, _ in self._numbered("journal", "bin") if number > calls]
        journal = Journal(self.path / f"journal-{calls:09d}.bin")
        for number in later:
            follower = Journal(self.path / f"journal-{number:09d}.bin")
            journal.records += follower.records
            journal.close()
            follower.records = journal.records
            journal = follower
        return journal

    def thaw(self, modules: tuple[str, ...], device: str) -> Any:
        """The object the checkpoint holds."""
        assert self.checkpoint is not None
        return Thawed(self.checkpoint["arrays"], modules, device).thaw(self.checkpoint["run"])

    @property
    def due(self) -> bool:
        """Whether it is time for another checkpoint."""
        return time.monotonic() - self._last > SECONDS_BETWEEN or self.journal.written > _BYTES_BETWEEN

    def save(self, run: Any, calls: int, modules: tuple[str, ...]) -> bool:
        """Write a checkpoint and begin a new journal; False where the run cannot be frozen."""
        self._last = time.monotonic()
        frozen = Frozen(modules)
        try:
            tree = {"calls": calls, "run": frozen.freeze(run)}
        except CannotFreeze:
            return False
        arrays = {**frozen.arrays, _TREE: np.frombuffer(json.dumps(tree).encode(), np.uint8)}
        storage.write_arrays(self.path / f"checkpoint-{calls:09d}.npz", arrays, compress=False)
        self.journal.close()
        self.journal = Journal(self.path / f"journal-{calls:09d}.bin")
        self._forget_old()
        return True

    def _forget_old(self) -> None:
        checkpoints = self._numbered("checkpoint", "npz")
        for _, path in checkpoints[:-_KEPT]:
            path.unlink()
        oldest = checkpoints[-_KEPT:][0][0]
        for number, path in self._numbered("journal", "bin"):
            if number < oldest and len(checkpoints) >= _KEPT:
                path.unlink()

    def _forget(self) -> None:
        """The run that is there: this one takes its place."""
        for name in ("run.json", "result.json", "arrays.npz"):
            (self.path / name).unlink(missing_ok=True)
        self._clear()

    def finish(self) -> None:
        """The result is stored: what led to it is no longer needed."""
        self.journal.close()
        self._clear()
        (self.path / "lock").unlink(missing_ok=True)

    def _clear(self) -> None:
        for name, ending in (("checkpoint", "npz"), ("journal", "bin")):
            for _, path in self._numbered(name, ending):
                path.unlink()

    def close(self) -> None:
        """Let other processes have the folder."""
        self.journal.close()
        if self.finished:
            self.finish()
        self._lock.close()


def _same_run(stored: dict[str, Any], facts: dict[str, Any], path: Path, resume: bool | str) -> None:
    """
    Raises:
        StorageError: naming the first fact in which the runs differ.
    """
    for name in facts:
        if stored.get(name) == facts[name] or (name == "code" and resume == "changed"):
            continue
        if name == "code":
            raise StorageError(
                f"the problem's code or data has changed since {path} was begun: choose another folder, or "
                'go on all the same (resume="changed", --resume changed)'
            )
        raise StorageError(
            f"{path} holds another run: its {name} is {stored.get(name)!r}, this one's {facts[name]!r}"
        )


def _is_foreign(name: str) -> bool:
    """Whether a file says that the folder is not that of a run killed before it began."""
    return name != "lock" and not name.endswith(".tmp")
