"""Test functions and engineering designs, each with its Pareto front, computed offline.

Every class can be made without arguments: ``moo.problems.ZDT1()``. A new problem is one file in
this package with a subclass of `moo.problem.Problem`; it is found by its class, not by a list.
"""

from __future__ import annotations

import inspect
import pkgutil
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from moo.errors import unknown_name

if TYPE_CHECKING:
    from moo.problem import Problem


@cache
def _found() -> dict[str, type[Problem]]:
    from moo.problem import Problem

    found: dict[str, type[Problem]] = {}
    for entry in pkgutil.iter_modules(__path__, f"{__name__}."):
        for name, member in vars(import_module(entry.name)).items():
            defined_here = inspect.isclass(member) and member.__module__ == entry.name
            if defined_here and issubclass(member, Problem) and not name.startswith("_"):
                found[name] = member
    return dict(sorted(found.items()))


def all_classes() -> dict[str, type[Problem]]:
    """Every problem class of this package by its name, in alphabetical order."""
    return dict(_found())


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    classes = _found()
    if name not in classes:
        raise AttributeError(unknown_name("problem", name, classes))
    return classes[name]


def __dir__() -> list[str]:
    return sorted([*_found(), "all_classes"])
