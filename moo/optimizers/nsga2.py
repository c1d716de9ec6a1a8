"""NSGA-II on arrays: no Individual objects, a generation is a few numpy calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from moo.evaluation import Evaluation, Evaluator
from moo.optimizers.base import require_finite_bounds
from moo.optimizers.genetic import Genetic, GeneticState
from moo.optimizers.ranking import gather, survivors

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
        problem, parents, X = evaluate.problem, state.answer, state.X
        if parents is not None:
            judged = self._judged(parents, evaluate, state)
            X = self._children(problem, judged, state.crowding, self.pop_size, state.rng)
        if parents is None or problem.stochastic or problem.n_constr:
            candidates = evaluate.together(parents, X)
            judged = self._judged(candidates, evaluate, state)
            chosen, crowding = survivors(judged.F, judged.CV, self.pop_size)
            population = candidates.rows(chosen)
        else:
            population, crowding = self._survivors_of_both(parents, evaluate(X))
        return NSGA2State(state.rng, population, None, False, state.X, state.level, crowding)

    def _survivors_of_both(self, parents: Evaluation, children: Evaluation) -> tuple[Evaluation, np.ndarray]:
        """The best pop_size rows and their crowding distances, where there are no constraints; without
        joining what nobody compares."""
        a, b = parents, children
        F, CV = np.concatenate((a.F, b.F)), np.concatenate((a.CV, b.CV))
        chosen, crowding = survivors(F, CV, self.pop_size)
        X, F, CV, status = gather(a.X, a.F, a.CV, a.status, b.X, b.F, b.CV, b.status, chosen)
        none = np.empty((len(chosen), 0))
        return Evaluation(X, F, none, none, CV, status), crowding
