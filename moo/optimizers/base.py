"""What an optimizer is: frozen hyper-parameters, ``init`` and ``step``, and no hidden state."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from moo.arrays import Array
from moo.errors import OptionError, ProblemError
from moo.evaluation import Evaluation, Evaluator

if TYPE_CHECKING:
    from moo.problem import Problem


@dataclass
class State:
    """Everything an optimizer carries from step to step.

    Attributes:
        rng: the run's generator.
        answer: what the optimizer would return if it stopped now, evaluated; None before that.
        weights: (n, n_obj) where the rows of the answer belong to preferences.
        converged: nothing is left to do; the loop stops.
        preference: what ``weights`` are: "weights" on the objectives as stated, or "normalised weights",
            "rays" or "epsilons" (`moo.scalarization`).
    """

    rng: np.random.Generator
    answer: Evaluation | None = None
    weights: Array | None = None
    converged: bool = False
    preference: str = field(default="weights", kw_only=True)

    def diagnostics(self) -> dict[str, np.ndarray]:
        """What `Result.diagnostics` shows."""
        return {}

    def model(self) -> dict[str, np.ndarray]:
        """What `Result.model` keeps."""
        return {}


S = TypeVar("S", bound=State)


class Optimizer(ABC, Generic[S]):
    """A method. Subclasses are frozen dataclasses, constructible without arguments, one file each."""

    @abstractmethod
    def init(self, problem: Problem, rng: np.random.Generator) -> S:
        """The state before anything is evaluated."""

    @abstractmethod
    def step(self, evaluate: Evaluator, state: S) -> S:
        """The state after one iteration; ``evaluate`` is the only door to the problem."""


def require_finite_bounds(problem: Problem, method: str) -> None:
    """
    Raises:
        ProblemError: when a decision variable is unbounded.
    """
    unbounded = ~(np.isfinite(problem.xl) & np.isfinite(problem.xu))
    if unbounded.any():
        name = problem.var_names[int(unbounded.argmax())]
        raise ProblemError(
            f"{method} needs finite bounds, but {name} of {problem.title} is unbounded: give xl, xu"
        )


def require_real(problem: Problem, method: str) -> None:
    """
    Raises:
        ProblemError: when a decision variable is no real number.
    """
    if problem.variables is not None and not problem.variables.real:
        kinds = {name: type(v).__name__ for name, v in problem.variables.by_name.items()}
        name = next(name for name, kind in kinds.items() if kind != "Real")
        raise ProblemError(
            f"{method} follows gradients, but {name} of {problem.title} is {kinds[name]}: choose a genetic "
            "algorithm such as NSGA2"
        )


def require_memory(n_numbers: int, what: str, instead: str) -> None:
    """
    Raises:
        ProblemError: when so many numbers of eight bytes are more than the memory that is free, before any
            of it is taken.
    """
    wanted, free = 8 * n_numbers / 1e9, free_gigabytes()
    if wanted > free:
        raise ProblemError(f"{what} takes {wanted:.1f} GB, {free:.1f} GB are free: {instead}")


def free_gigabytes() -> float:
    """Memory that is free, inf where the system does not say."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    except (AttributeError, OSError, ValueError):
        return float("inf")


def require(condition: bool, option: str, given: Any, accepted: str) -> None:
    """
    Raises:
        OptionError: naming the option, what was given and what is accepted.
    """
    if not condition:
        raise OptionError(f"{option}={given!r} is not accepted: give {accepted}")
