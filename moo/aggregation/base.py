"""What an aggregator is: a batch of Jacobians (n, m, d) to a batch of directions (n, d).

Nearly all are *weights times Jacobian*. Most weights need only the Gramian J J^T (`Weighting`), some
only the losses (`LossWeighting`), and the few that need J itself subclass `Aggregator`. Everything here
takes and returns tensors; rows never influence each other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
import torch


@dataclass
class Context:
    """What an aggregator may know beside the Jacobians.

    Attributes:
        losses: objective values of the rows (n, m); None where they are unknown.
        memory: what an aggregator keeps of each row from step to step: tensors (n, ...) by name, filled
            at the first call and replaced at later ones.
        rng: for aggregators that draw.
        weights: the weights (n, m) that were last given, for whoever wants to see them.
    """

    losses: torch.Tensor | None = None
    memory: dict[str, torch.Tensor] = field(default_factory=dict)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    weights: torch.Tensor | None = None


class Aggregator(ABC):
    """Jacobians to directions. Subclasses are frozen dataclasses, constructible without arguments, one
    file each; descend along minus the direction."""

    @abstractmethod
    def aggregate(self, J: torch.Tensor, context: Context) -> torch.Tensor:
        """(n, d) directions of a batch of Jacobians (n, m, d)."""

    def __call__(self, J: torch.Tensor, context: Context | None = None) -> torch.Tensor:
        """(n, d) directions of a batch of Jacobians (n, m, d); descend along minus the direction."""
        return self.aggregate(J, Context() if context is None else context)


class Weighting(Aggregator):
    """Weights from Gramians; as an aggregator, those weights times the Jacobian."""

    @abstractmethod
    def weights(self, gramian: torch.Tensor, context: Context) -> torch.Tensor:
        """(n, m) weights of a batch of Gramians (n, m, m)."""

    def aggregate(self, J: torch.Tensor, context: Context) -> torch.Tensor:
        context.weights = self.weights(J @ J.mT, context)
        return torch.einsum("nm,nmd->nd", context.weights, J)


class LossWeighting(Aggregator):
    """Weights from the losses alone: a step costs one backward pass, whatever the number of losses."""

    @abstractmethod
    def weights(self, losses: torch.Tensor, context: Context) -> torch.Tensor:
        """(n, m) weights of the rows' losses (n, m), which carry no gradient."""

    def aggregate(self, J: torch.Tensor, context: Context) -> torch.Tensor:
        if context.losses is None:
            raise ValueError(f"{type(self).__name__} weighs losses: give Context(losses=...)")
        context.weights = self.weights(context.losses, context)
        return torch.einsum("nm,nmd->nd", context.weights, J)
