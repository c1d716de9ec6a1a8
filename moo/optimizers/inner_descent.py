"""Inner methods of `Scalarizing` that descend all rows as one batch: L-BFGS and Adam."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from moo.evaluation import Evaluation, Evaluator, OfRows
from moo.optimizers.augmented_lagrangian import AugmentedLagrangian
from moo.optimizers.descent import Adam, Box, Descent, taken_rows
from moo.optimizers.lbfgs import LBFGS
from moo.optimizers.minimax import Minimax
from moo.scalarization import Terms

if TYPE_CHECKING:
    from moo.optimizers.row_functions import RowFunctions
    from moo.optimizers.scalarizing import ScalarizingState
    from moo.problem import Problem

_INNER_STEPS = {"lbfgs": 100, "adam": 20}  # between two updates of the multipliers, at the most
_TYPICAL = 0.2  # quantile of the values over the sample that stands for a good point's value
_LENIENT = 1e3  # the tolerance before multipliers are known, as a multiple of the last one
_LENIENT_PAYOFF = 1e6  # that of the individual minima, which give scales and starts, no more
_LEAST_SCALE = 0.1  # of values of normalised objectives
_MOST_UPDATES = 60  # of the multipliers, after which a row that is still infeasible is given up


def schedule(fraction: float) -> float:
    """Step size as a share of the first one: a cosine down to a thousandth at the end of the budget
    (Loshchilov and Hutter 2017, without restarts)."""
    return 0.001 + 0.999 * 0.5 * (1.0 + math.cos(math.pi * min(fraction, 1.0)))


@dataclass
class InnerDescent:
    """Every row minimises (its scalar function - shift) / scale + its augmented Lagrangian terms; shift
    and scale, a row's typical values, make one set of tolerances fit. The largest of several parts is
    smoothed (`Minimax`); a scalarization's own constraints stand behind the problem's."""

    method: str
    box: Box
    descent: Descent
    rows: torch.Tensor
    functions: RowFunctions
    shift: torch.Tensor
    scale: torch.Tensor
    lagrangian: AugmentedLagrangian | None
    minimax: Minimax | None
    T: torch.Tensor
    G: torch.Tensor
    H: torch.Tensor
    since_update: torch.Tensor
    updates: torch.Tensor

    @classmethod
    def start(
        cls, method: str, learning_rate: float, problem: Problem, state: ScalarizingState
    ) -> InnerDescent:
        assert state.pool is not None
        assert state.answer is not None
        assert state.functions is not None
        rows = torch.as_tensor(state.rows, device=problem.device)
        box = Box.of(problem)
        starts = box.to_unit(state.answer.X[rows])
        shift, scale = _typical(state, rows)
        F = state.answer.F[rows]
        terms = state.functions.terms(torch.where(F.isfinite(), F, 0.0), rows)
        G, H = _with_own(state.answer.G[rows], state.answer.H[rows], terms)
        sample = state.sample
        lagrangian = _lagrangian(len(rows), sample.G, sample.H, terms)
        minimax = None if terms.largest is None else Minimax.start(terms.largest / scale[:, None])
        descent: Descent = Adam(box, starts, learning_rate) if method == "adam" else LBFGS(box, starts)
        if state.payoff:
            descent.relax(_LENIENT_PAYOFF)
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
            T=G.new_zeros(len(rows), 0) if terms.largest is None else terms.largest / scale[:, None],
            G=G,
            H=H,
            since_update=torch.zeros_like(rows),
            updates=torch.zeros_like(rows),
        )

    def step(self, evaluate: Evaluator, state: ScalarizingState) -> bool:
        active = torch.nonzero(~self.descent.stationary)[:, 0]
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
            self._remember(active[accepted], evaluation.rows(accepted))
            self._update_multipliers(active)
        return bool(self.descent.stationary.all())

    def _next(
        self, evaluate: Evaluator, X: torch.Tensor, rows: torch.Tensor
    ) -> tuple[Evaluation, torch.Tensor, torch.Tensor]:
        """Evaluation, value and gradient of these rows' functions at X."""
        function = OfRows(lambda F, G, H, part: self._function(F, G, H, rows[part]))
        evaluation = evaluate(X, scalarize=function)
        assert evaluation.scalar is not None
        assert evaluation.gradient is not None
        return evaluation, evaluation.scalar, evaluation.gradient

    def _first(
        self, evaluate: Evaluator, X: torch.Tensor, rows: torch.Tensor, state: ScalarizingState
    ) -> tuple[Evaluation, torch.Tensor, torch.Tensor]:
        """With all Jacobians, from which the multipliers of the parts can be estimated: at a start near
        the front they are nearly right, and the first steps do not lead away."""
        assert self.minimax is not None
        constrained = evaluate.problem.n_constr > 0
        evaluation = evaluate(X, jacobian=True, constraint_jacobians=constrained)
        assert evaluation.J is not None
        parts = [
            part.detach().clone().requires_grad_() for part in (evaluation.F, evaluation.G, evaluation.H)
        ]
        with torch.enable_grad():
            largest = self.functions.terms(parts[0], self.rows[rows]).largest
            assert largest is not None
            columns = [
                torch.autograd.grad(c.sum(), parts[0], retain_graph=True)[0] for c in largest.unbind(1)
            ]
            to_F = torch.stack(columns, 1) / self.scale[rows, None, None]
            self.minimax.estimate(self._free(to_F @ evaluation.J * self.box.width, rows))
            value = self._function(parts[0], parts[1], parts[2], rows)
            slopes = torch.autograd.grad(value.sum(), parts, allow_unused=True)
        state.observed.record(evaluate.cost, evaluation.J, slopes[0])
        pairs = zip(slopes, (evaluation.J, evaluation.dG, evaluation.dH), strict=True)
        known = [torch.einsum("nk,nkd->nd", s, D) for s, D in pairs if s is not None and D is not None]
        return evaluation, value.detach(), torch.stack(known).sum(0)

    def _free(self, J: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Gradients (k, parts, d) without what a bound holds back on their mean."""
        blocked = self.box.blocked(self.descent.trial[rows], J.mean(1))
        return torch.where(blocked[:, None], 0.0, J)

    def _function(
        self, F: torch.Tensor, G: torch.Tensor, H: torch.Tensor, rows: torch.Tensor
    ) -> torch.Tensor:
        terms = self.functions.terms(F, self.rows[rows])
        value: torch.Tensor = (terms.smooth - self.shift[rows]) / self.scale[rows]
        if self.minimax is not None and terms.largest is not None:
            value = value + self.minimax.smoothed(terms.largest / self.scale[rows, None], rows)
        if self.lagrangian is None:
            return value
        return value + self.lagrangian.terms(*_with_own(G, H, terms), rows)

    def _remember(self, at: torch.Tensor, evaluation: Evaluation) -> None:
        """The parts that multipliers are updated with, at the rows' current points."""
        terms = self.functions.terms(evaluation.F, self.rows[at])
        self.G[at], self.H[at] = _with_own(evaluation.G, evaluation.H, terms)
        if terms.largest is not None:
            self.T[at] = terms.largest / self.scale[at, None]

    def _update_multipliers(self, active: torch.Tensor) -> None:
        """Rows that are stationary, or have stepped long enough, get new multipliers; those whose
        constraints are settled when stationary stay so."""
        self.since_update[active] += 1
        stationary = self.descent.stationary[active]
        due = stationary | (self.since_update[active] >= _INNER_STEPS[self.method])
        at, was_stationary = active[due], stationary[due]
        if len(at) == 0:
            return
        finished = was_stationary & self.descent.tighten(at)
        if self.lagrangian is not None:
            self.lagrangian.update(at, self.G[at], self.H[at])
            finished = finished & self.lagrangian.settled(at)
        if self.minimax is not None:
            self.minimax.update(at, self.T[at])
            finished = finished & self.minimax.settled(at)
        self.since_update[at] = 0
        self.updates[at] += 1
        finished |= self.updates[at] > _MOST_UPDATES
        self.descent.restart(at[~finished])
        self.descent.stop(at[finished])


def _typical(state: ScalarizingState, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Least value over the sample and the distance from there to a typical one, for each row (k,)."""
    assert state.functions is not None
    F = state.sample.F
    F = F[F.isfinite().all(1)]
    if len(F) == 0:
        return F.new_zeros(len(rows)), F.new_ones(len(rows))
    values = state.functions.crossed(F)[1][:, rows]
    low = values.amin(0)
    scale = (values.quantile(_TYPICAL, dim=0) - low).clamp_min(1e-12 * low.abs().clamp_min(1e-12))
    if state.functions.normalization.known:
        scale = scale.clamp_min(_LEAST_SCALE)
    return low, torch.where(scale > 0, scale, torch.ones_like(scale))


def _with_own(G: torch.Tensor, H: torch.Tensor, terms: Terms) -> tuple[torch.Tensor, torch.Tensor]:
    """The problem's constraints and, behind them, the scalarization's."""
    if terms.ieq is not None:
        G = torch.cat([G, terms.ieq], 1)
    if terms.eq is not None:
        H = torch.cat([H, terms.eq], 1)
    return G, H


def _lagrangian(n: int, G: torch.Tensor, H: torch.Tensor, terms: Terms) -> AugmentedLagrangian | None:
    """For n rows; None without constraints. A scalarization's own are in normalised objectives already."""
    if terms.ieq is not None:
        G = torch.cat([G, G.new_ones(len(G), terms.ieq.shape[1])], 1)
    if terms.eq is not None:
        H = torch.cat([H, H.new_ones(len(H), terms.eq.shape[1])], 1)
    return AugmentedLagrangian.start(n, G, H) if G.shape[1] + H.shape[1] else None
