"""Constrained non-dominated sorting and crowding distance on arrays."""

from __future__ import annotations

from typing import Any

import moocore
import numpy as np

from moo.sorting import (
    PEELED,
    compiled,
    fronts_of_three,
    fronts_of_two,
    leading_fronts,
    order_ties,
    orders_of,
    peel_two,
)

_INFINITY = np.array(np.inf).view(np.int64)[()]  # its bits


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


def leading_ranks(F: np.ndarray, CV: np.ndarray, size: int) -> np.ndarray:
    """`rank` as far as it is needed for the best ``size`` rows; rows further behind may share a rank."""
    if F.shape[1] == 3 and not np.count_nonzero(CV):
        return np.asarray(leading_fronts(F, F.argsort(axis=0), size))
    return rank(F, CV)


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
    if not np.count_nonzero(CV):
        return _best(F, size)
    feasible = CV <= 0.0
    if np.count_nonzero(feasible) >= size:
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
    """`survivors` of feasible rows of two objectives, from the order of the first.

    Mostly a few fronts suffice, and then one after the other, each in a pass, is faster than all at once.
    """
    order_ties(F, order)
    n = len(F)
    room, rest, front = min(size, n), order.copy(), np.empty(n + 1, np.int64)
    crowding, taken = np.empty(n), np.zeros(n, np.bool_)
    for _ in range(PEELED):
        members = peel_two(F, rest, front)
        rest = rest[: len(rest) - members]
        room = fill(F, front[:members], room, crowding, taken)
        if room == 0:
            break
    if room > 0:
        ranks = fronts_of_two(F, rest)
        rest = rest[np.argsort(ranks[rest], kind="mergesort")]
    end = 0
    while room > 0:
        start = end
        while end < len(rest) and ranks[rest[end]] == ranks[rest[start]]:
            end += 1
        room = fill(F, rest[start:end], room, crowding, taken)
    chosen = marked(taken, min(size, n))
    return chosen, crowding[chosen]


@compiled
def best_of_three(F: np.ndarray, orders: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """`survivors` of feasible rows of three objectives, from the order of each."""
    ranks = leading_fronts(F, orders, size)
    crowding = gaps(F, ranks, orders)
    chosen = cut(ranks, crowding, size)
    return chosen, crowding[chosen]


@compiled
def fill(F: np.ndarray, front: np.ndarray, room: int, crowding: np.ndarray, taken: np.ndarray) -> int:
    """Enter the crowding distances of a front of two objectives, whose rows come in the order of the
    first, and take as many of them as there is room for; the room that is left."""
    first, last = front[0], front[-1]
    across, down = F[last, 0] - F[first, 0], F[first, 1] - F[last, 1]
    for k in range(1, len(front) - 1):  # along a front the second objective falls as the first rises
        before, after = front[k - 1], front[k + 1]
        gap = (F[after, 0] - F[before, 0]) / across if across > 0.0 else 0.0
        gap += (F[before, 1] - F[after, 1]) / down if down > 0.0 else 0.0
        crowding[front[k]] = gap
    crowding[first] = crowding[last] = np.inf
    take(front, room, crowding, taken)
    return max(room - len(front), 0)


@compiled
def take(front: np.ndarray, room: int, crowding: np.ndarray, taken: np.ndarray) -> None:
    """Mark the rows of a front as taken: all of them or, where the room is less, the least crowded and,
    of rows equally crowded, the first."""
    if len(front) <= room:
        for i in front:
            taken[i] = True
        return
    distances = np.empty(len(front))
    for k in range(len(front)):
        distance = crowding[front[k]]
        distances[k] = distance if distance >= 0.0 else 0.0  # NaN where an objective's extent overflows
    least, tied = reached_by(distances, room), np.empty(len(front) + 1, np.int64)
    count = 0
    for k in range(len(front)):
        taken[front[k]] = distances[k] > least
        tied[count] = front[k]
        count += int(distances[k] == least)
        room -= int(distances[k] > least)
    for i in np.sort(tied[:count])[:room]:
        taken[i] = True


@compiled
def reached_by(values: np.ndarray, count: int) -> float:
    """The largest of the values (n,), all >= 0, that ``count`` of them reach, or a number below it that
    no others reach. By bisection over their bits, whose order is that of the numbers: each step is a
    pass that compiles to vector code, three times as fast as np.partition on a hundred."""
    bits: Any = values.view(np.int64)
    low: Any = np.int64(0)
    high = _INFINITY
    while low < high:
        middle = high - (high - low) // 2
        reach = 0
        for value in bits:
            reach += int(value >= middle)
        if reach >= count:
            low = middle
        else:
            high = middle - 1
        if reach == count:
            break
    return np.int64(low).view(np.float64)


@compiled
def marked(taken: np.ndarray, count: int) -> np.ndarray:
    """The rows that are marked, ``count`` in all. Without a branch, which would be mispredicted."""
    rows = np.empty(count + 1, np.int64)  # the last place is written to and not used
    k = 0
    for i in range(len(taken)):
        rows[k] = i
        k += int(taken[i])
    return rows[:count]


@compiled
def cut(ranks: np.ndarray, crowding: np.ndarray, size: int) -> np.ndarray:
    """The rows of the first fronts, ``size`` in all; of the last one that has room the least crowded
    and, of rows equally crowded, the first."""
    n = len(ranks)
    if size >= n:
        return np.arange(n)
    last, room = last_front(ranks, size)
    taken, front = ranks < last, ranks == last
    take(marked(front, front.sum()), room, crowding, taken)
    return marked(taken, size)  # type: ignore[no-any-return]


@compiled
def last_front(ranks: np.ndarray, size: int) -> tuple[int, int]:
    """Which front is the last that has room among ``size`` rows, and how much room there is for it."""
    members = np.zeros(len(ranks) + 1, np.int64)
    for r in ranks:
        members[r] += 1
    last = 0
    while members[last] < size:
        size -= members[last]
        last += 1
    return last, size


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
    to_X: np.ndarray,
    to_F: np.ndarray,
    to_CV: np.ndarray,
    to_status: np.ndarray,
) -> None:
    """Fill the last four arrays with the chosen rows of two batches, counted one after the other, without
    joining them first. Arrays that are handed in cost half of what those do that are handed out."""
    n = len(X)
    for r in range(len(chosen)):  # number by number, which is faster than by slices
        i = chosen[r]
        for j in range(X.shape[1]):
            to_X[r, j] = X[i, j] if i < n else more_X[i - n, j]
        for j in range(F.shape[1]):
            to_F[r, j] = F[i, j] if i < n else more_F[i - n, j]
        to_CV[r] = CV[i] if i < n else more_CV[i - n]
        to_status[r] = status[i] if i < n else more_status[i - n]
