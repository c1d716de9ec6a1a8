"""OGM-GE: a modality that is ahead waits for the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from moo.aggregation import Context
from moo.errors import OptionError
from moo.multimodal.balancing.base import Balancing, Encoder


@dataclass(frozen=True)
class OGMGE(Balancing):
    """At each encoder the fused loss's gradient alone, times 1 - tanh(alpha rho) where rho > 1, with Gaussian
    noise as wide as the gradient's spread within each parameter tensor; rho is how much surer the modality is
    of the right classes than the others (Peng et al. 2022, "Balanced multimodal learning via on-the-fly
    gradient modulation").

    Two departures. A modality's score is the geometric mean over the batch of the right class's probability,
    exp(-loss), by the modality's own head, which the fused loss does not train; the paper sums probabilities
    by the modality's part of a linear fusion. And with more than two modalities rho is against the mean score
    of the others.

    Args:
        alpha: how hard a modality ahead is held back, > 0; the paper takes 0.1 to 0.8.
        noise: whether to add the noise ("GE").

    Raises:
        OptionError: for an alpha that is not above zero.
    """

    alpha: float = 0.3
    noise: bool = True

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < float("inf"):
            raise OptionError(f"alpha={self.alpha!r} is not accepted: give a number above zero")

    def directions(
        self, J: torch.Tensor, fused: int, encoders: tuple[Encoder, ...], context: Context
    ) -> Iterator[tuple[Encoder, list[torch.Tensor]]]:
        losses = context.known_losses(type(self).__name__, J.shape[:2]) * context.scale
        scores = torch.exp(-losses[:, [encoder.loss for encoder in encoders]])
        others = (scores.sum(1, keepdim=True) - scores) / (len(encoders) - 1)
        ratio = scores / others
        slowed = torch.where(ratio > 1.0, 1.0 - torch.tanh(self.alpha * ratio), 1.0).to(J.dtype)
        for k, encoder in enumerate(encoders):
            gradients = [J[:, fused, where] for where in encoder.tensors]
            yield encoder, [slowed[:, k : k + 1] * g + self._noise(g, context) for g in gradients]

    def _noise(self, g: torch.Tensor, context: Context) -> torch.Tensor:
        if not self.noise or g.shape[1] < 2:
            return torch.zeros_like(g)
        drawn = torch.from_numpy(context.rng.standard_normal(tuple(g.shape))).to(g)
        return g.std(1, keepdim=True) * drawn
