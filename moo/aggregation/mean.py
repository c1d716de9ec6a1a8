"""The mean of the gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.base import Context, Weighting


@dataclass(frozen=True)
class Mean(Weighting):
    """The mean of the gradients: gradient descent on the equally weighted sum."""

    def weights(self, gramian: torch.Tensor, context: Context) -> torch.Tensor:
        return torch.full_like(gramian[:, 0], 1.0 / gramian.shape[1])
