"""``moo report``: a study as one HTML file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_report(commands: Any) -> None:
    command = commands.add_parser("report", help="write a study as one HTML file, also while it runs")
    command.add_argument("folder", metavar="DIR", help="what --out of compare or bench run was")
    command.add_argument("--out", metavar="FILE", help="the file (DIR/report.html)")
    command.set_defaults(run=_report)


def _report(args: argparse.Namespace) -> int:
    from moo.study import Study

    study = Study.load(args.folder)
    print(study.report(args.out or Path(args.folder) / "report.html"))
    return 0
