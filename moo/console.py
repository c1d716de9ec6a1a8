"""What the command line shows of a run or study while it lasts, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from moo.study import Progress as CellProgress

Tell: TypeAlias = Callable[[str, float, str | None], None]  # what, share done, a line where something ended


@contextmanager
def progress() -> Iterator[Tell]:
    """Progress on stderr: a bar on a terminal, elsewhere a line whenever something ended."""
    if not sys.stderr.isatty():
        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda what, share, ended: bar.update(task, description=what, completed=share)


def line(what: str, share: float, ended: str | None) -> None:
    if ended is not None:
        print(ended, file=sys.stderr, flush=True)


def cell(progress: CellProgress) -> tuple[str, float, str | None]:
    """What to tell of a study's progress."""
    what = f"{progress.problem}, {progress.optimizer}, seed {progress.seed}"
    left = f", {time_left(progress.seconds_left)} left" if progress.seconds_left > 0 else ""
    ended = f"[{progress.done}/{progress.total}] {what}: {progress.outcome}{left}"
    return what, progress.fraction, ended if progress.outcome else None


def time_left(seconds: float) -> str:
    """For example "40 s", "12 min", "3 h 20 min"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


def quarters(name: str, tell: Tell) -> Callable[[float], None]:
    """Of one run a line each quarter of the budget."""
    reached = 0

    def report(share: float) -> None:
        nonlocal reached
        passed = int(4 * share) > reached
        reached = max(reached, int(4 * share))
        tell(name, share, f"{name}: {share:.0%} of the budget" if passed else None)

    return report
