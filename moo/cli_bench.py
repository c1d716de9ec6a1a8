"""``moo bench``: suites of problems and optimizers, run, gone on with, and looked after."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moo.cli_study import dumped, records, study_json, study_text, write_study
from moo.console import cell, progress, time_left

if TYPE_CHECKING:
    from moo.suite import Suite

INTERRUPTED = 130


def add_bench(commands: Any) -> None:
    command = commands.add_parser("bench", help="run a suite of problems and optimizers, or go on with one")
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_run(actions)
    _add_resume(actions)
    status = actions.add_parser("status", help="how far a study is, also while it runs")
    status.add_argument("folder", metavar="DIR", help="what --out of run was")
    status.add_argument("--json", action="store_true", help="print JSON, and nothing else, to stdout")
    status.set_defaults(run=_status)


def _add_run(actions: Any) -> None:
    action = actions.add_parser("run", help="run a suite")
    action.add_argument("suite", metavar="SUITE.toml", help="for example benchmarks/suites/smoke.toml")
    action.add_argument("--out", metavar="DIR", help="an empty or new folder; needed unless --dry-run")
    action.add_argument("--overwrite", action="store_true", help="DIR may hold files")
    action.add_argument("--dry-run", action="store_true", help="say what it will take, and stop")
    _add_workplace(action)
    action.set_defaults(run=_run)


def _add_resume(actions: Any) -> None:
    action = actions.add_parser("resume", help="solve the cells that are missing")
    action.add_argument("folder", metavar="DIR", help="what --out of run was")
    action.add_argument(
        "--suite", metavar="SUITE.toml", help="with more problems, optimizers or seeds than before"
    )
    action.add_argument("--changed", action="store_true", help="also where a problem's code has changed")
    _add_workplace(action)
    action.set_defaults(run=_resume)


def _add_workplace(action: argparse.ArgumentParser) -> None:
    action.add_argument("--workers", type=int, metavar="N", help="solve cells in so many processes")
    action.add_argument("--executor", metavar="E", help="dask (a cluster here) or dask://HOST:PORT")
    action.add_argument("--timeout", type=float, metavar="S", help="seconds a cell may take")
    action.add_argument("--json", action="store_true", help="print JSON, and nothing else, to stdout")


def _run(args: argparse.Namespace) -> int:
    from moo import bench, suite
    from moo.errors import OptionError

    if args.dry_run:
        return _dry_run(suite.read(args.suite), args)
    if args.out is None:
        raise OptionError("--out is missing: give a folder for the study, or --dry-run")
    return _work(bench.begin(args.suite, args.out, overwrite=args.overwrite), args.out, args)


def _resume(args: argparse.Namespace) -> int:
    from moo import bench

    return _work(bench.again(args.folder, args.suite), args.folder, args, changed=args.changed)


def _work(read: Suite, out: str, args: argparse.Namespace, *, changed: bool = False) -> int:
    from moo import bench

    options = {name: getattr(args, name) for name in ("workers", "executor", "timeout")}
    options["command"] = args.command_line
    with progress() as tell:
        study = bench.run(read, out, progress=lambda at: tell(*cell(at)), changed=changed, **options)
    if study.status != "interrupted":
        write_study(study, Path(out))
    print(dumped(study_json(study, out)) if args.json else _text(study_text(study, out), study.status, out))
    return INTERRUPTED if study.status == "interrupted" else 0


def _text(text: str, status: str, out: str) -> str:
    return text if status != "interrupted" else f"{text}\ngo on with: moo bench resume {out}"


def _dry_run(read: Suite, args: argparse.Namespace) -> int:
    from moo import bench

    with progress() as tell:
        say: Callable[[str, float], None] = lambda what, share: tell(what, share, None)  # noqa: E731
        table = bench.estimate(read, args.workers or 1, say)
    more = bench.tuning_share(read)
    if args.json:
        print(dumped({"suite": read.name, "cells": records(table), "tuning": more}))
        return 0
    total = float(table["seconds"].sum())
    formats = {"F-equivalents": "{:,.0f}".format, "seconds": "{:,.1f}".format}
    print(table.drop(columns="error").to_string(index=False, formatters=formats))
    for _, row in table[table["error"] != ""].iterrows():
        print(f"fails: {row['problem']}, {row['optimizer']}: {row['error']}")
    print(f"\n{read.name}: {_said(read, int(table['cells'].sum()), total, more, args.workers or 1)}")
    return 0


def _said(read: Suite, cells: int, seconds: float, more: float, workers: int) -> str:
    """The estimate in a sentence."""
    crew = "one process" if workers == 1 else f"{workers} workers"
    sentence = f"{cells:,} cells, about {time_left(seconds)} on {crew}"
    return f"{sentence}; tuning takes about {time_left(more * seconds)} more" if read.tune else sentence


def _status(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from moo import bench

    at = bench.standing(args.folder)
    if args.json:
        print(dumped(asdict(at)))
        return 0
    failed = f", {at.failed:,} failed" if at.failed else ""
    print(f"{args.folder}: {at.done:,} of {at.total:,} cells{failed}; {_state(at, args.folder)}")
    return 0


def _state(at: Any, folder: str) -> str:
    if at.running:
        return f"running, about {time_left(at.seconds_left)} left" if at.seconds_left >= 0 else "running"
    if at.done + at.failed >= at.total:
        return "complete"
    return f"not running: go on with moo bench resume {folder}"
