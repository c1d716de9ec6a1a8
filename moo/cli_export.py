"""``moo export``: a study in the format of another toolkit."""

from __future__ import annotations

import argparse
from typing import Any


def add_export(commands: Any) -> None:
    command = commands.add_parser("export", help="write a study in the format of another toolkit")
    command.add_argument("folder", metavar="DIR", help="what --out of compare or bench run was")
    command.add_argument(
        "--format",
        required=True,
        metavar="F",
        help="csv, json, parquet, latex, paretobench, iohprofiler or jmetal",
    )
    command.add_argument("--out", required=True, metavar="DIR", help="an empty or new folder for the files")
    command.add_argument("--overwrite", action="store_true", help="that folder may hold files")
    command.set_defaults(run=_export)


def _export(args: argparse.Namespace) -> int:
    from moo.study import Study

    for file in Study.load(args.folder).export(args.format, args.out, overwrite=args.overwrite):
        print(file)
    return 0
