"""Constrained non-dominated sorting and crowding distance on arrays."""

from __future__ import annotations

import moocore
import numpy as np

from moo.optimizers.operators import compiled


def rank(F: np.ndarray, CV: np.ndarray) -> np.ndarray:
    """Rank of each row (n,), 0 the best: constraint domination (Deb et al. 2002, section VI).

    Feasible rows come in non-dominated fronts, before the infeasible ones, which come by violation;
    rows that failed (CV = inf) come last and never reach the sort.
    """
    feasible = CV <= 0.0
    if feasible.all():
        return np.asarray(moocore.pareto_rank(F))
    ranks = np.empty(len(F), dtype=np.int64)
    fronts = 0
    if feasible.any():
        ranks[feasible] = moocore.pareto_rank(F[feasible])
        fronts = int(ranks[feasible].max()) + 1
    _, by_violation = np.unique(CV[~feasible], return_inverse=True)
    ranks[~feasible] = fronts + by_violation
    return ranks


def crowding_distance(F: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Crowding distance of each row within its front (n,), inf for the ends of each objective
    (Deb et al. 2002, section III.B), for all fronts at once."""
    return np.asarray(gaps(F, ranks, np.argsort(F, axis=0)))


@compiled
def gaps(F: np.ndarray, ranks: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """One pass an objective: within each front, a row's neighbours are the rows seen before and
    after it in the order of that objective."""
    n, m = F.shape
    distance = np.zeros(n)
    fronts = ranks.max() + 1
    first, last = np.empty(fronts, np.int64), np.empty(fronts, np.int64)
    before = np.empty(n, np.int64)
    for j in range(m):
        last[:] = -1
        for i in orders[:, j]:
            r = ranks[i]
            before[i] = last[r]
            if last[r] < 0:
                first[r] = i
            last[r] = i
        for i in orders[::-1, j]:
            r = ranks[i]
            ahead = before[i]
            if ahead < 0 or i == last[r]:
                distance[i] = np.inf
            span = F[last[r], j] - F[first[r], j]
            if ahead >= 0 and before[ahead] >= 0 and span > 0:
                distance[ahead] += (F[i, j] - F[before[ahead], j]) / span
    return distance


def place(ranks: np.ndarray, crowding: np.ndarray) -> np.ndarray:
    """Rows from best to worst: lower rank first, then larger crowding distance."""
    return np.lexsort((-crowding, ranks))
