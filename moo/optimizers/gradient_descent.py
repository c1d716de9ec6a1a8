"""Multi-gradient descent: a batch of rows, each following an aggregate of its own gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from moo.aggregation.mean import Mean
from moo.aggregation.mgda import MGDA
from moo.errors import OptionError, unknown_name
from moo.evaluation import Array, Evaluation, Evaluator
from moo.optimizers.augmented_lagrangian import AugmentedLagrangian
from moo.optimizers.base import Optimizer, State, require, require_real
from moo.optimizers.descent import Adam, Box
from moo.optimizers.inner_descent import schedule
from moo.optimizers.sampling import as_sampling, first_sample

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
    since_update: Array = None  # steps of each row since its multipliers were updated


@dataclass(frozen=True)
class GradientDescent(Optimizer[GradientDescentState]):
    """Descent along an aggregate of the objectives' gradients, from n starts at once.

    With MGDA (Desideri 2012) each row goes downhill in every objective until it is Pareto-stationary;
    where along the front it ends depends on its start, so the rows need not spread. With the mean all
    rows seek the minimiser of the equally weighted sum. Steps are Adam's, of a size that falls with the
    budget; Adam scales every variable by itself, which bends the direction, so an objective may rise on
    the way. Bounds hold by projection; constraints enter every gradient by an augmented Lagrangian.

    Args:
        n: starts.
        aggregator: "mgda", "mgda-normalized" (gradients scaled to one length first, which lets rows
            that start near an end of the front stay apart from it), "mean", or a callable from
            Jacobians (n, n_obj, n_var) to directions (n, n_var), both tensors (`moo.aggregation`).
        learning_rate: first step, as a share of the box width (of 1 where a variable is unbounded).
        tolerance: a row rests once its direction, free of bounds, is no longer than this, in units of
            the objectives' spread over the starts a box width.
        sampling: the starts: "random", "lhs" (Latin hypercube), "sobol", points (k, n_var) or an earlier
            result, filled up with random ones.
    """

    n: int = 50
    aggregator: Any = "mgda-normalized"
    learning_rate: float = 0.05
    tolerance: float = 1e-6
    sampling: Any = "random"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sampling", as_sampling(self.sampling))
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
        require_real(problem, "GradientDescent")
        return GradientDescentState(rng, X=first_sample(problem, self.n, rng, self.sampling))

    def step(self, evaluate: Evaluator, state: GradientDescentState) -> GradientDescentState:
        problem = evaluate.problem
        if state.descent is None:
            state.box = Box.of(problem)
            starts = state.box.to_unit(problem.to_tensor(state.X))
            state.descent = Adam(state.box, starts, self.learning_rate)
            state.since_update = torch.zeros(self.n, device=problem.device)
        assert state.box is not None
        active = torch.nonzero(~state.descent.stationary)[:, 0]
        evaluation = evaluate(
            state.box.to_user(state.descent.trial[active]),
            jacobian=True,
            scalarize=_penalty(problem, state, active),
        )
        self._begin(problem, state, evaluation)
        values, J = _functions(state, evaluation)
        direction = self._direction(state.box, state.descent.trial[active], J)
        _keep(problem, state, active, evaluation)
        if not problem.stochastic:
            resting = direction.norm(dim=1) <= self.tolerance
            state.descent.stationary[active] = resting & (evaluation.CV <= 0)
        good = state.descent.absorb(active, values.sum(1), direction, schedule(evaluate.fraction))
        if state.lagrangian is not None:
            _update_multipliers(state, active[good], evaluation.rows(good))
        state.converged = bool(state.descent.stationary.all())
        return state

    def _begin(self, problem: Problem, state: GradientDescentState, evaluation: Evaluation) -> None:
        """Answer, objective scales and multipliers, from the first evaluation, which is of all rows."""
        if state.answer is None:
            state.answer = evaluation.rows(np.arange(self.n))  # a copy: the log keeps the evaluation
            state.scale = _spread(evaluation.F)
            if problem.n_constr:
                state.lagrangian = AugmentedLagrangian.start(self.n, evaluation.G, evaluation.H)

    def _direction(self, box: Box, U: torch.Tensor, J: torch.Tensor) -> torch.Tensor:
        """The aggregate of the gradients (k, d), taken again without the variables a bound holds."""
        direction = self._aggregate(J)
        blocked = box.blocked(U, direction)
        if not blocked.any():
            return direction
        free = self._aggregate(_without_spent(torch.where(blocked[:, None, :], 0.0, J)))
        return torch.where(box.blocked(U, free), 0.0, free)


def _without_spent(J: torch.Tensor) -> torch.Tensor:
    """J (k, m, d) with gradients that are zero replaced by the row's longest: where a bound holds an
    objective at its least, the point is weakly Pareto-stationary, and the others can go on falling."""
    length = J.norm(dim=2)
    longest = J[torch.arange(len(J)), length.argmax(1)]
    spent = length <= 1e-12 * length.amax(1, keepdim=True)
    return torch.where(spent[:, :, None], longest[:, None, :], J)


def _functions(state: GradientDescentState, evaluation: Evaluation) -> tuple[torch.Tensor, torch.Tensor]:
    """What is descended: objectives over their scale, each plus the constraints' terms: values (k, m)
    and Jacobians (k, m, d) in unit coordinates."""
    assert evaluation.J is not None
    assert state.box is not None
    values, J = evaluation.F / state.scale, evaluation.J * state.box.width / state.scale
    if evaluation.gradient is not None and evaluation.scalar is not None:
        values = values + evaluation.scalar[:, None]
        J = J + (evaluation.gradient * state.box.width)[:, None, :]
    return values, J


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


def _keep(problem: Problem, state: GradientDescentState, rows: torch.Tensor, points: Evaluation) -> None:
    """The rows' new points become the answer, except where the old point is feasible and the new one
    is not, or the old one is better in every objective."""
    old = state.answer
    assert old is not None
    worse = (old.CV[rows] <= 0) & (points.CV > 0)
    worse |= (old.CV[rows] <= points.CV) & (old.F[rows] <= points.F).all(1)
    better = points.F.isfinite().all(1) & (~worse | problem.stochastic)
    for name in ("X", "F", "G", "H", "CV"):
        getattr(old, name)[rows[better]] = getattr(points, name)[better]
    chosen = problem.to_array(better).astype(bool)
    old.status[problem.to_array(rows[better]).astype(int)] = points.status[chosen]


def _update_multipliers(state: GradientDescentState, rows: torch.Tensor, points: Evaluation) -> None:
    """New multipliers for the rows that have made enough steps."""
    assert state.lagrangian is not None
    state.since_update[rows] += 1
    due = state.since_update[rows] >= _STEPS_PER_MULTIPLIER
    if due.any():
        state.lagrangian.update(rows[due], points.G[due], points.H[due])
        state.since_update[rows[due]] = 0
