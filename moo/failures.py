"""What becomes of evaluations that fail: ``on_error=``, and when a run has seen too many of them."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from moo.errors import OptionError

_ACCEPTED = '"raise", "skip", "retry(3)" or "penalise"'
_SMALLEST_WINDOW, _LARGEST_WINDOW = 20, 1000  # rows
_SHARE_OF_BUDGET = 0.25  # that a window spans in between


@dataclass(frozen=True)
class OnError:
    """What to do about a row that failed: raised, timed out, or gave a value that is not finite.

    Attributes:
        kind: "raise" ends the run; "skip" marks the row, which never enters a ranking; "retry"
            evaluates it again, up to ``retries`` times, each counted; "penalise" hands methods without
            derivatives the worst values seen so far and a violation above all others.
    """

    kind: str = "skip"
    retries: int = 0

    @classmethod
    def of(cls, given: Any) -> OnError:
        """
        Raises:
            OptionError: for anything but the four.
        """
        if isinstance(given, OnError):
            return given
        match = re.fullmatch(r"(raise|skip|penalise)|retry\((\d+)\)", str(given))
        if match is None or match[2] == "0":
            raise OptionError(f"on_error={given!r} is not accepted: give {_ACCEPTED}")
        return cls(match[1]) if match[1] else cls("retry", int(match[2]))

    def __str__(self) -> str:
        return f"retry({self.retries})" if self.kind == "retry" else self.kind


@dataclass
class Window:
    """Whether more than half of the last ``size`` rows failed. Only failures are remembered, so that
    rows that go well cost nothing here."""

    size: int
    failures: deque[int] = field(default_factory=deque)  # numbers of the rows that failed

    @classmethod
    def of(cls, budget: float | None) -> Window:
        """A quarter of the budget, within 20 to 1,000 rows: an outage in a long run is survived, a
        simulator that has stopped working ends a short one early."""
        share = np.inf if budget is None else budget * _SHARE_OF_BUDGET
        return cls(int(np.clip(share, _SMALLEST_WINDOW, _LARGEST_WINDOW)))

    def overflows(self, status: np.ndarray, total: int) -> bool:
        """After rows of this status, the last of ``total``."""
        self.failures.extend((total - len(status) + np.flatnonzero(status)).tolist())
        while self.failures and self.failures[0] < total - self.size:
            self.failures.popleft()
        return total >= self.size and len(self.failures) > self.size / 2


@dataclass
class Penalty:
    """The worst values of a run so far, with which failed rows are answered."""

    F: np.ndarray
    CV: float = 0.0

    @classmethod
    def none_yet(cls, n_obj: int) -> Penalty:
        return cls(np.full(n_obj, -np.inf))

    def learn(self, F: np.ndarray, CV: np.ndarray) -> None:
        """Take in the rows that did not fail."""
        if len(F):
            self.F = np.maximum(self.F, F.max(axis=0))
            self.CV = max(self.CV, float(CV.max()))

    def values(self) -> tuple[np.ndarray, float]:
        """F (n_obj,) and a violation above every other."""
        return np.where(np.isfinite(self.F), self.F, 0.0), self.CV + 1.0
