"""NSGA-II on arrays: no Individual objects, a generation is a few numpy calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from moo.evaluation import Evaluation, Evaluator
from moo.optimizers.base import Optimizer, State, require, require_finite_bounds
from moo.optimizers.operators import stream_of, vary
from moo.optimizers.ranking import crowding_distance, place, rank

if TYPE_CHECKING:
    from moo.problem import Problem


@dataclass
class NSGA2State(State):
    """``X`` is the first sample; ``answer`` the population, ``crowding`` its crowding distances."""

    X: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    crowding: np.ndarray = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True)
class NSGA2(Optimizer[NSGA2State]):
    """NSGA-II (Deb, Pratap, Agarwal, Meyarivan 2002): non-dominated sorting, crowding distance,
    binary tournaments, SBX, polynomial mutation, constraint domination; duplicates are removed.

    Args:
        pop_size: individuals, an even number.
        crossover_eta, crossover_prob: SBX's distribution index and the probability that a pair
            recombines.
        mutation_eta, mutation_prob: polynomial mutation's distribution index and the probability a
            variable; None is 1 / n_var.
    """

    pop_size: int = 100
    crossover_eta: float = 15.0
    crossover_prob: float = 0.9
    mutation_eta: float = 20.0
    mutation_prob: float | None = None

    def __post_init__(self) -> None:
        require(
            isinstance(self.pop_size, int) and self.pop_size >= 4 and self.pop_size % 2 == 0,
            "pop_size",
            self.pop_size,
            "an even integer of at least 4",
        )
        for name in ("crossover_eta", "mutation_eta"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "a number >= 0")
        require(0 <= self.crossover_prob <= 1, "crossover_prob", self.crossover_prob, "a number in [0, 1]")
        require(
            self.mutation_prob is None or 0 <= self.mutation_prob <= 1,
            "mutation_prob",
            self.mutation_prob,
            "None or a number in [0, 1]",
        )

    def init(self, problem: Problem, rng: np.random.Generator) -> NSGA2State:
        require_finite_bounds(problem, "NSGA2")
        return NSGA2State(rng, X=problem.sample(self.pop_size, rng))

    def step(self, evaluate: Evaluator, state: NSGA2State) -> NSGA2State:
        X = state.X if state.answer is None else self._mate(evaluate.problem, state)
        candidates = evaluate.together(state.answer, X)
        population, crowding = self._survivors(candidates)
        return NSGA2State(state.rng, population, X=state.X, crowding=crowding)

    def _survivors(self, candidates: Evaluation) -> tuple[Evaluation, np.ndarray]:
        """The best pop_size rows and their crowding distances."""
        ranks = rank(candidates.F, candidates.CV)
        last = min(self.pop_size, len(ranks)) - 1
        worst = np.partition(ranks, last)[last]
        within = np.flatnonzero(ranks <= worst)
        crowding = crowding_distance(candidates.F[within], ranks[within])
        chosen = place(ranks[within], crowding)[: self.pop_size]
        return candidates.rows(within[chosen]), crowding[chosen]

    def _mate(self, problem: Problem, state: NSGA2State) -> np.ndarray:
        """pop_size new candidates, none of them twice and none already in the population."""
        prob = 1.0 / problem.n_var if self.mutation_prob is None else self.mutation_prob
        population = state.answer
        assert population is not None
        children = vary(
            population.X,
            population.F,
            population.CV,
            state.crowding,
            self.pop_size,
            problem.xl,
            problem.xu,
            self.crossover_eta,
            self.crossover_prob,
            self.mutation_eta,
            prob,
            stream_of(state.rng),
        )
        return np.asarray(children)
