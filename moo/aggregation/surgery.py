"""What PCGrad and GradVac share: every gradient meets every other, in an order drawn at random."""

from __future__ import annotations

import numpy as np
import torch

from moo.aggregation.base import Context


def orders(gramian: torch.Tensor, context: Context) -> np.ndarray:
    """(n, m, m): for each row and gradient, the order in which it meets all; itself is to be skipped."""
    n, m, _ = gramian.shape
    return context.rng.permuted(np.broadcast_to(np.arange(m), (n, m, m)), axis=2)
