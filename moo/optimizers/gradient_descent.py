"""Multi-gradient descent: a batch of rows, each following an aggregate of its own gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from moo.aggregation import Aggregator, Context, LossWeighting, aggregator_named
from moo.aggregation.mgda import MGDA
from moo.evaluation import Evaluator
from moo.optimizers.base import require
from moo.optimizers.multi_gradient import MultiGradient, MultiGradientState, Taken, penalty_of, spread_of

_NORMALIZED = MGDA(normalize=True)


@dataclass(frozen=True)
class GradientDescent(MultiGradient):
    """Descent along an aggregate of the objectives' gradients, from n starts at once.

    With MGDA (Desideri 2012) each row goes downhill in every objective until it is Pareto-stationary;
    where along the front it ends depends on its start, so the rows need not spread. With the mean all
    rows seek the minimiser of the equally weighted sum. Bounds hold by projection; constraints enter
    every gradient by an augmented Lagrangian. A row at rest costs nothing more.

    Args:
        aggregator: an object of `moo.aggregation`, its class name ("mgda", "upgrad", "mean", ...), or any
            callable from Jacobians (n, n_obj, n_var) to directions (n, n_var), both tensors. The default
            scales gradients to one length first, which lets rows that start near an end of the front stay
            apart from it. One that weighs losses alone pays one backward pass a row instead of n_obj, and
            descends by "adam".
        n, inner, learning_rate, tolerance, sampling: as `MultiGradient`.
    """

    aggregator: Any = _NORMALIZED

    def __post_init__(self) -> None:
        super().__post_init__()
        if not callable(self.aggregator) or isinstance(self.aggregator, type):
            named = getattr(self.aggregator, "__name__", str(self.aggregator))
            object.__setattr__(self, "aggregator", aggregator_named(named))
        if isinstance(self.aggregator, LossWeighting):
            accepted = '"adam" with weights from losses alone'
            require(self.inner != "armijo", "inner", self.inner, accepted)

    def _taken(self, evaluate: Evaluator, state: MultiGradientState, active: torch.Tensor) -> Taken:
        if isinstance(self.aggregator, LossWeighting):
            return self._by_losses(evaluate, state, active)
        return super()._taken(evaluate, state, active)

    def _by_losses(self, evaluate: Evaluator, state: MultiGradientState, active: torch.Tensor) -> Taken:
        """Weigh the losses, and evaluate with the gradient of their sum alone."""
        assert state.box is not None
        assert state.descent is not None
        penalty = penalty_of(evaluate.problem, state, active)
        contexts: list[Context] = []

        def weighed(F: torch.Tensor, G: torch.Tensor, H: torch.Tensor) -> torch.Tensor:
            scale = spread_of(F.detach()) if state.scale is None else state.scale
            values = F / scale
            context = state.context(values.detach(), active, evaluate.problem)
            weights = self.aggregator.weights(context.losses, context)
            context.weights = weights
            contexts.append(context)
            total: torch.Tensor = (weights * values).sum(1)
            return total if penalty is None else total + weights.sum(1) * penalty(F, G, H)

        evaluation = evaluate(state.box.to_user(state.descent.trial[active]), scalarize=weighed)
        context = contexts[-1]
        self.begin(evaluate.problem, state, evaluation)
        state.remember(context, active)
        assert evaluation.gradient is not None
        assert context.weights is not None
        direction = evaluation.gradient * state.box.width
        blocked = state.box.blocked(state.descent.trial[active], direction)
        direction = torch.where(blocked, 0.0, direction)
        values = evaluation.F / state.scale
        if state.observed.due(evaluate.fraction):
            state.observed.record_weights(evaluate.cost, context.weights)
        return Taken(evaluation, values, direction, torch.zeros_like(values), context.weights)

    def _aggregate(
        self, J: torch.Tensor, context: Context, state: MultiGradientState, rows: torch.Tensor
    ) -> torch.Tensor:
        if isinstance(self.aggregator, Aggregator):
            return self.aggregator(J, context)
        direction: torch.Tensor = self.aggregator(J)
        return direction
