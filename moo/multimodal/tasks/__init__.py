"""Joint optimisation tasks, each a file in this package with a subclass of `Task`; it is found by its
class, not by a list."""

from __future__ import annotations

import inspect
import pkgutil
from functools import cache
from importlib import import_module

from moo.multimodal.tasks.base import Task

__all__ = ["Task", "tasks"]


@cache
def _found() -> dict[str, type[Task]]:
    found: dict[str, type[Task]] = {}
    for entry in pkgutil.iter_modules(__path__, f"{__name__}."):
        for member in vars(import_module(entry.name)).values():
            defined_here = inspect.isclass(member) and member.__module__ == entry.name
            if defined_here and issubclass(member, Task) and hasattr(member, "task_name"):
                found[member.task_name] = member
    return dict(sorted(found.items()))


def tasks() -> dict[str, type[Task]]:
    """Every task class of this package by its name, in alphabetical order."""
    return dict(_found())
