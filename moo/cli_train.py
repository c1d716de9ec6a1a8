"""``moo train``: a multimodal task from its data to a chosen model, and what other methods make of it."""

from __future__ import annotations

import argparse
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moo.console import progress
from moo.errors import MooError, OptionError, unknown_name

if TYPE_CHECKING:
    from moo.multimodal.comparison import MethodComparison
    from moo.multimodal.data import DataSet
    from moo.multimodal.search import WeightSearch
    from moo.multimodal.tasks import Task

_SMOKE = {"steps": 40, "seeds": 2, "methods": ["equal weights", "MGDA"]}
_FULL = {"steps": 150, "seeds": 5, "methods": None}


def add_train(commands: Any) -> None:
    command = commands.add_parser("train", help="train a multimodal task, weights and rates searched")
    command.add_argument(
        "task", nargs="?", metavar="TASK", help="for example image-text; see: moo list tasks"
    )
    command.add_argument(
        "--data", metavar="D", help="for example \"IEMOCAP(root='folder')\"; see: moo list datasets"
    )
    command.add_argument("--all", action="store_true", help="every task, one after another")
    command.add_argument("--smoke", action="store_true", help="few rows, settings and steps: does it run?")
    command.add_argument("--settings", type=int, metavar="N", help="weights x learning rates a method (20)")
    command.add_argument("--steps", type=int, metavar="N", help="of each training (150)")
    command.add_argument("--seeds", type=int, metavar="N", help="trainings of each setting (5)")
    command.add_argument(
        "--method", action="append", metavar="M", help="beside the weighted sum; may be repeated (all)"
    )
    command.add_argument("--out", metavar="DIR", help="an empty or new folder for models, tables and figures")
    command.add_argument("--overwrite", action="store_true", help="DIR may hold files")
    command.set_defaults(run=train)


def train(args: argparse.Namespace) -> int:
    names = _tasks(args)
    failed = 0
    for name in names:
        out = Path(args.out) / name if args.out and args.all else args.out and Path(args.out)
        try:
            said, interrupted = _trained(name, args, out or None)
            print(said, flush=True)
            if interrupted:
                raise KeyboardInterrupt
        except MooError as error:
            if not args.all:
                raise
            failed += 1
            print(f"{name}: {error}\n", flush=True)
    return 2 if failed else 0


@dataclass(frozen=True)
class _Plan:
    """How much of each."""

    n: int | None
    steps: int
    seeds: int
    methods: list[str] | None
    smoke: bool

    @classmethod
    def of(cls, args: argparse.Namespace) -> _Plan:
        usual: dict[str, Any] = _SMOKE if args.smoke else _FULL
        given = {"steps": args.steps, "seeds": args.seeds, "methods": args.method}
        said = {k: usual[k] if v is None else v for k, v in given.items()}
        return cls(args.settings, **said, smoke=args.smoke)

    def settings(self, n_obj: int) -> int:
        """As many as a grid needs at the least, in earnest 20."""
        least = 4 * (n_obj + 1)
        usual = least if self.smoke else max(least, 20)
        return usual if self.n is None else self.n

    def task(self, cls: Any, source: DataSet) -> Task:
        """On the source, or quickly on a part of it."""
        if not self.smoke:
            made: Task = cls(source)
        else:
            made = cls.quick() if source == cls.default_data() else cls(source.load().thinned(400))
        return made


def _tasks(args: argparse.Namespace) -> Sequence[str]:
    from moo.multimodal.tasks import tasks

    if args.all == (args.task is not None):
        raise OptionError("give one task, or --all")
    if args.task is not None and args.task not in tasks():
        raise OptionError(unknown_name("task", args.task, tasks()))
    return list(tasks()) if args.all else [args.task]


def _trained(name: str, args: argparse.Namespace, out: Path | None) -> tuple[str, bool]:
    """Train, write, and say what came out, and whether Ctrl-C ended it."""
    from moo import naming
    from moo.multimodal.comparison import BASELINE, compare_methods
    from moo.multimodal.tasks import tasks

    began = time.perf_counter()
    cls: Any = tasks()[name]  # every task can be made of data alone
    plan = _Plan.of(args)
    chosen = args.data and naming.construct(args.data, naming.datasets(), "data set")
    source: DataSet = chosen or cls.default_data()
    with progress() as tell, _told(lambda said: tell(name, 0.0, f"{name}: {said}")):
        tell(name, 0.0, f"{name}: loading {source}")
        task = plan.task(cls, source)
        made = compare_methods(
            task,
            plan.methods,
            n=plan.settings(task.n_obj),
            steps=plan.steps,
            seeds=plan.seeds,
            out=out,
            overwrite=args.overwrite,
            progress=lambda method, done, of: tell(name, done / of, f"{name}: [{done}/{of}] {method}"),
        )
    search = {**made.searches, **made.unfinished}[BASELINE]
    if out is not None:
        _write(task, search, out)
    data = f"a part of {source}" if plan.smoke else str(source)
    text = _text(f"{name} on {data}", task, made, search, out, time.perf_counter() - began)
    return text, made.interrupted


@contextmanager
def _told(tell: Callable[[str], None]) -> Iterator[None]:
    """What data sets log while they are fetched and made."""
    handler, log = logging.Handler(), logging.getLogger("moo.data")
    level = log.level
    handler.emit = lambda record: tell(record.getMessage())  # type: ignore[method-assign]
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def _write(task: Task, search: WeightSearch, out: Path) -> None:
    """Tables and a figure of the weighted sums, and samples of those on the front."""
    from moo.plot.trade_off import trade_offs

    search.settings.to_csv(out / "settings.csv")
    search.front.to_csv(out / "front.csv")
    trade_offs(search).savefig(out / "front.png")
    of_front = search.table.setting.isin(search.front.index) & (search.table.seed == search.table.seed[0])
    if of_front.any():
        task.write_samples(search.X[of_front.to_numpy()], out)


def _text(
    what: str, task: Task, made: MethodComparison, search: WeightSearch, out: Path | None, seconds: float
) -> str:
    sizes = ", ".join(f"{len(samples)} {part}" for part, samples in _parts(task).items())
    lines = [what, f"min ({', '.join(task.names)})", f"{sizes} rows", ""]
    lines += [f"weighted sum, {search.rule}:", _chosen(search), ""]
    lines += [str(made), f"{seconds:.0f} seconds"]
    if out is not None:
        lines += [f"written to {out}"]
    return "\n".join(lines) + "\n"


def _parts(task: Task) -> dict[str, Any]:
    return {"training": task.train, **task.heldout}


def _chosen(search: WeightSearch) -> str:
    """The chosen weights and rate, and all figures on the test split."""
    if search.chosen is None:
        return "  none"
    setting = search.settings.loc[search.chosen]
    said = [f"{n} {setting[n]:.3g}" for n in setting.index if n.startswith("w ") or n == "learning rate"]
    tested = [
        f"  {name:<32} {mean:.4f}" + ("" if math.isnan(low) else f"  [{low:.4f}, {high:.4f}]")
        for name, mean, low, high in search.test.itertuples()
    ]
    return "\n".join(["  " + ", ".join(said), *tested])
