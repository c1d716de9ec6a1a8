"""A step of Adam for many rows, within a box, a few rows at a time so that they stay in cache."""

from __future__ import annotations

import torch

BETA1, BETA2 = 0.9, 0.999  # as in the paper
_AT_ONCE = 2**18  # numbers; four arrays of as many fit the second level of cache


def adam_step(
    X: torch.Tensor,
    first: torch.Tensor,
    second: torch.Tensor,
    rows: torch.Tensor,
    gradient: torch.Tensor,
    rates: torch.Tensor,
    count: torch.Tensor,
    box: tuple[torch.Tensor, torch.Tensor],
    tiny: float,
) -> None:
    """Change X, first and second (n, d), all three in place, in these rows (k,), ascending: algorithm 1 of
    Kingma and Ba 2015, and projection onto the box.

    Args:
        X: points; first, second: their moving averages.
        gradient: (k, d), of those rows.
        rates: learning rates (k, 1).
        count: how many steps each of the rows has made with this one (k, 1).
        box: lower and upper bounds (d,).
        tiny: epsilon of the paper.
    """
    every = len(rows) == len(X)
    rates, unbias = rates / (1.0 - BETA1**count), 1.0 - BETA2**count
    size = max(1, _AT_ONCE // max(X.shape[1], 1))
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        where = part if every else rows[part]
        x, m, v, g = X[where], first[where], second[where], gradient[part]
        m.lerp_(g, 1.0 - BETA1)
        v.mul_(BETA2).addcmul_(g, g, value=1.0 - BETA2)
        spread = (v / unbias[part]).sqrt_().add_(tiny)
        x.sub_(torch.div(m, spread, out=spread).mul_(rates[part])).clamp_(*box)
        if not every:  # these are copies
            X[where], first[where], second[where] = x, m, v
