"""Inner method of `WeightedSum`: a genetic algorithm a weight vector, without derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from moo.evaluation import Evaluation, Evaluator
from moo.optimizers.mating import Operators, Population, children

if TYPE_CHECKING:
    from moo.optimizers.weighted_sum import WeightedSumState

_OPERATORS = Operators()


@dataclass
class WeightedGA:
    """Elitist (mu + lambda) search with tournaments, SBX and polynomial mutation (Deb 2000: feasible
    before infeasible); the offspring of all rows are evaluated as one batch."""

    pop_size: int
    populations: list[Evaluation]

    @classmethod
    def start(cls, pop_size: int, state: WeightedSumState) -> WeightedGA:
        assert state.pool is not None
        populations = [_fittest(state.pool, state.V[row], pop_size) for row in state.rows]
        return cls(pop_size, populations)

    def step(self, evaluate: Evaluator, state: WeightedSumState) -> bool:
        problem = evaluate.problem
        broods = [
            children(problem, _rivals(population, state.V[row]), self.pop_size, _OPERATORS, state.rng)
            for row, population in zip(state.rows, self.populations, strict=True)
        ]
        parents = reduce(Evaluation.merge, self.populations)
        candidates = evaluate.together(parents, np.concatenate(broods))
        sizes = [len(population) for population in self.populations] + [len(brood) for brood in broods]
        family = np.repeat(np.tile(np.arange(len(broods)), 2), sizes)
        for k, row in enumerate(state.rows):
            members = candidates.rows(np.flatnonzero(family == k))
            self.populations[k] = _fittest(members, state.V[row], self.pop_size)
            state.consider(problem, np.array([row]), self.populations[k].rows(np.array([0])))
        return False  # a genetic algorithm does not know when it is done


def _rivals(population: Evaluation, weights: np.ndarray) -> Population:
    """By violation, then by weighted sum."""
    sums = (population.F @ weights)[:, None]
    return Population(population.X, sums, population.CV, np.zeros(len(population)))


def _fittest(candidates: Evaluation, weights: np.ndarray, pop_size: int) -> Evaluation:
    order = np.lexsort((candidates.F @ weights, candidates.CV))
    return candidates.rows(order[:pop_size])
