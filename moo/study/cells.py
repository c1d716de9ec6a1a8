"""What a study is made of: names of problems, labels of optimizers, seeds, and their product, cells."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pymoo.core.problem

from moo.errors import OptionError
from moo.optimizers.base import Optimizer
from moo.problem import Problem
from moo.pymoo_problem import as_problem
from moo.result import Result

Key: TypeAlias = tuple[str, str, int]  # problem, optimizer, seed

_LABEL_LENGTH = 60
_SLUG_LENGTH = 60


@dataclass(frozen=True)
class Failure:
    """A cell that ended with an error: its sentence, what the run had found where there is any, and its
    kind: "error", or "killed" and "timeout", which come from outside and may not happen again."""

    message: str
    result: Result | None = None
    kind: str = "error"
    error: Exception | None = field(default=None, repr=False, compare=False)  # where it was met

    def __getstate__(self) -> dict[str, Any]:
        """Without the exception, which need not survive a pipe."""
        return {**vars(self), "error": None}


@dataclass(frozen=True)
class Progress:
    """Where a study stands.

    Attributes:
        problem, optimizer, seed: the cell the news is of.
        done, total: cells finished and cells in all.
        share: what of the cells at work is done, in cells.
        outcome: how the cell ended, once it has: a status, or "failed: ..." with the error.
        seconds_left: at the pace so far; NaN before there is one.
    """

    problem: str
    optimizer: str
    seed: int
    done: int
    total: int
    share: float = 0.0
    outcome: str | None = None
    seconds_left: float = float("nan")

    @property
    def fraction(self) -> float:
        """Share of the whole study that is done, in [0, 1]."""
        return (self.done + self.share) / self.total


def named_problems(given: Any) -> dict[str, Problem]:
    """Problems by name: a mapping's own names, else the problems' titles.

    Raises:
        OptionError: when there is none. ProblemError: for what is no problem.
    """
    if isinstance(given, Mapping):
        named = {str(name): as_problem(problem) for name, problem in given.items()}
    else:
        problems = [as_problem(problem) for problem in _listed(given, pymoo.core.problem.Problem)]
        titles = numbered(problem.title for problem in problems)
        named = dict(zip(titles, problems, strict=True))
    if not named:
        raise OptionError("there is no problem to solve: give at least one")
    return named


def named_optimizers(given: Any) -> dict[str, Optimizer[Any]]:
    """Optimizers by label: a mapping's own, else the class's name; where two share a class, with the
    parameters that differ from their defaults.

    Raises:
        OptionError: when there is none, or for what is no optimizer.
    """
    if isinstance(given, Mapping):
        named = {str(label): _optimizer(optimizer) for label, optimizer in given.items()}
    else:
        optimizers = [_optimizer(optimizer) for optimizer in _listed(given, Optimizer)]
        named = dict(zip(labels(optimizers), optimizers, strict=True))
    if not named:
        raise OptionError("there is no optimizer to compare: give at least one")
    return named


def _listed(given: Any, kind: type) -> list[Any]:
    """A list as it is; one object, or one class that was meant to be an object, as a list of it."""
    return [given] if isinstance(given, (kind, type)) or not isinstance(given, Iterable) else list(given)


def _optimizer(given: Any) -> Optimizer[Any]:
    if not isinstance(given, Optimizer):
        hint = f": {given.__name__}()" if isinstance(given, type) else ""
        raise OptionError(f"optimizer {given!r} is not accepted: give an optimizer object{hint}")
    return given


def labels(optimizers: Sequence[Optimizer[Any]]) -> list[str]:
    """A label for each, no two the same."""
    shared = Counter(type(optimizer).__name__ for optimizer in optimizers)
    return numbered(
        type(optimizer).__name__ + (_changed(optimizer) if shared[type(optimizer).__name__] > 1 else "")
        for optimizer in optimizers
    )


def _changed(optimizer: Optimizer[Any]) -> str:
    """The parameters that differ from their defaults, as "(name=value, ...)"; "" when none does."""
    changed = []
    for name, parameter in inspect.signature(type(optimizer)).parameters.items():
        value = getattr(optimizer, name, parameter.default)
        if repr(value) != repr(parameter.default):
            changed.append(f"{name}={_shown(value)}")
    text = f"({', '.join(changed)})" if changed else ""
    return text if len(text) <= _LABEL_LENGTH else text[: _LABEL_LENGTH - 4] + "...)"


def _shown(value: Any) -> str:
    """Literals as written; arrays as lists; other objects by their class, whose repr names memory."""
    if isinstance(value, np.ndarray):
        return repr(value.tolist())
    plain = value is None or isinstance(value, (bool, int, float, str, list, tuple, dict))
    return repr(value) if plain else getattr(value, "__name__", type(value).__name__)


def numbered(names: Iterable[str]) -> list[str]:
    """The names, a second "a" as "a (2)" and so on."""
    taken: list[str] = []
    for name in names:
        count, free = 1, name
        while free in taken:
            count += 1
            free = f"{name} ({count})"
        taken.append(free)
    return taken


def seed_list(given: int | Sequence[int]) -> list[int]:
    """0 .. n-1 for an integer n; a list of seeds as it is.

    Raises:
        OptionError: for no seed, a negative one, one given twice, or what is no integer.
    """
    if _is_integer(given) and given >= 1:  # type: ignore[operator]
        return list(range(int(given)))  # type: ignore[arg-type]
    seeds = list(given) if isinstance(given, (Sequence, np.ndarray)) and not isinstance(given, str) else []
    sound = all(_is_integer(seed) and seed >= 0 for seed in seeds) and len(set(seeds)) == len(seeds)
    if not seeds or not sound:
        raise OptionError(
            f"seeds={given!r} is not accepted: give how many (an integer >= 1) or a list of different "
            "integers >= 0"
        )
    return [int(seed) for seed in seeds]


def _is_integer(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def slugs(names: Iterable[str]) -> dict[str, str]:
    """A safe, short file name for each name; no two the same, even where case does not count."""
    safe: dict[str, str] = {}
    for name in names:
        base = re.sub(r"[^A-Za-z0-9._]+", "-", name)[:_SLUG_LENGTH].strip("-._") or "unnamed"
        count, free = 1, base
        while free.lower() in {slug.lower() for slug in safe.values()}:
            count += 1
            free = f"{base}-{count}"
        safe[name] = free
    return safe
