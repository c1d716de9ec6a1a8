"""Evolutionary search and gradients on one front, each as long as it moves the front."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from moo.evaluation import Evaluation, Evaluator
from moo.indicators import hypervolume, nondominated
from moo.optimizers.base import Optimizer, State, require, require_finite_bounds, require_real
from moo.optimizers.hypervolume_gradient import (
    HypervolumeGradient,
    HypervolumeGradientState,
    require_few_objectives,
)
from moo.optimizers.nsga2 import NSGA2, NSGA2State
from moo.optimizers.ranking import survivors as crowded_survivors
from moo.optimizers.sampling import as_sampling
from moo.optimizers.smsemoa import survivors

if TYPE_CHECKING:
    from moo.problem import Problem

_FIRST_TURN = 0.05  # of the budget
_LONGEST_TURN = 0.2
_GATHERED_EVERY = 0.01  # of the budget, that the answer is brought up to date
_IN_TURN = 6.0  # a part that lost is tried again once the other has spent so much more since
_MARGIN = 1.1  # of the reference point, in ranges of the front
_PARTS = ("gradient", "evolution")


@dataclass
class Turn:
    """What the part at work has done since it began: ``cost`` and ``volume`` at the beginning."""

    part: str = "gradient"
    cost: float = 0.0
    volume: float = 0.0
    length: float = _FIRST_TURN


@dataclass
class HybridState(State):
    """``rates`` is what each part gained an F-equivalent in its last turn, ``ended`` the cost at which that
    was; ``exhausted`` whether the gradients have converged on the answer as it is."""

    evolution: NSGA2State | None = None
    gradient: HypervolumeGradientState | None = None
    turn: Turn = field(default_factory=Turn)
    rates: dict[str, float] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=lambda: dict.fromkeys(_PARTS, 0.0))
    ended: dict[str, float] = field(default_factory=lambda: dict.fromkeys(_PARTS, 0.0))
    exhausted: bool = False
    gathered: float = 0.0  # share of the budget at which the answer was brought up to date
    low: np.ndarray = field(default_factory=lambda: np.empty(0))  # the front's range when the turn began
    high: np.ndarray = field(default_factory=lambda: np.empty(0))

    def diagnostics(self) -> dict[str, np.ndarray]:
        return {} if self.gradient is None else self.gradient.diagnostics()


@dataclass(frozen=True)
class Hybrid(Optimizer[HybridState]):
    """NSGA-II (`NSGA2`) and hypervolume ascent (`HypervolumeGradient`) take turns; a memetic algorithm
    (Bosman 2012, "On gradients and hybrid evolutionary algorithms", on when gradients pay).

    A turn lasts a share of the budget. The part whose last turn moved the front more an F-equivalent goes
    on, in longer turns; the other is tried again from time to time. Each begins with what the other found:
    the population takes in the gradients' points, the gradients start from the best of all. The answer is
    the set of pop_size points, of all that either had, that dominates most.

    Args:
        pop_size: individuals, and points that are refined; an even number.
        sampling: the first population, as `Genetic`.
    """

    pop_size: int = 100
    sampling: Any = "random"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sampling", as_sampling(self.sampling))
        valid = isinstance(self.pop_size, int) and self.pop_size >= 4 and self.pop_size % 2 == 0
        require(valid, "pop_size", self.pop_size, "an even integer of at least 4")

    @property
    def _evolution(self) -> NSGA2:
        return NSGA2(pop_size=self.pop_size, sampling=self.sampling)

    @property
    def _gradient(self) -> HypervolumeGradient:
        return HypervolumeGradient(n=self.pop_size, sampling=self.sampling)

    def init(self, problem: Problem, rng: np.random.Generator) -> HybridState:
        require_real(problem, "Hybrid")
        require_finite_bounds(problem, "Hybrid")
        require_few_objectives(problem, "Hybrid")
        one, other = rng.spawn(2)
        evolution, gradient = self._evolution.init(problem, one), self._gradient.init(problem, other)
        return HybridState(rng, evolution=evolution, gradient=gradient)

    def step(self, evaluate: Evaluator, state: HybridState) -> HybridState:
        turn = state.turn
        if turn.part == "evolution":
            assert state.evolution is not None
            state.evolution = self._evolution.step(evaluate, state.evolution)
        else:
            assert state.gradient is not None
            state.gradient = self._gradient.step(evaluate, state.gradient)
            state.exhausted = state.gradient.converged
        budget = evaluate.budget.cost
        share = (evaluate.cost - turn.cost) / budget if budget is not None else turn.length
        ends = share >= turn.length or (turn.part == "gradient" and state.exhausted)
        if ends or state.answer is None or evaluate.fraction >= state.gathered + _GATHERED_EVERY:
            self._gather(evaluate.problem, state)
            state.gathered = evaluate.fraction
        if ends:
            self._next_turn(evaluate, state)
        return state

    def _gather(self, problem: Problem, state: HybridState) -> None:
        """The best pop_size points of the answer and of the part at work."""
        part = state.evolution if state.turn.part == "evolution" else state.gradient
        assert part is not None
        if part.answer is None:
            return
        found = _as_arrays(problem, part.answer)
        if state.answer is None or problem.stochastic:
            state.answer = found
            return
        both = state.answer.merge(found)
        _, first = np.unique(both.X, axis=0, return_index=True)
        both = both.rows(np.sort(first))
        state.answer = both.rows(survivors(both, self.pop_size))

    def _next_turn(self, evaluate: Evaluator, state: HybridState) -> None:
        """Judge the turn that ends, choose whose the next one is, and hand over the front."""
        turn, cost = state.turn, evaluate.cost
        before, now = self._volumes(state)
        state.rates[turn.part] = (now - before) / max(cost - turn.cost, 1.0)
        state.spent[turn.part] += cost - turn.cost
        state.ended[turn.part] = cost
        part = self._choice(state, cost)
        longer = min(2.0 * turn.length, _LONGEST_TURN) if part == turn.part else _FIRST_TURN
        state.turn = Turn(part, cost, now, longer)
        assert state.answer is not None
        feasible = state.answer.F[state.answer.CV <= 0]
        if len(feasible):
            front = feasible[nondominated(feasible)]
            state.low, state.high = front.min(axis=0), front.max(axis=0)
        state.turn.volume = self._volume(state)
        if part != turn.part:
            self._hand_over(evaluate.problem, state)

    def _choice(self, state: HybridState, cost: float) -> str:
        """Whichever was not tried yet, or was left alone for long; else what gained most."""
        untried = [part for part in _PARTS if part not in state.rates]
        if untried:
            return untried[0]
        best = max(_PARTS, key=lambda part: state.rates[part])
        other = _PARTS[1 - _PARTS.index(best)]
        overdue = cost - state.ended[other] >= _IN_TURN * (state.spent[other] / 2.0)
        if best == "gradient" and state.exhausted:
            return "evolution"
        return other if overdue and not (other == "gradient" and state.exhausted) else best

    def _volume(self, state: HybridState) -> float:
        """Hypervolume of the answer in the scales of the turn, less the number of infeasible rows."""
        assert state.answer is not None
        feasible = state.answer.CV <= 0
        if not len(state.low):
            return -float(np.sum(~feasible))
        span = np.where(state.high > state.low, state.high - state.low, 1.0)
        U = (state.answer.F[feasible] - state.low) / span
        return hypervolume(U, np.full(U.shape[1], _MARGIN)) - float(np.sum(~feasible))

    def _volumes(self, state: HybridState) -> tuple[float, float]:
        """When the turn began, and now."""
        return state.turn.volume, self._volume(state)

    def _hand_over(self, problem: Problem, state: HybridState) -> None:
        """The part whose turn it is begins with the answer."""
        assert state.answer is not None
        if state.turn.part == "gradient":
            assert state.gradient is not None
            state.gradient = self._gradient.from_points(problem, state.answer, state.gradient)
            state.exhausted = False
        else:
            self._take_in(problem, state)

    def _take_in(self, problem: Problem, state: HybridState) -> None:
        """The population takes in the answer, once it had a turn of its own: a front of few points would
        have it forget the rest."""
        old = state.evolution
        if old is None or old.answer is None or state.answer is None or problem.stochastic:
            return
        both = state.answer.merge(old.answer)
        chosen, crowding = crowded_survivors(both.F, both.CV, self.pop_size)
        state.evolution = NSGA2State(old.rng, both.rows(chosen), X=old.X, level=old.level, crowding=crowding)


def _as_arrays(problem: Problem, answer: Evaluation) -> Evaluation:
    """The answer's rows as arrays, those that failed left out where others did not."""
    if not isinstance(answer.F, np.ndarray):
        names = ("X", "F", "G", "H", "CV")
        parts: dict[str, Any] = {
            name: problem.to_array(getattr(answer, name)).astype(float) for name in names
        }
        answer = Evaluation(**parts, status=answer.status)
    sound = np.flatnonzero(answer.status == 0)
    return answer.rows(sound) if len(sound) else answer
