"""One model whose trade-off is set when it is used: a line, triangle or simplex of models between m ends."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from moo.budget import Budget, BudgetExhausted
from moo.errors import OptionError, ProblemError
from moo.evaluation import Evaluator
from moo.multimodal.problem import ModelProblem
from moo.multimodal.search.checks import is_count, is_seed, require
from moo.optimizers.adam_step import adam_step
from moo.optimizers.inner_descent import schedule
from moo.wanted import weighted_sum
from moo.weights import weight_vectors

if TYPE_CHECKING:
    import pandas as pd

_TINY = 1e-8


class SteeredModel(nn.Module):
    """Models theta(p) = sum_i p_i theta_i for every preference p on the simplex, as made by `steer`.

    Attributes:
        ends: the m models (m, n_var) that all others lie between.

    Raises:
        ProblemError: for ends of another shape.
    """

    def __init__(self, task: ModelProblem, ends: np.ndarray) -> None:
        super().__init__()
        if np.shape(ends) != (expected := (task.n_obj, task.n_var)):
            raise ProblemError(f"ends have shape {np.shape(ends)}, expected a model a loss: {expected}")
        self.ends = nn.Parameter(torch.as_tensor(ends, dtype=torch.float32))
        self._task = task
        self._plain = (task.module(np.asarray(ends)[0]),)  # in a tuple: its parameters are no state

    def parameters_at(self, preference: float | Sequence[float]) -> np.ndarray:
        """One row of X (n_var,).

        Args:
            preference: how much each loss counts (n_obj,), summing to one; of two losses the first one's
                number alone.

        Raises:
            OptionError: for a preference off the simplex.
        """
        p = _on_simplex(preference, len(self.ends))
        return np.asarray(p @ self.ends.detach().cpu().double().numpy())

    def at(self, preference: float | Sequence[float]) -> nn.Module:
        """A plain module with the parameters of that preference; otherwise as `parameters_at`."""
        return self._task.module(self.parameters_at(preference))

    def forward(self, preference: float | Sequence[float], **inputs: Any) -> Any:
        """What the model at that preference returns for these inputs; gradients flow to ``ends``."""
        p = torch.as_tensor(_on_simplex(preference, len(self.ends))).to(self.ends)
        (plain,), row = self._plain, p @ self.ends
        shapes = {name: parameter.shape for name, parameter in plain.named_parameters()}
        values = {name: row[where].reshape(shapes[name]) for name, where in self._task.slices.items()}
        return self._task.call(plain, values, inputs)

    def front(self, n: int = 11) -> pd.DataFrame:
        """A row for each of n evenly spread preferences: "p <loss>" each, and all that the task reports.

        Raises:
            OptionError: for n that is no integer of at least the number of losses.
        """
        import pandas as pd

        accepted = f"an integer of at least {len(self.ends)}"
        require(is_count(n) and n >= len(self.ends), "n", n, accepted)
        P = weight_vectors(n, len(self.ends))
        P = P[np.lexsort(P.T[::-1])]
        X = np.array([self.parameters_at(p) for p in P])
        said = {f"p {name}": P[:, k] for k, name in enumerate(self._task.names)}
        return pd.DataFrame({**said, **self._task.report(X)})


def steer(
    task: ModelProblem,
    *,
    steps: int = 500,
    batch: int = 4,
    learning_rate: float = 0.01,
    seed: int = 0,
) -> SteeredModel:
    """Train one conditional model for all preferences: the ends theta_i of a simplex of models, by Adam on
    the weighted sum p^T f(theta(p)) at preferences p drawn anew in every step (Dimitriadis, Frossard and
    Fleuret 2023, "Pareto manifold learning"). It costs ``steps * batch`` gradients, as training so many
    steps with each of ``batch`` weight vectors does, whatever the number of preferences it is used at.

    Args:
        task: the losses.
        steps: of Adam, on one minibatch each.
        batch: preferences a step, at least 2: the ends by turns, and others uniform on the simplex.
        learning_rate: the first; a cosine takes it down.
        seed: of the start, the minibatches and the preferences.

    Raises:
        OptionError: for options out of their range.
        ProblemError: for a single loss, and when the training diverges.
    """
    require(is_count(steps), "steps", steps, "an integer of at least 1")
    require(is_count(batch) and batch > 1, "batch", batch, "an integer of at least 2: an end and one between")
    require(is_seed(seed), "seed", seed, "an integer >= 0")
    rate_sound = isinstance(learning_rate, Real) and 0.0 < learning_rate < float("inf")
    require(rate_sound, "learning_rate", learning_rate, "a number above zero")
    if not isinstance(task, ModelProblem):
        raise ProblemError(f"task is {type(task).__name__}, expected a ModelProblem")
    if task.n_obj < 2:
        raise ProblemError(f"{task.title} has one loss: there is nothing to steer")
    draws = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(3)]
    m = task.n_obj
    ends = task.to_tensor(task.sample(1, draws[0]).repeat(m, axis=0))
    moments, rows = (torch.zeros_like(ends), torch.zeros_like(ends)), torch.arange(m, device=ends.device)
    n_f, n_vjp = task.cost_of_row(False, False, True)
    evaluate = Evaluator(task, Budget(cost=steps * batch * (n_f + Budget(cost=1).vjp_cost * n_vjp)), draws[1])
    box = (task.to_tensor(task.xl), task.to_tensor(task.xu))
    for step in range(steps):
        P = task.to_tensor(_preferences(batch, m, step, draws[2]))
        gradient = _gradient(evaluate, P, ends)
        if not gradient.isfinite().all():
            raise ProblemError(
                f"training {task.title} diverged at step {step + 1}: lower learning_rate={learning_rate:g}"
            )
        rate = ends.new_full((m, 1), learning_rate * schedule(step / steps))
        adam_step(ends, *moments, rows, gradient, rate, torch.full_like(rate, step + 1.0), box, _TINY)
    return SteeredModel(task, task.to_array(ends))


def _gradient(evaluate: Evaluator, P: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
    """Of the mean over the preferences P (batch, m) by the ends (m, n_var); NaN where none can be had."""
    try:
        made = evaluate(P @ ends, scalarize=weighted_sum(P))
    except BudgetExhausted:  # failed rows were paid for twice
        return torch.full_like(ends, torch.nan)
    assert made.gradient is not None
    mean: torch.Tensor = P.T @ made.gradient / len(P)
    return mean


def _preferences(batch: int, m: int, step: int, rng: np.random.Generator) -> np.ndarray:
    """(batch, m): one end, another one each step, and others uniform on the simplex."""
    P = rng.dirichlet(np.ones(m), batch)
    P[0] = np.eye(m)[step % m]
    return P


def _on_simplex(preference: float | Sequence[float], m: int) -> np.ndarray:
    try:
        p = np.asarray(preference, dtype=float)
    except (TypeError, ValueError):
        p = np.full(m, np.nan)
    if p.ndim == 0:
        p = np.array([p, 1.0 - p])
    sound = p.shape == (m,) and np.isfinite(p).all() and (p >= 0).all() and abs(p.sum() - 1.0) < 1e-6
    if not sound:
        accepted = "a number from 0 to 1, the first loss's, or " if m == 2 else ""
        raise OptionError(
            f"preference={preference!r} is not accepted: give {accepted}{m} numbers >= 0 that sum to 1"
        )
    return p
