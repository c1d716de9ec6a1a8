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
        return fronts(F)
    ranks = np.empty(len(F), dtype=np.int64)
    worst = 0
    if feasible.any():
        ranks[feasible] = fronts(F[feasible])
        worst = int(ranks[feasible].max()) + 1
    _, by_violation = np.unique(CV[~feasible], return_inverse=True)
    ranks[~feasible] = worst + by_violation
    return ranks


def fronts(F: np.ndarray) -> np.ndarray:
    """Non-dominated front of each row (n,), 0 the first; F (n, n_obj) must be finite.

    Two objectives are sorted here in O(n log n), without what a call to moocore costs; more go there.
    """
    if F.shape[1] == 2:
        return np.asarray(fronts_of_two(F, np.lexsort((F[:, 1], F[:, 0]))))
    return np.asarray(moocore.pareto_rank(F))


@compiled
def fronts_of_two(F: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Jensen's sweep (2003) over the rows in lexicographic ``order``: a row belongs to the first front
    whose latest member does not dominate it, found by bisection."""
    ranks = np.empty(len(F), np.int64)
    latest = np.empty(len(F), np.int64)
    count = 0
    for i in order:
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            k = latest[middle]
            equal = F[k, 0] == F[i, 0] and F[k, 1] == F[i, 1]
            if F[k, 1] <= F[i, 1] and not equal:
                low = middle + 1
            else:
                high = middle
        count = max(count, low + 1)
        latest[low], ranks[i] = i, low
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
