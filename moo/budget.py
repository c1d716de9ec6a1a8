"""What a run may spend, and the clock it sees."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from moo.errors import OptionError


class BudgetExhausted(Exception):  # noqa: N818 - a signal between evaluator and loop, not an error
    """The evaluator has nothing left to spend; what it could afford was evaluated and logged."""


@dataclass(frozen=True)
class Budget:
    """What a run may spend; it ends at whichever limit is reached first.

    Args:
        cost: F-equivalents, ``n_f + vjp_cost * n_vjp``: objective-vector evaluations plus backward
            passes (one a row and objective), each worth ``vjp_cost`` evaluations.
        seconds: wall-clock seconds.
        vjp_cost: the constant c of the cost; 2 is between the 1 of the forward pass alone and the 3
            to 4 that F with its gradient takes on small networks (Griewank and Walther's bound is 5).

    Raises:
        OptionError: when no limit is given, or one is not positive.
    """

    cost: float | None = None
    seconds: float | None = None
    vjp_cost: float = 2.0

    def __post_init__(self) -> None:
        if self.cost is None and self.seconds is None:
            raise OptionError("a budget needs a limit: give cost= (F-equivalents) or seconds=")
        for name in ("cost", "seconds"):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and 0 < value < np.inf):
                raise OptionError(f"budget {name}={value!r} is not accepted: give a finite number above zero")
        if not (_is_number(self.vjp_cost) and 0 <= self.vjp_cost < np.inf):
            raise OptionError(f"vjp_cost={self.vjp_cost!r} is not accepted: give a number >= 0")

    @classmethod
    def of(cls, budget: Budget | float) -> Budget:
        """A ``Budget`` as it is, a number as so many F-equivalents."""
        return budget if isinstance(budget, Budget) else cls(cost=budget)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


@dataclass
class Clock:
    """Wall-clock seconds of a run. What an optimizer sees of it stands still between evaluations, so
    that a run that is repeated from its journal takes the same decisions."""

    ticked: float = 0.0
    _zero: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._zero

    def tick(self) -> None:
        self.ticked = self.seconds

    def set(self, seconds: float) -> None:
        """Go on from so many seconds."""
        self.ticked, self._zero = seconds, time.perf_counter() - seconds
