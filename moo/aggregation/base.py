"""What an aggregator is: a batch of Jacobians (n, m, d) to a batch of directions (n, d).

Nearly all are *weights times Jacobian*. Most weights need only the Gramian J J^T (`Weighting`), some
only the losses (`LossWeighting`), and the few that need J itself subclass `Aggregator`. Everything here
takes and returns tensors; rows never influence each other.

A row that cannot be aggregated, because a gradient or a loss of it is not finite, gets a direction of
NaN; the other rows go on. A Gramian holds squares: gradients longer than 1e19 in float32 or 1e154 in
float64 count as not finite.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from moo.aggregation.products import combination, gramian
from moo.errors import OptionError


@dataclass
class Context:
    """What an aggregator may know beside the Jacobians.

    Attributes:
        losses: objective values of the rows (n, m); None where they are unknown.
        memory: what an aggregator keeps of each row from step to step: tensors (n, ...) by name, filled
            at the first call and replaced at later ones.
        rng: for aggregators that draw.
        weights: the weights (n, m) that were last given, for whoever wants to see them.
        problem: the problem whose gradients they are; None where there is none.
        scale: what its objectives, and so losses and Jacobians, were divided by.
    """

    losses: torch.Tensor | None = None
    memory: dict[str, torch.Tensor] = field(default_factory=dict)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    weights: torch.Tensor | None = None
    problem: Any = None
    scale: float = 1.0

    def recall(self, name: str, first: torch.Tensor) -> torch.Tensor:
        """What memory holds under that name; at the first call, ``first``, whose shape memory must have.

        Raises:
            OptionError: when memory was filled by rows of another number or with other objectives.
        """
        kept = self.memory.get(name, first)
        if kept.shape != first.shape:
            raise OptionError(
                f"memory[{name!r}] has shape {tuple(kept.shape)}, but these rows need {tuple(first.shape)}: "
                "give each batch of rows a Context of its own"
            )
        return kept

    def known_losses(self, aggregator: str, shape: tuple[int, ...]) -> torch.Tensor:
        """The losses, of that shape (n, m), without gradient.

        Raises:
            OptionError: when there are none, or not one for each gradient.
        """
        if self.losses is None:
            raise OptionError(f"{aggregator} weighs losses, but none were given: give Context(losses=...)")
        if self.losses.shape != shape:
            raise OptionError(
                f"losses has shape {tuple(self.losses.shape)}, but {aggregator} was given gradients of "
                f"{tuple(shape)} losses (rows, losses): give one loss for each"
            )
        return self.losses.detach()


def remember(memory: dict[str, torch.Tensor], context: Context, rows: torch.Tensor, n: int) -> None:
    """Put back what an aggregator kept of these rows, in a memory of all n."""
    for name, values in context.memory.items():
        if name not in memory:  # at the first step, which is of all rows
            memory[name] = values.new_zeros(n, *values.shape[1:])
        memory[name][rows] = values


class Aggregator(ABC):
    """Jacobians to directions. Subclasses are frozen dataclasses, constructible without arguments, one
    file each; descend along minus the direction."""

    @abstractmethod
    def aggregate(self, J: torch.Tensor, context: Context) -> torch.Tensor:
        """(n, d) directions of a batch of Jacobians (n, m, d)."""

    def __call__(self, J: torch.Tensor, context: Context | None = None) -> torch.Tensor:
        """(n, d) directions of a batch of Jacobians (n, m, d); descend along minus the direction."""
        direction = self.aggregate(J, Context() if context is None else context)
        if math.isfinite(direction.sum().item()):  # then all are; sums may overflow where none is infinite
            return direction
        # One gradient that is not finite makes at least one coordinate so, whatever the weights are.
        least, most = direction.aminmax(dim=1, keepdim=True)
        sound = least.isfinite() & most.isfinite()
        return torch.where(sound, direction, torch.nan)


class Weighting(Aggregator):
    """Weights from Gramians; as an aggregator, those weights times the Jacobian."""

    @abstractmethod
    def weights(self, gramian: torch.Tensor, context: Context) -> torch.Tensor:
        """(n, m) weights of a batch of Gramians (n, m, m)."""

    def aggregate(self, J: torch.Tensor, context: Context) -> torch.Tensor:
        return combine(self.weights(gramian(J), context), J, context)


class LossWeighting(Aggregator):
    """Weights from the losses alone: a step costs one backward pass, whatever the number of losses."""

    @abstractmethod
    def weights(self, losses: torch.Tensor, context: Context) -> torch.Tensor:
        """(n, m) weights of the rows' losses (n, m), which carry no gradient."""

    def aggregate(self, J: torch.Tensor, context: Context) -> torch.Tensor:
        losses = context.known_losses(type(self).__name__, J.shape[:2])
        return combine(self.weights(losses, context).to(J.dtype), J, context)


def combine(weights: torch.Tensor, J: torch.Tensor, context: Context) -> torch.Tensor:
    """(n, d) the weights (n, m) times the Jacobians (n, m, d); ``context`` is told the weights."""
    context.weights = weights
    return combination(weights, J)
