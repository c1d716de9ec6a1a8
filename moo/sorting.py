"""Non-dominated sorting of two and three objectives, compiled, with orders of rows from numpy.

Everywhere F (n, m) holds finite objective vectors and ``orders`` (n, m), column by column, the rows
in the order of each objective.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

_FEW = 64  # rows that insertion sorts faster than a call of another sort
PEELED = 8  # fronts that are found one by one before all others are found at once


def compiled(function: Any) -> Any:
    """numba's nopython compilation, cached beside the source. A change to a function that other files call is
    not seen by what was compiled there: ``make clean`` after it."""
    return numba.njit(cache=True, error_model="numpy")(function)


def inlined(function: Any) -> Any:
    """Likewise, as a part of the compiled function that calls it, for one that is called in one place: each
    function compiled by itself makes the machine code of all that it calls anew, which takes seconds."""
    return numba.njit(inline="always", error_model="numpy")(function)


def orders_of(F: np.ndarray) -> np.ndarray:
    """The rows of F in the order of each objective, (n, m); in the first column, of those equal in the
    first objective, in that of the second, then of the third."""
    orders = F.argsort(axis=0)  # compares eight numbers at once, where np.lexsort compares two
    order_ties(F, orders[:, 0])
    return np.asarray(orders)


@compiled
def order_ties(F: np.ndarray, order: np.ndarray) -> None:
    """Bring the rows in the order of the first objective into lexicographic order."""
    n, m = F.shape
    start = 0
    for end in range(1, n + 1):
        if end < n and F[order[end], 0] == F[order[start], 0]:
            continue
        if end - start <= _FEW:
            for k in range(start + 1, end):
                sink(F, order, start, k)
        else:
            for j in range(m - 1, 0, -1):
                values = F[order[start:end], j]
                order[start:end] = order[start:end][np.argsort(values, kind="mergesort")]
        start = end


@compiled
def sink(F: np.ndarray, order: np.ndarray, start: int, k: int) -> None:
    """Insert order[k] among the rows order[start:k], which are sorted."""
    i = order[k]
    while k > start and precedes(F, i, order[k - 1]):
        order[k] = order[k - 1]
        k -= 1
    order[k] = i


@compiled
def precedes(F: np.ndarray, a: int, b: int) -> bool:
    """Whether row a comes before row b lexicographically."""
    for j in range(F.shape[1]):
        if F[a, j] != F[b, j]:
            return F[a, j] < F[b, j]  # type: ignore[no-any-return]
    return False


@compiled
def equal(F: np.ndarray, a: int, b: int) -> bool:
    """Whether two rows are equal."""
    for j in range(F.shape[1]):  # noqa: SIM110 - numba compiles loops, not generators
        if F[a, j] != F[b, j]:
            return False
    return True


@compiled
def fronts_of_two(F: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Non-dominated front of each row (n,), 0 the first, by Jensen's sweep (2003) over the rows in
    lexicographic order: a row belongs to the first front whose latest member does not dominate it,
    found by bisection."""
    n = len(F)
    ranks = np.empty(n, np.int64)
    latest = np.empty(n)  # the second objective of each front's latest member
    count, before = 0, -1
    for i in order:
        if before >= 0 and equal(F, i, before):
            ranks[i] = ranks[before]
            continue
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            if latest[middle] <= F[i, 1]:
                low = middle + 1
            else:
                high = middle
        count = max(count, low + 1)
        latest[low], ranks[i], before = F[i, 1], low, i
    return ranks


@compiled
def peel_two(F: np.ndarray, rest: np.ndarray, front: np.ndarray) -> int:
    """Move the non-dominated of the rows ``rest``, in lexicographic order, to the beginning of ``front``
    and the others to that of ``rest``; how many the former are. One pass without branches, which would
    be mispredicted; ``front`` has a place more than there are rows."""
    left = members = 0
    least, dominated = np.inf, False
    first = second = np.nan  # the objectives of the row before
    for i in rest:
        a, b = F[i, 0], F[i, 1]
        dominated = dominated if (a == first) & (b == second) else b >= least
        first, second, least = a, b, min(least, b)
        rest[left] = front[members] = i
        left += int(dominated)
        members += int(not dominated)
    return members


@compiled
def places(F: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The place of each row in the order of the second objective (n,); rows equal in it share their
    last place."""
    n = len(order)
    place = np.empty(n, np.int64)
    for k in range(n - 1, -1, -1):
        a = order[k]
        tied = k + 1 < n and F[a, 1] == F[order[k + 1], 1]
        place[a] = place[order[k + 1]] if tied else k
    return place


@compiled
def leading_fronts(F: np.ndarray, orders: np.ndarray, size: int) -> np.ndarray:
    """`fronts_of_three` as far as they are needed for ``size`` rows; rows further behind share a rank.

    Mostly a few fronts suffice, and then one after the other, each in O(n log n), is three times as
    fast as all at once. The first of the orders need not be lexicographic; it is afterwards.
    """
    order_ties(F, orders[:, 0])
    place = places(F, orders[:, 1])
    ranks = np.full(len(F), -1)
    rest = orders[:, 0].copy()
    for front in range(PEELED):
        left = peel(F, place, rest, ranks, front)
        if len(F) - left >= size:
            for i in rest[:left]:
                ranks[i] = front + 1
            return ranks
        rest = rest[:left]
    return fronts_of_three(F, orders)  # type: ignore[no-any-return]


@compiled
def peel(F: np.ndarray, place: np.ndarray, rest: np.ndarray, ranks: np.ndarray, front: int) -> int:
    """Give the non-dominated of the rows ``rest``, in lexicographic order, their rank and move the
    others to its beginning; how many those are. A binary indexed tree (Fenwick 1994) over the places in
    the second objective answers for the least third objective so far."""
    n, left, before, dominated = len(F), 0, -1, False
    least = np.full(n + 1, np.inf)
    for i in rest:
        if before < 0 or not equal(F, i, before):
            value, k = np.inf, place[i] + 1
            while k > 0:
                value = min(value, least[k])
                k &= k - 1
            dominated = value <= F[i, 2]
        before = i
        if dominated:
            rest[left] = i
            left += 1
            continue
        ranks[i] = front
        k = place[i] + 1
        while k <= n:
            least[k] = min(least[k], F[i, 2])
            k += k & -k
    return left


@compiled
def fronts_of_three(F: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Non-dominated front of each row (n,), 0 the first, in O(n log^2 n): the sweep of two objectives,
    where a front answers from a tree over the places in the second objective whether one of its members
    so far is as good in the second and the third.

    Each front's tree has only the nodes that its members need, so that all trees together take
    O(n log n) places.
    """
    n = len(F)
    depth = 0
    while 1 << depth < n:
        depth += 1
    ranks, place = np.empty(n, np.int64), places(F, orders[:, 1])
    least = np.full(n * (depth + 1) + 1, np.inf)
    child = np.zeros((n * (depth + 1) + 1, 2), np.int64)
    roots = np.empty(n, np.int64)
    nodes, count, before = 1, 0, -1  # node 0 stands for no node
    for i in orders[:, 0]:
        if before >= 0 and equal(F, i, before):
            ranks[i] = ranks[before]
            continue
        before = i
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            if least_up_to(place[i], roots[middle], least, child, depth) <= F[i, 2]:
                low = middle + 1
            else:
                high = middle
        if low == count:
            roots[count] = nodes
            nodes += 1
            count += 1
        ranks[i] = low
        nodes = insert(place[i], F[i, 2], roots[low], least, child, depth, nodes)
    return ranks


@compiled
def least_up_to(place: int, node: int, least: np.ndarray, child: np.ndarray, depth: int) -> float:
    """The least value in a tree at the places up to this one."""
    value = np.inf
    for level in range(depth - 1, -1, -1):
        right = (place >> level) & 1
        if right:
            value = min(value, least[child[node, 0]])
        node = child[node, right]
        if node == 0:
            return value
    return min(value, least[node])  # type: ignore[no-any-return]


@compiled
def insert(
    place: int, value: float, node: int, least: np.ndarray, child: np.ndarray, depth: int, nodes: int
) -> int:
    """Enter a value into a tree; how many nodes there are then."""
    least[node] = min(least[node], value)
    for level in range(depth - 1, -1, -1):
        right = (place >> level) & 1
        if child[node, right] == 0:
            child[node, right] = nodes
            nodes += 1
        node = child[node, right]
        least[node] = min(least[node], value)
    return nodes
