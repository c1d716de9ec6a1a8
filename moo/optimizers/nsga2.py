"""NSGA-II on arrays: no Individual objects, a generation is a few numpy calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from moo.evaluation import Evaluator
from moo.optimizers.base import require_finite_bounds
from moo.optimizers.genetic import Genetic, GeneticState
from moo.optimizers.ranking import survivors

if TYPE_CHECKING:
    from moo.problem import Problem


@dataclass
class NSGA2State(GeneticState):
    """``crowding`` (n,) are the population's crowding distances."""

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
        parents, X = state.answer, state.X
        if parents is not None:
            judged = self._judged(parents, evaluate, state)
            X = self._children(evaluate.problem, judged, state.crowding, self.pop_size, state.rng)
        candidates = self._candidates(evaluate, state, X)
        chosen, crowding = survivors(candidates.F, candidates.CV, self.pop_size)
        population = candidates.rows(chosen)
        return NSGA2State(state.rng, population, None, False, state.X, state.level, crowding)
