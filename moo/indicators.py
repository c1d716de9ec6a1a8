"""Quality indicators of a set of objective vectors, over moocore, with one reference-point policy.

All functions take F (n, m) in minimised form. Rows that are not finite are left out before moocore
sees them: moocore 0.3.2 crashes on -inf and mis-ranks +inf.
"""

from __future__ import annotations

import heapq
from itertools import combinations
from math import comb

import moocore
import numpy as np
from scipy.spatial import KDTree

from moo.sorting import compiled

_EXACT_UP_TO = 6  # objectives; from 7 on an exact hypervolume takes minutes
_R2_WEIGHTS = 500  # about as many weight vectors, for three objectives and more


def nondominated(F: np.ndarray) -> np.ndarray:
    """Mask (n,) of the finite rows that no other row dominates; of equal rows the first one."""
    mask: np.ndarray = np.isfinite(F).all(axis=1)
    if mask.any():
        mask[mask] = moocore.is_nondominated(F[mask])
    return mask


def normalise(F: np.ndarray, ideal: np.ndarray, nadir: np.ndarray) -> np.ndarray:
    """(F - ideal) / (nadir - ideal); an objective without range is only shifted."""
    span = nadir - ideal
    return np.asarray((F - ideal) / np.where(span > 0, span, 1.0))


def reference_point(n_obj: int, k: int = 100) -> np.ndarray:
    """The reference point in normalised space: 1.1 for up to two objectives, else 1 + 1/H with H the
    number of divisions of a simplex lattice of about k points (Ishibuchi et al. 2018)."""
    if n_obj <= 2:
        return np.full(n_obj, 1.1)
    divisions = 1
    while comb(divisions + n_obj, n_obj - 1) <= k:
        divisions += 1
    return np.full(n_obj, 1.0 + 1.0 / divisions)


def exact_hypervolume(n_obj: int) -> bool:
    """Whether `hypervolume` is exact for so many objectives."""
    return n_obj <= _EXACT_UP_TO


def better_than(F: np.ndarray, ref: np.ndarray) -> np.ndarray:
    """Mask (n,) of the finite rows that are strictly better than ``ref`` in every objective: those that
    can contribute to a hypervolume."""
    return np.asarray(np.isfinite(F).all(axis=1) & (ref > F).all(axis=1))


def hypervolume(F: np.ndarray, ref: np.ndarray) -> float:
    """Volume that F dominates below ``ref`` (Zitzler and Thiele 1998). Exact up to six objectives,
    moocore's quasi-Monte-Carlo approximation (relative error up to about 1e-3) from seven on.

    Points that are not strictly better than ``ref`` contribute nothing.
    """
    inside = F[better_than(F, ref)]
    if len(inside) == 0:
        return 0.0
    if not exact_hypervolume(F.shape[1]):
        return float(moocore.hv_approx(inside, ref=ref))
    return float(moocore.hypervolume(inside, ref=ref))


def even_points(n: int, n_dim: int) -> np.ndarray:
    """n points (n, n_dim) that fill the unit cube evenly: the additive recurrence of the generalised
    golden ratio, the root of g^(d + 1) = g + 1 (Roberts 2018, "The unreasonable effectiveness of
    quasirandom sequences")."""
    ratio = 2.0
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / (n_dim + 1))
    return np.asarray((0.5 + np.outer(np.arange(1, n + 1), ratio ** -np.arange(1.0, n_dim + 1))) % 1.0)


@compiled
def first_dominating(points: np.ndarray, F: np.ndarray) -> np.ndarray:
    """Of each of the points (n, m) the first row of F (r, m) that is nowhere worse (n,); r when none is."""
    first = np.full(len(points), len(F))
    for i in range(len(points)):
        for row in range(len(F)):
            k = 0
            while k < F.shape[1] and F[row, k] <= points[i, k]:
                k += 1
            if k == F.shape[1]:
                first[i] = row
                break
    return first


def igd_plus(F: np.ndarray, front: np.ndarray) -> float:
    """Mean distance by which the front is better than F (Ishibuchi et al. 2015); inf without rows."""
    finite = F[np.isfinite(F).all(axis=1)]
    return float(moocore.igd_plus(finite, ref=front)) if len(finite) else float("inf")


def epsilon_additive(F: np.ndarray, front: np.ndarray) -> float:
    """Smallest shift that makes F weakly dominate the front (Zitzler et al. 2003, I_eps+)."""
    finite = F[np.isfinite(F).all(axis=1)]
    return float(moocore.epsilon_additive(finite, ref=front)) if len(finite) else float("inf")


def r2(F: np.ndarray, utopian: np.ndarray) -> float:
    """Mean over uniformly distributed weight vectors w of the least weighted Chebyshev distance to the
    utopian point, min over F of max_i w_i (f_i - utopian_i); less is better, inf without rows.

    Hansen and Jaszkiewicz (1998), the unary R2 of Brockhoff, Wagner and Trautmann (2012). The weights
    sum to one. Two objectives: the exact integral over w (`moocore.r2_exact`); from three on the mean
    over a simplex lattice of about 500 weight vectors. What is better than the utopian point counts as
    equal to it.
    """
    above = np.maximum(F[np.isfinite(F).all(axis=1)] - utopian, 0.0)
    if len(above) == 0:
        return float("inf")
    n_obj = F.shape[1]
    if n_obj == 2:
        return float(moocore.r2_exact(above, ref=np.zeros(2)))
    above = above[nondominated(above)]
    return float(np.mean([(above * w).max(axis=1).min() for w in simplex_lattice(n_obj, _R2_WEIGHTS)]))


def simplex_lattice(n_obj: int, k: int) -> np.ndarray:
    """All weight vectors (n, n_obj) whose entries are multiples of 1/H and sum to one, for the largest H
    that gives at most k of them, at least H = 1 (Das and Dennis 1998)."""
    if n_obj == 1:
        return np.ones((1, 1))
    H = 1
    while comb(H + n_obj, n_obj - 1) <= k:
        H += 1
    bars = np.array(list(combinations(range(H + n_obj - 1), n_obj - 1)))
    edges = np.pad(bars, ((0, 0), (1, 1)), constant_values=((0, 0), (-1, H + n_obj - 1)))
    return np.asarray((np.diff(edges, axis=1) - 1) / H)


def spacing(F: np.ndarray) -> float:
    """How unevenly the rows lie: the standard deviation of each row's Manhattan distance to its nearest
    neighbour, 0 when all are equally far (Schott 1995, eq. 3-7); NaN for fewer than two rows."""
    finite = F[np.isfinite(F).all(axis=1)]
    if len(finite) < 2:
        return float("nan")
    nearest = KDTree(finite).query(finite, k=2, p=1)[0][:, 1]
    return float(np.std(nearest, ddof=1))


def hypervolume_subset(F: np.ndarray, k: int, ref: np.ndarray) -> np.ndarray:
    """Indices of at most k rows, each the one that adds most to the hypervolume of those before it
    (greedy, at least 1 - 1/e of the best k rows'; Guerreiro, Fonseca and Paquete 2016). Where fewer rows
    add anything, the others are spread as by `subset`. Slow from seven objectives on."""
    if len(F) <= k:
        return np.arange(len(F))
    chosen: list[int] = []
    volume = 0.0
    inside = np.flatnonzero(better_than(F, ref))
    queue = [(-float(np.prod(ref - F[i])), int(i), 0) for i in inside]  # (minus a bound, row, at size)
    heapq.heapify(queue)
    while queue and len(chosen) < k:
        bound, row, size = heapq.heappop(queue)
        if size == len(chosen):  # the bound is its gain now, and no other row's bound is larger
            chosen.append(row)
            volume -= bound
        else:
            gain = hypervolume(F[[*chosen, row]], ref) - volume
            if gain > 0:
                heapq.heappush(queue, (-gain, row, len(chosen)))
    rest = np.setdiff1d(np.arange(len(F)), chosen)  # what adds nothing
    return np.array([*chosen, *rest[subset(F[rest], k - len(chosen))]], dtype=int)


def subset(F: np.ndarray, k: int) -> np.ndarray:
    """Indices of k rows spread over F: the best of each objective first, then always the row
    farthest from those chosen (greedy max-min distance after scaling by F's own range)."""
    if len(F) <= k or k == 0:
        return np.arange(min(len(F), k))
    scaled = normalise(F, F.min(axis=0), F.max(axis=0))
    chosen = list(dict.fromkeys(scaled.argmin(axis=0).tolist()))[:k]
    distance = np.linalg.norm(scaled[:, None] - scaled[chosen], axis=2).min(axis=1)
    distance[chosen] = -1.0  # below the 0 of a row that equals a chosen one: no row twice
    while len(chosen) < k:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(scaled - scaled[chosen[-1]], axis=1))
        distance[chosen[-1]] = -1.0
    return np.array(chosen)


def contributions(F: np.ndarray, ref: np.ndarray) -> np.ndarray:
    """What the hypervolume of the non-dominated rows of F (n, m), finite, loses without each (n,); nothing
    for rows that are dominated or not strictly better than ``ref``."""
    inside = (ref > F).all(axis=1)
    alone = np.zeros(len(F))
    if F.shape[1] == 1 and inside.any():
        alone[F[:, 0].argmin()] = float(ref[0] - F.min())
    elif inside.any():
        alone[inside] = moocore.hv_contributions(F[inside], ref=ref)
    return alone


def hypervolume_gradient(F: np.ndarray, ref: np.ndarray) -> np.ndarray:
    """Derivatives (n, m) of `hypervolume` with respect to each entry of F (n, m), finite: minus the area of
    the facet that the entry moves (Emmerich and Deutz 2014, "Time complexity and zeros of the hypervolume
    indicator gradient field", section 3).

    Zero for rows that are dominated, or not strictly better than ``ref``; of equal rows the first counts.
    Exact for any m: O(n log n) for two objectives, O(n^2) for three, n m hypervolumes of m - 1 objectives
    from four on.
    """
    gradient = np.zeros_like(F)
    counting = np.flatnonzero(nondominated(F) & (ref > F).all(axis=1))
    if len(counting) == 0:
        return gradient
    front, m = F[counting], F.shape[1]
    if m == 1:
        gradient[counting] = -1.0
        return gradient
    for k in range(m):
        order = np.argsort(front[:, k], kind="stable")
        others = np.delete(front, k, axis=1)[order]
        gradient[counting[order], k] = -_facets(others, np.delete(ref, k))
    return gradient


def _facets(points: np.ndarray, ref: np.ndarray) -> np.ndarray:
    """What each of the points (n, m) adds to the hypervolume of those before it (n,)."""
    if points.shape[1] == 1:
        least = np.minimum.accumulate(np.concatenate([ref, points[:-1, 0]]))
        return np.asarray(np.maximum(least - points[:, 0], 0.0))
    if points.shape[1] == 2:
        return np.asarray(areas_added(np.ascontiguousarray(points), ref))
    volumes = [hypervolume(points[:i], ref) for i in range(len(points) + 1)]
    return np.diff(volumes)


@compiled
def areas_added(points: np.ndarray, ref: np.ndarray) -> np.ndarray:
    """`_facets` of points in two dimensions (n, 2): the steps of those so far, in order of the first
    coordinate, are kept as a list."""
    n = len(points)
    x, y = np.empty(n + 2), np.empty(n + 2)
    x[0], y[0], x[1], y[1] = -np.inf, ref[1], ref[0], -np.inf
    size, added = 2, np.zeros(n)
    for i in range(n):
        px, py = points[i, 0], points[i, 1]
        first = 0
        while x[first + 1] <= px:
            first += 1
        if y[first] <= py:
            continue  # within what is dominated already
        last, left = first + 1, px
        area = 0.0
        height = y[first]
        while True:
            area += (x[last] - left) * (height - py)
            left, height = x[last], y[last]
            if height <= py:
                break
            last += 1
        added[i] = area
        shift = first + 2 - last  # steps first + 1 .. last - 1 give way to one
        if shift > 0:
            for k in range(size - 1, last - 1, -1):
                x[k + shift], y[k + shift] = x[k], y[k]
        elif shift < 0:
            for k in range(last, size):
                x[k + shift], y[k + shift] = x[k], y[k]
        size += shift
        x[first + 1], y[first + 1] = px, py
    return added
