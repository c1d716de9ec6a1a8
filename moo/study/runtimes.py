"""What each run of a study had spent when it reached each target; `moo.study.targets` sums them up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from moo import indicators
from moo.result import Result
from moo.study.quality import Scale, measured

if TYPE_CHECKING:
    from moo.study.study import Study

_SAMPLED_FROM = 5  # objectives: with four a run of 10,000 takes up to two seconds exactly, with five thirty


@dataclass(frozen=True)
class Runtimes:
    """The runs of one optimizer on one problem.

    Attributes:
        seeds: of the runs (n,), failed and interrupted ones too.
        reached: cost at which each run reached each target (n, targets), inf where it never did.
        spent: what each run spent in all (n,).
        ended: how each run ended.
    """

    seeds: list[int]
    reached: np.ndarray
    spent: np.ndarray
    ended: list[str]


def runtimes(study: Study, wanted: np.ndarray) -> dict[tuple[str, str], Runtimes]:
    """(problem, optimizer) -> `Runtimes`, of all cells that were begun here. A cell that failed reached
    nothing, and spent what it had spent, or its whole budget where that is not known."""
    key = ("runtimes", *wanted.tolist())
    if key not in study.computed:
        study.computed[key] = {
            (p, o): _of(study, p, o, wanted) for p in study.problems for o in study.solvers
        }
    return dict(study.computed[key])


def _of(study: Study, problem: str, optimizer: str, wanted: np.ndarray) -> Runtimes:
    reached, spent, ended, seeds = [], [], [], []
    for seed in study.seeds:
        key = (problem, optimizer, seed)
        if key in study.results:
            result = study.results[key]
            reached.append(hits(result, study.scales[problem], wanted))
            spent.append(result.cost.total)
            ended.append(result.status)
        elif key in study.failures:
            found = study.failures[key].result
            reached.append(np.full(len(wanted), np.inf))
            spent.append(limit(study) if found is None else found.cost.total)
            ended.append("failed")
        else:
            continue
        seeds.append(seed)
    return Runtimes(seeds, np.array(reached).reshape(-1, len(wanted)), np.array(spent, dtype=float), ended)


def limit(study: Study) -> float:
    """The budget of a cell in F-equivalents; where it is in seconds, the most that any run spent."""
    if study.budget.cost is not None:
        return float(study.budget.cost)
    return max((result.cost.total for result in study.results.values()), default=1.0)


def hits(result: Result, scale: Scale, wanted: np.ndarray) -> np.ndarray:
    """Cost at which the run's archive so far first had a hypervolume above zero that misses that of the
    reference set by no more than each gap (targets,); inf where it never did.

    Where the log holds values of minibatches, it is the union of the answers in `Result.history`. Volumes
    are exact to four objectives; from five on they are shares of evenly spread points.
    """
    volumes: np.ndarray = (1 - wanted) * scale.reference_hypervolume
    F, cost = seen(result)
    scaled = scale.normalise(F)
    keep = indicators.better_than(scaled, scale.reference_point)
    scaled, cost = scaled[keep], cost[keep]
    if len(cost) == 0 or not scale.reference_hypervolume > 0:
        return np.full(len(wanted), np.inf)
    if scaled.shape[1] >= _SAMPLED_FROM:
        places = _places_sampled(scaled, wanted, scale)
    elif scaled.shape[1] == 2:
        places = _places_2d(scaled, volumes, scale)
    else:
        places = _places(scaled, cost, volumes, scale)
    return np.asarray(np.append(cost, np.inf)[places])


def seen(result: Result) -> tuple[np.ndarray, np.ndarray]:
    """F (n, n_obj) of the feasible rows in the order in which they were known, and their costs (n,)."""
    if len(result.archive_F) or not len(result.F):
        feasible = result.log["CV"] <= 0
        return result.log["F"][feasible], result.log["cost"][feasible]
    fronts = [*result.history.fronts, result.F[result.CV <= 0]]
    cost = np.repeat([*result.history.cost, result.cost.total], [len(F) for F in fronts])
    return np.concatenate(fronts), cost


def _places_2d(scaled: np.ndarray, volumes: np.ndarray, scale: Scale) -> np.ndarray:
    """Of each volume the first row (targets,) by which it is reached, n where it is not."""
    areas = np.cumsum(indicators.areas_added(np.ascontiguousarray(scaled), scale.reference_point))
    return np.asarray(np.searchsorted(areas, volumes - _rounding(scale), side="left"))


def _rounding(scale: Scale) -> float:
    """What a sum of many areas may miss of the volume it is."""
    return 1e-12 * scale.reference_hypervolume


def _places(scaled: np.ndarray, cost: np.ndarray, volumes: np.ndarray, scale: Scale) -> np.ndarray:
    """As `_places_2d`, for any number of objectives: the hypervolume of the rows so far only grows, so each
    volume is found by bisection over the costs, and they share what was computed."""
    ends = np.flatnonzero(np.diff(cost, append=np.inf))  # the last row of each batch
    known: dict[int, float] = {}

    def volume(batch: int) -> float:
        if batch not in known:
            rows = scaled[: ends[batch] + 1]
            best = rows[indicators.nondominated(rows)]
            known[batch] = indicators.hypervolume(measured(best), scale.reference_point)
        return known[batch]

    found = [_bisect(volume, v - _rounding(scale), len(ends)) for v in volumes]
    return np.asarray(np.append(ends, len(scaled))[found])


def _places_sampled(scaled: np.ndarray, wanted: np.ndarray, scale: Scale) -> np.ndarray:
    """As `_places_2d`, where volumes are shares of the same 2^15 points for the rows and the reference set:
    a gap is known within one of the points that the set dominates."""
    if scale.reference_samples == 0:
        return np.full(len(wanted), len(scaled))
    first = indicators.first_dominating(scale.samples, scaled)
    order = np.append(0, np.sort(first))  # a gap of 1 asks for no volume: the first row is enough
    needed = np.ceil((1 - wanted) * scale.reference_samples).astype(int)
    return np.asarray(order[needed])


def _bisect(value: Callable[[int], float], wanted: float, n: int) -> int:
    """The first of n places whose value is at least what is wanted; n when there is none."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if value(middle) >= wanted:
            high = middle
        else:
            low = middle + 1
    return low
