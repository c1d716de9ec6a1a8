"""``moo explore``: the interactive page of a study or result."""

from __future__ import annotations

import argparse
import webbrowser
from typing import Any

from moo.errors import OptionError


def add_explore(commands: Any) -> None:
    command = commands.add_parser("explore", help="look at fronts in one interactive HTML page, or serve it")
    command.add_argument("folder", metavar="DIR", help="what --out of solve, compare, bench run or train was")
    command.add_argument("--out", metavar="FILE", help="the file (DIR/explore.html)")
    command.add_argument("--serve", action="store_true", help="show it on 127.0.0.1, until Ctrl-C")
    command.add_argument("--port", type=int, metavar="N", help="to serve on (any that is free)")
    command.add_argument("--no-browser", action="store_true", help="with --serve: open no browser")
    command.set_defaults(run=_explore)


def _explore(args: argparse.Namespace) -> int:
    if args.serve and args.out is not None:
        raise OptionError("--out writes a file and --serve shows the page without one: give one of the two")
    if not args.serve and (args.port is not None or args.no_browser):
        raise OptionError("--port and --no-browser are of --serve: give it too")
    return _serve(args) if args.serve else _write(args)


def _write(args: argparse.Namespace) -> int:
    from moo.explore import explore

    print(explore(args.folder, args.out))
    return 0


def _serve(args: argparse.Namespace) -> int:
    from moo.explore.server import serving

    with serving(args.folder, args.port or 0) as (server, address):
        try:
            print(f"{address} (Ctrl-C ends it)", flush=True)
            if not args.no_browser:
                webbrowser.open(address)
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0
