"""Aggregators: one direction from the gradients of several objectives, for a batch of rows at once."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from inspect import isabstract
from pkgutil import iter_modules

from moo.aggregation.base import Aggregator, Context, LossWeighting, Weighting, remember
from moo.errors import OptionError, unknown_name

__all__ = [
    "Aggregator",
    "Context",
    "LossWeighting",
    "Weighting",
    "aggregator_named",
    "aggregators",
    "remember",
]


@cache
def aggregators() -> dict[str, type[Aggregator]]:
    """Every aggregator of this package by its class name."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    classes = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Aggregator) and value.__module__ == module.__name__
    ]
    return {cls.__name__: cls for cls in classes if not isabstract(cls)}


def aggregator_named(name: str) -> Aggregator:
    """The aggregator of that class name, in any case, with its default options.

    Raises:
        OptionError: where there is none, with the nearest.
    """
    known = {cls.lower(): cls for cls in aggregators()}
    if name.lower() not in known:
        raise OptionError(unknown_name("aggregator", name, sorted(known)))
    return aggregators()[known[name.lower()]]()
