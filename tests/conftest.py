"""What every test relies on: one torch thread, and each optimizer there is, found by its class."""

from __future__ import annotations

import pytest
import torch
from hypothesis import settings

from moo.naming import methods

DEAR = ("Bayesian",)  # a model an evaluation: test_bayesian.py checks the contract at its own scale

settings.register_profile("moo", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("moo")


def pytest_configure() -> None:
    torch.set_num_threads(1)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``optimizer_class`` runs once for each."""
    if "optimizer_class" in metafunc.fixturenames:
        classes = {name: cls for name, cls in methods().items() if name not in DEAR}
        metafunc.parametrize("optimizer_class", classes.values(), ids=classes)
