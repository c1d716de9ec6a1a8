"""Models trained together as the rows of one X, each with its own learning rate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from moo.aggregation import Aggregator, Context, LossWeighting, remember
from moo.budget import Budget, BudgetExhausted
from moo.evaluation import Evaluator
from moo.multimodal.problem import ModelProblem
from moo.optimizers.adam_step import adam_step
from moo.optimizers.descent import finite_rows, keep_rows, taken_rows
from moo.optimizers.inner_descent import schedule
from moo.wanted import Scalarize, weighted_sum

_TINY = 1e-8  # Adam's, as in the paper
_MOMENTUM = 0.9


class Trained(NamedTuple):
    """What `train_rows` leaves.

    Attributes:
        X: the models' parameters (k, n_var).
        stopped: how many steps each took before it diverged (k,).
        evaluate: what was counted.
        interrupted: whether Ctrl-C ended the training: the models are as they were then.
    """

    X: np.ndarray
    stopped: np.ndarray
    evaluate: Evaluator
    interrupted: bool


def train_rows(
    task: ModelProblem,
    rule: np.ndarray | Aggregator,
    rates: np.ndarray,
    steps: int,
    seed: int,
    inner: str = "adam",
    watch: Callable[[int, torch.Tensor], None] | None = None,
) -> Trained:
    """Train one model for each learning rate (k,), all from the same initialisation and on the same
    minibatches.

    Args:
        task: whose losses.
        rule: what is descended: weights of the losses (k, n_obj), a row each, or an aggregator of their
            gradients for all rows.
        rates: first learning rate of each row; a cosine takes it down.
        steps: of each row.
        seed: of the initialisation, the minibatches and what an aggregator draws.
        inner: "adam" (Kingma and Ba 2015, algorithm 1) or "momentum" (of 0.9, Polyak 1964), both within
            the task's bounds.
        watch: called before each step, and at the end, with how many were made and X (k, n_var).
    """
    draws = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(3)]
    made: _Rule = _Aggregated(task, rule, draws[2]) if isinstance(rule, Aggregator) else _Weighted(task, rule)
    n_f, n_vjp = task.cost_of_row(made.needs_jacobian, False, not made.needs_jacobian)
    budget = Budget(cost=len(rates) * steps * (n_f + Budget(cost=1).vjp_cost * n_vjp))
    evaluate = Evaluator(task, budget, draws[1])
    descent = INNER[inner](task, task.sample(1, draws[0]).repeat(len(rates), axis=0), rates)
    stopped = np.zeros(len(rates), dtype=int)
    try:
        _descend(made, evaluate, descent, stopped, steps, watch)
        interrupted = False
    except KeyboardInterrupt:
        interrupted = True
    return Trained(task.to_array(descent.X), stopped, evaluate, interrupted)


def _descend(
    made: _Rule,
    evaluate: Evaluator,
    descent: _Descent,
    stopped: np.ndarray,
    steps: int,
    watch: Callable[[int, torch.Tensor], None] | None,
) -> None:
    """Make the steps, and count them in ``stopped`` (k,)."""
    active = torch.arange(len(stopped), device=descent.X.device)
    for step in range(steps):
        if watch is not None:
            watch(step, descent.X)
        try:
            gradient = made.gradient(evaluate, taken_rows(descent.X, active), active)
        except BudgetExhausted:  # most rows have failed
            break
        good = finite_rows(gradient)
        if not good.all():
            descent.take_back(active[~good])
            active, gradient = active[good], gradient[good]
        if not len(active):
            break
        descent.step(active, gradient, schedule(step / steps))
        stopped[active.cpu().numpy()] += 1
    if watch is not None:
        watch(steps, descent.X)


# ------------------------------------------------------------------ what is descended


class _Rule(ABC):
    needs_jacobian = False

    @abstractmethod
    def gradient(self, evaluate: Evaluator, X: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """What the models (k, n_var) of these rows descend along minus of, (k, n_var); NaN where a loss or
        a gradient is not finite."""


class _Weighted(_Rule):
    """The gradient of sum_i w_i f_i."""

    def __init__(self, task: ModelProblem, W: np.ndarray) -> None:
        self.V = task.to_tensor(W)

    def gradient(self, evaluate: Evaluator, X: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return _gradient_of(evaluate, X, weighted_sum(self.V[rows]))


class _Aggregated(_Rule):
    """What an aggregator makes of the losses' gradients, or of the losses alone."""

    def __init__(self, task: ModelProblem, aggregator: Aggregator, rng: np.random.Generator) -> None:
        self.task, self.aggregator, self.rng = task, aggregator, rng
        self.needs_jacobian = not isinstance(aggregator, LossWeighting)
        self.memory: dict[str, torch.Tensor] = {}
        self.n = 0

    def gradient(self, evaluate: Evaluator, X: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        self.n = self.n or len(X)  # the first call is of all rows
        memory = {name: values[rows] for name, values in self.memory.items()}
        context = Context(memory=memory, rng=self.rng, problem=self.task)
        direction = (self._of_gradients if self.needs_jacobian else self._of_losses)(evaluate, X, context)
        remember(self.memory, context, rows, self.n)
        return direction

    def _of_gradients(self, evaluate: Evaluator, X: torch.Tensor, context: Context) -> torch.Tensor:
        made = evaluate(X, jacobian=True)
        assert made.J is not None
        context.losses = made.F
        return torch.where(
            made.F.isfinite().all(1, keepdim=True), self.aggregator(made.J, context), torch.nan
        )

    def _of_losses(self, evaluate: Evaluator, X: torch.Tensor, context: Context) -> torch.Tensor:
        assert isinstance(self.aggregator, LossWeighting)
        weighting = self.aggregator

        def weighed(F: torch.Tensor, G: torch.Tensor, H: torch.Tensor) -> torch.Tensor:
            context.losses = F.detach()
            return (weighting.weights(context.losses, context) * F).sum(1)

        return _gradient_of(evaluate, X, weighed)


def _gradient_of(evaluate: Evaluator, X: torch.Tensor, scalarize: Scalarize) -> torch.Tensor:
    made = evaluate(X, scalarize=scalarize)
    assert made.scalar is not None
    assert made.gradient is not None
    finite = made.scalar.isfinite()
    return made.gradient if finite.all() else torch.where(finite[:, None], made.gradient, torch.nan)


# ------------------------------------------------------------------ how


class _Descent(ABC):
    """Steps with a learning rate a row, and projection onto the bounds; rows do not influence each other."""

    def __init__(self, task: ModelProblem, X: np.ndarray, rates: np.ndarray) -> None:
        self.box = (task.to_tensor(task.xl), task.to_tensor(task.xu))
        self.X, self.rates = task.to_tensor(X), task.to_tensor(rates)[:, None]
        self.before = self.X.clone()
        self.count = 0

    def step(self, rows: torch.Tensor, gradient: torch.Tensor, share: float) -> None:
        """One step of these rows along their gradients (k, n_var), with a share of the learning rate."""
        self.count += 1
        keep_rows(self.before, self.X, rows)
        self._move(rows, gradient, share * self.rates[rows])

    def take_back(self, rows: torch.Tensor) -> None:
        """Undo the last step of these rows."""
        self.X[rows] = self.before[rows]

    @abstractmethod
    def _move(self, rows: torch.Tensor, gradient: torch.Tensor, rates: torch.Tensor) -> None:
        """Change these rows of X along their gradients (k, n_var), at rates (k, 1)."""


class _Adam(_Descent):
    def __init__(self, task: ModelProblem, X: np.ndarray, rates: np.ndarray) -> None:
        super().__init__(task, X, rates)
        self.first, self.second = torch.zeros_like(self.X), torch.zeros_like(self.X)

    def _move(self, rows: torch.Tensor, gradient: torch.Tensor, rates: torch.Tensor) -> None:
        count = torch.full_like(rates, self.count)
        adam_step(self.X, self.first, self.second, rows, gradient, rates, count, self.box, _TINY)


class _Momentum(_Descent):
    def __init__(self, task: ModelProblem, X: np.ndarray, rates: np.ndarray) -> None:
        super().__init__(task, X, rates)
        self.velocity = torch.zeros_like(self.X)

    def _move(self, rows: torch.Tensor, gradient: torch.Tensor, rates: torch.Tensor) -> None:
        self.velocity[rows] = _MOMENTUM * self.velocity[rows] + gradient
        self.X[rows] = (self.X[rows] - rates * self.velocity[rows]).clamp(*self.box)


INNER: dict[str, Any] = {"adam": _Adam, "momentum": _Momentum}
