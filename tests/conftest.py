"""What every test relies on: one torch thread, and the list of all optimizers there are."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil

import pytest
import torch
from hypothesis import settings

import moo.optimizers
from moo.optimizers.base import Optimizer

settings.register_profile("moo", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("moo")


def pytest_configure() -> None:
    torch.set_num_threads(1)


def optimizer_classes() -> list[type[Optimizer]]:
    """Every concrete optimizer defined in a module of moo.optimizers that needs no argument."""
    found = {}
    for module in pkgutil.walk_packages(moo.optimizers.__path__, "moo.optimizers."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if inspect.isclass(value) and value.__module__ == module.name and _stands_alone(value):
                found[name] = value
    return [found[name] for name in sorted(found)]


def _stands_alone(cls: type) -> bool:
    return (
        issubclass(cls, Optimizer)
        and not inspect.isabstract(cls)
        and dataclasses.is_dataclass(cls)
        and all(
            field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
            for field in dataclasses.fields(cls)
            if field.init
        )
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``optimizer_class`` runs once for each."""
    if "optimizer_class" in metafunc.fixturenames:
        classes = optimizer_classes()
        metafunc.parametrize("optimizer_class", classes, ids=[cls.__name__ for cls in classes])
