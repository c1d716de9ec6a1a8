"""Random search: the baseline every other method has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from moo.evaluation import Evaluation, Evaluator
from moo.indicators import nondominated
from moo.optimizers.base import Optimizer, State, require, require_finite_bounds
from moo.optimizers.sampling import DESIGNS, first_sample

if TYPE_CHECKING:
    from moo.problem import Problem


@dataclass(frozen=True)
class RandomSearch(Optimizer[State]):
    """Samples of the box; the answer is their non-dominated feasible subset.

    Args:
        batch_size: candidates evaluated at a time.
        sampling: "random" (uniform), or each batch a "lhs" (Latin hypercube: McKay, Beckman and Conover
            1979) or a scrambled "sobol" design.
    """

    batch_size: int = 100
    sampling: str = "random"

    def __post_init__(self) -> None:
        require(self.sampling in DESIGNS, "sampling", self.sampling, ", ".join(map(repr, DESIGNS)))
        require(self.batch_size >= 1, "batch_size", self.batch_size, "an integer of at least 1")

    def init(self, problem: Problem, rng: np.random.Generator) -> State:
        require_finite_bounds(problem, "RandomSearch")
        return State(rng)

    def step(self, evaluate: Evaluator, state: State) -> State:
        sample = first_sample(evaluate.problem, self.batch_size, state.rng, self.sampling)
        return State(state.rng, best_of(evaluate.together(state.answer, sample)))


def best_of(seen: Evaluation) -> Evaluation:
    """Feasible non-dominated rows; while there are none, the least violating one."""
    feasible = np.flatnonzero(seen.CV <= 0)
    if len(feasible) == 0:
        return seen.rows(np.array([seen.CV.argmin()]))
    return seen.rows(feasible[nondominated(seen.F[feasible])])
