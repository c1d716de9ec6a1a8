"""Tuning with equal budgets: every optimizer is tried in the same number of configurations, on seeds that
the comparison does not use, and keeps the one that ranks best over the problems.

Both are reported, the defaults and what tuning chose (Bartz-Beielstein et al. 2020, "Benchmarking in
optimization: best practice and open issues", section 4.3).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import qmc, rankdata

from moo.errors import MooError, OptionError, unknown_name
from moo.optimizers.base import Optimizer
from moo.study.study import Study

FIRST_SEED = 10_000  # of the seeds for tuning
_SEED = 0  # of the configurations: the same for everybody


@dataclass(frozen=True)
class Range:
    """Values of a numeric option, on a linear or logarithmic scale; multiples of ``step`` if given."""

    low: float
    high: float
    log: bool = False
    step: int | None = None

    def at(self, share: float) -> float | int:
        """The value at a share in [0, 1] of the way."""
        low, high = (np.log(self.low), np.log(self.high)) if self.log else (self.low, self.high)
        value = float(low + share * (high - low))
        value = float(np.exp(value)) if self.log else value
        return float(f"{value:.3g}") if self.step is None else self.step * round(value / self.step)


# An option is tuned by its name, whichever optimizer has it.
RANGES = {
    "pop_size": Range(20, 200, log=True, step=2),
    "n": Range(10, 100, log=True, step=1),
    "learning_rate": Range(0.002, 0.5, log=True),
    "crossover_eta": Range(2.0, 40.0),
    "crossover_prob": Range(0.6, 1.0),
    "mutation_eta": Range(2.0, 40.0),
    "repulsion": Range(0.002, 0.2, log=True),
    "hidden": Range(16, 128, log=True, step=1),
}


def options_of(optimizer: Optimizer[Any]) -> list[str]:
    """The options of an optimizer that are tuned; none of RandomSearch, say."""
    return [field.name for field in dataclasses.fields(optimizer) if field.name in RANGES]  # type: ignore[arg-type]


def ranges_of(given: Mapping[str, Any]) -> dict[str, Range]:
    """The ranges with those of a suite, ``{"pop_size": [20, 100]}``, in place of ours.

    Raises:
        OptionError: for an option that is not tuned, and for what is no pair of increasing numbers.
    """
    ranges = dict(RANGES)
    for name, pair in given.items():
        if name not in RANGES:
            raise OptionError(unknown_name("option to tune", name, RANGES))
        numbers = isinstance(pair, list) and len(pair) == 2 and all(isinstance(v, (int, float)) for v in pair)
        if not numbers or not pair[0] < pair[1] or (RANGES[name].log and pair[0] <= 0):
            raise OptionError(f"the range {name}={pair!r} is not accepted: give [low, high], low < high")
        ranges[name] = dataclasses.replace(RANGES[name], low=pair[0], high=pair[1])
    return ranges


def configurations(
    optimizer: Optimizer[Any], n: int, ranges: Mapping[str, Range] = RANGES
) -> list[Optimizer[Any]]:
    """The optimizer as it is, and n - 1 others spread over its options by a Latin hypercube (fewer where
    options have few values; none for an optimizer without such options)."""
    names = options_of(optimizer)
    if not names or n == 1:
        return [optimizer]
    hypercube = qmc.LatinHypercube(len(names), rng=np.random.default_rng(_SEED))
    found = [optimizer]
    for shares in hypercube.random(n - 1):
        found.append(_configured(optimizer, names, shares, ranges))
    return list({repr(configuration): configuration for configuration in found}.values())


def _configured(
    optimizer: Optimizer[Any], names: Sequence[str], shares: np.ndarray, ranges: Mapping[str, Range]
) -> Optimizer[Any]:
    """
    Raises:
        OptionError: when the optimizer refuses the values.
    """
    chosen = {name: ranges[name].at(float(share)) for name, share in zip(names, shares, strict=True)}
    try:
        made: Optimizer[Any] = dataclasses.replace(optimizer, **chosen)  # type: ignore[type-var]
    except MooError as error:
        raise OptionError(f"{type(optimizer).__name__} cannot be tuned: {error}") from error
    return made


def candidates(
    optimizers: Mapping[str, Optimizer[Any]], n: int, ranges: Mapping[str, Range] = RANGES
) -> dict[str, Optimizer[Any]]:
    """All configurations by label, "NSGA2 #0" the defaults."""
    return {
        f"{label} #{i}": configuration
        for label, optimizer in optimizers.items()
        for i, configuration in enumerate(configurations(optimizer, n, ranges))
    }


def chosen(study: Study, optimizers: Mapping[str, Optimizer[Any]]) -> pd.DataFrame:
    """What the study of all `candidates` says: one row a configuration, with its mean rank over the
    problems among those of its optimizer (by the median hypervolume of its answers; a cell that failed
    counts as 0), and whether it is chosen. Of equal ranks the earlier is chosen, the defaults first."""
    frames = [_judged(study, label) for label in optimizers]
    return pd.concat(frames, ignore_index=True)


def _judged(study: Study, label: str) -> pd.DataFrame:
    labels = [name for name in study.optimizers if name.rpartition(" #")[0] == label]
    ranks = np.mean([rankdata([-_worth(study, p, name) for name in labels]) for p in study.problems], axis=0)
    return pd.DataFrame(
        {
            "optimizer": label,
            "configuration": [study.optimizers[name] for name in labels],
            "defaults": np.arange(len(labels)) == 0,
            "mean rank": ranks,
            "chosen": np.arange(len(labels)) == int(np.argmin(ranks)),
        }
    )


def _worth(study: Study, problem: str, label: str) -> float:
    """Median over the seeds."""
    keys = [(problem, label, seed) for seed in study.seeds]
    return float(np.median([study.qualities[k].hypervolume if k in study.qualities else 0.0 for k in keys]))
