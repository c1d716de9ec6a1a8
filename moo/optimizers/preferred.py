"""What `EPO` and `ParetoMTL` share: descent of one row a ray, in normalised objectives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from moo.aggregation import Context
from moo.evaluation import Evaluation, Evaluator
from moo.optimizers.multi_gradient import MultiGradient, MultiGradientState, keep_latest
from moo.optimizers.sampling import first_sample
from moo.optimizers.scalarized import Scalarized, require_scales
from moo.optimizers.scalarizing import ScalarizingState
from moo.weights import given_rays, weight_vectors

if TYPE_CHECKING:
    from moo.problem import Problem

_LEAST_SHARE = 1e-2  # of an objective in a ray that was not given
_ABOVE = 1e-6  # the ideal point, where a share of it could not be told


@dataclass
class PreferredState(MultiGradientState):
    """``rays`` (n, n_obj); ``ideal`` and ``span`` (n_obj,) of the objectives; ``seed`` looks for those."""

    rays: torch.Tensor = field(default_factory=lambda: torch.empty(0, 0))
    ideal: torch.Tensor | None = None
    span: torch.Tensor | None = None
    seed: ScalarizingState | None = None


@dataclass(frozen=True, kw_only=True)
class Preferred(MultiGradient):
    """Base of the methods that send each row to the point of the front that its ray names.

    Args:
        rays: directions in normalised objective space (n, n_obj), >= 0; None spreads ``n`` of them.
        normalize: where ideal and nadir come from: "payoff" (the individual minima, found first as
            `Scalarized` does, whose first points the rows then start from), or the two vectors
            (ideal, nadir) in the minimised form and the user's units.
        n, inner, learning_rate, tolerance, sampling: as `MultiGradient`.
    """

    rays: Any = None
    normalize: Any = "payoff"
    tolerance: float = 0.0

    def init(self, problem: Problem, rng: np.random.Generator) -> PreferredState:
        self._check(problem)
        if self.rays is None:
            rays = weight_vectors(max(self.n, problem.n_obj), problem.n_obj)
            rays = (1.0 - _LEAST_SHARE * problem.n_obj) * rays + _LEAST_SHARE
        else:
            rays = given_rays(self.rays, problem.n_obj).clip(1e-6)
        state = PreferredState(rng, weights=rays, preference="rays", rays=problem.to_tensor(rays))
        if isinstance(self.normalize, str) and self.normalize == "payoff":
            state.seed = self._seeding(state).init(problem, rng)
        else:
            require_scales(self.normalize, problem.n_obj, '"payoff" or ')
            ideal, nadir = (problem.to_tensor(np.asarray(p, dtype=float)) for p in self.normalize)
            state.ideal, state.span = ideal, nadir - ideal
            state.X = first_sample(problem, len(rays), rng, self.sampling)
        return state

    def _seeding(self, state: MultiGradientState) -> Scalarized:
        return Scalarized("chebyshev", rays=state.weights, sampling=self.sampling)

    def step(self, evaluate: Evaluator, state: MultiGradientState) -> MultiGradientState:
        assert isinstance(state, PreferredState)
        if state.seed is None:
            return super().step(evaluate, state)
        state.seed = self._seeding(state).step(evaluate, state.seed)
        if state.seed.begun:
            assert state.seed.functions is not None
            assert state.seed.answer is not None
            scales = state.seed.functions.normalization
            state.ideal, state.span = map(evaluate.problem.to_tensor, (scales.ideal, scales.span))
            state.X = evaluate.problem.to_array(state.seed.answer.X)
            state.sample = state.seed.sample
            state.seed = None
        return state

    def _keep(
        self, problem: Problem, state: MultiGradientState, rows: torch.Tensor, points: Evaluation
    ) -> None:
        """The latest points, unless they fail or are less feasible: a row may go uphill to its ray."""
        assert state.answer is not None
        keep_latest(problem, state.answer, rows, points, state.answer.CV[rows] >= points.CV)

    def _normalised(
        self, J: torch.Tensor, context: Context, state: MultiGradientState
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Objectives (k, m), at least a little above the ideal, and Jacobians (k, m, d) in units of the
        range from ideal to nadir."""
        assert isinstance(state, PreferredState)
        assert context.losses is not None
        assert state.span is not None
        Z = (context.losses * state.scale - state.ideal) / state.span
        return Z.clamp_min(_ABOVE), J * (state.scale / state.span)[:, None]
