"""Which rows of a front stay when the one of least hypervolume contribution leaves, again and again.

The contribution of a row is the volume that it alone dominates below the reference point, exact here for
two and three objectives. A contribution only grows when other rows leave, so one computed earlier is a
lower bound: it is computed again only when it is the least of all.
"""

from __future__ import annotations

import numpy as np

from moo.optimizers.operators import compiled


@compiled
def reduce_two(U: np.ndarray, excess: int, ref: float) -> np.ndarray:
    """Rows of U (n, 2), mutually non-dominated, that stay: in order of the first objective a row's
    contribution is a rectangle between its two neighbours."""
    n = len(U)
    order = np.argsort(U[:, 0])
    before, after = np.arange(n) - 1, np.arange(n) + 1
    contribution = np.empty(n)
    for k in range(n):
        contribution[k] = rectangle(U, order, k, before[k], after[k], ref)
    stays = np.ones(n, np.bool_)
    for _ in range(excess):
        k = int(np.argmin(contribution))
        stays[order[k]], contribution[k] = False, np.inf
        left, right = before[k], after[k]
        if left >= 0:
            after[left] = right
            contribution[left] = rectangle(U, order, left, before[left], right, ref)
        if right < n:
            before[right] = left
            contribution[right] = rectangle(U, order, right, left, after[right], ref)
    return np.flatnonzero(stays)


@compiled
def rectangle(U: np.ndarray, order: np.ndarray, k: int, left: int, right: int, ref: float) -> float:
    """What the k-th row of the order dominates between its neighbours; the reference point closes it."""
    i = order[k]
    x = U[order[right], 0] if right < len(order) else ref
    y = U[order[left], 1] if left >= 0 else ref
    return float(max(x - U[i, 0], 0.0) * max(y - U[i, 1], 0.0))


@compiled
def reduce_three(U: np.ndarray, excess: int, ref: float) -> np.ndarray:
    """Rows of U (n, 3), mutually non-dominated, that stay."""
    n = len(U)
    order = np.argsort(U[:, 2])
    points = U[order]
    alive, stale = np.ones(n, np.bool_), np.zeros(n, np.bool_)
    neighbours = np.zeros((n, n), np.bool_)
    steps = np.empty((n + 1, 2))
    owners = np.empty(n + 1, np.int64)
    contribution = np.empty(n)
    for k in range(n):
        contribution[k] = volume_alone(points, alive, k, ref, neighbours[k], steps, owners)
    left = n
    while left > n - excess:
        k = int(np.argmin(contribution))
        if stale[k]:
            contribution[k] = volume_alone(points, alive, k, ref, neighbours[k], steps, owners)
            stale[k] = False
            continue
        alive[k], contribution[k] = False, np.inf
        left -= 1
        for i in range(n):
            stale[i] |= neighbours[i, k]
    return np.sort(order[alive])


@compiled
def volume_alone(
    points: np.ndarray,
    alive: np.ndarray,
    k: int,
    ref: float,
    neighbours: np.ndarray,
    steps: np.ndarray,
    owners: np.ndarray,
) -> float:
    """The contribution of the k-th of the points (n, 3), which are in order of the third objective.

    A sweep upwards: at each height, what the point dominates in the plane less what the others below that
    height dominate of it, which is bounded by a staircase (Beume et al. 2009 sweep whole sets like this).
    ``neighbours`` is set where another point had a part in it; ``steps`` and ``owners`` are room for the
    staircase and the points its steps belong to.
    """
    x, y, height = points[k, 0], points[k, 1], points[k, 2]
    neighbours[:] = False
    size, volume, i = 0, 0.0, 0
    while i < len(points) and points[i, 2] <= height:  # all of them count from the point's own height on
        if i != k and alive[i]:
            size = insert(steps, owners, size, max(points[i, 0], x), max(points[i, 1], y), i)
        i += 1
    for s in range(size):
        neighbours[owners[s]] = True
    area = uncovered(steps, size, x, y, ref)
    while i < len(points) and area > 0.0:
        if alive[i]:
            a, b = max(points[i, 0], x), max(points[i, 1], y)
            if not covered(steps, size, a, b):
                neighbours[i] = True
                volume += area * (points[i, 2] - height)
                height = points[i, 2]
                size = insert(steps, owners, size, a, b, i)
                area = uncovered(steps, size, x, y, ref)
        i += 1
    return float(volume + max(area, 0.0) * (ref - height))


@compiled
def covered(steps: np.ndarray, size: int, a: float, b: float) -> bool:
    """Whether a step of the staircase dominates (a, b)."""
    for s in range(size):
        if steps[s, 0] > a:
            return False
        if steps[s, 1] <= b:
            return True
    return False


@compiled
def insert(steps: np.ndarray, owners: np.ndarray, size: int, a: float, b: float, owner: int) -> int:
    """Put (a, b) into the staircase, ascending in the first and descending in the second objective, in
    place of the steps it dominates, unless a step dominates it; the new number of steps."""
    if covered(steps, size, a, b):
        return size
    start = 0
    while start < size and steps[start, 0] < a:
        start += 1
    end = start
    while end < size and steps[end, 1] >= b:
        end += 1
    if end == start:
        for s in range(size, start, -1):
            steps[s, 0], steps[s, 1], owners[s] = steps[s - 1, 0], steps[s - 1, 1], owners[s - 1]
    else:
        for s in range(end, size):
            t = s - end + start + 1
            steps[t, 0], steps[t, 1], owners[t] = steps[s, 0], steps[s, 1], owners[s]
    steps[start, 0], steps[start, 1], owners[start] = a, b, owner
    return size + 1 - (end - start)


@compiled
def uncovered(steps: np.ndarray, size: int, x: float, y: float, ref: float) -> float:
    """Area of the rectangle from (x, y) to the reference point that no step dominates."""
    area, ceiling, at = 0.0, ref, x
    for s in range(size):
        area += (steps[s, 0] - at) * (ceiling - y)
        at, ceiling = steps[s, 0], steps[s, 1]
    return area + (ref - at) * (ceiling - y)
