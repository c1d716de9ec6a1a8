"""A step of Adam for many rows, within a box."""

from __future__ import annotations

from typing import Any

import torch
from torch.optim.adam import adam

BETA1, BETA2 = 0.9, 0.999  # as in the paper


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
    if not len(rows):
        return
    every = len(rows) == len(X)
    x, m, v = (values if every else values[rows] for values in (X, first, second))
    for rate, parts in _alike(rates, count).items():
        points, slopes, firsts, seconds = ([values[at] for at, _ in parts] for values in (x, gradient, m, v))
        steps = [torch.tensor(made - 1.0, dtype=torch.float32, device=X.device) for _, made in parts]
        adam(
            points,
            slopes,
            firsts,
            seconds,
            [],
            steps,
            lr=rate,
            beta1=BETA1,
            beta2=BETA2,
            eps=tiny,
            weight_decay=0.0,
            amsgrad=False,
            maximize=False,
            fused=True,  # reads and writes each number once
        )
    if any(bool(side.isfinite().any()) for side in box):
        x.clamp_(*box)
    if not every:  # these are copies
        X[rows], first[rows], second[rows] = x, m, v


def _alike(rates: torch.Tensor, count: torch.Tensor) -> dict[float, list[tuple[Any, float]]]:
    """Which rows have each rate, and their counts: one slice where all rows have the same of both."""
    pairs = list(zip(rates.flatten().tolist(), count.flatten().tolist(), strict=True))
    if len(set(pairs)) == 1:
        return {pairs[0][0]: [(slice(None), pairs[0][1])]}
    parts: dict[float, list[tuple[Any, float]]] = {}
    for row, (rate, made) in enumerate(pairs):
        parts.setdefault(rate, []).append((row, made))
    return parts
