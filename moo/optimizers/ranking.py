"""Constrained non-dominated sorting and crowding distance on arrays."""

from __future__ import annotations

import moocore
import numpy as np

from moo.sorting import compiled, fronts_of_three, fronts_of_two, leading_fronts, order_ties, orders_of


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

    Two and three objectives are sorted here in O(n log n) and O(n log^2 n); more go to moocore.
    """
    if F.shape[1] == 2:
        return np.asarray(fronts_of_two(F, orders_of(F)[:, 0]))
    if F.shape[1] == 3:
        return np.asarray(fronts_of_three(F, orders_of(F)))
    return np.asarray(moocore.pareto_rank(F))


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


def survivors(F: np.ndarray, CV: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The best ``size`` rows by rank, then by crowding distance, and their crowding distances.

    The rows come in ascending order. Where there are enough feasible rows, no others are looked at.
    """
    feasible = CV <= 0.0
    enough = np.count_nonzero(feasible)
    if enough == len(F):
        return _best(F, size)
    if enough >= size:
        rows = np.flatnonzero(feasible)
        chosen, crowding = _best(F[rows], size)
        return rows[chosen], crowding
    ranks = rank(F, CV)
    return _cut(ranks, crowding_distance(F, ranks), size)


def _best(F: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """`survivors` of feasible rows; in one call, since every call from Python costs a microsecond."""
    if F.shape[1] == 2:
        chosen, crowding = best_of_two(F, F[:, 0].argsort(), size)
    elif F.shape[1] == 3:
        chosen, crowding = best_of_three(F, F.argsort(axis=0), size)
    else:
        ranks = fronts(F)
        return _cut(ranks, crowding_distance(F, ranks), size)
    return chosen, crowding


def _cut(ranks: np.ndarray, crowding: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    chosen = cut(ranks, crowding, size)
    return chosen, crowding[chosen]


@compiled
def best_of_two(F: np.ndarray, order: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """`survivors` of feasible rows of two objectives, from the order of the first."""
    order_ties(F, order)
    ranks = fronts_of_two(F, order)
    crowding = gaps_of_two(F, ranks, order)
    chosen = cut(ranks, crowding, size)
    return chosen, crowding[chosen]


@compiled
def best_of_three(F: np.ndarray, orders: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """`survivors` of feasible rows of three objectives, from the order of each."""
    order_ties(F, orders[:, 0])
    ranks = leading_fronts(F, orders, size)
    crowding = gaps(F, ranks, orders)
    chosen = cut(ranks, crowding, size)
    return chosen, crowding[chosen]


@compiled
def gaps_of_two(F: np.ndarray, ranks: np.ndarray, order: np.ndarray) -> np.ndarray:
    """`gaps` of two objectives from the lexicographic order alone: along a front the second objective
    falls as the first rises."""
    n = len(F)
    distance = np.full(n, np.inf)
    first, last, before = np.full(n, -1), np.empty(n, np.int64), np.empty(n, np.int64)
    for i in order:
        r = ranks[i]
        before[i] = last[r] if first[r] >= 0 else -1
        if first[r] < 0:
            first[r] = i
        last[r] = i
    ahead = last.copy()  # of each front the row to the right of the one at hand
    for i in order[::-1]:
        r = ranks[i]
        if before[i] >= 0 and i != last[r]:
            distance[i] = 0.0
            for j in range(2):
                span = abs(F[last[r], j] - F[first[r], j])
                if span > 0.0:
                    distance[i] += abs(F[ahead[r], j] - F[before[i], j]) / span
        ahead[r] = i
    return distance


@compiled
def cut(ranks: np.ndarray, crowding: np.ndarray, size: int) -> np.ndarray:
    """The rows of the first fronts, ``size`` in all; of the last one that has room the least crowded
    and, of rows equally crowded, the first."""
    n = len(ranks)
    if size >= n:
        return np.arange(n)
    members = np.zeros(n + 1, np.int64)
    for r in ranks:
        members[r] += 1
    last, room = 0, size
    while members[last] < room:
        room -= members[last]
        last += 1
    distances = np.empty(members[last])
    k = 0
    for i in range(n):
        if ranks[i] == last:
            distances[k] = crowding[i]
            k += 1
    threshold = np.partition(distances, k - room)[k - room]
    for distance in distances:
        room -= int(distance > threshold)  # what is left goes to those at the threshold
    chosen = np.empty(size, np.int64)
    k = 0
    for i in range(n):
        take = ranks[i] < last or (ranks[i] == last and crowding[i] > threshold)
        if not take and ranks[i] == last and crowding[i] == threshold and room > 0:
            take, room = True, room - 1
        if take:
            chosen[k] = i
            k += 1
    return chosen


@compiled
def gather(
    X: np.ndarray,
    F: np.ndarray,
    CV: np.ndarray,
    status: np.ndarray,
    more_X: np.ndarray,
    more_F: np.ndarray,
    more_CV: np.ndarray,
    more_status: np.ndarray,
    chosen: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The chosen rows of two batches, counted one after the other, without joining them first."""
    n, k = len(X), len(chosen)
    to_X, to_F = np.empty((k, X.shape[1])), np.empty((k, F.shape[1]))
    to_CV, to_status = np.empty(k), np.empty(k, status.dtype)
    for r in range(k):
        i = chosen[r]
        if i < n:
            to_X[r], to_F[r], to_CV[r], to_status[r] = X[i], F[i], CV[i], status[i]
        else:
            i -= n
            to_X[r], to_F[r], to_CV[r], to_status[r] = more_X[i], more_F[i], more_CV[i], more_status[i]
    return to_X, to_F, to_CV, to_status
