"""Joint optimisation: min sum_i w_i f_i(x), for one weight vector or for many at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from moo.errors import OptionError, unknown_name
from moo.evaluation import Array, Evaluation, Evaluator
from moo.indicators import nondominated
from moo.optimizers.base import Optimizer, State, require, require_finite_bounds, require_real
from moo.optimizers.sampling import as_sampling, first_sample
from moo.weights import given_weights, weight_vectors

if TYPE_CHECKING:
    from moo.problem import Problem

_CORNER = 1e-3  # least weight: with a weight of zero the minimiser need not be Pareto-optimal
_PAYOFF_SHARE = 0.2  # of the budget, at most, to find the individual minima


class Inner(Protocol):
    """What minimises the weighted sums of some rows; one file each."""

    def step(self, evaluate: Evaluator, state: WeightedSumState) -> bool:
        """Go on with the rows, telling ``state.consider`` what was found; True when they are done."""


@dataclass
class WeightedSumState(State):
    """One row a weight vector.

    ``W`` are the weight vectors; ``V`` (n, n_obj) the weights on the objectives as stated, equal to
    ``W`` or divided by the objectives' ranges; ``pool`` what starts are chosen from; ``answer`` the
    best point of each row so far; ``inner`` solves ``rows``, the others wait.
    """

    W: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    V: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    pool: Evaluation | None = None
    rows: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))
    inner: Inner | None = None
    payoff: bool = False  # the individual minima are being looked for, which give the ranges

    def consider(self, problem: Problem, rows: Array, candidates: Evaluation) -> None:
        """Keep what is better than the rows' best so far: less violation first, then less weighted
        sum. Of minibatch values the latest is kept, the lowest would be the luckiest."""
        assert self.answer is not None
        V = _of_kind(self.V, candidates.F, problem)[rows]
        better = self.answer.CV[rows] > candidates.CV
        lower = (candidates.F * V).sum(1) < (self.answer.F[rows] * V).sum(1)
        better = better | ((self.answer.CV[rows] == candidates.CV) & lower)
        if problem.stochastic:
            better = better | True
        for name in ("X", "F", "G", "H", "CV"):
            getattr(self.answer, name)[rows[better]] = getattr(candidates, name)[better]
        status = problem.to_array(better).astype(bool)
        self.answer.status[problem.to_array(rows).astype(int)[status]] = candidates.status[status]


@dataclass(frozen=True)
class WeightedSum(Optimizer[WeightedSumState]):
    """Weighted sums of the objectives, minimised by an inner method (Zadeh 1963; Marler and Arora
    2010 on what they can and cannot find).

    With ``weights`` the sums are taken of the objectives as stated. Without, ``n`` weight vectors are
    spread over the simplex and the objectives are divided by their ranges over the individual minima
    (the payoff table, found first), so that units do not decide; the result's ``weights`` are the
    weights on the objectives as stated. The answer has one row a weight vector.

    Args:
        weights: one weight vector (n_obj,) or several (n, n_obj), >= 0.
        n: how many weight vectors to spread, when ``weights`` is not given.
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

    weights: Any = None
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

    def init(self, problem: Problem, rng: np.random.Generator) -> WeightedSumState:
        if self._inner_name(problem) != "ga":
            require_real(problem, f"WeightedSum(inner={self.inner!r})")
        if self.inner == "ga":
            require_finite_bounds(problem, 'WeightedSum(inner="ga")')
        if self.weights is not None:
            W = given_weights(self.weights, problem.n_obj)
        else:
            W = weight_vectors(self.n, problem.n_obj)
            W = (1.0 - _CORNER * problem.n_obj) * W + _CORNER
        return WeightedSumState(rng, W=W, V=W)

    def step(self, evaluate: Evaluator, state: WeightedSumState) -> WeightedSumState:
        problem = evaluate.problem
        if state.pool is None:
            X = first_sample(problem, self.n_samples, state.rng, self.sampling)
            on_arrays = self._inner_name(problem) in _ON_ARRAYS
            sample = evaluate(X if on_arrays else problem.to_tensor(X))
            self._first_rows(problem, state, sample)
        assert state.inner is not None
        done = state.inner.step(evaluate, state)
        if state.payoff and (done or evaluate.fraction > _PAYOFF_SHARE):
            self._all_rows(problem, state)
        elif done:
            state.converged = True
        return state

    def _inner_name(self, problem: Problem) -> str:
        if self.inner != "auto":
            return self.inner
        if problem.variables is not None and not problem.variables.real:
            return "ga"
        return "adam" if problem.stochastic else "lbfgs"

    def _first_rows(self, problem: Problem, state: WeightedSumState, sample: Evaluation) -> None:
        """Rows to begin with: those of the individual minima where ranges are wanted, else all."""
        n, m = state.W.shape
        state.payoff = self.weights is None and not problem.stochastic and n > m > 1
        state.pool = sample
        if self.weights is None:
            state.V = state.W / _ranges(problem, sample)
        self._begin(problem, state, np.arange(m if state.payoff else n))

    def _all_rows(self, problem: Problem, state: WeightedSumState) -> None:
        """The individual minima are known: take their ranges, and solve all rows. Their own rows
        start at them, so that they only follow the change of scale."""
        assert state.answer is not None
        assert state.pool is not None
        minima = state.answer.rows(np.arange(problem.n_obj))
        state.V = state.W / _ranges(problem, minima)
        state.pool = _join(problem, state.pool, minima)
        state.payoff = False
        self._begin(problem, state, np.arange(len(state.W)))

    def _begin(self, problem: Problem, state: WeightedSumState, rows: np.ndarray) -> None:
        assert state.pool is not None
        starts = _best_starts(problem, state.pool, state.V)
        chosen = state.pool.rows(starts)
        if state.answer is None:
            state.answer = chosen
        else:
            state.consider(problem, _index(np.arange(len(starts)), chosen.F), chosen)
        state.weights = state.V / state.V.sum(axis=1, keepdims=True) if self.weights is None else state.V
        state.rows = rows
        state.inner = _INNER[self._inner_name(problem)](self, problem, state)


def _of_kind(values: np.ndarray, like: Array, problem: Problem) -> Array:
    return values if isinstance(like, np.ndarray) else problem.to_tensor(values)


def _index(rows: np.ndarray, like: Array) -> Array:
    """Row numbers as an index of arrays or of tensors."""
    return rows if isinstance(like, np.ndarray) else like.new_tensor(rows).long()


def _ranges(problem: Problem, points: Evaluation) -> np.ndarray:
    """Range of each objective (n_obj,) over the feasible non-dominated points, 1 where there is none;
    for minibatch losses, whose ranges are unknown, their mean at the start."""
    F, CV = problem.to_array(points.F), problem.to_array(points.CV)
    if problem.stochastic:
        return np.asarray(np.maximum(np.abs(np.nanmean(F, axis=0)), 1e-12))
    known = F[CV <= 0] if (CV <= 0).any() else F
    known = known[nondominated(known)]
    span = np.ptp(known, axis=0) if len(known) else np.zeros(problem.n_obj)
    return np.where(span > 0, span, 1.0)


def _best_starts(problem: Problem, pool: Evaluation, V: np.ndarray) -> np.ndarray:
    """For each row of V the pool's least violating candidate of least weighted sum (n,)."""
    F, CV = problem.to_array(pool.F), problem.to_array(pool.CV)
    sums = np.where(np.isfinite(F).all(axis=1)[:, None], F, 0.0) @ V.T
    return np.array([np.lexsort((sums[:, k], CV))[0] for k in range(len(V))])


def _join(problem: Problem, a: Evaluation, b: Evaluation) -> Evaluation:
    """The rows of both, of whichever kind they are."""
    if isinstance(a.F, np.ndarray):
        return a.merge(b)
    parts: dict[str, Any] = {
        name: problem.to_tensor(
            np.concatenate([problem.to_array(getattr(a, name)), problem.to_array(getattr(b, name))])
        )
        for name in ("X", "F", "G", "H", "CV")
    }
    return Evaluation(**parts, status=np.concatenate([a.status, b.status]))


def _batched(name: str) -> Any:
    def make(optimizer: WeightedSum, problem: Problem, state: WeightedSumState) -> Inner:
        from moo.optimizers.weighted_descent import WeightedDescent

        return WeightedDescent.start(name, optimizer.learning_rate, problem, state)

    return make


def _slsqp(optimizer: WeightedSum, problem: Problem, state: WeightedSumState) -> Inner:
    from moo.optimizers.weighted_slsqp import WeightedSLSQP

    return WeightedSLSQP(list(state.rows))


def _ga(optimizer: WeightedSum, problem: Problem, state: WeightedSumState) -> Inner:
    from moo.optimizers.weighted_ga import WeightedGA

    return WeightedGA.start(optimizer.pop_size, state)


_INNER = {
    "auto": _batched("lbfgs"),
    "lbfgs": _batched("lbfgs"),
    "adam": _batched("adam"),
    "slsqp": _slsqp,
    "ga": _ga,
}
_ON_ARRAYS = ("slsqp", "ga")
