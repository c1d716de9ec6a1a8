"""`moo.compare`: every optimizer on every problem with every seed, each within the same budget."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from moo import storage
from moo.budget import Budget
from moo.errors import OptionError, StorageError
from moo.executors.crew import check_workers
from moo.fingerprint import code_digest
from moo.loop import statement
from moo.provenance import now, provenance
from moo.study.cells import Progress, named_optimizers, named_problems, seed_list
from moo.study.engine import Engine, Workplace
from moo.study.service import Cells
from moo.study.store import Store, claim, holds_study, load
from moo.study.study import Study

_PATIENCE = 3.0  # seconds for the workers of a study that was killed to notice it


def compare(
    problems: Any,
    optimizers: Any,
    *,
    budget: Budget | float = 10_000,
    seeds: int | Sequence[int] = 5,
    k: int = 50,
    workers: int | None = None,
    executor: str | None = None,
    timeout: float | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    resume: bool | str = False,
    command: str | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Study:
    """Solve every problem with every optimizer and every seed, each cell within the same budget.

    Args:
        problems: one problem, a list, or a mapping name -> problem (moo's or pymoo's).
        optimizers: one optimizer, a list, or a mapping label -> optimizer.
        budget: of each cell: F-equivalents, or a `moo.Budget`.
        seeds: how many (0 .. seeds - 1), or a list; the same for all.
        k: points to which every answer is cut before it is judged.
        workers: solve cells in so many processes, each of which works with one thread. A cell whose
            process dies is tried once more, then counted as failed; the others go on.
        executor: "dask" for a cluster of ``workers`` processes here, "dask://HOST:PORT" for one that is
            running.
        timeout: seconds a cell may take; its process is then killed and the cell counts as failed. Alone
            it means one worker.
        out: a folder that receives each cell as soon as it is finished (`Study.load` reads it); a cell
            that is expected to take more than a minute keeps its evaluations on the way.
        overwrite: whether ``out`` may hold files; a study in it is forgotten.
        resume: True goes on with the study in ``out``: cells that are there are left alone, those that
            were interrupted or killed are solved again, and problems, optimizers and seeds that are new
            are added. "changed" also where a problem's code has changed.
        command: what made the study, kept with it.
        progress: called now and then, and after each cell, with a `moo.study.cells.Progress`.

    Returns:
        A `Study`. A cell that raises costs that cell alone: its error is in ``Study.failures``. Ctrl-C
        ends the study with what it has, status "interrupted".

    Raises:
        ProblemError, OptionError: for a problem, optimizer, budget, seed, k or worker that cannot be used.
        StorageError: when ``out`` holds files and neither ``overwrite`` nor ``resume`` is given, another
            study, or one that another process works on (before anything is computed), or cannot be
            written (what was finished is kept: ``resume=True`` goes on).
        Exception: the first cell's own error, when every cell failed.
    """
    given = named_problems(problems)
    methods = named_optimizers(optimizers)
    if not isinstance(k, int) or k < 1:
        raise OptionError(f"k={k!r} is not accepted: give an integer >= 1")
    if resume not in (True, False, "changed"):
        raise OptionError(f"resume={resume!r} is not accepted: give True, False or 'changed'")
    if resume and out is None:
        raise OptionError("resume= needs out=, the folder of the study to resume")
    check_workers(workers, executor, timeout)
    study = Study(
        problems={name: statement(problem) for name, problem in given.items()},
        optimizers={label: _without_addresses(optimizer) for label, optimizer in methods.items()},
        seeds=seed_list(seeds),
        budget=Budget.of(budget),
        k=k,
        started=now(),
        provenance=provenance(),
        command=command,
        digests={name: code_digest(problem) for name, problem in given.items()},
    )
    workplace = Workplace(workers, executor, timeout)
    cells = Cells(given, methods, study.budget, None)
    if out is None:
        return Engine(study, cells, workplace, progress=progress).run()
    with ExitStack() as stack:
        folder = storage.claim(out, overwrite=True) if resume else claim(out, overwrite=overwrite)
        lock = stack.enter_context(storage.locked(folder / "lock", _PATIENCE if resume else 0.0))
        if resume and holds_study(folder):
            study = _merged(load(folder, damaged_as_missing=True), study, folder, changed=resume == "changed")
        stored = replace(cells, store=Store(folder, study))
        stack.callback((folder / "lock").unlink)
        return Engine(study, stored, workplace, lock.fileno(), progress).run()


def _without_addresses(optimizer: Any) -> str:
    """Its repr; where in memory a function lies says nothing."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(optimizer))


def _merged(stored: Study, given: Study, folder: Path, *, changed: bool) -> Study:
    """The stored study with what is new in the given one.

    Raises:
        StorageError: naming the first thing in which they contradict each other.
    """
    other = "choose another folder, or another name"
    if stored.budget != given.budget:
        raise StorageError(
            f"the study in {folder} has another budget ({stored.budget}) than this one ({given.budget}): "
            "choose another folder"
        )
    for label, stated in given.optimizers.items():
        if stored.optimizers.get(label, stated) != stated:
            raise StorageError(
                f"{label!r} in {folder} is {stored.optimizers[label]}, here it is {stated}: {other}"
            )
    for name, digest in given.digests.items():
        if stored.digests.get(name, digest) != digest and not changed:
            raise StorageError(
                f"the code or data of {name!r} has changed since {folder} was begun: {other}, or go on all "
                'the same (resume="changed", --resume changed)'
            )
    return replace(
        stored,
        problems=stored.problems | given.problems,
        optimizers=stored.optimizers | given.optimizers,
        seeds=list(dict.fromkeys([*stored.seeds, *given.seeds])),
        k=given.k,
        digests=stored.digests | given.digests,
        command=given.command or stored.command,
        provenance=given.provenance,
    )
