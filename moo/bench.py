"""Runs a suite in a folder: tuning first where it is asked for, then the comparison; goes on with either.

suite.toml     the suite as it was given
origin.json    where its own files are, as seen from this folder
tuning/        the study of all configurations that were tried
tuning.csv     what it says of each, and which were chosen
study.json ... the comparison (`moo.study.store`)
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from moo import storage, suite
from moo.budget import Budget
from moo.errors import MooError, StorageError
from moo.loop import solve
from moo.optimizers.base import Optimizer
from moo.study import Study, compare
from moo.study import store as stored
from moo.study.cells import Progress
from moo.study.tuning import FIRST_SEED, candidates, chosen
from moo.suite import Suite

_SUITE, _ORIGIN, _TUNING = "suite.toml", "origin.json", "tuning"
_PILOT_SHARE, _PILOT_LEAST = 0.02, 200.0  # of the budget, and F-equivalents, that a trial run spends


def begin(path: str | Path, out: str | Path, *, overwrite: bool = False) -> Suite:
    """Read a suite and claim a folder for it.

    Raises:
        OptionError, StorageError: for a suite that cannot be used, before the folder is made, and for a
            folder that holds files while ``overwrite`` is false.
    """
    read = suite.read(path)
    _write(Path(path), read, stored.claim(out, overwrite=overwrite))
    return read


def again(out: str | Path, path: str | Path | None = None) -> Suite:
    """The suite of a folder that was begun; with ``path`` that suite in its place, which may have more
    problems, optimizers and seeds.

    Raises:
        OptionError, StorageError: when the folder holds no suite, or one that cannot be used any more.
    """
    folder = Path(out)
    if not (folder / _SUITE).exists():
        raise StorageError(f"{folder} holds no suite: give the --out of moo bench run")
    if path is None:
        return suite.read(folder / _SUITE, beside=folder / storage.read_json(folder / _ORIGIN)["files"])
    read = suite.read(path)
    _write(Path(path), read, folder)
    return read


def _write(path: Path, read: Suite, folder: Path) -> None:
    """Keep the suite, and where its files are: relative, so that both can move together."""
    with storage.replacing(folder / _SUITE) as file:
        file.write(read.text.encode())
    origin = os.path.relpath(path.resolve().parent, folder.resolve())
    storage.write_json(folder / _ORIGIN, {"files": origin})


def run(
    read: Suite,
    out: str | Path,
    *,
    progress: Callable[[Progress], None] | None = None,
    changed: bool = False,
    **options: Any,
) -> Study:
    """Run what is missing of a suite in a folder that was claimed for it (`begin`, `again`).

    Args:
        options: ``workers``, ``executor``, ``timeout``, ``command`` of `moo.compare`.
        changed: go on also where a problem's code has changed.

    Raises:
        StorageError: when the folder is in use, or contradicts the suite (`moo.compare`).
    """
    folder, optimizers = Path(out), dict(read.optimizers)
    options |= {"budget": read.budget, "k": read.k, "resume": "changed" if changed else True}
    if read.tune:
        seeds = [FIRST_SEED + i for i in range(read.tuning_seeds)]
        tried = candidates(read.optimizers, read.tune, read.ranges)
        study = compare(read.problems, tried, seeds=seeds, out=folder / _TUNING, progress=progress, **options)
        if study.status == "interrupted":
            return study
        judged = chosen(study, read.optimizers)
        judged.to_csv(folder / "tuning.csv", index=False)
        optimizers = with_tuned(read.optimizers, tried, judged)
    return compare(read.problems, optimizers, seeds=read.seeds, out=folder, progress=progress, **options)


def with_tuned(
    defaults: dict[str, Optimizer[Any]], tried: dict[str, Optimizer[Any]], judged: pd.DataFrame
) -> dict[str, Optimizer[Any]]:
    """Each optimizer, and after it what tuning made of it, as "NSGA2 (tuned)", where that is another."""
    both: dict[str, Optimizer[Any]] = {}
    for label, optimizer in defaults.items():
        both[label] = optimizer
        rows = judged[judged["optimizer"] == label]
        place = int(rows["chosen"].to_numpy().argmax())
        if place > 0:
            both[f"{label} (tuned)"] = tried[f"{label} #{place}"]
    return both


# ---------------------------------------------------------------------- before, and while it runs


def estimate(
    read: Suite, workers: int = 1, progress: Callable[[str, float], None] | None = None
) -> pd.DataFrame:
    """What a suite will take: one row a problem and optimizer with the F-equivalents of all its cells and
    the seconds they may take, by a run of 2 % of the budget; NaN where that run failed, whose ``error`` it
    has. Tuning is not in these rows; `tuning_share` says how much more it is.

    Args:
        progress: called with what is tried and the share done.
    """
    pairs = [(problem, label) for problem in read.problems for label in read.optimizers]
    rows = []
    for done, (problem, label) in enumerate(pairs):
        if progress is not None:
            progress(f"{problem}, {label}", done / len(pairs))
        rows.append({"problem": problem, "optimizer": label} | _pilot(read, problem, label))
    table = pd.DataFrame(rows)
    table["seconds"] /= max(1, workers)
    return table


def _pilot(read: Suite, problem: str, label: str) -> dict[str, Any]:
    """A cell in small, twice: what is compiled and loaded at the first time is not counted."""
    n = len(read.seeds)
    whole: dict[str, Any] = {"cells": n, "F-equivalents": n * (read.budget.cost or float("nan"))}
    share = _small(read.budget)
    try:
        solve(read.problems[problem], read.optimizers[label], budget=share)
        result = solve(read.problems[problem], read.optimizers[label], budget=share)
    except Exception as error:  # the dry run says so and goes on
        sentence = str(error) if isinstance(error, MooError) else f"{type(error).__name__}: {error}"
        return {**whole, "seconds": float("nan"), "error": sentence}
    return {
        **whole,
        "seconds": n * _seconds(result.cost.seconds, result.cost.total, read.budget),
        "error": "",
    }


def _small(budget: Budget) -> Budget:
    if budget.cost is None:
        return Budget(seconds=_PILOT_SHARE * (budget.seconds or 0.0), vjp_cost=budget.vjp_cost)
    return Budget(min(budget.cost, max(_PILOT_LEAST, _PILOT_SHARE * budget.cost)), vjp_cost=budget.vjp_cost)


def _seconds(seconds: float, spent: float, budget: Budget) -> float:
    by_cost = float("inf") if budget.cost is None else seconds * budget.cost / max(spent, 1.0)
    return min(by_cost, float("inf") if budget.seconds is None else budget.seconds)


def tuning_share(read: Suite) -> float:
    """How many times the comparison of the defaults the tuning is."""
    tried = len(candidates(read.optimizers, read.tune, read.ranges)) if read.tune else 0
    return tried * read.tuning_seeds / (len(read.optimizers) * len(read.seeds))


@dataclass(frozen=True)
class Standing:
    """How far a study in a folder is.

    Attributes:
        done, failed, total: cells with a result, cells that failed, all cells.
        running: a process works on it.
        status: as in `Study`.
        seconds_left: at the pace since it was last begun; NaN where there is none.
    """

    done: int
    failed: int
    total: int
    running: bool
    status: str
    seconds_left: float


def standing(folder: str | Path) -> Standing:
    """
    Raises:
        StorageError: when the folder holds no study.
    """
    path = Path(folder)
    study = Study(**stored.read_description(path))
    finished = {name: list(_times(path, name)) for name in ("result.json", "failure.json")}
    times = [moment for moments in finished.values() for moment in moments]
    done, failed, total = len(finished["result.json"]), len(finished["failure.json"]), len(study.cells)
    running = storage.is_locked(path / "lock")
    since = (path / "study.json").stat().st_mtime
    lately = sum(moment > since for moment in times)
    pace = (time.time() - since) / lately if running and lately else float("nan")
    return Standing(done, failed, total, running, study.status, pace * (total - done - failed))


def _times(folder: Path, name: str) -> Iterator[float]:
    """When each cell's file was written."""
    for path in (folder / "cells").glob(f"*/*/*/{name}"):
        yield path.stat().st_mtime
