"""Inner methods of `WeightedSum` that descend all weight vectors as one batch: L-BFGS and Adam."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from moo.evaluation import Evaluator
from moo.optimizers.augmented_lagrangian import AugmentedLagrangian
from moo.optimizers.descent import LBFGS, Adam, Box, Descent
from moo.scalarization import weighted_sum

if TYPE_CHECKING:
    from moo.optimizers.weighted_sum import WeightedSumState
    from moo.problem import Problem

_INNER_STEPS = {"lbfgs": 100, "adam": 20}  # between two updates of the multipliers, at the most
_TYPICAL = 0.2  # quantile of the sums over the pool that stands for a good point's value
_MOST_UPDATES = 60  # of the multipliers, after which a row that is still infeasible is given up


def schedule(fraction: float) -> float:
    """Step size as a share of the first one: a cosine down to a thousandth at the end of the budget
    (Loshchilov and Hutter 2017, without restarts)."""
    return 0.001 + 0.999 * 0.5 * (1.0 + math.cos(math.pi * min(fraction, 1.0)))


@dataclass
class WeightedDescent:
    """Every row minimises (sum_i v_i f_i - shift) / scale + its augmented Lagrangian terms; shift
    and scale, a row's typical values, make one set of tolerances fit."""

    method: str
    box: Box
    descent: Descent
    rows: torch.Tensor
    V: torch.Tensor
    shift: torch.Tensor
    scale: torch.Tensor
    lagrangian: AugmentedLagrangian | None
    G: torch.Tensor
    H: torch.Tensor
    since_update: torch.Tensor
    updates: torch.Tensor

    @classmethod
    def start(
        cls, method: str, learning_rate: float, problem: Problem, state: WeightedSumState
    ) -> WeightedDescent:
        assert state.pool is not None
        assert state.answer is not None
        rows = torch.as_tensor(state.rows, device=problem.device)
        box = Box.of(problem)
        starts = box.to_unit(state.answer.X[rows])
        descent: Descent = Adam(box, starts, learning_rate) if method == "adam" else LBFGS(box, starts)
        V = problem.to_tensor(state.V[state.rows])
        pool = state.pool
        finite = pool.F.isfinite().all(1)
        sums = (pool.F[finite] @ V.T) if finite.any() else V.new_zeros(1, len(V))
        low = sums.amin(0)
        scale = (sums.quantile(_TYPICAL, dim=0) - low).clamp_min(1e-12 * low.abs().clamp_min(1e-12))
        constrained = problem.n_constr > 0
        return cls(
            method=method,
            box=box,
            descent=descent,
            rows=rows,
            V=V,
            shift=low,
            scale=torch.where(scale > 0, scale, torch.ones_like(scale)),
            lagrangian=AugmentedLagrangian.start(len(rows), pool.G, pool.H) if constrained else None,
            G=state.answer.G[rows],
            H=state.answer.H[rows],
            since_update=torch.zeros_like(rows),
            updates=torch.zeros_like(rows),
        )

    def step(self, evaluate: Evaluator, state: WeightedSumState) -> bool:
        active = torch.nonzero(~self.descent.stationary)[:, 0]
        if len(active) == 0:
            return True
        X = self.box.to_user(self.descent.trial[active])
        evaluation = evaluate(X, scalarize=lambda F, G, H: self._function(F, G, H, active))
        state.consider(evaluate.problem, self.rows[active], evaluation)
        assert evaluation.scalar is not None
        assert evaluation.gradient is not None
        gradient = evaluation.gradient * self.box.width
        accepted = self.descent.absorb(active, evaluation.scalar, gradient, schedule(evaluate.fraction))
        if self.lagrangian is not None:
            at = active[accepted]
            self.G[at], self.H[at] = evaluation.G[accepted], evaluation.H[accepted]
            self._update_multipliers(active)
        return bool(self.descent.stationary.all())

    def _function(
        self, F: torch.Tensor, G: torch.Tensor, H: torch.Tensor, rows: torch.Tensor
    ) -> torch.Tensor:
        value: torch.Tensor = (weighted_sum(F, self.V[rows]) - self.shift[rows]) / self.scale[rows]
        return value if self.lagrangian is None else value + self.lagrangian.terms(G, H, rows)

    def _update_multipliers(self, active: torch.Tensor) -> None:
        """Rows that are stationary, or have stepped long enough, get new multipliers; those whose
        constraints are settled when stationary stay so."""
        assert self.lagrangian is not None
        self.since_update[active] += 1
        stationary = self.descent.stationary[active]
        due = stationary | (self.since_update[active] >= _INNER_STEPS[self.method])
        at, was_stationary = active[due], stationary[due]
        if len(at) == 0:
            return
        self.lagrangian.update(at, self.G[at], self.H[at])
        self.since_update[at] = 0
        self.updates[at] += 1
        finished = was_stationary & self.lagrangian.settled(at)
        finished |= self.updates[at] > _MOST_UPDATES
        self.descent.restart(at[~finished])
        self.descent.stationary[at[finished]] = True
