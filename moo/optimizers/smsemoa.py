"""SMS-EMOA: the rows that contribute least to the hypervolume leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import moocore
import numpy as np

from moo.evaluation import Evaluation, Evaluator
from moo.optimizers.base import require, require_finite_bounds
from moo.optimizers.genetic import Genetic, GeneticState
from moo.optimizers.hv_reduction import reduce_three, reduce_two
from moo.optimizers.ranking import rank

if TYPE_CHECKING:
    from moo.problem import Problem

_MARGIN = 1.1  # of the reference point, in spans of the front that is reduced


@dataclass(frozen=True)
class SMSEMOA(Genetic[GeneticState]):
    """SMS-EMOA (Beume, Naujoks, Emmerich 2007): fronts by constraint domination; of the last front the
    row with the least hypervolume contribution leaves, one after the other.

    Contributions are exact: by sweeps for two and three objectives, by moocore for more, where they are
    slow from about six on. Objectives are normalised by the front; its reference point lies a tenth
    beyond, so that the ends stay.

    Args:
        n_offsprings: children a generation; None makes as many as the population (pymoo's way), 1 is the
            steady state of the paper.
        pop_size, crossover_eta, crossover_prob, mutation_eta, mutation_prob: as `Genetic`.
    """

    n_offsprings: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        n = self.n_offsprings
        valid = n is None or (isinstance(n, int) and n >= 1)
        require(valid, "n_offsprings", n, "None or an integer of at least 1")

    def init(self, problem: Problem, rng: np.random.Generator) -> GeneticState:
        require_finite_bounds(problem, "SMSEMOA")
        return GeneticState(rng, X=self._first(problem, rng))

    def step(self, evaluate: Evaluator, state: GeneticState) -> GeneticState:
        X, parents = state.X, state.answer
        if parents is not None:
            n, crowding = self.n_offsprings or self.pop_size, np.zeros(len(parents))
            judged = self._judged(parents, evaluate, state)
            X = self._children(evaluate.problem, judged, crowding, n, state.rng)
        candidates = evaluate.together(parents, X)
        chosen = survivors(self._judged(candidates, evaluate, state), self.pop_size)
        return GeneticState(state.rng, candidates.rows(chosen), X=state.X, level=state.level)


def survivors(candidates: Evaluation, n: int) -> np.ndarray:
    """The n best rows (n,): whole fronts while they fit, of the next those that the hypervolume needs."""
    ranks = rank(candidates.F, candidates.CV)
    order = np.argsort(ranks, kind="stable")
    if len(order) <= n:
        return order
    last = ranks[order[n - 1]]
    settled, split = order[ranks[order] < last], order[ranks[order] == last]
    excess = len(settled) + len(split) - n
    if excess and candidates.CV[split[0]] <= 0:
        split = split[reduced(candidates.F[split], excess)]
    return np.concatenate([settled, split])[:n]


def reduced(F: np.ndarray, excess: int) -> np.ndarray:
    """The rows of a front F (n, m) that stay when ``excess`` of them, always the one of least
    contribution, have left."""
    low, span = F.min(axis=0), np.ptp(F, axis=0)
    U = (F - low) / np.where(span > 0, span, 1.0)
    m = U.shape[1]
    if m == 1:  # all rows of a front are equal
        return np.arange(len(U) - excess)
    if m == 2:
        return np.asarray(reduce_two(U, excess, _MARGIN))
    if m == 3:
        return np.asarray(reduce_three(U, excess, _MARGIN))
    stay = np.arange(len(U))
    for _ in range(excess):
        contributions = moocore.hv_contributions(U[stay], ref=np.full(m, _MARGIN))
        stay = np.delete(stay, contributions.argmin())
    return stay
