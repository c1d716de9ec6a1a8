"""GradNorm: weights that bring the gradients' lengths together, longer for losses that lag."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.base import Context, Weighting
from moo.aggregation.loss_values import as_tensor, positive
from moo.errors import OptionError


@dataclass(frozen=True)
class GradNorm(Weighting):
    """Weights w, of sum m, that go down the slope of sum_i | w_i |g_i| - N r_i^alpha |, where N is the mean
    of the w_i |g_i|, r_i is L_i over its first value, relative to the mean of that over i, and N and r are
    held fixed (Chen et al. 2018, "GradNorm", algorithm 1).

    The slope's sign is followed, learning_rate at a time: Adam, which the paper takes, makes about that
    of it, and the slope itself has the gradients' unit. Weights stay above learning_rate / 2.

    Memory: "weights" (n, m), one at first, and "first_losses" (n, m); a row that is not finite keeps both.
    A call gives the weights of before its step of them.

    Holds: the order of the losses does not matter; multiplying all gradients multiplies the direction; in
    the limit, invariance to a loss's positive factor. Does not hold: no conflict, zero at Pareto-stationary
    points. Flaws: losses must not be negative; weights swing by learning_rate about their limit, and a
    gradient more than about m / learning_rate times as long as another cannot be brought to its length;
    all hangs on the first losses.

    Args:
        alpha: how much longer the gradients of losses that lag are to be; the paper takes 0.12 and 1.5.
        learning_rate: step of the weights; the paper's is 0.025.
    """

    alpha: float = 1.5
    learning_rate: float = 0.025

    def __post_init__(self) -> None:
        if not 0.0 <= self.alpha < float("inf"):
            raise OptionError(f"alpha={self.alpha!r} is not accepted: give a finite number >= 0")
        if not 0.0 < self.learning_rate <= 1.0:
            given = self.learning_rate
            raise OptionError(f"learning_rate={given!r} is not accepted: give a number above 0, at most 1")

    def weights(self, gramian: torch.Tensor, context: Context) -> torch.Tensor:
        losses = context.known_losses("GradNorm", gramian.shape[:2])
        losses = as_tensor(positive(losses, "GradNorm"), losses)
        weights = context.recall("weights", torch.ones_like(losses))
        first = context.recall("first_losses", torch.full_like(losses, torch.nan))
        first = torch.where(first.isfinite(), first, losses)
        lengths = weights * gramian.diagonal(dim1=1, dim2=2).double().sqrt()
        logs = losses.log() - first.log()
        lag = (self.alpha * (logs - logs.logsumexp(1, keepdim=True))).exp() * logs.shape[1] ** self.alpha
        slope = (lengths - lengths.mean(1, keepdim=True) * lag).sign()
        moved = (weights - self.learning_rate * slope).clamp_min(0.5 * self.learning_rate)
        moved = moved * moved.shape[1] / moved.sum(1, keepdim=True)
        sound = (losses + lengths).isfinite().all(1, keepdim=True)
        context.memory["weights"] = torch.where(sound, moved, weights)
        context.memory["first_losses"] = first
        return torch.where(sound, weights, torch.nan).to(gramian.dtype)
