"""NSGA-II on arrays: no Individual objects, a generation is a few numpy calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from moo.evaluation import Evaluation, Evaluator
from moo.optimizers.base import State, require_finite_bounds
from moo.optimizers.genetic import Genetic
from moo.optimizers.ranking import survivors

if TYPE_CHECKING:
    from moo.problem import Problem


@dataclass
class NSGA2State(State):
    """``X`` is the first sample; ``answer`` the population, ``crowding`` its crowding distances."""

    X: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    crowding: np.ndarray = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True)
class NSGA2(Genetic[NSGA2State]):
    """NSGA-II (Deb, Pratap, Agarwal, Meyarivan 2002): non-dominated sorting, crowding distance,
    binary tournaments, SBX, polynomial mutation, constraint domination; duplicates are removed.

    The options are those of `Genetic`.
    """

    def init(self, problem: Problem, rng: np.random.Generator) -> NSGA2State:
        require_finite_bounds(problem, "NSGA2")
        return NSGA2State(rng, X=self._first(problem, rng))

    def step(self, evaluate: Evaluator, state: NSGA2State) -> NSGA2State:
        X = state.X
        if state.answer is not None:
            crowding = state.crowding
            X = self._children(evaluate.problem, state.answer, crowding, self.pop_size, state.rng)
        candidates = evaluate.together(state.answer, X)
        population, crowding = self._survivors(candidates)
        return NSGA2State(state.rng, population, X=state.X, crowding=crowding)

    def _survivors(self, candidates: Evaluation) -> tuple[Evaluation, np.ndarray]:
        """The best pop_size rows and their crowding distances."""
        chosen, crowding = survivors(candidates.F, candidates.CV, self.pop_size)
        return candidates.rows(chosen), crowding
