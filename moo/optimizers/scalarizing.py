"""What `WeightedSum` and `Scalarized` share: one scalar function a row, all minimised at once."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from moo.arrays import Array, like, math_of, places
from moo.errors import OptionError, unknown_name
from moo.evaluation import Evaluation, Evaluator
from moo.optimizers.base import Optimizer, State, require, require_finite_bounds, require_real
from moo.optimizers.descent import Box
from moo.optimizers.diagnostics import Diagnostics
from moo.optimizers.lbfgs import require_room
from moo.optimizers.payoff import between_minima, payoff_weights
from moo.optimizers.row_functions import RowFunctions, best_starts, normalization_of
from moo.optimizers.sampling import as_sampling, first_sample
from moo.scalarization import Linear, Normalization, Scalarization

if TYPE_CHECKING:
    from moo.problem import Problem

_PAYOFF_SHARE = 0.2  # of the budget, at most, to find the individual minima
_OBSERVED, _OBSERVATIONS = 4, 5  # rows whose Jacobian is taken for the diagnostics, and how often
_OBSERVED_SHARE = 0.01  # of the budget, that one observation may cost
_PAYOFF_ROUNDS = 4
_SAME_SCALES = 10.0  # ratio of two objectives' scales that changed by no more leaves the minima as they are
_WORTH_FOLLOWING = 0.01  # of a scale: less of a change does not move a row to speak of


class Inner(Protocol):
    """What minimises the functions of some rows; one file each."""

    def step(self, evaluate: Evaluator, state: ScalarizingState) -> bool:
        """Go on with the rows, telling ``state.consider`` what was found; True when they are done."""


@dataclass
class ScalarizingState(State):
    """One row a preference.

    ``preferences`` (n, n_obj) are those of the rows; ``functions`` what the rows minimise; ``pool`` what
    starts are chosen from, its first ``n_sampled`` rows a sample of the box, its last ``n_between`` points
    between the individual minima; ``answer`` the best point of each row so far; ``inner`` solves ``rows``,
    the others wait.
    """

    preferences: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    functions: RowFunctions | None = None
    pool: Evaluation | None = None
    n_sampled: int = 0
    n_between: int = 0
    rows: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))
    inner: Inner | None = None
    payoff: bool = False  # the individual minima are being looked for, which give the scales
    payoff_rounds: int = 1
    minima: Array | None = None  # normalised objectives of the individual minima (n_obj, n_obj)
    refinements: int = 0
    tried: np.ndarray | None = None  # preferences that refinements gave, whether they helped or not
    before: tuple[np.ndarray, Evaluation, float] | None = None  # the refinement: preferences, answer, volume
    observed: Diagnostics = field(default_factory=Diagnostics)

    def diagnostics(self) -> dict[str, np.ndarray]:
        return self.observed.arrays()

    @property
    def begun(self) -> bool:
        """Whether the rows themselves are solved: the individual minima, where wanted, are known."""
        return self.inner is not None and not self.payoff

    @property
    def sample(self) -> Evaluation:
        """The rows of the pool that were sampled from the box: what is typical is read off them."""
        assert self.pool is not None
        return self.pool.rows(np.arange(self.n_sampled))

    def consider(self, problem: Problem, rows: Array, candidates: Evaluation) -> None:
        """Keep what is better than the rows' best so far: less violation first, then the lower value. Of
        minibatch values the latest is kept, the lowest would be the luckiest."""
        assert self.answer is not None
        assert self.functions is not None
        kept = self.answer
        if problem.stochastic:
            better = candidates.CV == candidates.CV
            if len(rows) == len(kept) and not isinstance(kept.F, np.ndarray) and bool(better.all()):
                self.answer = candidates.without_derivatives()  # large models take long to copy
                return
        else:
            old, old_value = self.functions.standing(kept.F[rows], rows)
            new, new_value = self.functions.standing(candidates.F, rows)
            lower = (new < old) | ((new == old) & (new_value < old_value))
            before = kept.CV[rows]
            better = (before > candidates.CV) | ((before == candidates.CV) & lower)
        chosen = places(better)
        at = rows[chosen]
        for name in ("X", "F", "G", "H", "CV"):
            values = getattr(kept, name)
            if values.ndim == 1 or values.shape[1]:
                values[at] = getattr(candidates, name)[chosen]
        to, source = (problem.to_array(index).astype(int) for index in (at, chosen))
        kept.status[to] = candidates.status[source]


@dataclass(frozen=True, kw_only=True)
class Scalarizing(Optimizer[ScalarizingState]):
    """Base of the methods that turn the objectives into one number a row.

    Args:
        n: how many preferences to spread, when none are given.
        inner: "lbfgs" (projected L-BFGS, all rows as one batch, constraints by an augmented
            Lagrangian), "adam" (likewise), "slsqp" (SciPy's, row by row), "ga" (a genetic algorithm a
            row), or "auto": "adam" where objectives come from minibatches, "ga" where variables
            are no real numbers, else "lbfgs".
        learning_rate: of "adam", as a share of the box width (of 1 where a variable is unbounded).
        n_samples: random candidates evaluated first; each row starts from the best of them.
        pop_size: of "ga".
        sampling: those candidates: "random", "lhs" (Latin hypercube), "sobol", points (k, n_var) or an
            earlier result, filled up with random ones.
    """

    n: int = 50
    inner: str = "auto"
    learning_rate: float = 0.02
    n_samples: int = 50
    pop_size: int = 20
    sampling: Any = "random"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sampling", as_sampling(self.sampling))
        if self.inner not in _INNER:
            raise OptionError(unknown_name("inner method", str(self.inner), _INNER))
        require(self.learning_rate > 0, "learning_rate", self.learning_rate, "a number above zero")
        for name, least in (("n", 1), ("n_samples", 1), ("pop_size", 4)):
            value = getattr(self, name)
            require(isinstance(value, int) and value >= least, name, value, f"an integer >= {least}")

    @property
    @abstractmethod
    def _function(self) -> Scalarization:
        """The scalarization."""

    @property
    def _kind(self) -> str:
        """Which kind of preference the rows follow."""
        return "weights"

    @property
    def _shown(self) -> str:
        """What the result calls the preferences."""
        return self._kind

    @abstractmethod
    def _given(self, n_obj: int) -> np.ndarray | None:
        """The user's preferences (n, n_obj), None where they are to be spread."""

    @property
    @abstractmethod
    def _scales(self) -> Any:
        """Where ideal and nadir come from: "payoff", "running", "none", or the two vectors."""

    def init(self, problem: Problem, rng: np.random.Generator) -> ScalarizingState:
        name = type(self).__name__
        if self._inner_name(problem) != "ga":
            require_real(problem, f"{name}(inner={self.inner!r})")
        if self.inner == "ga":
            require_finite_bounds(problem, f'{name}(inner="ga")')
        given = self._given(problem.n_obj)
        preferences = self._spread(problem.n_obj, rng) if given is None else given
        return ScalarizingState(rng, preferences=preferences, preference=self._shown)

    def _spread(self, n_obj: int, rng: np.random.Generator) -> np.ndarray:
        """Preferences (n, n_obj) where none are given."""
        return self._function.spread(self.n, n_obj)

    def step(self, evaluate: Evaluator, state: ScalarizingState) -> ScalarizingState:
        problem = evaluate.problem
        if state.pool is None:
            if self._inner_name(problem) == "lbfgs":
                require_room(len(state.preferences), problem.n_var)
            state.pool = evaluate(self._candidates(problem, state))
            state.n_sampled = len(state.pool)
            self._first_rows(problem, state)
        elif state.inner is None:
            self._all_rows(problem, state)
            return state
        assert state.inner is not None
        self._observe(evaluate, state)
        done = state.inner.step(evaluate, state)
        if state.payoff and evaluate.fraction > _PAYOFF_SHARE:
            self._end_payoff(evaluate, state)
        elif state.payoff and done:
            self._after_payoff(evaluate, state)
        elif done:
            state.converged = True
        elif self._scales == "running":
            self._follow_scales(problem, state)
        return state

    def _candidates(self, problem: Problem, state: ScalarizingState) -> Array:
        """The first points (n_samples, n_var), in the problem's precision and within the box even so."""
        X = first_sample(problem, self.n_samples, state.rng, self.sampling)
        arrays = self._inner_name(problem) in _ON_ARRAYS
        box = Box.of(problem, arrays=arrays)
        if arrays:
            return X.astype(box.xl.dtype).clip(box.xl, box.xu).astype(float)
        return problem.to_tensor(X).clip(box.xl, box.xu)

    def _observe(self, evaluate: Evaluator, state: ScalarizingState) -> None:
        """Take Jacobians at a few rows now and then, for the diagnostics alone: descent needs none."""
        if state.payoff or self._inner_name(evaluate.problem) not in _DESCENDING:
            return
        if not state.observed.due(evaluate.fraction, _OBSERVATIONS):
            return
        assert state.answer is not None
        assert state.functions is not None
        n = len(state.answer)
        rows = _index(np.arange(0, n, -(-n // _OBSERVED)), state.answer.F)
        price = len(rows) * (1.0 + evaluate.budget.vjp_cost * evaluate.problem.n_obj)
        if evaluate.budget.cost is None or price <= _OBSERVED_SHARE * evaluate.budget.cost:
            points = evaluate(state.answer.X[rows], jacobian=True)
            assert points.J is not None
            state.observed.record(evaluate.cost, points.J, state.functions.weights(points.F, rows))

    def _inner_name(self, problem: Problem) -> str:
        if self.inner != "auto":
            return self.inner
        if problem.variables is not None and not problem.variables.real:
            return "ga"
        return "adam" if problem.stochastic else "lbfgs"

    def _first_rows(self, problem: Problem, state: ScalarizingState) -> None:
        """Rows to begin with: those of the individual minima where scales are wanted, else all."""
        assert state.pool is not None
        m = problem.n_obj
        state.payoff = self._scales == "payoff" and not problem.stochastic and m > 1
        if state.payoff:
            scales = normalization_of(problem, state.pool)
            extremes = payoff_weights(m)
            state.functions = RowFunctions(Linear(), scales, like(state.pool.F, extremes))
            self._begin(problem, state, np.arange(len(extremes)))
        else:
            self._settle(problem, state, self._first_scales(problem, state.pool), None)
            self._begin(problem, state, np.arange(len(state.preferences)))

    def _first_scales(self, problem: Problem, sample: Evaluation) -> Normalization:
        if isinstance(self._scales, str):
            if self._scales == "none":
                zeros = like(sample.F, np.zeros(problem.n_obj))
                return Normalization(zeros, zeros + 1.0, known=False)
            return normalization_of(problem, sample)
        ideal, nadir = (like(sample.F, np.asarray(point, dtype=float)) for point in self._scales)
        return Normalization.of(ideal, nadir)

    def _after_payoff(self, evaluate: Evaluator, state: ScalarizingState) -> None:
        """The individual minima are found as far as the sample's scales tell objectives apart; where their
        own scales say something else, they are looked for once more from here."""
        assert state.answer is not None
        assert state.functions is not None
        old = state.functions.normalization
        scales = normalization_of(evaluate.problem, state.answer)
        change = scales.span / old.span
        if state.payoff_rounds >= _PAYOFF_ROUNDS or bool(change.max() <= _SAME_SCALES * change.min()):
            self._end_payoff(evaluate, state)
            return
        state.payoff_rounds += 1
        state.functions = RowFunctions(Linear(), scales, state.functions.targets)
        state.inner = _INNER[self._inner_name(evaluate.problem)](self, evaluate.problem, state)

    def _end_payoff(self, evaluate: Evaluator, state: ScalarizingState) -> None:
        """The individual minima are known, and in the pool from now on with points between them, which may be
        good starts and are cheap to try. The rows begin with the next step: whoever takes the pool for
        something else does not pay for that."""
        assert state.answer is not None
        assert state.pool is not None
        problem, extremes = evaluate.problem, state.answer
        between = between_minima(problem, extremes.X, len(state.preferences))
        pool = join(problem, state.pool, extremes)
        if between is not None:
            pool = join(problem, pool, evaluate(between))
            state.n_between = len(between)
        state.pool, state.payoff, state.inner = pool, False, None

    def _all_rows(self, problem: Problem, state: ScalarizingState) -> None:
        """Take the scales of the individual minima, and solve all rows."""
        extremes = state.answer
        assert extremes is not None
        scales = normalization_of(problem, extremes)
        self._settle(problem, state, scales, scales(extremes.F[: problem.n_obj]))
        state.answer = None
        self._begin(problem, state, np.arange(len(state.preferences)))

    def _settle(
        self, problem: Problem, state: ScalarizingState, scales: Normalization, minima: Array | None
    ) -> None:
        """Fix what the rows minimise."""
        state.minima = minima
        P = like(scales.ideal, np.asarray(state.preferences, dtype=float))
        targets = self._function.targets(P, self._kind, minima)
        state.functions = RowFunctions(self._function, scales, targets)
        self._show_weights(problem, state)

    def _show_weights(self, problem: Problem, state: ScalarizingState) -> None:
        """The preferences, as the result is to show them."""
        state.weights = state.preferences

    def _begin(self, problem: Problem, state: ScalarizingState, rows: np.ndarray) -> None:
        """Start the rows from the best of the pool, or from where they are."""
        assert state.pool is not None
        assert state.functions is not None
        chosen = state.pool.rows(best_starts(problem, state.pool, state.functions))
        if state.answer is None:
            state.answer = chosen
        else:
            state.consider(problem, _index(np.arange(len(chosen)), chosen.F), chosen)
        self.solve_rows(problem, state, rows)

    def solve_rows(self, problem: Problem, state: ScalarizingState, rows: np.ndarray) -> None:
        """Minimise the functions of these rows, from where they are."""
        state.rows = rows
        state.inner = _INNER[self._inner_name(problem)](self, problem, state)

    def _follow_scales(self, problem: Problem, state: ScalarizingState) -> None:
        """Ideal and nadir of what is known by now; where they moved, the rows start again from here."""
        assert state.answer is not None
        assert state.functions is not None
        assert state.pool is not None
        known = join(problem, state.pool, state.answer)
        scales, old = normalization_of(problem, known), state.functions.normalization
        changes = abs(scales.ideal - old.ideal), abs(scales.span - old.span)
        moved = math_of(old.span).maximum(*changes) / old.span
        if bool((moved > _WORTH_FOLLOWING).any()):
            self._settle(problem, state, scales, state.minima)
            self.solve_rows(problem, state, state.rows)


def _index(rows: np.ndarray, like: Array) -> Array:
    """Row numbers as an index of arrays or of tensors."""
    return rows if isinstance(like, np.ndarray) else like.new_tensor(rows).long()


def join(problem: Problem, a: Evaluation, b: Evaluation) -> Evaluation:
    """The rows of both, of whichever kind they are."""
    if isinstance(a.F, np.ndarray):
        return a.merge(b)
    names, xp = ("X", "F", "G", "H", "CV"), math_of(a.F)
    parts: dict[str, Any] = {name: xp.concatenate([getattr(a, name), getattr(b, name)]) for name in names}
    return Evaluation(**parts, status=np.concatenate([a.status, b.status]))


def _batched(name: str) -> Any:
    def make(optimizer: Scalarizing, problem: Problem, state: ScalarizingState) -> Inner:
        from moo.optimizers.inner_descent import InnerDescent

        return InnerDescent.start(name, optimizer.learning_rate, problem, state)

    return make


def _slsqp(optimizer: Scalarizing, problem: Problem, state: ScalarizingState) -> Inner:
    from moo.optimizers.inner_slsqp import InnerSLSQP

    return InnerSLSQP.start(state)


def _ga(optimizer: Scalarizing, problem: Problem, state: ScalarizingState) -> Inner:
    from moo.optimizers.inner_ga import InnerGA

    return InnerGA.start(optimizer.pop_size, problem, state)


_INNER = {
    "auto": _batched("lbfgs"),
    "lbfgs": _batched("lbfgs"),
    "adam": _batched("adam"),
    "slsqp": _slsqp,
    "ga": _ga,
}
_ON_ARRAYS = ("lbfgs", "slsqp", "ga")
_DESCENDING = ("lbfgs", "adam")
