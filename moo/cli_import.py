"""``moo import``: a front that somebody else computed, into a study."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from moo.errors import OptionError, unknown_name


def add_import(commands: Any) -> None:
    command = commands.add_parser("import", help="add a front that somebody else computed to a study")
    command.add_argument("folder", metavar="DIR", help="what --out of compare or bench run was")
    command.add_argument("file", metavar="CSV", help="a column an objective, a line a point")
    command.add_argument("--problem", required=True, metavar="P", help="whose front it is, as in the study")
    command.add_argument("--label", required=True, metavar="NAME", help="what it is called in tables")
    command.add_argument("--verify", metavar="P", help="evaluate its variables, for example zdt1 or beam.py")
    command.set_defaults(run=_import)


def _import(args: argparse.Namespace) -> int:
    from moo import naming
    from moo.exchange.fronts import read_fronts
    from moo.study import Study
    from moo.study.store import changing

    folder = Path(args.folder)
    verify = None if args.verify is None else naming.problem(args.verify)[1]
    with changing(folder) as study:
        if args.problem not in study.problems:
            raise OptionError(unknown_name("problem", args.problem, study.problems))
        fronts = read_fronts(args.file, study.problems[args.problem])
        for front in fronts:
            study.add_front(args.problem, args.label, front.F, front.X, source=Path(args.file), verify=verify)
    print(_said(Study.load(folder), args, len(fronts)))
    return 0


def _said(study: Any, args: argparse.Namespace, n_fronts: int) -> str:
    """The row of the table, and how far the values can be trusted."""
    table = study.table()
    row = table[(table["problem"] == args.problem) & (table["optimizer"] == args.label)].iloc[0]
    fronts = "1 front" if n_fronts == 1 else f"{n_fronts} fronts"
    trusted = "evaluated again" if args.verify else "taken as given (--verify evaluates the variables)"
    return (
        f"{fronts} of {args.label} on {args.problem}: median hypervolume {row['hypervolume']:.4f}, IGD+ "
        f"{row['igd+']:.4f}, {row['points']:.0f} points, cost unknown; values {trusted}"
    )
