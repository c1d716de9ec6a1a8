"""Multi-gradient descent: a batch of rows, each following an aggregate of its own gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from moo.aggregation import MGDA, Mean
from moo.errors import OptionError, unknown_name
from moo.evaluation import Array, Evaluation, Evaluator
from moo.optimizers.augmented_lagrangian import AugmentedLagrangian
from moo.optimizers.base import Optimizer, State, require
from moo.optimizers.descent import Adam, Box
from moo.optimizers.weighted_descent import schedule

if TYPE_CHECKING:
    from moo.problem import Problem

_AGGREGATORS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "mgda": MGDA(),
    "mgda-normalized": MGDA(normalize=True),
    "mean": Mean(),
}
_STEPS_PER_MULTIPLIER = 10


@dataclass
class GradientDescentState(State):
    """``X`` are the first points; ``descent`` holds the rows from then on."""

    X: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    box: Box | None = None
    descent: Adam | None = None
    scale: Array = None
    lagrangian: AugmentedLagrangian | None = None
    steps: int = 0


@dataclass(frozen=True)
class GradientDescent(Optimizer[GradientDescentState]):
    """Descent along an aggregate of the objectives' gradients, from n starts at once.

    With MGDA (Desideri 2012) each row goes downhill in every objective until it is Pareto-stationary;
    where along the front it ends depends on its start, so the rows need not spread. With the mean all
    rows seek the minimiser of the equally weighted sum. Steps are Adam's, projected onto the box, of
    a size that falls with the budget; constraints enter every gradient by an augmented Lagrangian.

    Args:
        n: starts.
        aggregator: "mgda", "mgda-normalized" (gradients scaled to one length first, which lets rows
            that start near an end of the front stay apart from it), "mean", or a callable from
            Jacobians (n, n_obj, n_var) to directions (n, n_var), both tensors (`moo.aggregation`).
        learning_rate: first step, as a share of the box width (of 1 where a variable is unbounded).
        tolerance: a row rests once its direction, free of bounds, is no longer than this, in units of
            the objectives' spread over the starts a box width.
    """

    n: int = 50
    aggregator: Any = "mgda-normalized"
    learning_rate: float = 0.05
    tolerance: float = 1e-6

    def __post_init__(self) -> None:
        require(isinstance(self.n, int) and self.n >= 1, "n", self.n, "an integer >= 1")
        require(self.learning_rate > 0, "learning_rate", self.learning_rate, "a number above zero")
        require(self.tolerance >= 0, "tolerance", self.tolerance, "a number >= 0")
        if not callable(self.aggregator) and self.aggregator not in _AGGREGATORS:
            raise OptionError(unknown_name("aggregator", str(self.aggregator), _AGGREGATORS))

    @property
    def _aggregate(self) -> Callable[[torch.Tensor], torch.Tensor]:
        if isinstance(self.aggregator, str):
            return _AGGREGATORS[self.aggregator]
        aggregator: Callable[[torch.Tensor], torch.Tensor] = self.aggregator
        return aggregator

    def init(self, problem: Problem, rng: np.random.Generator) -> GradientDescentState:
        return GradientDescentState(rng, X=problem.sample(self.n, rng))

    def step(self, evaluate: Evaluator, state: GradientDescentState) -> GradientDescentState:
        problem = evaluate.problem
        if state.descent is None:
            state.box = Box.of(problem)
            state.descent = Adam(state.box, state.box.to_unit(problem.to_tensor(state.X)), self.learning_rate)
        assert state.box is not None
        active = torch.nonzero(~state.descent.stationary)[:, 0]
        evaluation = evaluate(
            state.box.to_user(state.descent.trial[active]),
            jacobian=True,
            scalarize=_penalty(problem, state, active),
        )
        self._begin(problem, state, evaluation)
        _keep(problem, state, active, evaluation)
        direction = self._direction(state, evaluation)
        if not problem.stochastic:
            blocked = state.box.blocked(state.descent.trial[active], direction)
            resting = torch.where(blocked, 0.0, direction).norm(dim=1) <= self.tolerance
            state.descent.stationary[active] = resting & (evaluation.CV <= 0)
        value = evaluation.F.sum(1)
        state.descent.absorb(active, value, direction, schedule(evaluate.fraction))
        _update_multipliers(state, active, evaluation)
        state.converged = bool(state.descent.stationary.all())
        return state

    def _begin(self, problem: Problem, state: GradientDescentState, evaluation: Evaluation) -> None:
        """Objective scales and multipliers, from the first evaluation."""
        if state.scale is None:
            state.scale = _spread(evaluation.F)
            if problem.n_constr:
                state.lagrangian = AugmentedLagrangian.start(self.n, evaluation.G, evaluation.H)

    def _direction(self, state: GradientDescentState, evaluation: Evaluation) -> torch.Tensor:
        """Aggregate of the objectives' gradients, each plus that of the constraints' terms, (k, d)."""
        assert evaluation.J is not None
        assert state.box is not None
        J = evaluation.J * state.box.width / state.scale
        if evaluation.gradient is not None:
            J = J + (evaluation.gradient * state.box.width)[:, None, :]
        return self._aggregate(J)


def _spread(F: torch.Tensor) -> torch.Tensor:
    """Mean standard deviation of the objectives over the starts that did not fail: one number for all
    of them, so that the balance between them stays as stated."""
    finite = F[F.isfinite().all(1)]
    spread = finite.std(0).mean() if len(finite) > 1 else F.new_zeros(())
    return torch.where(spread > 0, spread, torch.ones_like(spread))


def _penalty(problem: Problem, state: GradientDescentState, active: torch.Tensor) -> Any:
    """The augmented Lagrangian's terms, as what to differentiate besides the objectives."""
    if problem.n_constr == 0:
        return None
    if state.lagrangian is None:
        return lambda F, G, H: 0.0 * G.sum(1) + 0.0 * H.sum(1)  # scales are not known yet
    lagrangian = state.lagrangian
    return lambda F, G, H: lagrangian.terms(G, H, active)


def _keep(
    problem: Problem, state: GradientDescentState, active: torch.Tensor, evaluation: Evaluation
) -> None:
    """The rows' new points become the answer, except where the old point is feasible and the new one
    is not, or the old one is better in every objective."""
    if state.answer is None:
        state.answer = evaluation.without_derivatives()
        return
    old = state.answer
    worse = (old.CV[active] <= 0) & (evaluation.CV > 0)
    worse |= (old.CV[active] <= evaluation.CV) & (old.F[active] <= evaluation.F).all(1)
    better = ~worse & evaluation.F.isfinite().all(1)
    if problem.stochastic:
        better = evaluation.F.isfinite().all(1)
    for name in ("X", "F", "G", "H", "CV"):
        getattr(old, name)[active[better]] = getattr(evaluation, name)[better]
    chosen = problem.to_array(better).astype(bool)
    old.status[problem.to_array(active[better]).astype(int)] = evaluation.status[chosen]


def _update_multipliers(state: GradientDescentState, active: torch.Tensor, evaluation: Evaluation) -> None:
    state.steps += 1
    if state.lagrangian is None or state.steps % _STEPS_PER_MULTIPLIER:
        return
    good = evaluation.F.isfinite().all(1)
    state.lagrangian.update(active[good], evaluation.G[good], evaluation.H[good])
