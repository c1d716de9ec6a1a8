"""What an executor is: it evaluates rows elsewhere and hands over each as it arrives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import ClassVar

import numpy as np


@dataclass(frozen=True)
class Outcome:
    """What became of one row.

    Attributes:
        row: its index in the X handed in.
        F, G, H: values (n_obj,), (n_ieq_constr,), (n_eq_constr,), F in minimised form; NaN where it failed.
        status: one of `moo.evaluation.STATUSES`.
        error: one sentence on a failure, else empty.
        seconds: what the evaluation took.
    """

    row: int
    F: np.ndarray
    G: np.ndarray
    H: np.ndarray
    status: str
    error: str
    seconds: float


class Executor(ABC):
    """Evaluates rows in other processes, on other machines, or by other hands."""

    derivatives_here: ClassVar[bool] = True  # autograd may be done in this process

    @abstractmethod
    def outcomes(self, X: np.ndarray) -> Iterator[Outcome]:
        """The outcome of each row of X (n, n_var), once, in the order of arrival."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what was started; may be called twice."""

    def __enter__(self) -> Executor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
