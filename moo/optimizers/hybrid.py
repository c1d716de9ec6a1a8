"""Evolutionary search and gradients on one front, each as long as it moves the front."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from moo.evaluation import Evaluation, Evaluator
from moo.indicators import first_dominating, hypervolume, nondominated
from moo.optimizers.base import Optimizer, State, require, require_finite_bounds, require_real
from moo.optimizers.hypervolume_gradient import (
    HypervolumeGradient,
    HypervolumeGradientState,
    require_few_objectives,
)
from moo.optimizers.nsga2 import NSGA2, NSGA2State
from moo.optimizers.ranking import crowding_distance, rank
from moo.optimizers.ranking import survivors as crowded_survivors
from moo.optimizers.sampling import as_sampling
from moo.optimizers.scalarizing import ScalarizingState
from moo.optimizers.smsemoa import survivors

if TYPE_CHECKING:
    from moo.problem import Problem

_PARTS = ("evolution", "gradient")
_STEPS = {"alone": 5, "evolution": 5, "gradient": 2}  # of a turn; one generation says little of the next
_LONGEST = 8  # times that, to which the turns of a part grow while it goes on
_YOUTH = 20  # generations, that a population stays alone at most
_OWN = 0.1  # of the front, that a population must have found to stay alone
# A part that lost is tried again when the run has cost so many times what it had by then: evolution sooner,
# since gradients that end on a local front gain as well on the way there.
_AGAIN = {"evolution": 2.0, "gradient": 5.0}
_HOPED = 1e-5  # of hypervolume an F-equivalent, what gradients are taken to gain until they were tried
_GATHERED_EVERY = 0.01  # of the budget, that the answer is brought up to date
_MARGIN = 1.1  # of the reference point, in ranges of the front


@dataclass
class Turn:
    """A part at work: ``steps`` it still has of ``length``; ``cost`` and ``volume`` at the beginning. Before
    the two take turns, "start" looks for the individual minima, and evolution is "alone"."""

    part: str = "start"
    steps: int = 0
    length: int = 0
    cost: float = 0.0
    volume: float = 0.0


@dataclass
class HybridState(State):
    """``rates`` is what each part gained an F-equivalent in its last turn, ``ended`` the cost at which that
    was; ``exhausted`` whether the gradients have converged on the answer as it is; ``generations`` how many
    there were."""

    evolution: NSGA2State | None = None
    gradient: HypervolumeGradientState | None = None
    turn: Turn = field(default_factory=Turn)
    rates: dict[str, float] = field(default_factory=lambda: {"evolution": np.inf, "gradient": _HOPED})
    ended: dict[str, float] = field(default_factory=lambda: dict.fromkeys(_PARTS, 0.0))
    exhausted: bool = False
    generations: int = 0
    gathered: float = 0.0  # share of the budget at which the answer was brought up to date
    low: np.ndarray = field(default_factory=lambda: np.empty(0))  # the front's range when the turn began
    high: np.ndarray = field(default_factory=lambda: np.empty(0))

    def diagnostics(self) -> dict[str, np.ndarray]:
        return {} if self.gradient is None else self.gradient.diagnostics()


@dataclass(frozen=True)
class Hybrid(Optimizer[HybridState]):
    """NSGA-II (`NSGA2`) and hypervolume ascent (`HypervolumeGradient`) take turns; a memetic algorithm
    (Bosman 2012, "On gradients and hybrid evolutionary algorithms", on when gradients pay).

    Gradients come first: they look for the individual minima, from a few random points, and try points
    between them, as `Scalarized` does. Then evolution begins from random points, alone for some generations
    if part of the front is its own: points on the front in a young population soon leave no others, and with
    them goes what lies elsewhere. After that the part whose last turn moved the front more an F-equivalent
    goes on, in longer turns, and the other is tried again at intervals that grow with what the run has cost.
    Each begins with what the other found: the population takes in the gradients' points, the gradients start
    from the best of all. The answer is the set of pop_size points, of all that either had, that dominates
    most.

    Args:
        pop_size: individuals, and points that are refined; an even number.
        sampling: the first points of either part, as `Genetic`.
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
        ends = self._move(evaluate, state)
        if ends or state.answer is None or evaluate.fraction >= state.gathered + _GATHERED_EVERY:
            self._gather(evaluate.problem, state)
            state.gathered = evaluate.fraction
        if ends:
            self._next_turn(evaluate, state)
        return state

    def _move(self, evaluate: Evaluator, state: HybridState) -> bool:
        """A step of the part at work; whether its turn is over."""
        turn = state.turn
        if turn.part == "start":
            return self._start(evaluate, state)
        turn.steps -= 1
        if turn.part == "gradient":
            assert state.gradient is not None
            state.gradient = self._gradient.step(evaluate, state.gradient)
            state.exhausted = state.gradient.converged
            return turn.steps == 0 or state.exhausted
        assert state.evolution is not None
        state.evolution = self._evolution.step(evaluate, state.evolution)
        state.generations += 1
        return turn.steps == 0

    def _start(self, evaluate: Evaluator, state: HybridState) -> bool:
        """A step towards the individual minima, the last of which tries points between them as well, or the
        first population; whether evolution can begin."""
        assert state.gradient is not None
        seed = state.gradient.seed
        assert seed is not None
        if seed.pool is not None and not seed.payoff:
            self._populate(evaluate, state, seed)
            return True
        state.gradient = self._gradient.step(evaluate, state.gradient)
        if seed.pool is not None and not seed.payoff:
            pool = _as_arrays(evaluate.problem, seed.pool)
            state.answer = pool.rows(survivors(pool, self.pop_size))
        return False

    def _populate(self, evaluate: Evaluator, state: HybridState, seed: ScalarizingState) -> None:
        """The first population: pop_size random points, of which those that the minima were looked for from
        are some."""
        assert state.evolution is not None
        population, more = _as_arrays(evaluate.problem, seed.sample), state.evolution.X[seed.n_sampled :]
        if len(more):
            population = population.merge(evaluate(more))
        crowding = crowding_distance(population.F, rank(population.F, population.CV))
        state.evolution = replace(state.evolution, answer=population, crowding=crowding)

    def _gather(self, problem: Problem, state: HybridState) -> None:
        """The best pop_size points of the answer and of the part at work."""
        part = state.gradient if state.turn.part in ("start", "gradient") else state.evolution
        assert part is not None
        if part.answer is None:
            return
        found = _as_arrays(problem, part.answer)
        if state.answer is None or problem.stochastic:
            state.answer = found
            return
        news = _news(found, state.answer)
        if news.any():
            both = state.answer.merge(found.rows(np.flatnonzero(news)))
            state.answer = both.rows(survivors(both, self.pop_size))

    def _next_turn(self, evaluate: Evaluator, state: HybridState) -> None:
        """Judge the turn that ends, choose whose the next one is, and hand over the front."""
        turn, cost = state.turn, evaluate.cost
        if turn.part in _PARTS:
            state.rates[turn.part] = (self._volume(state) - turn.volume) / max(cost - turn.cost, 1.0)
            state.ended[turn.part] = cost
        part = self._choice(state, cost)
        length = _STEPS[part]
        if part == turn.part != "alone":
            length = min(2 * turn.length, _LONGEST * length)
        self._scale(state)
        state.turn = Turn(part, length, length, cost, self._volume(state))
        if part == "gradient" != turn.part:
            self._refine(evaluate.problem, state)
        elif part == "evolution" != turn.part:
            self._take_in(evaluate.problem, state)

    def _scale(self, state: HybridState) -> None:
        """The front's range, in which the next turn is measured."""
        assert state.answer is not None
        feasible = state.answer.F[state.answer.CV <= 0]
        if len(feasible):
            front = feasible[nondominated(feasible)]
            state.low, state.high = front.min(axis=0), front.max(axis=0)

    def _choice(self, state: HybridState, cost: float) -> str:
        """Evolution to begin with; then whichever was left alone for long, else what gained most."""
        if state.turn.part == "start":
            state.ended = dict.fromkeys(_PARTS, cost)
            return "alone"
        if state.turn.part == "alone":
            return "alone" if self._finds_its_own(state) else "evolution"
        best = max(_PARTS, key=lambda part: state.rates[part])
        other = _PARTS[1 - _PARTS.index(best)]
        if cost >= _AGAIN[other] * state.ended[other]:
            return other
        return "evolution" if best == "gradient" and state.exhausted else best

    def _finds_its_own(self, state: HybridState) -> bool:
        """Whether a population that knows nothing of the gradients' points is to stay alone."""
        assert state.answer is not None
        assert state.evolution is not None
        assert state.evolution.answer is not None
        front = state.answer.F[nondominated(state.answer.F)]
        own = _among(front, state.evolution.answer.F)
        return state.generations < _YOUTH and bool(own.mean() >= _OWN)

    def _volume(self, state: HybridState) -> float:
        """Hypervolume of the answer in the scales of the turn, less the number of infeasible rows."""
        assert state.answer is not None
        feasible = state.answer.CV <= 0
        if not len(state.low):
            return -float(np.sum(~feasible))
        span = np.where(state.high > state.low, state.high - state.low, 1.0)
        U = (state.answer.F[feasible] - state.low) / span
        return hypervolume(U, np.full(U.shape[1], _MARGIN)) - float(np.sum(~feasible))

    def _refine(self, problem: Problem, state: HybridState) -> None:
        """The gradients begin with the answer; from minibatches, of which no one knows the best points, with
        points of their own."""
        assert state.answer is not None
        assert state.gradient is not None
        if not problem.stochastic:
            state.gradient = self._gradient.from_points(problem, state.answer, state.gradient)
        state.exhausted = False

    def _take_in(self, problem: Problem, state: HybridState) -> None:
        """The population takes in the answer."""
        old = state.evolution
        assert old is not None
        if old.answer is None or state.answer is None or problem.stochastic:
            return
        both = state.answer.merge(old.answer)
        chosen, crowding = crowded_survivors(both.F, both.CV, self.pop_size)
        state.evolution = replace(old, answer=both.rows(chosen), crowding=crowding)


def _news(found: Evaluation, known: Evaluation) -> np.ndarray:
    """Mask of the found rows that no feasible row known is as good as, and that are not known."""
    feasible = known.CV <= 0
    matched = first_dominating(found.F, known.F[feasible]) < np.count_nonzero(feasible)
    return np.asarray(~(matched | _among(found.F, known.F[~feasible])))


def _among(F: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Mask of the rows of F (n, m) that are rows of the others (k, m) as well."""
    return np.asarray((F[:, None] == others).all(axis=2).any(axis=1))


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
