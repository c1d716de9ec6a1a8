"""What moo raises: one clear sentence, saying what was given and what is accepted."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class MooError(Exception):
    """Base of every error moo raises on purpose; its text is one sentence for the user.

    ``result`` is what a run had found when the error ended it, where there was a run.
    """

    result: Any = None


class ProblemError(MooError, ValueError):
    """The statement of a problem is wrong: bounds, shapes, names, the type an objective returns."""


class OptionError(MooError, ValueError):
    """An argument of an optimizer, a budget or a command is out of its range or unknown."""


class EvaluationError(MooError, RuntimeError):
    """The user's objective or constraint raised on every candidate it was given."""


class StorageError(MooError, OSError):
    """A folder of results cannot be written or read."""


class MissingExtraError(MooError, ImportError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed: install it with pip install 'moo[{extra}]'")


def unknown_name(kind: str, given: str, accepted: Iterable[str]) -> str:
    """One sentence for a name that does not exist, with the nearest one that does."""
    names = sorted(accepted)
    by_lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(given.lower(), by_lower, n=1, cutoff=0.5)
    hint = f"did you mean {by_lower[near[0]]!r}? " if near else ""
    return f"unknown {kind} {given!r}: {hint}accepted: {', '.join(names)}"
