"""Collect what the page shows from a result, a study, a search of models, or a folder with one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from moo.errors import StorageError
from moo.explore.models import searches_in, trained
from moo.explore.points import Front, Points, points_of
from moo.explore.samples import of_result
from moo.result import Result, Statement
from moo.study import Study
from moo.study.cells import Key
from moo.study.store import Store, holds_study

_MOST_VARIABLES = 1000  # of a problem; what has more is a model, whose parameters tell nothing one by one
_MOST_VALUES = 3_000_000  # of variables in a page: 8 bytes each


@dataclass(frozen=True)
class Source:
    """What a page is made from.

    Attributes:
        title: of the page.
        fronts: one a problem.
        optimizers: label -> how it was set.
        status: of the study; "" where there is none.
        done, cells: how many cells have an outcome, and of how many; 0 where there is no study.
        notes: sentences on what is not shown.
    """

    title: str
    fronts: list[Front]
    optimizers: dict[str, str]
    status: str = ""
    done: int = 0
    cells: int = 0
    notes: list[str] = field(default_factory=list)


def gather(what: Result | Study | str | Path) -> Source:
    """
    Raises:
        StorageError: when there is nothing to show, or what is there cannot be read.
    """
    if isinstance(what, Result):
        return _of_result(what, None)
    if isinstance(what, Study):
        return _of_study(what, None)
    return _of_folder(Path(what))


def _of_folder(folder: Path) -> Source:
    if holds_study(folder):
        return _of_study(Study.load(folder), folder)
    if (folder / "result.json").exists():
        return _of_result(Result.load(folder), folder)
    found = searches_in(folder)
    if found:
        front, notes = trained(folder, found)
        return Source(_name(folder), [front], {name: s.rule for name, s in found.items()}, notes=notes)
    if not folder.is_dir():
        raise StorageError(f"{folder} is no folder: give the --out of solve, compare, bench run or train")
    raise StorageError(
        f"{folder} holds neither a study nor a result: give the --out of solve, compare, bench run or train"
    )


def _name(folder: Path) -> str:
    return folder.resolve().name


def _of_result(result: Result, folder: Path | None) -> Source:
    label = result.optimizer_name
    front = _front(
        result.problem.title, result.problem, {(label, result.seed): (result, folder)}, len(result.F)
    )
    if len(front) == 0:
        raise StorageError(f"the result of {result.problem.title} has no row of finite objectives to show")
    return Source(result.problem.title, [front], {label: result.optimizer})


def _of_study(study: Study, folder: Path | None) -> Source:
    if not study.results:
        where = "this study" if folder is None else str(folder)
        raise StorageError(f"{where} has no results yet: 0 of {len(study.cells)} cells have one")
    store = None if folder is None else Store(folder, study)
    total = sum(len(result.F) for result in study.results.values())
    fronts = [_front_of(study, name, store, total) for name in study.problems]
    title = "study" if folder is None else _name(folder)
    done = len(study.cells) - len(study.missing)
    return Source(title, fronts, study.optimizers, study.status, done, len(study.cells), _notes_on(study))


def _front_of(study: Study, problem: str, store: Store | None, total: int) -> Front:
    def place(key: Key) -> Path | None:
        return None if store is None else store.cell(key)

    runs = {key: result for key, result in study.results.items() if key[0] == problem}
    of_problem = {(key[1], key[2]): (result, place(key)) for key, result in runs.items()}
    return _front(problem, study.problems[problem], of_problem, total)


def _front(
    name: str, stated: Statement, runs: dict[tuple[str, int], tuple[Result, Path | None]], total: int
) -> Front:
    """
    Args:
        runs: (optimizer, seed) -> its result, and the folder it is in.
        total: rows of all answers of the page.
    """
    most = _kept(stated, total)
    groups: list[Points] = []
    for (optimizer, _), (result, folder) in runs.items():
        groups.append(points_of(result, optimizer, of_result(result, folder), most))
    left_out = sum(len(result.F) for result, _ in runs.values()) - sum(map(len, groups))
    return Front(name, stated, groups, left_out, _notes(stated, most, left_out))


def _n_var(stated: Statement) -> int:
    return len(stated.var_names if stated.variables is None else stated.variables)


def _kept(stated: Statement, total: int) -> int:
    """How many variables of each point the page keeps."""
    n_var = _n_var(stated)
    return 0 if n_var > _MOST_VARIABLES else min(n_var, _MOST_VALUES // max(total, 1))


def _notes(stated: Statement, most: int, left_out: int) -> list[str]:
    notes, n_var = [], _n_var(stated)
    if most < n_var:
        kept = (
            f"the first {most:,} of {n_var:,} variables are" if most else f"the {n_var:,} variables are not"
        )
        notes.append(f"{kept} in this page: arrays.npz has them all")
    if left_out:
        notes.append(f"{left_out:,} {'row' if left_out == 1 else 'rows'} without finite objectives left out")
    return notes


def _notes_on(study: Study) -> list[str]:
    failed = len(study.failures)
    stopped = sum(result.status == "interrupted" for result in study.results.values())
    counted = [(failed, "failed"), (stopped, "interrupted")]
    return [f"{count} {'cell' if count == 1 else 'cells'} {what}" for count, what in counted if count]
