"""Scalarizations: objective vectors (n, m) to one number a row (n,), of arrays or tensors alike."""

from __future__ import annotations

from moo.evaluation import Array


def weighted_sum(F: Array, weights: Array) -> Array:
    """sum_i w_i f_i (Zadeh 1963). F (n, m), weights (n, m) or (m,) -> (n,).

    Its minimisers over all weights are the Pareto-optimal points on the convex hull of the front, no
    others: a concave part of a front is out of its reach.
    """
    return (F * weights).sum(-1)
