"""Optuna, which is optional and talkative."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from moo.errors import MissingExtraError


def optuna_package() -> Any:
    """Optuna.

    Raises:
        MissingExtraError: when it is not installed.
    """
    try:
        return import_module("optuna")
    except ImportError:
        raise MissingExtraError("optuna", "bayes") from None


@contextmanager
def quiet_optuna() -> Iterator[Any]:
    """Optuna without its log lines and warnings of experimental parts; its settings are put back.

    Raises:
        MissingExtraError: when it is not installed.
    """
    optuna = optuna_package()
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield optuna
    finally:
        optuna.logging.set_verbosity(level)
