"""Inner methods of `Scalarizing` that descend all rows as one batch: L-BFGS and Adam."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from moo.arrays import Array, math_of, overflowing, places
from moo.evaluation import Evaluation, Evaluator
from moo.optimizers.augmented_lagrangian import AugmentedLagrangian
from moo.optimizers.descent import Adam, Box, Descent, taken_rows
from moo.optimizers.lbfgs import LBFGS
from moo.optimizers.minimax import Minimax
from moo.scalarization import Terms
from moo.wanted import Sloped, Slopes

if TYPE_CHECKING:
    from moo.optimizers.row_functions import RowFunctions
    from moo.optimizers.scalarizing import ScalarizingState
    from moo.problem import Problem

_INNER_STEPS = {"lbfgs": 100, "adam": 20}  # between two updates of the multipliers, at the most
_TYPICAL = 0.2  # quantile of the values over the sample that stands for a good point's value
_LENIENT = 1e3  # the tolerance before multipliers are known, as a multiple of the last one
_LENIENT_PAYOFF = 1e6  # that of the individual minima, which give scales and starts, no more
_LENIENT_FEASIBLE = 1e2  # likewise under constraints, where multipliers of a loose minimum lead away from it
_DEEP = 10.0  # typical distances below the sample, from where on a value is taken by its logarithm
_LEAST_SCALE = 0.1  # of values of normalised objectives
_MOST_UPDATES = 30  # of the multipliers, after which a row that is still infeasible is given up


def schedule(fraction: float) -> float:
    """Step size as a share of the first one: a cosine down to a thousandth at the end of the budget
    (Loshchilov and Hutter 2017, without restarts)."""
    return 0.001 + 0.999 * 0.5 * (1.0 + math.cos(math.pi * min(fraction, 1.0)))


@dataclass
class InnerDescent:
    """Every row minimises (its scalar function - shift) / scale + its augmented Lagrangian terms; shift
    and scale, a row's typical values, make one set of tolerances fit. The largest of several parts is
    smoothed (`Minimax`); a scalarization's own constraints stand behind the problem's. All of it is arrays
    for "lbfgs", tensors for "adam"."""

    method: str
    box: Box
    descent: Descent
    rows: Array
    functions: RowFunctions
    shift: Array
    scale: Array
    lagrangian: AugmentedLagrangian | None
    minimax: Minimax | None
    T: Array
    G: Array
    H: Array
    since_update: Array
    updates: Array
    payoff: bool

    @classmethod
    def start(
        cls, method: str, learning_rate: float, problem: Problem, state: ScalarizingState
    ) -> InnerDescent:
        assert state.pool is not None
        assert state.answer is not None
        assert state.functions is not None
        F = state.answer.F
        xp, arrays = math_of(F), isinstance(F, np.ndarray)
        rows = xp.asarray(state.rows) if arrays else xp.as_tensor(state.rows, device=F.device)
        box = Box.of(problem, arrays=arrays)
        starts = box.to_unit(state.answer.X[rows])
        shift, scale = _typical_values(state, rows)
        F = F[rows]
        terms = state.functions.terms(xp.where(xp.isfinite(F), F, 0.0), rows)
        G, H = _with_own(state.answer.G[rows], state.answer.H[rows], terms)
        sample = state.sample
        lagrangian = _lagrangian(len(rows), sample.G, sample.H, terms)
        T = G[:, :0] if terms.largest is None else terms.largest / scale[:, None]
        minimax = None if terms.largest is None else Minimax.start(T)
        descent: Descent = Adam(box, starts, learning_rate) if method == "adam" else LBFGS(box, starts)
        if state.payoff:
            descent.relax(_LENIENT_PAYOFF if lagrangian is None else _LENIENT_FEASIBLE)
        elif lagrangian is not None or minimax is not None:
            descent.relax(_LENIENT)
        return cls(
            method=method,
            box=box,
            descent=descent,
            rows=rows,
            functions=state.functions,
            shift=shift,
            scale=scale,
            lagrangian=lagrangian,
            minimax=minimax,
            T=T,
            G=G,
            H=H,
            since_update=xp.zeros_like(rows),
            updates=xp.zeros_like(rows),
            payoff=state.payoff,
        )

    def step(self, evaluate: Evaluator, state: ScalarizingState) -> bool:
        active = places(~self.descent.stationary)
        if len(active) == 0:
            return True
        X = self.box.to_user(taken_rows(self.descent.trial, active))
        if self.minimax is not None and not self.minimax.estimated:
            evaluation, value, gradient = self._first(evaluate, X, active, state)
        else:
            evaluation, value, gradient = self._next(evaluate, X, active)
        state.consider(evaluate.problem, self.rows[active], evaluation)
        gradient = self.box.slope(gradient)
        accepted = self.descent.absorb(active, value, gradient, schedule(evaluate.fraction))
        if self.lagrangian is not None or self.minimax is not None:
            self._remember(active[accepted], evaluation.rows(places(accepted)))
            self._update_multipliers(active)
        return bool(self.descent.stationary.all())

    def _next(self, evaluate: Evaluator, X: Array, rows: Array) -> tuple[Evaluation, Array, Array]:
        """Evaluation, value and gradient of these rows' functions at X."""
        on_arrays = isinstance(X, np.ndarray)
        function = Sloped(lambda F, G, H, part: self._function(F, G, H, rows[part]), on_arrays)
        evaluation = evaluate(X, scalarize=function)
        assert evaluation.scalar is not None
        assert evaluation.gradient is not None
        return evaluation, evaluation.scalar, evaluation.gradient

    def _first(
        self, evaluate: Evaluator, X: Array, rows: Array, state: ScalarizingState
    ) -> tuple[Evaluation, Array, Array]:
        """With all Jacobians, from which the multipliers of the parts can be estimated: at a start near
        the front they are nearly right, and the first steps do not lead away."""
        assert self.minimax is not None
        constrained = evaluate.problem.n_constr > 0
        evaluation = evaluate(X, jacobian=True, constraint_jacobians=constrained)
        F, G, H, J = evaluation.F, evaluation.G, evaluation.H, evaluation.J
        assert J is not None
        to_F = self.functions.sloped(F, self.rows[rows])[1].largest / self.scale[rows][:, None, None]
        self.minimax.estimate(self._free(to_F @ J * self.box.width, rows))
        value, slopes = self._function(F, G, H, rows)
        state.observed.record(evaluate.cost, J, slopes[0])
        gradient = _weighed(slopes[0], J)
        if constrained:
            gradient = gradient + _weighed(slopes[1], evaluation.dG) + _weighed(slopes[2], evaluation.dH)
        return evaluation, value, gradient

    def _free(self, J: Array, rows: Array) -> Array:
        """Gradients (k, parts, d) without what a bound holds back on their mean."""
        blocked = self.box.blocked(self.descent.trial[rows], J.mean(1))
        return math_of(J).where(blocked[:, None], 0.0, J)

    @overflowing
    def _function(self, F: Array, G: Array, H: Array, rows: Array) -> tuple[Array, Slopes]:
        """Values (k,) and slopes by F, G and H of the functions of these rows."""
        terms, by_F = self.functions.sloped(F, self.rows[rows])
        scale = self.scale[rows]
        value, slopes = (terms.smooth - self.shift[rows]) / scale, by_F.smooth / scale[:, None]
        if self.minimax is not None and terms.largest is not None:
            largest, shares = self.minimax.smoothed(terms.largest / scale[:, None], rows)
            value, slopes = value + largest, slopes + _weighed(shares / scale[:, None], by_F.largest)
        if self.lagrangian is None:
            if self.minimax is None and self.method == "lbfgs":  # not of minibatches, whose mean it changes
                value, slopes = _slowed(value, slopes)
            return value, (slopes, None, None)
        missed, by_G, by_H = self.lagrangian.sloped(*_with_own(G, H, terms), rows)
        p, q = G.shape[1], H.shape[1]
        if by_F.ieq is not None:
            slopes = slopes + _weighed(by_G[:, p:], by_F.ieq)
        if by_F.eq is not None:
            slopes = slopes + _weighed(by_H[:, q:], by_F.eq)
        return value + missed, (slopes, by_G[:, :p], by_H[:, :q])

    def _remember(self, at: Array, evaluation: Evaluation) -> None:
        """The parts that multipliers are updated with, at the rows' current points."""
        terms = self.functions.terms(evaluation.F, self.rows[at])
        self.G[at], self.H[at] = _with_own(evaluation.G, evaluation.H, terms)
        if terms.largest is not None:
            self.T[at] = terms.largest / self.scale[at][:, None]

    def _update_multipliers(self, active: Array) -> None:
        """Rows that are stationary, or have stepped long enough, get new multipliers; those whose
        constraints are settled when stationary stay so."""
        self.since_update[active] += 1
        stationary = self.descent.stationary[active]
        due = stationary | (self.since_update[active] >= _INNER_STEPS[self.method])
        at, was_stationary = active[due], stationary[due]
        if len(at) == 0:
            return
        finished = was_stationary if self.payoff else was_stationary & self.descent.tighten(at)
        if self.lagrangian is not None:
            self.lagrangian.update(at, self.G[at], self.H[at])
            finished = finished & self.lagrangian.settled(at)
        if self.minimax is not None:
            self.minimax.update(at, self.T[at])
            finished = finished & self.minimax.settled(at)
        self.since_update[at] = 0
        self.updates[at] += 1
        finished = finished | (self.updates[at] > _MOST_UPDATES)
        self.descent.restart(at[~finished])
        self.descent.stop(at[finished])


def _slowed(value: Array, slopes: Array) -> tuple[Array, Array]:
    """Values (k,) and slopes (k, m) of a monotone function of the row's, which has the same minima: v down to
    -_DEEP, then -_DEEP (1 + log(-v / _DEEP)). A function whose sample lies on a plateau, as 1 - exp(-r^2) has
    one, falls by orders of magnitude on the way to its minimum, and a quasi-Newton model of it is of no use a
    step later; its logarithm is nearly a parabola."""
    deep = value < -_DEEP
    if not bool(deep.any()):
        return value, slopes
    xp = math_of(value)
    depth = xp.where(deep, -value / _DEEP, 1.0)
    return xp.where(deep, -_DEEP * (1.0 + xp.log(depth)), value), slopes / depth[:, None]


def _weighed(weights: Array, slopes: Array) -> Array:
    """The sum over k of weights (n, k) times slopes (n, k, d): (n, d)."""
    return (weights[:, None] @ slopes)[:, 0]


@overflowing
def _typical_values(state: ScalarizingState, rows: Array) -> tuple[Array, Array]:
    """Least value over the sample and the distance from there to a typical one, for each row (k,)."""
    assert state.functions is not None
    F = state.sample.F
    xp = math_of(F)
    F = F[xp.isfinite(F).all(1)]
    if len(F) == 0:
        none = 0.0 * state.functions.targets[rows][:, 0]
        return none, none + 1.0
    values = state.functions.crossed(F)[1][:, rows]
    low = xp.amin(values, 0)
    scale = (_quantile(values, _TYPICAL) - low).clip(1e-12 * abs(low).clip(1e-12))
    if state.functions.normalization.known:
        scale = scale.clip(_LEAST_SCALE)
    return low, xp.where(scale > 0, scale, 1.0)


def _quantile(values: Array, share: float) -> Array:
    """Of each column of values (k, n), as NumPy's, which takes ten times as long."""
    ordered = np.sort(values, axis=0) if isinstance(values, np.ndarray) else values.sort(0).values
    below, beyond = divmod(share * (len(values) - 1), 1.0)
    lower, upper = ordered[int(below)], ordered[min(int(below) + 1, len(values) - 1)]
    return lower + beyond * (upper - lower)


def _with_own(G: Array, H: Array, terms: Terms) -> tuple[Array, Array]:
    """The problem's constraints and, behind them, the scalarization's."""
    if terms.ieq is not None:
        G = math_of(G).concatenate([G, terms.ieq], 1)
    if terms.eq is not None:
        H = math_of(H).concatenate([H, terms.eq], 1)
    return G, H


def _lagrangian(n: int, G: Array, H: Array, terms: Terms) -> AugmentedLagrangian | None:
    """For n rows; None without constraints. A scalarization's own are in normalised objectives already."""
    G, H = (_with_units(*pair) for pair in ((G, terms.ieq), (H, terms.eq)))
    return AugmentedLagrangian.start(n, G, H) if G.shape[1] + H.shape[1] else None


def _with_units(sample: Array, own: Array | None) -> Array:
    """Values of constraints (k, p) and, for each of the scalarization's own, a column of ones."""
    if own is None:
        return sample
    xp = math_of(sample)
    ones = xp.ones_like(xp.broadcast_to(sample[:, :0].sum(1)[:, None], (len(sample), own.shape[1])))
    return xp.concatenate([sample, ones], 1)
