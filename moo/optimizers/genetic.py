"""What the genetic algorithms share: their options, the first sample and how children are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from moo.evaluation import Evaluation, Evaluator
from moo.optimizers.base import Optimizer, State, require
from moo.optimizers.constraint_handling import first_level, level_at, relaxed
from moo.optimizers.mating import Population, children
from moo.optimizers.ranking import gather
from moo.optimizers.sampling import as_sampling, first_sample

if TYPE_CHECKING:
    from moo.problem import Problem


@dataclass
class GeneticState(State):
    """``X`` is the first sample; ``answer`` the population; ``level`` the violation that epsilon
    handling forgave at first, None before the first sample was evaluated."""

    X: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    level: float | None = None


class Candidates(NamedTuple):
    """Those among whom survivors are chosen: F (n, n_obj) and the violations CV (n,) by which they are
    ranked; ``batches`` are all rows, or parents and children apart."""

    F: np.ndarray
    CV: np.ndarray
    batches: tuple[Evaluation, ...]

    def rows(self, chosen: np.ndarray) -> Evaluation:
        """The chosen rows."""
        if len(self.batches) == 1:
            return self.batches[0].rows(chosen)
        (a, b), k = self.batches, len(chosen)
        X, F = np.empty((k, a.X.shape[1])), np.empty((k, a.F.shape[1]))
        CV, status = np.empty(k), np.empty(k, np.int8)
        gather(a.X, a.F, a.CV, a.status, b.X, b.F, b.CV, b.status, chosen, X, F, CV, status)
        none = X[:, :0]
        return Evaluation(X, F, none, none, CV, status)


S = TypeVar("S", bound=GeneticState)


@dataclass(frozen=True)
class Genetic(Optimizer[S]):
    """Base of the genetic algorithms: binary tournaments, SBX, polynomial mutation, no duplicates.

    Args:
        pop_size: individuals, an even number.
        crossover_eta, crossover_prob: SBX's distribution index and the probability that a pair
            recombines.
        mutation_eta, mutation_prob: polynomial mutation's distribution index and the probability a
            variable; None is 1 / n_var.
        sampling: the first population: "random", "lhs" (Latin hypercube), "sobol", points (k, n_var) or
            an earlier result, filled up with random ones.
        constraints: "feasibility" ranks feasible rows before all others (Deb et al. 2002); "epsilon"
            forgives violations at first, and none in the last fifth of the budget (Takahama and Sakai
            2006), for feasible regions that are thin or in pieces.
    """

    pop_size: int = 100
    crossover_eta: float = 15.0
    crossover_prob: float = 0.9
    mutation_eta: float = 20.0
    mutation_prob: float | None = None
    sampling: Any = "random"
    constraints: str = "feasibility"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sampling", as_sampling(self.sampling))
        require(
            isinstance(self.pop_size, int) and self.pop_size >= 4 and self.pop_size % 2 == 0,
            "pop_size",
            self.pop_size,
            "an even integer of at least 4",
        )
        known = ("feasibility", "epsilon")
        require(self.constraints in known, "constraints", self.constraints, " or ".join(map(repr, known)))
        for name in ("crossover_eta", "mutation_eta"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "a number >= 0")
        require(0 <= self.crossover_prob <= 1, "crossover_prob", self.crossover_prob, "a number in [0, 1]")
        require(
            self.mutation_prob is None or 0 <= self.mutation_prob <= 1,
            "mutation_prob",
            self.mutation_prob,
            "None or a number in [0, 1]",
        )

    def _first(self, problem: Problem, rng: np.random.Generator) -> np.ndarray:
        """The candidates of the first population (pop_size, n_var)."""
        return first_sample(problem, self.pop_size, rng, self.sampling)

    def _judged(self, rows: Evaluation, evaluate: Evaluator, state: S) -> Evaluation:
        """The rows with the violations by which they are ranked."""
        if self.constraints == "feasibility" or evaluate.problem.n_constr == 0:
            return rows
        if state.level is None:
            state.level = first_level(rows)
        return relaxed(rows, level_at(state.level, evaluate.fraction))

    def _candidates(self, evaluate: Evaluator, state: S, X: np.ndarray) -> Candidates:
        """The population, where there is one, and the rows of X, evaluated. Where nothing but F and CV is
        compared, which there are no constraints to change, they are not joined."""
        problem, parents = evaluate.problem, state.answer
        if parents is None or problem.stochastic or problem.n_constr:
            joined = evaluate.together(parents, X)
            return Candidates(joined.F, self._judged(joined, evaluate, state).CV, (joined,))
        new = evaluate(X)
        F, CV = np.concatenate((parents.F, new.F)), np.concatenate((parents.CV, new.CV))
        return Candidates(F, CV, (parents, new))

    def _children(
        self, problem: Problem, parents: Evaluation, crowding: np.ndarray, n: int, rng: np.random.Generator
    ) -> np.ndarray:
        """n new candidates of the parents, none of them twice and none among the parents; of two rivals
        the one that violates less wins, else the one that dominates, else the less crowded."""
        population = Population(parents.X, parents.F, parents.CV, crowding)
        return children(problem, population, n, self, rng)
