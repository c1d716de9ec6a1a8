"""``moo decide``: one point of a saved front, by a rule, and why."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moo.cli_study import dumped
from moo.errors import OptionError, StorageError, unknown_name

if TYPE_CHECKING:
    from moo.decision import Choice, Limits, Pool
    from moo.result import Result
    from moo.study import Study

_RULES = ("knee", "topsis", "pseudo-weights", "achievement", "lexicographic")
_USES = {  # the options that a rule takes, beside --bounds
    "knee": ("by",),
    "topsis": ("weights",),
    "pseudo-weights": ("weights",),
    "achievement": ("reference",),
    "lexicographic": ("order", "tolerance"),
}
_EXAMPLES = """examples:
  moo decide runs/one --rule knee
  moo decide runs/one --rule topsis --weights cost=2,error=1 --bounds "cost<=5"
  moo decide runs/one --rule achievement --reference cost=5,error=0.1 --out chosen.png
  moo decide runs/beam --problem zdt1 --rule lexicographic --order f2 --tolerance 0.05
"""


def add_decide(commands: Any) -> None:
    command = commands.add_parser(
        "decide",
        help="choose one point of a saved result or study, and say why",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("folder", metavar="DIR", help="what --out of solve, compare or bench run was")
    command.add_argument("--rule", default="knee", metavar="RULE", help=f"{', '.join(_RULES)} (knee)")
    command.add_argument("--by", metavar="WHAT", help="of knee: trade-off (the default), bend or angle")
    command.add_argument("--weights", metavar="W", help="2,1 or cost=2,error=1; equal without")
    command.add_argument("--reference", metavar="Z", help="values hoped for: 5,0.1 or cost=5,error=0.1")
    command.add_argument("--order", metavar="NAMES", help="the most important objective first: error,cost")
    command.add_argument("--tolerance", metavar="T", help="share of a range: 0.05 or error=0.05")
    command.add_argument(
        "--bounds", action="append", default=[], metavar="B", help='"cost<=5" or "0.1<=cost<=5"; repeatable'
    )
    group = command.add_argument_group("of a study")
    group.add_argument("--problem", metavar="NAME", help="which, where there are several")
    group.add_argument("--optimizer", metavar="LABEL", help="its runs alone")
    group.add_argument("--seed", type=int, metavar="N", help="this seed alone")
    command.add_argument(
        "--out", metavar="FILE", help="draw the front with the chosen point, as PNG, PDF, SVG"
    )
    command.add_argument("--json", action="store_true", help="print JSON, and nothing else, to stdout")
    command.set_defaults(run=_decide)


@dataclass(frozen=True)
class _Given:
    """What is chosen from: all rows as one answer, where each comes from, and the answers to draw."""

    result: Result
    pool: Pool[tuple[str, int]] | None = None
    drawn: dict[str, Result] = field(default_factory=dict)

    def found_by(self, row: int | None) -> dict[str, Any] | None:
        if self.pool is None or row is None:
            return None
        label, at = self.pool.origins[row]
        return {"optimizer": label[0], "seed": label[1], "row": at}


def _decide(args: argparse.Namespace) -> int:
    rule = _checked_rule(args)
    given = _given(args)
    choice = _chosen(rule, given.result, args)
    if args.out:
        _draw(given, choice, Path(args.out))
    print(dumped(_json(given, choice)) if args.json else _text(given, choice, args.out))
    return 0


# ---------------------------------------------------------------------- what to choose from


def _given(args: argparse.Namespace) -> _Given:
    from moo.result import Result
    from moo.study import Study

    folder = Path(args.folder)
    if (folder / "study.json").exists():
        return _of_study(Study.load(folder), args)
    for option in ("problem", "optimizer", "seed"):
        if getattr(args, option) is not None:
            raise OptionError(f"--{option} is of a study, {folder} holds one result")
    if not (folder / "result.json").exists():
        raise StorageError(f"{folder} holds neither a study nor a result: give the --out of compare or solve")
    result = Result.load(folder)
    return _Given(result, drawn={result.optimizer_name: result})


def _of_study(study: Study, args: argparse.Namespace) -> _Given:
    """The answers of the runs that were asked for, as one."""
    from moo.decision import pool

    problem = _problem(study, args.problem)
    if args.optimizer is not None and args.optimizer not in study.optimizers:
        raise OptionError(unknown_name("optimizer", args.optimizer, study.optimizers))
    if args.seed is not None and args.seed not in study.seeds:
        raise OptionError(f"this study has no seed {args.seed}: accepted: {', '.join(map(str, study.seeds))}")
    runs = {
        (label, seed): result
        for (name, label, seed), result in study.results.items()
        if name == problem and args.optimizer in (None, label) and args.seed in (None, seed)
    }
    labels = dict.fromkeys(label for label, _ in runs)
    drawn = {label: pool({k: r for k, r in runs.items() if k[0] == label}).result for label in labels}
    together = pool(runs)
    return _Given(together.result, together, drawn)


def _problem(study: Study, name: str | None) -> str:
    if name is not None:
        return study.known(name)
    if len(study.problems) > 1:
        raise OptionError(f"say which problem with --problem: {', '.join(study.problems)}")
    return next(iter(study.problems))


# ---------------------------------------------------------------------- the rule


def _checked_rule(args: argparse.Namespace) -> str:
    """
    Raises:
        OptionError: for an unknown rule, and for options that it does not take or needs.
    """
    if args.rule not in _RULES:
        raise OptionError(unknown_name("rule", args.rule, _RULES))
    for option in ("by", "weights", "reference", "order", "tolerance"):
        if getattr(args, option) is not None and option not in _USES[args.rule]:
            owners = [rule for rule, options in _USES.items() if option in options]
            raise OptionError(
                f"--{option} does not go with --rule {args.rule}: it is of {' and '.join(owners)}"
            )
    for rule, option in (("achievement", "reference"), ("lexicographic", "order")):
        if args.rule == rule and getattr(args, option) is None:
            raise OptionError(f"--rule {rule} needs --{option}")
    return str(args.rule)


def _chosen(rule: str, result: Result, args: argparse.Namespace) -> Choice:
    from moo import decision

    within = _limits(args.bounds)
    if rule == "knee":
        return decision.knee(result, args.by or "trade-off", within=within)
    if rule == "topsis":
        return decision.topsis(result, _point(args.weights), within=within)
    if rule == "pseudo-weights":
        return decision.pseudo_weights(result, _point(args.weights), within=within)
    if rule == "achievement":
        return decision.achievement(result, _point(args.reference) or [], within=within)
    order = [name.strip() for name in args.order.split(",")]
    return decision.lexicographic(result, order, _tolerance(args.tolerance), within=within)


def _point(text: str | None) -> list[float] | dict[str, float] | None:
    """[2.0, 1.0] of "2,1", {"cost": 2.0, "error": 1.0} of "cost=2,error=1"."""
    if text is None:
        return None
    parts = [part for part in text.split(",") if part.strip()]
    if not any("=" in part for part in parts):
        return [_number(part) for part in parts]
    pairs = [part.rpartition("=") for part in parts]
    return {name.strip(): _number(value) for name, _, value in pairs}


def _tolerance(text: str | None) -> float | dict[str, float]:
    given = _point(text)
    if given is None:
        return 0.0
    if isinstance(given, dict):
        return given
    if len(given) != 1:
        raise OptionError(f"--tolerance {text} is not accepted: give one number, or name=number for some")
    return given[0]


def _limits(given: list[str]) -> Limits:
    """{"cost": (0.1, 5.0)} of "0.1<=cost<=5"."""
    limits: dict[str, tuple[float | None, float | None]] = {}
    for text in given:
        name, low, high = _bound(text)
        old_low, old_high = limits.get(name, (None, None))
        limits[name] = (old_low if low is None else low, old_high if high is None else high)
    return limits


def _bound(text: str) -> tuple[str, float | None, float | None]:
    parts = [part.strip() for part in text.split("<=")]
    if len(parts) == 3 and parts[1]:
        return parts[1], _number(parts[0]), _number(parts[2])
    if len(parts) == 2 and all(parts):
        name_first = not _is_number(parts[0])
        return (parts[0], None, _number(parts[1])) if name_first else (parts[1], _number(parts[0]), None)
    name, sign, value = (part.strip() for part in text.partition(">="))
    if len(parts) == 1 and sign and name:
        return name, _number(value), None
    raise OptionError(f'--bounds "{text}" is not accepted: give for example "cost<=5" or "0.1<=cost<=5"')


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(text: str) -> float:
    if not _is_number(text):
        raise OptionError(f"{text.strip()!r} is no number")
    return float(text)


# ---------------------------------------------------------------------- what is shown


def _draw(given: _Given, choice: Choice, file: Path) -> None:
    from moo import plot

    axes = plot.front(given.drawn)
    plot.mark(axes, given.result, choice)
    figure = axes.get_figure(root=True)
    assert figure is not None
    try:
        figure.savefig(file)
    except (OSError, ValueError) as error:
        raise StorageError(f"{file} cannot be written: {error}") from error


def _text(given: _Given, choice: Choice, out: str | None) -> str:
    lines = [str(choice)]
    for what, row in (("found by", choice.row), ("runner-up found by", choice.runner_up)):
        origin = given.found_by(row)
        if origin is not None:
            lines.append(
                f"  {what} {origin['optimizer']}, seed {origin['seed']}, row {origin['row']} of its answer"
            )
    return "\n".join([*lines, f"written to {out}"] if out else lines)


def _json(given: _Given, choice: Choice) -> dict[str, Any]:
    content = asdict(choice)
    content["x"] = {name: _listed(value) for name, value in choice.x.items()}
    if given.pool is not None:
        content["found_by"] = given.found_by(choice.row)
        content["runner_up_found_by"] = given.found_by(choice.runner_up)
    return content


def _listed(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value
