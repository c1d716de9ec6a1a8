"""The command line: parses, calls the library, prints. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import moo
from moo.cli_bench import INTERRUPTED, add_bench
from moo.cli_decide import add_decide
from moo.cli_explore import add_explore
from moo.cli_export import add_export
from moo.cli_import import add_import
from moo.cli_report import add_report
from moo.cli_study import dumped, study_json, study_text, write_study
from moo.cli_train import add_train
from moo.console import cell, progress, quarters
from moo.errors import MooError, StorageError

if TYPE_CHECKING:
    from moo.result import Result

_ROWS_SHOWN = 10
_VARIABLES_SHOWN = 6
_VARIABLES_WRITTEN = 100  # a model has a column a parameter; arrays.npz has them all
_PROBLEM_HELP = "FILE.py, FILE.py:NAME, or a built-in problem such as zdt1 or 'DTLZ2(n_obj=4)'"
_METHOD_HELP = "for example NSGA2 or 'NSGA2(pop_size=50)'; see: moo list methods"
_EXAMPLES = """examples:
  moo compare zdt1 beam.py --method WeightedSum --method "NSGA2(pop_size=50)" --out runs/beam
  moo solve beam.py:beam --method GradientDescent --budget 5000 --out runs/one
  moo bench run benchmarks/suites/smoke.toml --out runs/smoke --workers 2
  moo train image-text --out runs/emoji
  moo plot runs/beam
  moo report runs/smoke
  moo explore runs/smoke
  moo export runs/smoke --format latex --out runs/paper
  moo decide runs/one --rule knee
  moo list methods
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0; 2 for an error of the user's; 130 after Ctrl-C."""
    try:
        args = _parser().parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    args.command_line = shlex.join(["moo", *(sys.argv[1:] if argv is None else argv)])
    path = list(sys.path)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader, for example head, has seen enough
        _close_stdout()
        return 0
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except MooError as error:
        return _fail(f"error: {error}", trace=getattr(error, "trace", ""))
    except Exception as error:
        return _fail_in_user_code(error, args)
    finally:
        sys.path[:] = path


def _fail(sentence: str, code: int = 2, trace: str = "") -> int:
    if trace:
        print(trace, file=sys.stderr)
    print(f"moo: {' '.join(sentence.split())}", file=sys.stderr)
    return code


def _fail_in_user_code(error: Exception, args: argparse.Namespace) -> int:
    """
    Raises:
        Exception: the error itself when the user's file has no part in it; then it is moo's.
    """
    from moo import naming

    given = getattr(args, "problem", [])
    files = [naming.file_of(text) for text in ([given] if isinstance(given, str) else given)]
    if naming.passes_through(error, [file for file in files if file]):
        return _fail(f"error: {type(error).__name__}: {error}", trace=naming.user_traceback(error))
    if isinstance(error, OSError):
        return _fail(f"error: {error}")
    raise error


def _close_stdout() -> None:
    """So that Python's own flush at exit does not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# ---------------------------------------------------------------------- arguments


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"moo: error: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="moo",
        description="One multi-objective problem; weighted sums, gradient descent and genetic algorithms.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"moo {moo.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_compare(commands)
    _add_solve(commands)
    add_bench(commands)
    add_train(commands)
    _add_plot(commands)
    add_report(commands)
    add_explore(commands)
    add_export(commands)
    add_import(commands)
    add_decide(commands)
    _add_list(commands)
    return parser


def _add_compare(commands: Any) -> None:
    command = commands.add_parser("compare", help="solve problems with several methods at equal cost")
    command.add_argument("problem", nargs="+", metavar="PROBLEM", help=_PROBLEM_HELP)
    command.add_argument("--method", action="append", required=True, help=f"may be repeated; {_METHOD_HELP}")
    command.add_argument(
        "--seeds", type=_seeds, default=5, metavar="N", help="how many, or a list: 0,3,7 (5)"
    )
    command.add_argument("--k", type=int, default=50, help="points to which each answer is cut (50)")
    command.add_argument("--workers", type=int, metavar="N", help="solve cells in so many processes")
    _add_common(command, "figures, tables, every result and where it came from")
    command.set_defaults(run=_compare)


def _add_solve(commands: Any) -> None:
    command = commands.add_parser("solve", help="solve one problem with one method")
    command.add_argument("problem", metavar="PROBLEM", help=_PROBLEM_HELP)
    command.add_argument("--method", required=True, help=_METHOD_HELP)
    command.add_argument("--seed", type=int, default=0, help="the same seed gives the same numbers (0)")
    _add_common(command, "front.png, table.csv and the result")
    _add_evaluation(command)
    command.set_defaults(run=_solve)


def _add_common(command: argparse.ArgumentParser, what: str) -> None:
    help_budget = "F-equivalents a run: n_f + 2 n_vjp (10000)"
    command.add_argument("--budget", type=float, default=10_000, metavar="F", help=help_budget)
    command.add_argument("--out", metavar="DIR", help=f"an empty or new folder for {what}")
    command.add_argument("--overwrite", action="store_true", help="DIR may hold files")
    _add_json(command)


def _add_evaluation(command: argparse.ArgumentParser) -> None:
    """Options for objectives that are slow or fail."""
    group = command.add_argument_group("slow and failing objectives")
    group.add_argument("--workers", type=int, metavar="N", help="evaluate in so many processes")
    group.add_argument("--executor", metavar="E", help="dask (a cluster here) or dask://HOST:PORT")
    group.add_argument("--timeout", type=float, metavar="S", help="seconds an evaluation may take")
    group.add_argument("--on-error", default="skip", metavar="P", help='skip, raise, "retry(3)" or penalise')
    group.add_argument("--cache", action="store_true", help="answer known candidates from memory")
    group.add_argument(
        "--resume",
        nargs="?",
        const=True,
        default=False,
        choices=(True, "changed"),
        metavar="changed",
        help="go on with the run in --out; 'changed': also where the problem's code has changed",
    )


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print JSON, and nothing else, to stdout")


def _add_plot(commands: Any) -> None:
    command = commands.add_parser("plot", help="draw the figures of a saved study or result again")
    command.add_argument("folder", metavar="DIR", help="what --out of compare or solve wrote")
    command.set_defaults(run=_plot)


def _add_list(commands: Any) -> None:
    command = commands.add_parser("list", help="list the problems, methods, data sets or tasks there are")
    command.add_argument("what", choices=("problems", "methods", "datasets", "tasks"))
    _add_json(command)
    command.set_defaults(run=_list)


def _seeds(text: str) -> int | list[int]:
    """5 or 0,3,7; a comma makes a list of one: 7, ."""
    try:
        return [int(part) for part in text.split(",") if part] if "," in text else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor a list like 0,3,7") from None


# ---------------------------------------------------------------------- commands


def _compare(args: argparse.Namespace) -> int:
    from moo import naming
    from moo.study import compare
    from moo.study.cells import numbered

    methods = [naming.method(text) for text in args.method]
    given = [naming.problem(text) for text in args.problem]
    names = numbered(name for name, _ in given)
    with progress() as tell:
        study = compare(
            dict(zip(names, (problem for _, problem in given), strict=True)),
            methods,
            budget=args.budget,
            seeds=args.seeds,
            k=args.k,
            out=args.out,
            overwrite=args.overwrite,
            workers=args.workers,
            command=args.command_line,
            progress=lambda at: tell(*cell(at)),
        )
    if args.out:
        write_study(study, Path(args.out))
    print(dumped(study_json(study, args.out)) if args.json else study_text(study, args.out))
    return INTERRUPTED if study.status == "interrupted" else 0


def _solve(args: argparse.Namespace) -> int:
    from moo import naming
    from moo.loop import solve

    method = naming.method(args.method)
    name, problem = naming.problem(args.problem)
    names = (
        "budget",
        "seed",
        "workers",
        "executor",
        "timeout",
        "on_error",
        "cache",
        "out",
        "overwrite",
        "resume",
    )
    options = {name: getattr(args, name) for name in names}
    try:
        with progress() as tell:
            steps = quarters(name, tell)
            result = solve(problem, method, **options, progress=steps)
    except MooError as error:
        if args.out and error.result is not None:
            error.result.save(args.out, overwrite=True)
        raise
    if args.out:
        _write_result(result, Path(args.out))
    print(dumped(_result_json(result)) if args.json else _result_text(result, args.out))
    return INTERRUPTED if result.status == "interrupted" else 0


def _write_result(result: Result, out: Path) -> None:
    result.save(out, overwrite=True)
    table = result.to_pandas()
    if len(result.problem.var_names) > _VARIABLES_WRITTEN:
        table = table.drop(columns=result.problem.var_names)
    table.to_csv(out / "table.csv", index=False)
    _draw_result(result, out)


def _draw_result(result: Result, out: Path) -> Path:
    from moo import plot

    figure = plot.front({result.optimizer_name: result}).get_figure(root=True)
    assert figure is not None
    figure.savefig(out / "front.png")
    return out / "front.png"


def _result_text(result: Result, out: str | None) -> str:
    parts = [str(result)]
    if len(result.F) > 1:
        parts.append(_some_rows(result))
    if out:
        parts.append(f"written to {out}")
    return "\n\n".join(parts)


def _some_rows(result: Result) -> str:
    """Rows spread over the front, with the first few variables."""
    from moo.indicators import subset

    rows = sorted(subset(result.F, _ROWS_SHOWN), key=lambda i: float(result.F[i, 0]))
    table = result.to_pandas().drop(columns=result.problem.var_names[_VARIABLES_SHOWN:])
    shown = table.iloc[rows].to_string(index=False, float_format=lambda value: f"{value:.6g}")
    return f"{len(rows)} of {len(result.F)} points:\n{shown}"


def _result_json(result: Result) -> dict[str, Any]:
    cost = result.cost
    return {
        "problem": result.problem.title,
        "optimizer": result.optimizer,
        "seed": result.seed,
        "status": result.status,
        "feasible": result.feasible,
        "hypervolume": result.hypervolume(),
        "cost": {**asdict(cost), "total": cost.total},
        "statuses": result.statuses,
        "objectives": result.problem.names,
        "variables": result.problem.var_names,
        "F": result.values.tolist(),
        "X": result.X.tolist(),
        "CV": result.CV.tolist(),
        "weights": None if result.weights is None else result.weights.tolist(),
        "metrics": {name: values.tolist() for name, values in result.metrics.items()},
    }


def _plot(args: argparse.Namespace) -> int:
    from moo.result import Result
    from moo.study import Study

    folder = Path(args.folder)
    if (folder / "study.json").exists():
        written = Study.load(folder).save_figures(folder)
    elif (folder / "result.json").exists():
        written = [_draw_result(Result.load(folder), folder)]
    else:
        raise StorageError(f"{folder} holds neither a study nor a result: give the --out of compare or solve")
    print("\n".join(map(str, written)) or "no cell of this study has a result: there is nothing to draw")
    return 0


def _list(args: argparse.Namespace) -> int:
    from moo import naming

    entries = naming.described(getattr(naming, args.what)())
    if args.json:
        print(dumped(entries))
        return 0
    width = max((len(entry["name"]) for entry in entries), default=0)
    for entry in entries:
        print(f"{entry['name']:<{width}}  {entry['summary']}")
        parameters = ", ".join(f"{name}={default}" for name, default in entry["parameters"].items())
        if parameters and args.what == "methods":
            print(f"{'':<{width}}  ({parameters})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
