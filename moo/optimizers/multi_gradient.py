"""What methods share that make one direction of the gradients of all objectives, a row at a time."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from moo.aggregation import Context, remember
from moo.arrays import Array
from moo.errors import OptionError, unknown_name
from moo.evaluation import Evaluation, Evaluator
from moo.optimizers.armijo import Armijo
from moo.optimizers.augmented_lagrangian import AugmentedLagrangian
from moo.optimizers.base import Optimizer, State, require, require_memory, require_real
from moo.optimizers.descent import Adam, Box
from moo.optimizers.diagnostics import Diagnostics
from moo.optimizers.inner_descent import schedule
from moo.optimizers.sampling import as_sampling, first_sample

if TYPE_CHECKING:
    from moo.problem import Problem

_STEPS_PER_MULTIPLIER = 10
_INNER = ("adam", "armijo")


@dataclass
class MultiGradientState(State):
    """``X`` are the first points; ``descent`` holds the rows from then on; ``memory`` what the aggregator
    keeps of each."""

    X: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    box: Box | None = None
    descent: Adam | Armijo | None = None
    scale: Array = None
    lagrangian: AugmentedLagrangian | None = None
    since_update: Array = None  # steps of each row since its multipliers were updated
    memory: dict[str, torch.Tensor] = field(default_factory=dict)
    sample: Evaluation | None = None  # of the box, for the constraints' scales; None takes the first points
    observed: Diagnostics = field(default_factory=Diagnostics)

    def diagnostics(self) -> dict[str, np.ndarray]:
        return self.observed.arrays()

    def context(self, losses: torch.Tensor, rows: torch.Tensor, problem: Problem) -> Context:
        """What the aggregator may know of these rows."""
        memory = {name: values[rows] for name, values in self.memory.items()}
        scale = 1.0 if self.scale is None else float(self.scale)
        return Context(losses=losses, memory=memory, rng=self.rng, problem=problem, scale=scale)

    def remember(self, context: Context, rows: torch.Tensor) -> None:
        """Put back what the aggregator kept of these rows."""
        remember(self.memory, context, rows, len(self.X))


@dataclass(frozen=True, kw_only=True)
class MultiGradient(Optimizer[MultiGradientState]):
    """Base of the methods that descend along an aggregate of the objectives' gradients, n rows at once.

    Args:
        n: rows.
        inner: "adam", with steps of a size that falls with the budget; Adam scales every variable by
            itself, which bends the direction, so an objective may rise on the way. "armijo": steps along
            the direction itself, as long as every objective goes on falling (`moo.optimizers.armijo`); not
            for minibatches.
        learning_rate: first step, as a share of the box width (of 1 where a variable is unbounded).
        tolerance: a row rests once its direction, free of bounds, is no longer than this, in units of
            the objectives' spread over the starts a box width.
        sampling: the starts: "random", "lhs" (Latin hypercube), "sobol", points (k, n_var) or an earlier
            result, filled up with random ones.
    """

    n: int = 50
    inner: str = "adam"
    learning_rate: float = 0.05
    tolerance: float = 1e-6
    sampling: Any = "random"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sampling", as_sampling(self.sampling))
        require(isinstance(self.n, int) and self.n >= 1, "n", self.n, "an integer >= 1")
        require(self.learning_rate > 0, "learning_rate", self.learning_rate, "a number above zero")
        require(self.tolerance >= 0, "tolerance", self.tolerance, "a number >= 0")
        if self.inner not in _INNER:
            raise OptionError(unknown_name("inner method", str(self.inner), _INNER))

    def init(self, problem: Problem, rng: np.random.Generator) -> MultiGradientState:
        self._check(problem)
        return MultiGradientState(rng, X=first_sample(problem, self.n, rng, self.sampling))

    def _check(self, problem: Problem) -> None:
        require_real(problem, type(self).__name__)
        if problem.stochastic:
            require(self.inner != "armijo", "inner", self.inner, '"adam" where losses are of minibatches')

    def step(self, evaluate: Evaluator, state: MultiGradientState) -> MultiGradientState:
        problem = evaluate.problem
        if state.descent is None:
            n, m, d = len(state.X), problem.n_obj, problem.n_var
            what = f"{type(self).__name__} on {n} rows of {d:,} variables and {m} objectives"
            require_memory((2 * m + 5) * n * d, what, "give fewer rows")
            state.box = Box.of(problem)
            starts = state.box.to_unit(problem.to_tensor(state.X))
            method = Adam if self.inner == "adam" else Armijo
            state.descent = method(state.box, starts, self.learning_rate)
            state.since_update = torch.zeros(len(state.X), device=problem.device)
        active = torch.nonzero(~state.descent.stationary)[:, 0]
        taken = self._taken(evaluate, state, active)
        self._keep(problem, state, active, taken.evaluation)
        if not problem.stochastic:
            resting = taken.direction.norm(dim=1) < self.tolerance
            state.descent.stationary[active] = resting & (taken.evaluation.CV <= 0)
        good = taken.into(state.descent, active, schedule(evaluate.fraction))
        if state.lagrangian is not None:
            _update_multipliers(state, active[good], taken.evaluation.rows(good))
        state.converged = bool(state.descent.stationary.all())
        return state

    def _taken(self, evaluate: Evaluator, state: MultiGradientState, active: torch.Tensor) -> Taken:
        """Evaluate with all gradients, and aggregate them."""
        assert state.box is not None
        assert state.descent is not None
        evaluation = evaluate(
            state.box.to_user(state.descent.trial[active]),
            jacobian=True,
            scalarize=penalty_of(evaluate.problem, state, active),
        )
        self.begin(evaluate.problem, state, evaluation)
        values, J = _functions(state, evaluation)
        context = state.context(evaluation.F / state.scale, active, evaluate.problem)
        direction = self._direction(state, active, J, context)
        state.remember(context, active)
        if state.observed.due(evaluate.fraction):
            state.observed.record(evaluate.cost, J, context.weights)
        slopes = torch.einsum("nmd,nd->nm", J, direction)
        given = torch.ones_like(values) if context.weights is None else context.weights
        return Taken(evaluation, values, direction, slopes, given)

    def begin(self, problem: Problem, state: MultiGradientState, evaluation: Evaluation) -> None:
        """Answer, objective scales and multipliers, from the first evaluation, which is of all rows."""
        if state.answer is None:
            state.answer = evaluation.rows(np.arange(len(state.X)))  # a copy: the log keeps the evaluation
            state.scale = spread_of(evaluation.F)
            if problem.n_constr:
                sample = evaluation if state.sample is None else state.sample
                G, H = map(problem.to_tensor, (sample.G, sample.H))
                state.lagrangian = AugmentedLagrangian.start(len(state.X), G, H)

    def _direction(
        self, state: MultiGradientState, rows: torch.Tensor, J: torch.Tensor, context: Context
    ) -> torch.Tensor:
        """The aggregate of the gradients (k, d), taken again without the variables a bound holds; what an
        aggregator remembers is of the first time."""
        assert state.box is not None
        assert state.descent is not None
        U = state.descent.trial[rows]
        direction = self._aggregate(_without_spent(J), context, state, rows)
        blocked = state.box.blocked(U, direction)
        if not blocked.any():
            return direction
        again = replace(context, memory=dict(context.memory))
        free = _without_spent(torch.where(blocked[:, None, :], 0.0, J))
        direction = self._aggregate(free, again, state, rows)
        return torch.where(state.box.blocked(U, direction), 0.0, direction)

    def _keep(
        self, problem: Problem, state: MultiGradientState, rows: torch.Tensor, points: Evaluation
    ) -> None:
        """The rows' new points become the answer, except where the old point is feasible and the new one
        is not, or the old one is better in every objective."""
        old = state.answer
        assert old is not None
        worse = (old.CV[rows] <= 0) & (points.CV > 0)
        worse |= (old.CV[rows] <= points.CV) & (old.F[rows] <= points.F).all(1)
        keep_latest(problem, old, rows, points, ~worse | problem.stochastic)

    @abstractmethod
    def _aggregate(
        self, J: torch.Tensor, context: Context, state: MultiGradientState, rows: torch.Tensor
    ) -> torch.Tensor:
        """Directions (k, d) of these rows from their Jacobians (k, m, d)."""


class Taken(NamedTuple):
    """What one step found at the active rows: values (k, m), the direction (k, d) there, the objectives'
    slopes along it and weights (k, m)."""

    evaluation: Evaluation
    values: torch.Tensor
    direction: torch.Tensor
    slopes: torch.Tensor
    weights: torch.Tensor

    def into(self, descent: Adam | Armijo, rows: torch.Tensor, step: float) -> torch.Tensor:
        """Hand it to the inner method; the mask (k,) of the rows that moved on."""
        if isinstance(descent, Armijo):
            return descent.absorb(rows, self.values, self.slopes, self.weights, self.direction)
        return descent.absorb(rows, self.values.sum(1), self.direction, step)


def _without_spent(J: torch.Tensor) -> torch.Tensor:
    """J (k, m, d) with gradients that are zero replaced by the row's longest: where a bound holds an
    objective at its least, or it does not depend on x, the point is weakly Pareto-stationary, and the
    others can go on falling."""
    length = J.norm(dim=2)
    longest = J[torch.arange(len(J)), length.argmax(1)]
    spent = length <= 1e-12 * length.amax(1, keepdim=True)
    return torch.where(spent[:, :, None], longest[:, None, :], J)


def _functions(state: MultiGradientState, evaluation: Evaluation) -> tuple[torch.Tensor, torch.Tensor]:
    """What is descended: objectives over their scale, each plus the constraints' terms: values (k, m)
    and Jacobians (k, m, d) in unit coordinates."""
    assert evaluation.J is not None
    assert state.box is not None
    values, J = evaluation.F / state.scale, evaluation.J * state.box.width / state.scale
    if evaluation.gradient is not None and evaluation.scalar is not None:
        values = values + evaluation.scalar[:, None]
        J = J + (evaluation.gradient * state.box.width)[:, None, :]
    return values, J


def spread_of(F: torch.Tensor) -> torch.Tensor:
    """Mean standard deviation of the objectives over the starts that did not fail: one number for all
    of them, so that the balance between them stays as stated."""
    finite = F[F.isfinite().all(1)]
    spread = finite.std(0).mean() if len(finite) > 1 else F.new_zeros(())
    return torch.where(spread > 0, spread, torch.ones_like(spread))


def penalty_of(problem: Problem, state: MultiGradientState, active: torch.Tensor) -> Any:
    """The augmented Lagrangian's terms, as what to differentiate besides the objectives."""
    if problem.n_constr == 0:
        return None
    if state.lagrangian is None:
        return lambda F, G, H: 0.0 * G.sum(1) + 0.0 * H.sum(1)  # scales are not known yet
    lagrangian = state.lagrangian
    return lambda F, G, H: lagrangian.terms(G, H, active)


def keep_latest(
    problem: Problem, answer: Evaluation, rows: torch.Tensor, points: Evaluation, where: torch.Tensor
) -> None:
    """Write the points (k) over these rows of the answer where the mask (k,) says so and they are finite."""
    better = points.F.isfinite().all(1) & where
    for name in ("X", "F", "G", "H", "CV"):
        getattr(answer, name)[rows[better]] = getattr(points, name)[better]
    chosen = problem.to_array(better).astype(bool)
    answer.status[problem.to_array(rows[better]).astype(int)] = points.status[chosen]


def _update_multipliers(state: MultiGradientState, rows: torch.Tensor, points: Evaluation) -> None:
    """New multipliers for the rows that have made enough steps."""
    assert state.lagrangian is not None
    state.since_update[rows] += 1
    due = state.since_update[rows] >= _STEPS_PER_MULTIPLIER
    if due.any():
        state.lagrangian.update(rows[due], points.G[due], points.H[due])
        state.since_update[rows[due]] = 0
