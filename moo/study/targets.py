"""How soon each run comes near the reference set: runtimes to targets, ECDF, ERT, area under the ECDF.

A target is a gap to the hypervolume of the problem's reference set, relative to it; a run's runtime to it
is what it had spent when the archive of all it had evaluated came as near. A run that never did is
censored at what it spent, and never dropped (Hansen, Auger, Brockhoff, Tusar and Tusar 2016, "COCO:
Performance assessment").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from moo.errors import OptionError
from moo.study.runtimes import Runtimes, limit, runtimes
from moo.study.statistics import CONFIDENCE

if TYPE_CHECKING:
    from moo.study.study import Study

TARGETS = 51  # ten a decade
_HARDEST = 1e-5
_RESTARTS = 200  # simulated for each optimizer, problem and target, at least
_REPLICATES = 1000  # of a bootstrap
_SEED = 0  # of the simulated restarts and the bootstrap: the same study gives the same figures

Curve: TypeAlias = tuple[np.ndarray, np.ndarray]  # costs in rising order, and the value from each on


def gaps(given: int | Sequence[float] = TARGETS) -> np.ndarray:
    """The gaps in falling order: so many from 1 to 1e-5, evenly on a log scale, or those given.

    Raises:
        OptionError: for no number of targets, or gaps that are not in (0, 1].
    """
    if isinstance(given, int) and not isinstance(given, bool) and given >= 1:
        return np.logspace(0, np.log10(_HARDEST), given) if given > 1 else np.array([_HARDEST])
    listed = isinstance(given, Sequence | np.ndarray) and not isinstance(given, str)
    sound = listed and len(given) > 0 and all(_is_gap(gap) for gap in given)  # type: ignore[arg-type,union-attr]
    if not sound:
        raise OptionError(
            f"targets={given!r} is not accepted: give how many (an integer >= 1) or a list of relative gaps "
            "in (0, 1]"
        )
    return np.unique(np.asarray(given, dtype=float))[::-1]


def _is_gap(value: object) -> bool:
    return isinstance(value, int | float | np.floating) and 0 < float(value) <= 1


def table(study: Study, wanted: np.ndarray) -> pd.DataFrame:
    """One row a problem, optimizer, seed and target: ``gap``, the ``hypervolume`` that it asks for,
    whether it was ``reached``, the ``cost`` at which (where it was not: all that the run spent, at which
    it is censored), and how the run ``ended``."""
    rows = []
    for (problem, optimizer), of in runtimes(study, wanted).items():
        volumes = (1 - wanted) * study.scales[problem].reference_hypervolume
        for seed, reached, spent, ended in zip(of.seeds, of.reached, of.spent, of.ended, strict=True):
            for gap, volume, cost in zip(wanted, volumes, reached, strict=True):
                hit = bool(np.isfinite(cost))
                rows.append([problem, optimizer, seed, gap, volume, hit, cost if hit else spent, ended])
    columns = ["problem", "optimizer", "seed", "gap", "hypervolume", "reached", "cost", "ended"]
    return pd.DataFrame(rows, columns=columns)


# ---------------------------------------------------------------------- ERT


def expected_runtime(reached: np.ndarray, spent: np.ndarray) -> np.ndarray:
    """Expected running time to each target (targets,): all that the runs spent before they reached it,
    or in vain, over the number of runs that did; inf where none did (Auger and Hansen 2005, eq. 1-3).

    Args:
        reached: (n, targets), inf where a run did not.
        spent: by each run in all (n,).
    """
    successes = np.isfinite(reached).sum(axis=0)
    total = np.where(np.isfinite(reached), reached, spent[:, None]).sum(axis=0)
    return np.where(successes > 0, total / np.maximum(successes, 1), np.inf)


def ert(study: Study, wanted: np.ndarray) -> pd.DataFrame:
    """One row a problem, optimizer and target: ``gap``, ``ert`` in F-equivalents, ``successes`` and
    ``runs``."""
    rows = [
        [problem, optimizer, gap, value, successes, len(of.seeds)]
        for (problem, optimizer), of in runtimes(study, wanted).items()
        for gap, value, successes in zip(
            wanted,
            expected_runtime(of.reached, of.spent),
            np.isfinite(of.reached).sum(axis=0).tolist(),
            strict=True,
        )
    ]
    return pd.DataFrame(rows, columns=["problem", "optimizer", "gap", "ert", "successes", "runs"])


# ---------------------------------------------------------------------- ECDF


def simulated_restarts(
    reached: np.ndarray,
    spent: np.ndarray,
    first: np.ndarray,
    pool: np.ndarray,
    rng: np.random.Generator,
    horizon: float = np.inf,
) -> np.ndarray:
    """Runtimes (samples, s, targets) of runs that, where they fail, are started again until one reaches the
    target: each restart is one of the runs, drawn at random with replacement, and what was spent in vain
    is added up; inf where no run of the pool ever reached the target.

    Args:
        reached: (n, targets), inf where a run did not.
        spent: by each run in all (n,).
        first: which run each begins with (samples, s).
        pool: which runs the restarts of a sample are drawn from (samples, p).
        horizon: runtimes beyond it need not be exact: those may be inf.
    """
    times = reached[first]
    vain = np.broadcast_to(spent[first][..., None], times.shape).copy()
    possible = np.isfinite(reached[pool]).any(axis=1, keepdims=True)
    while True:
        at = (~np.isfinite(times) & possible & (vain <= horizon)).nonzero()
        if not len(at[0]):
            return np.asarray(times)
        drawn = pool[at[0], rng.integers(pool.shape[1], size=len(at[0]))]
        times[at] = vain[at] + reached[drawn, at[2]]
        vain[at] += spent[drawn]


def _samples(of: Runtimes) -> np.ndarray:
    """Runtimes (samples, targets) with simulated restarts; every run is the first equally often, so that
    runs that all succeed stand for themselves."""
    n = len(of.seeds)
    if n == 0:
        return np.full((1, of.reached.shape[1]), np.inf)
    if np.isfinite(of.reached).all():
        return of.reached
    first = np.repeat(np.arange(n), -(-_RESTARTS // n))[None]
    rng = np.random.default_rng(_SEED)
    return np.asarray(simulated_restarts(of.reached, of.spent, first, np.arange(n)[None], rng)[0])


def ecdf(study: Study, wanted: np.ndarray, problems: Sequence[str]) -> dict[str, Curve]:
    """label -> (costs, shares): the share of all (problem, target) that an optimizer, started again where
    a run fails, has reached once it spent so much. Begins at cost 0; each problem and target has the same
    weight."""
    found = runtimes(study, wanted)
    return {o: _step([_samples(found[p, o]) for p in problems]) for o in study.solvers}


def _step(samples: Sequence[np.ndarray]) -> Curve:
    """Cost and share at every runtime that is finite."""
    of_problem = [np.sort(times, axis=None) for times in samples]
    times = np.unique(np.concatenate([np.zeros(1), *of_problem]))
    times = times[np.isfinite(times)]
    shares = [np.searchsorted(of, times, side="right") / len(of) for of in of_problem]
    return times, np.asarray(np.mean(shares, axis=0))


# ---------------------------------------------------------------------- area under the ECDF


def area(times: np.ndarray, horizon: float) -> np.ndarray:
    """Area under the ECDF of runtimes (..., n) over the logarithm of the cost, from 1 to the horizon, as a
    share of the whole (...): 1 when all are reached at once, 0 when none is."""
    logs: np.ndarray = np.log(np.clip(times, 1.0, horizon)) / np.log(horizon)
    return np.asarray(1 - logs.mean(axis=-1))


def areas(
    study: Study, wanted: np.ndarray, problems: Sequence[str]
) -> Mapping[str, tuple[float, float, float]]:
    """label -> (area, low, high): the area under `ecdf` up to the budget, mean over the problems, with its
    95 % bootstrap interval (percentiles; runs are drawn anew within each problem)."""
    horizon, found = max(limit(study), 2.0), runtimes(study, wanted)
    result = {}
    for optimizer in study.solvers:
        rng = np.random.default_rng(_SEED)
        of = [found[p, optimizer] for p in problems]
        value = float(np.mean([area(_samples(o).ravel(), horizon) for o in of]))
        drawn = np.mean([_replicates(o, horizon, rng) for o in of], axis=0)
        tail = 100 * (1 - CONFIDENCE) / 2
        low, high = np.percentile(drawn, [tail, 100 - tail])
        result[optimizer] = (value, float(low), float(high))
    return result


def _replicates(of: Runtimes, horizon: float, rng: np.random.Generator) -> np.ndarray:
    """The area on one problem for runs drawn anew (replicates,)."""
    n = len(of.seeds)
    if n == 0:
        return np.zeros(_REPLICATES)
    drawn = rng.integers(n, size=(_REPLICATES, n))
    times = simulated_restarts(of.reached, of.spent, drawn, drawn, rng, horizon)
    return area(times.reshape(_REPLICATES, -1), horizon)


def area_table(study: Study, wanted: np.ndarray, problems: Sequence[str]) -> pd.DataFrame:
    """One row an optimizer: ``area``, ``lower``, ``upper``, ``runs`` (in all, failed ones too), and
    ``reached``, the share of (run, target) that was reached without restarts."""
    found, rows = runtimes(study, wanted), []
    for optimizer, (value, low, high) in areas(study, wanted, problems).items():
        of = [found[p, optimizer] for p in problems]
        hit = [np.isfinite(o.reached).mean() if len(o.seeds) else 0.0 for o in of]
        rows.append([optimizer, value, low, high, sum(len(o.seeds) for o in of), float(np.mean(hit))])
    return pd.DataFrame(rows, columns=["optimizer", "area", "lower", "upper", "runs", "reached"])
