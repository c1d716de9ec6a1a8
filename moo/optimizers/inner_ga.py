"""Inner method of `Scalarizing`: a genetic algorithm a row, without derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from moo.evaluation import Evaluation, Evaluator
from moo.optimizers.mating import Operators, Population, children

if TYPE_CHECKING:
    from moo.optimizers.row_functions import RowFunctions
    from moo.optimizers.scalarizing import ScalarizingState
    from moo.problem import Problem

_OPERATORS = Operators()


@dataclass
class InnerGA:
    """Elitist (mu + lambda) search with tournaments, SBX and polynomial mutation (Deb 2000: feasible
    before infeasible); the offspring of all rows are evaluated as one batch."""

    pop_size: int
    populations: list[Evaluation]

    @classmethod
    def start(cls, pop_size: int, problem: Problem, state: ScalarizingState) -> InnerGA:
        assert state.pool is not None
        assert state.functions is not None
        functions, pool = state.functions, state.pool
        return cls(pop_size, [_fittest(problem, pool, functions, row, pop_size) for row in state.rows])

    def step(self, evaluate: Evaluator, state: ScalarizingState) -> bool:
        problem, functions = evaluate.problem, state.functions
        assert functions is not None
        rivals = [
            _rivals(problem, population, functions, row)
            for row, population in zip(state.rows, self.populations, strict=True)
        ]
        broods = [children(problem, each, self.pop_size, _OPERATORS, state.rng) for each in rivals]
        parents = reduce(Evaluation.merge, self.populations)
        candidates = evaluate.together(parents, np.concatenate(broods))
        sizes = [len(population) for population in self.populations] + [len(brood) for brood in broods]
        family = np.repeat(np.tile(np.arange(len(broods)), 2), sizes)
        for k, row in enumerate(state.rows):
            members = candidates.rows(np.flatnonzero(family == k))
            self.populations[k] = _fittest(problem, members, functions, row, self.pop_size)
            state.consider(problem, np.array([row]), self.populations[k].rows(np.array([0])))
        return False  # a genetic algorithm does not know when it is done


def _standing(
    problem: Problem, points: Evaluation, functions: RowFunctions, row: int
) -> tuple[np.ndarray, np.ndarray]:
    """Violation, the scalarization's own included, and value of the points in the row's function."""
    missed, value = functions.standing(points.F, np.full(len(points), int(row)))
    return points.CV + missed, value


def _rivals(problem: Problem, population: Evaluation, functions: RowFunctions, row: int) -> Population:
    """By violation, then by value."""
    violation, value = _standing(problem, population, functions, row)
    return Population(population.X, value[:, None], violation, np.zeros(len(population)))


def _fittest(
    problem: Problem, candidates: Evaluation, functions: RowFunctions, row: int, pop_size: int
) -> Evaluation:
    violation, value = _standing(problem, candidates, functions, row)
    return candidates.rows(np.lexsort((value, violation))[:pop_size])
