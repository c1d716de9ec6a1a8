"""Suites: a study written down in TOML, so that anybody can run the same.

    name = "smoke"
    budget = 1000                      # F-equivalents a cell; or seconds = 10
    seeds = 5
    k = 50                             # points to which each answer is cut
    problems = ["ZDT1", "DTLZ2(n_obj=3)", "beam.py:beam"]
    [optimizers]
    "weighted sum" = "WeightedSum(n=50)"
    NSGA2 = "NSGA2"

With ``tune = 20`` every optimizer is also tried in 20 configurations on other seeds (``tuning_seeds = 3``);
``[tuning]`` may narrow the ranges of options, as ``pop_size = [20, 100]``. Problems and optimizers are a
list, or a table of names of one's own. Files are looked for beside the suite.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moo import naming
from moo.budget import Budget
from moo.errors import OptionError, StorageError, unknown_name
from moo.optimizers.base import Optimizer
from moo.study.cells import labels, numbered, seed_list
from moo.study.tuning import Range, ranges_of

_KEYS = (
    "name", "description", "budget", "seconds", "vjp_cost", "seeds", "k", "problems", "optimizers",
    "tune", "tuning_seeds", "tuning",
)  # fmt: skip
_TUNING_SEEDS = 3


@dataclass(frozen=True)
class Suite:
    """What a suite file says.

    Attributes:
        name, description: for people.
        problems: name -> problem.
        optimizers: label -> optimizer.
        budget: of each cell.
        seeds: of the cells.
        k: points to which each answer is cut.
        tune: configurations tried for each optimizer, its defaults among them; 0 tunes nothing.
        tuning_seeds: how many seeds each of these is tried with, none of them among ``seeds``.
        ranges: of the options that are tuned, by their names.
        text: the file, to be kept with what it made.
    """

    name: str
    description: str
    problems: dict[str, Any]
    optimizers: dict[str, Optimizer[Any]]
    budget: Budget
    seeds: list[int]
    k: int
    tune: int
    tuning_seeds: int
    ranges: dict[str, Range]
    text: str


def read(path: str | Path, beside: Path | None = None) -> Suite:
    """The suite in a TOML file.

    Args:
        beside: the folder in which the suite's own files are; by default the file's.

    Raises:
        OptionError: for what is no TOML, a key or name that is unknown, a value of the wrong kind.
        StorageError: when the file cannot be read.
    """
    file = Path(path)
    try:
        text = file.read_text()
    except FileNotFoundError:
        raise StorageError(f"there is no suite {file}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{file} cannot be read: {error}") from None
    try:
        return of(tomllib.loads(text), text, file.stem, file.parent if beside is None else beside)
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f"{file} is no TOML: {error}") from None
    except OptionError as error:
        raise OptionError(f"{file}: {error}") from None


def of(content: Mapping[str, Any], text: str, name: str, folder: Path) -> Suite:
    """
    Raises:
        OptionError: for a key or name that is unknown, and a value of the wrong kind.
    """
    for key in content:
        if key not in _KEYS:
            raise OptionError(unknown_name("key", key, _KEYS))
    for key in ("problems", "optimizers"):
        if not content.get(key):
            raise OptionError(f"{key} is missing: give a list or a table of {key}")
    return Suite(
        name=_typed(content, "name", str, name),
        description=_typed(content, "description", str, ""),
        problems=_problems(content["problems"], folder),
        optimizers=_optimizers(content["optimizers"]),
        budget=_budget(content),
        seeds=seed_list(content.get("seeds", 15)),
        k=_count(content, "k", 50, least=1),
        tune=_count(content, "tune", 0, least=0),
        tuning_seeds=_count(content, "tuning_seeds", _TUNING_SEEDS, least=1),
        ranges=ranges_of(_typed(content, "tuning", dict, {})),
        text=text,
    )


def _typed(content: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
    value = content.get(key, default)
    if not isinstance(value, kind):
        raise OptionError(f"{key}={value!r} is not accepted: give a {kind.__name__}")
    return value


def _count(content: Mapping[str, Any], key: str, default: int, *, least: int) -> int:
    value = content.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise OptionError(f"{key}={value!r} is not accepted: give an integer >= {least}")
    return value


def _budget(content: Mapping[str, Any]) -> Budget:
    limits = {"cost": content.get("budget"), "seconds": content.get("seconds")}
    if limits == {"cost": None, "seconds": None}:
        raise OptionError("budget is missing: give F-equivalents a cell, or seconds")
    return Budget(**limits, vjp_cost=content.get("vjp_cost", Budget.vjp_cost))


def _problems(given: Any, folder: Path) -> dict[str, Any]:
    def made(text: str) -> tuple[str, Any]:
        beside = folder / text
        return naming.problem(str(beside) if naming.file_of(text) else text)

    if isinstance(given, Mapping):
        return {name: made(_text("problems", text))[1] for name, text in given.items()}
    pairs = [made(_text("problems", text)) for text in _list("problems", given)]
    return dict(zip(numbered(name for name, _ in pairs), (problem for _, problem in pairs), strict=True))


def _optimizers(given: Any) -> dict[str, Optimizer[Any]]:
    if isinstance(given, Mapping):
        return {label: naming.method(_text("optimizers", text)) for label, text in given.items()}
    optimizers = [naming.method(_text("optimizers", text)) for text in _list("optimizers", given)]
    return dict(zip(labels(optimizers), optimizers, strict=True))


def _list(key: str, given: Any) -> list[Any]:
    if not isinstance(given, list):
        raise OptionError(f"{key}={given!r} is not accepted: give a list or a table of {key}")
    return given


def _text(key: str, given: Any) -> str:
    if not isinstance(given, str):
        raise OptionError(f"{given!r} in {key} is not accepted: give a text such as {_LIKE[key]!r}")
    return given


_LIKE = {"problems": "DTLZ2(n_obj=3)", "optimizers": "NSGA2(pop_size=50)"}
