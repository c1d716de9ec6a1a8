"""Data sets of several modalities, each a file in this package with a subclass of `DataSet`; it is found
by its class, not by a list."""

from __future__ import annotations

import inspect
import pkgutil
from functools import cache
from importlib import import_module

from moo.multimodal.data.base import SPLITS, DataSet, MultimodalData, Samples

__all__ = ["SPLITS", "DataSet", "MultimodalData", "Samples", "datasets"]


@cache
def _found() -> dict[str, type[DataSet]]:
    found: dict[str, type[DataSet]] = {}
    for entry in pkgutil.iter_modules(__path__, f"{__name__}."):
        for name, member in vars(import_module(entry.name)).items():
            defined_here = inspect.isclass(member) and member.__module__ == entry.name
            if defined_here and issubclass(member, DataSet) and not inspect.isabstract(member):
                found[name] = member
    return dict(sorted(found.items()))


def datasets() -> dict[str, type[DataSet]]:
    """Every data set class of this package by its name, in alphabetical order."""
    return dict(_found())
