"""A set of points that together dominate as much as they can: ascent of the hypervolume itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.spatial.distance import cdist

from moo.arrays import Array, like, math_of, overflowing
from moo.errors import OptionError, ProblemError
from moo.evaluation import Evaluation, Evaluator
from moo.indicators import contributions, hypervolume, hypervolume_gradient, nondominated, reference_point
from moo.optimizers.augmented_lagrangian import AugmentedLagrangian
from moo.optimizers.base import Optimizer, State, require, require_real
from moo.optimizers.descent import Adam, Box
from moo.optimizers.diagnostics import Diagnostics
from moo.optimizers.inner_descent import schedule
from moo.optimizers.lbfgs import LBFGS
from moo.optimizers.lbfgs_rows import free_gradient
from moo.optimizers.sampling import as_sampling
from moo.optimizers.scalarized import Scalarized
from moo.optimizers.scalarizing import ScalarizingState
from moo.optimizers.smsemoa import survivors
from moo.wanted import Places, Sloped, Slopes

if TYPE_CHECKING:
    from moo.problem import Problem

_MOST_OBJECTIVES = 6  # that an exact hypervolume is taken of
_SEED_SHARE = 0.4  # of the budget, at most, for the points to begin with
_SEED_STEPS = 12  # of theirs, once the individual minima are known; where constraints part rows, no limit
_COVERED = 0.8  # of the points between the individual minima: if they are a front, they are the first points
_FEWEST = 10  # points between them that tell
_STEPS_PER_ROUND = 40  # at most, before points that add nothing are placed anew and multipliers updated
_IDLE_ROUNDS = 3  # rounds that gain next to nothing, after which the run has converged
_STILL = 1e-8  # relative gain of a step, three of which in a row end a round
_LEARNING_RATE = 0.02  # of Adam, for minibatches
_NEARBY = 0.2  # of the distance between neighbours, how far points that are known to be good move first
_LITTLE = 0.05  # of the mean contribution: a point that adds no more is placed anew
_WORTH = 1e-5  # relative gain of hypervolume in a round that is worth another


@dataclass
class HypervolumeGradientState(State):
    """``seed`` makes the first points; ``descent`` then holds all of them as one row."""

    seed: ScalarizingState | None = None
    sample: Evaluation | None = None  # of the box; typical values of the constraints are from there
    seed_steps: int = 0
    box: Box | None = None
    descent: LBFGS | Adam | None = None
    lagrangian: AugmentedLagrangian | None = None
    ideal: np.ndarray = field(default_factory=lambda: np.empty(0))
    span: np.ndarray = field(default_factory=lambda: np.empty(0))
    ref: np.ndarray = field(default_factory=lambda: np.empty(0))  # in normalised objectives
    best: float = -np.inf
    before: float = -np.inf  # hypervolume when the round began
    steps: int = 0
    idle: int = 0
    refines: bool = False  # the first points are from elsewhere, and good
    observed: Diagnostics = field(default_factory=Diagnostics)

    def diagnostics(self) -> dict[str, np.ndarray]:
        return self.observed.arrays() or (self.seed.diagnostics() if self.seed is not None else {})


@dataclass(frozen=True)
class HypervolumeGradient(Optimizer[HypervolumeGradientState]):
    """Ascent of the hypervolume of n points along its gradient (Emmerich and Deutz 2014; Wang, Deutz, Baeck
    and Emmerich 2017), by L-BFGS on all points together, by Adam where objectives come from minibatches.

    The first points are those between the individual minima that `Scalarized` tries, where they are a front
    already; else they come from a few of its steps from rays, with constraints from two fifths of the budget:
    the hypervolume of a set tells nothing of points that are not feasible yet. A point that adds
    nothing, being dominated or beyond the reference point, is placed anew between two neighbours that are far
    apart. Each step costs one backward pass a point. Bounds hold by projection, constraints by an augmented
    Lagrangian.

    Args:
        n: points.
        ref: the reference point (n_obj,) in the minimised form and the user's units; None takes that of
            `moo.indicators.reference_point` in objectives normalised by the ideal and nadir of the first
            points.
        sampling: of the first candidates, as `Scalarized`.
    """

    n: int = 50
    ref: Any = None
    sampling: Any = "random"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sampling", as_sampling(self.sampling))
        require(isinstance(self.n, int) and self.n >= 1, "n", self.n, "an integer >= 1")

    def init(self, problem: Problem, rng: np.random.Generator) -> HypervolumeGradientState:
        require_real(problem, "HypervolumeGradient")
        require_few_objectives(problem, "HypervolumeGradient")
        if self.ref is not None:
            given = np.asarray(self.ref, dtype=float)
            if given.shape != (problem.n_obj,) or not np.isfinite(given).all():
                raise OptionError(f"ref={self.ref!r} is not accepted: give {problem.n_obj} numbers")
        return HypervolumeGradientState(rng, seed=self._seeding(problem).init(problem, rng))

    def _seeding(self, problem: Problem) -> Scalarized:
        return Scalarized(n=max(self.n, problem.n_obj), sampling=self.sampling)

    def from_points(
        self, problem: Problem, points: Evaluation, before: HypervolumeGradientState
    ) -> HypervolumeGradientState:
        """The state that goes on from these evaluated points (arrays), after an earlier one."""
        answer = points.rows(np.arange(len(points)))
        if problem.stochastic:
            names = ("X", "F", "G", "H", "CV")
            parts: Any = {name: problem.to_tensor(getattr(points, name)) for name in names}
            answer = replace(answer, **parts)
        sample = before.sample
        if sample is None and before.seed is not None:
            sample = before.seed.sample
        state = HypervolumeGradientState(before.rng, answer, sample=sample, observed=before.observed)
        self._begin(problem, state)
        state.refines = True
        return state

    def step(self, evaluate: Evaluator, state: HypervolumeGradientState) -> HypervolumeGradientState:
        if state.descent is None:
            return self._seed(evaluate, state)
        _ascend(evaluate, state)
        state.steps += 1
        assert state.answer is not None
        if isinstance(state.descent, Adam):
            return state  # of minibatches no one knows which points add nothing
        if state.refines:
            _move_little(state.descent, len(state.answer))
            state.refines = False
        if bool(state.descent.stationary.all()) or state.steps >= _STEPS_PER_ROUND:
            self._next_round(evaluate.problem, state)
        return state

    def _seed(self, evaluate: Evaluator, state: HypervolumeGradientState) -> HypervolumeGradientState:
        """One step of what makes the first points; the last of them hands over."""
        assert state.seed is not None
        seeding = self._seeding(evaluate.problem)
        state.seed = seeding.step(evaluate, state.seed)
        minima_known = not (state.seed.payoff or state.seed.begun)
        covered = _covered(evaluate.problem, state.seed, self.n) if minima_known else None
        state.answer = state.seed.answer if covered is None else covered
        state.seed_steps += state.seed.begun and not evaluate.problem.n_constr
        enough = state.seed_steps > _SEED_STEPS or evaluate.fraction > _SEED_SHARE
        over = state.seed.converged or (state.seed.begun and enough)
        if over or covered is not None:
            state.sample = state.seed.sample
            self._begin(evaluate.problem, state)
        return state

    def _begin(self, problem: Problem, state: HypervolumeGradientState) -> None:
        assert state.answer is not None
        F, CV = problem.to_array(state.answer.F), problem.to_array(state.answer.CV)
        sound = np.isfinite(F).all(axis=1)
        known = F[sound & (CV <= 0)] if (sound & (CV <= 0)).any() else F[sound]
        known = known[nondominated(known)] if len(known) else np.zeros((1, problem.n_obj))
        state.ideal, span = known.min(axis=0), np.ptp(known, axis=0)
        state.span = np.where(span > 0, span, 1.0)
        wanted = reference_point(problem.n_obj, self.n)
        if self.ref is not None:
            wanted = (np.asarray(self.ref, dtype=float) - state.ideal) / state.span
        state.ref = wanted
        state.answer = state.answer.rows(np.arange(min(self.n, len(F))))
        state.box = Box.of(problem, arrays=not problem.stochastic)
        if problem.n_constr:
            assert state.sample is not None
            state.lagrangian = AugmentedLagrangian.start(len(state.answer), state.sample.G, state.sample.H)
        U = _spread_out(problem, state, state.box.to_unit(state.answer.X), state.rng)
        box, together = _repeated(state.box, len(U)), U.reshape(1, -1)
        if problem.stochastic:
            state.descent = Adam(box, together, _LEARNING_RATE)
        else:
            state.descent = LBFGS(box, together, value_tolerance=_STILL)

    def _next_round(self, problem: Problem, state: HypervolumeGradientState) -> None:
        """Place points anew that add nothing, and go on; where rounds gain no more, that was all."""
        assert isinstance(state.descent, LBFGS)
        assert state.answer is not None
        assert state.box is not None
        gained = state.best - state.before
        state.idle = 0 if gained > _WORTH * abs(state.best) else state.idle + 1
        state.before, state.steps = state.best, 0
        settled = True
        if state.lagrangian is not None:
            rows = np.arange(len(state.answer))
            state.lagrangian.update(rows, state.answer.G, state.answer.H)
            settled = bool(state.lagrangian.settled(rows).all())
        state.converged = state.idle >= (_IDLE_ROUNDS if settled else 10 * _IDLE_ROUNDS)
        n = len(state.answer)
        here = state.box.to_unit(state.answer.X)
        U = _spread_out(problem, state, here, state.rng)
        if not bool((here == U).all()) or state.lagrangian is not None:
            state.descent.move(np.zeros(1, dtype=int), U.reshape(1, n * U.shape[1]))
        elif bool(state.descent.stationary.all()):
            state.converged = True


def require_few_objectives(problem: Problem, method: str) -> None:
    """
    Raises:
        ProblemError: when hypervolumes are not exact any more, or take too long.
    """
    if problem.n_obj > _MOST_OBJECTIVES:
        raise ProblemError(
            f"{method} takes up to {_MOST_OBJECTIVES} objectives, {problem.title} has {problem.n_obj}: "
            "choose Scalarized or NSGA3"
        )


def _covered(problem: Problem, seed: ScalarizingState, n: int) -> Evaluation | None:
    """The n points of the seeds' pool that dominate most, where nearly all points between the individual
    minima are non-dominated, and there are as many as are wanted; None where not."""
    pool = seed.pool
    assert pool is not None
    if problem.stochastic or problem.n_constr or seed.n_between < _FEWEST:
        return None
    sound = np.flatnonzero(np.isfinite(pool.F).all(axis=1))
    front = sound[nondominated(pool.F[sound])]
    found = np.count_nonzero(front >= len(pool) - seed.n_between)
    if len(front) < _COVERED * n or found < _COVERED * seed.n_between:
        return None
    pool = pool.rows(sound)
    return pool.rows(survivors(pool, n))


def _repeated(box: Box, n: int) -> Box:
    """The box of n points side by side."""
    names = ("origin", "width", "xl", "xu", "lower", "upper")
    tile = math_of(box.xl).tile
    return Box(**{name: tile(getattr(box, name), (n,)) for name in names})


def _ascend(evaluate: Evaluator, state: HypervolumeGradientState) -> None:
    """One step of all points together, downhill in minus the hypervolume."""
    assert state.box is not None
    assert state.descent is not None
    problem, box, lagrangian = evaluate.problem, state.box, state.lagrangian
    X = box.to_user(state.descent.trial.reshape(-1, problem.n_var))
    on_arrays = isinstance(X, np.ndarray)
    rows: Array = np.arange(len(X)) if on_arrays else torch.arange(len(X), device=X.device)

    @overflowing
    def pulled(F: Array, G: Array, H: Array, part: Places) -> tuple[Array, Slopes]:
        Z = (problem.to_array(F) - state.ideal) / state.span
        slopes = -hypervolume_gradient(Z, state.ref)
        value, by_F = like(F, (slopes * Z).sum(1)), like(F, slopes / state.span)
        if lagrangian is None:
            return value, (by_F, None, None)
        missed, by_G, by_H = lagrangian.sloped(G, H, rows)
        return value + missed, (by_F, by_G, by_H)

    points = evaluate(X, scalarize=Sloped(pulled, on_arrays, separate=False))
    assert points.gradient is not None
    Z = (problem.to_array(points.F) - state.ideal) / state.span
    value = -hypervolume(Z, state.ref)
    if lagrangian is not None:
        value += float(lagrangian.terms(points.G, points.H, rows).sum())
    _keep(problem, state, points, Z)
    if not np.isfinite(Z).all():
        value = np.inf  # a step into what cannot be evaluated is shortened
    gradient = math_of(X).nan_to_num((points.gradient * box.width).reshape(1, -1), 0.0, 0.0, 0.0)
    state.descent.absorb(0 * rows[:1], like(X, np.array([value])), gradient, schedule(evaluate.fraction))


def _move_little(descent: LBFGS, n: int) -> None:
    """Let the first move of n points follow the gradient, the farthest by a share of the distance to its
    neighbour (the median over the points), where L-BFGS would try a tenth of the box in every variable:
    that leads away from a front that is nearly reached, and each shorter trial costs as much as a step."""
    rows = descent.state
    free = free_gradient(rows, 0)
    steepest = np.abs(free).max()
    gap = _spacing(rows.here[0].reshape(n, -1))
    if rows.fresh[0] or steepest == 0.0 or gap == 0.0:
        return
    rows.direction[0], rows.length[0] = -free / steepest, _NEARBY * gap
    rows.trial[0] = np.clip(rows.here[0] + rows.length[0] * rows.direction[0], rows.lower, rows.upper)


def _spacing(U: np.ndarray) -> float:
    """Median over the points U (n, d) of the largest coordinate of the way to the nearest other one."""
    if len(U) < 2:
        return 0.0
    distance = cdist(U, U, "chebyshev")
    np.fill_diagonal(distance, np.inf)
    return float(np.median(distance.min(axis=1)))


def _keep(problem: Problem, state: HypervolumeGradientState, points: Evaluation, Z: np.ndarray) -> None:
    """The set becomes the answer where fewer of its points are infeasible, or as many and it dominates
    more."""
    assert state.answer is not None
    infeasible = problem.to_array(points.CV) > 0
    volume = hypervolume(Z[~infeasible], state.ref) - float(infeasible.sum())
    if volume > state.best or problem.stochastic:
        state.best = volume
        state.answer = points.rows(np.arange(len(Z)))


def _spread_out(
    problem: Problem, state: HypervolumeGradientState, U: Array, rng: np.random.Generator
) -> Array:
    """The points U (n, d) in unit coordinates with those that add nothing placed midway between two others
    that are far apart in normalised objectives."""
    assert state.answer is not None
    Z = (problem.to_array(state.answer.F) - state.ideal) / state.span
    sound = np.flatnonzero(np.isfinite(Z).all(axis=1) & (problem.to_array(state.answer.CV) <= 0))
    added = contributions(Z[sound], state.ref)
    adding = sound[added > _LITTLE * added.mean()] if len(sound) else sound
    idle = np.setdiff1d(np.arange(len(Z)), adding)
    if len(adding) < 2 or len(idle) == 0:
        return U
    pairs = _gaps(Z[adding], len(idle), rng)
    share = like(U, rng.uniform(0.3, 0.7, (len(idle), 1)))
    a, b = (adding[pairs[:, k]] for k in (0, 1))
    placed = U + 0.0
    placed[idle] = share * U[a] + (1.0 - share) * U[b]
    return placed


def _gaps(Z: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """k pairs (k, 2) of neighbours among Z (n, m), drawn in proportion to their distance: each point and,
    of its m nearest, the farthest."""
    distance = np.linalg.norm(Z[:, None] - Z, axis=2)
    m = min(Z.shape[1], len(Z) - 1)
    nearest = np.argsort(distance, axis=1)[:, m]
    width = distance[np.arange(len(Z)), nearest]
    total = width.sum()
    chosen = rng.choice(len(Z), k, p=width / total if total > 0 else None)
    return np.column_stack([chosen, nearest[chosen]])
