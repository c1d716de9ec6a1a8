"""NSGA-III: non-dominated sorting, and niches around reference directions instead of crowding."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from moo.errors import OptionError
from moo.evaluation import Evaluation, Evaluator
from moo.optimizers.base import require_finite_bounds
from moo.optimizers.genetic import Candidates, Genetic, GeneticState
from moo.optimizers.operators import compiled, stream_of, uniform
from moo.optimizers.ranking import last_front, leading_ranks
from moo.weights import reference_directions

if TYPE_CHECKING:
    from moo.problem import Problem

_OFF_AXIS = 1e6  # weight of the other objectives in the achievement function of an extreme point
_NOTHING = 1e-3  # a value of an objective above the ideal point that counts as none
_SMALL = 1e-6


@dataclass
class NSGA3State(GeneticState):
    """``ideal`` (n_obj,) is the best, ``worst`` the
    largest value seen of each objective, ``extremes`` (k, n_obj) the extreme points known so far;
    ``directions`` (n_obj, k) have unit length."""

    directions: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    ideal: np.ndarray = field(default_factory=lambda: np.empty(0))
    worst: np.ndarray = field(default_factory=lambda: np.empty(0))
    extremes: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))


@dataclass(frozen=True)
class NSGA3(Genetic[NSGA3State]):
    """NSGA-III (Deb and Jain 2014, algorithms 1 to 4), normalised as in Blank, Deb and Roy (2019).

    Parents are drawn by violation alone, else by chance; the last front is filled by the emptiest niches.

    Args:
        directions: reference directions (k, n_obj), >= 0; None spreads as many as fit the population
            over the simplex (Das and Dennis 1998), in two layers where one has no inner point.
        pop_size, crossover_eta, crossover_prob, mutation_eta, mutation_prob: as `Genetic`; the defaults
            are those of the paper's table II.
    """

    pop_size: int = 92
    crossover_eta: float = 30.0
    crossover_prob: float = 1.0
    directions: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.directions is not None:
            given = np.array(self.directions, dtype=float)
            if (
                given.ndim != 2
                or not np.isfinite(given).all()
                or (given < 0).any()
                or (given.sum(1) == 0).any()
            ):
                raise OptionError(
                    "directions= are not accepted: give an array (k, n_obj) of numbers >= 0, no row all zero"
                )

    def init(self, problem: Problem, rng: np.random.Generator) -> NSGA3State:
        require_finite_bounds(problem, "NSGA3")
        directions = self._directions(problem)
        unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        m = problem.n_obj
        return NSGA3State(
            rng,
            X=self._first(problem, rng),
            directions=np.ascontiguousarray(unit.T),
            ideal=np.full(m, np.inf),
            worst=np.full(m, -np.inf),
            extremes=np.empty((0, m)),
        )

    def _directions(self, problem: Problem) -> np.ndarray:
        if self.directions is None:
            return reference_directions(self.pop_size, problem.n_obj)
        given = np.array(self.directions, dtype=float)
        if given.shape[1] != problem.n_obj:
            raise OptionError(
                f"directions= have {given.shape[1]} entries, {problem.title} has {problem.n_obj} objectives"
            )
        return given

    def step(self, evaluate: Evaluator, state: NSGA3State) -> NSGA3State:
        X, parents = state.X, state.answer
        if parents is not None:
            n, judged = len(parents), self._judged(parents, evaluate, state)
            even = np.zeros((n, 1))  # nobody dominates, nobody is crowded: violation decides, else chance
            rivals = Evaluation(judged.X, even, judged.G, judged.H, judged.CV, judged.status)
            X = self._children(evaluate.problem, rivals, np.zeros(n), self.pop_size, state.rng)
        return self._survive(self._candidates(evaluate, state, X), state)

    def _survive(self, candidates: Candidates, state: NSGA3State) -> NSGA3State:
        """Whole fronts while they fit, infeasible rows by violation; a feasible front that does not fit
        gives its rows to the emptiest niches."""
        ranks = leading_ranks(candidates.F, candidates.CV, self.pop_size)
        F, of_feasible, feasible = candidates.F, ranks, candidates.CV <= 0.0
        n_feasible = np.count_nonzero(feasible)
        if n_feasible < len(F):
            F, of_feasible = F[feasible], ranks[feasible]
        ideal, worst, extremes, span = state.ideal, state.worst, state.extremes, np.ones(F.shape[1])
        if n_feasible:
            ideal, worst, extremes, span = normalised(F, of_feasible, ideal, worst, extremes)
        if n_feasible <= self.pop_size:
            kept = np.argsort(ranks, kind="stable")[: self.pop_size]
        else:
            stream = stream_of(state.rng)
            kept = niched(F, of_feasible, ideal, span, state.directions, self.pop_size, stream)
            if n_feasible < len(ranks):
                kept = np.flatnonzero(feasible)[kept]
        answer = candidates.rows(kept)
        first = (state.X, state.level, state.directions)
        return NSGA3State(state.rng, answer, None, False, *first, ideal, worst, extremes)


@compiled
def normalised(
    F: np.ndarray, ranks: np.ndarray, ideal: np.ndarray, worst: np.ndarray, extremes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Ideal and worst point of all time, the extreme points - of those known and the first front the ones
    of least achievement function along each axis - and the span from the ideal to the nadir point, given
    the feasible rows F (n, m), their ranks, and what was known before."""
    n, m = F.shape
    ideal, worst = ideal.copy(), worst.copy()
    known = np.empty((len(extremes) + n, m))
    known[: len(extremes)] = extremes
    size = len(extremes)
    front, everything = np.full(m, -np.inf), np.full(m, -np.inf)
    for i in range(n):
        for j in range(m):
            ideal[j] = min(ideal[j], F[i, j])
            everything[j] = max(everything[j], F[i, j])
            if ranks[i] == 0:
                front[j] = max(front[j], F[i, j])
                known[size, j] = F[i, j]
        size += ranks[i] == 0
    extremes = known[extreme_rows(known[:size] - ideal)]
    worst = np.maximum(worst, everything)
    return ideal, worst, extremes, span_of(extremes - ideal, worst - ideal, front - ideal, everything - ideal)


@compiled
def extreme_rows(above: np.ndarray) -> np.ndarray:
    """The row of least max_i w_i f_i for each axis, where w is 1 on the axis and large elsewhere (Deb and
    Jain 2014, equation 4); values next to nothing count as nothing (Blank et al. 2019)."""
    n, m = above.shape
    rows = np.zeros(m, np.int64)
    for axis in range(m):
        best = np.inf
        for i in range(n):
            value = 0.0
            for j in range(m):
                f = above[i, j] if above[i, j] >= _NOTHING else 0.0
                value = max(value, f if j == axis else f * _OFF_AXIS)
            if value < best:
                best, rows[axis] = value, i
    return rows


@compiled
def span_of(extremes: np.ndarray, worst: np.ndarray, front: np.ndarray, everything: np.ndarray) -> np.ndarray:
    """Nadir minus ideal (m,): the intercepts of the plane through the extreme points (m, m), as long as
    they lie within the worst that was seen; else the extent of the first front, or of all rows where that
    is nothing. All are relative to the ideal point."""
    m = len(worst)
    plane = plane_through(extremes)
    usable = True
    for j in range(m):
        usable &= plane[j] > 0.0 and 1.0 / plane[j] > _SMALL
    span = np.ones(m)
    for j in range(m):
        extent = min(1.0 / plane[j], worst[j]) if usable else front[j]
        if extent <= _SMALL:
            extent = everything[j]
        if extent > 0.0:
            span[j] = extent
    return span


@compiled
def plane_through(points: np.ndarray) -> np.ndarray:
    """The b (m,) with points @ b = 1, by elimination with pivots; NaN where there is none."""
    m = len(points)
    A, b = points.copy(), np.ones(m)
    for column in range(m):
        pivot = column
        for i in range(column + 1, m):
            if abs(A[i, column]) > abs(A[pivot, column]):
                pivot = i
        if abs(A[pivot, column]) < 1e-12:
            return np.full(m, np.nan)
        for j in range(m):
            A[column, j], A[pivot, j] = A[pivot, j], A[column, j]
        b[column], b[pivot] = b[pivot], b[column]
        for i in range(column + 1, m):
            factor = A[i, column] / A[column, column]
            b[i] -= factor * b[column]
            for j in range(column, m):
                A[i, j] -= factor * A[column, j]
    for i in range(m - 1, -1, -1):
        for j in range(i + 1, m):
            b[i] -= A[i, j] * b[j]
        b[i] /= A[i, i]
    return b


@compiled
def associated(
    F: np.ndarray, rows: np.ndarray, ideal: np.ndarray, span: np.ndarray, directions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each of the rows, normalised, the nearest of the directions (m, k), of unit length, and its
    squared perpendicular distance (algorithm 3): the nearest has the longest projection. All rows go
    through one direction after the other, so that the passes compile to vector code."""
    n, m = len(rows), F.shape[1]
    f, square, projection = np.empty((m, n)), np.zeros(n), np.zeros(n)
    for j in range(m):
        for i in range(n):
            f[j, i] = (F[rows[i], j] - ideal[j]) / span[j]
            square[i] += f[j, i] * f[j, i]
    niche, longest = np.zeros(n, np.int64), np.full(n, -np.inf)
    for k in range(directions.shape[1]):
        for j in range(m - 1):
            along = directions[j, k]
            for i in range(n):
                projection[i] = along * f[j, i] + (projection[i] if j > 0 else 0.0)
        along = directions[m - 1, k]
        for i in range(n):
            length = projection[i] + along * f[m - 1, i]
            niche[i] = k if length > longest[i] else niche[i]
            longest[i] = max(length, longest[i])
    return niche, square - longest * longest


@compiled
def niched(
    F: np.ndarray,
    ranks: np.ndarray,
    ideal: np.ndarray,
    span: np.ndarray,
    directions: np.ndarray,
    n: int,
    stream: np.ndarray,
) -> np.ndarray:
    """n rows of F (k, m): those of the fronts that fit and, of the one that does not, one after the other
    from a niche with the fewest rows: its nearest while it is empty, else any of it (algorithm 4)."""
    last, _ = last_front(ranks, n)
    rows = np.flatnonzero(ranks <= last)
    niche, distance = associated(F, rows, ideal, span, directions)
    k = directions.shape[1]
    count, left = np.zeros(k, np.int64), np.zeros(k, np.int64)
    for i in range(len(rows)):
        count[niche[i]] += ranks[rows[i]] < last
        left[niche[i]] += ranks[rows[i]] == last
    start = np.cumsum(left) - left
    members, filled = np.empty(left.sum(), np.int64), start.copy()  # those who wait, niche by niche
    for i in range(len(rows)):
        if ranks[rows[i]] == last:
            members[filled[niche[i]]] = i
            filled[niche[i]] += 1
    taken = ranks < last
    missing = n - count.sum()
    while missing > 0:
        chosen = emptiest(count, left, missing, stream)
        for k in chosen:
            at, end = int(start[k]) + int(uniform(stream) * left[k]), start[k] + left[k]
            if count[k] == 0:
                for other in range(start[k], end):
                    at = other if distance[members[other]] < distance[members[at]] else at
            taken[rows[members[at]]] = True
            count[k] += 1
            left[k] -= 1
            members[at] = members[end - 1]
        missing -= len(chosen)
    return np.flatnonzero(taken)


@compiled
def emptiest(count: np.ndarray, left: np.ndarray, most: int, stream: np.ndarray) -> np.ndarray:
    """Of the niches that have rows left those with the least count, at most so many, drawn evenly. Each
    is chosen once before any other gets its turn, so that they may be drawn together."""
    least = np.int64(1 << 62)
    for k in range(len(count)):
        if left[k] > 0:
            least = min(least, count[k])
    chosen = np.flatnonzero((left > 0) & (count == least))
    n = min(most, len(chosen))
    for i in range(n):
        j = i + int(uniform(stream) * (len(chosen) - i))
        chosen[i], chosen[j] = chosen[j], chosen[i]
    return chosen[:n]
