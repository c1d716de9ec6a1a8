"""The statistics of a comparison: medians and quartiles, two tests, Holm's correction, the effect size A12
with its interval. More on what they mean: docs/protocol.md."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import sqrt

import numpy as np
from scipy.optimize import brentq
from scipy.stats import mannwhitneyu, norm, rankdata, wilcoxon

LEAST_RUNS = 5  # with fewer, no p-value can be small: with 4 against 4 the least is 0.029
CLAIM_RUNS = 15  # of each optimizer; with fewer, a difference is no ground for a claim
SIGNIFICANT = 0.05
CONFIDENCE = 0.95


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """(25 %, median, 75 %) by linear interpolation; NaN without values, NaN values left out."""
    known = sorted(value for value in values if not np.isnan(value))
    if not known:
        return (np.nan, np.nan, np.nan)
    return (_quantile(known, 0.25), _quantile(known, 0.5), _quantile(known, 0.75))


def _quantile(ordered: list[float], share: float) -> float:
    """As numpy's default; written out because numpy's makes NaN of equal infinities."""
    place = share * (len(ordered) - 1)
    below, above = ordered[int(place)], ordered[min(int(place) + 1, len(ordered) - 1)]
    weight = place - int(place)
    return float(below) if weight == 0 or below == above else float(below + weight * (above - below))


def median(values: Sequence[float]) -> float:
    return quartiles(values)[1]


def mann_whitney(a: Sequence[float], b: Sequence[float]) -> float:
    """Two-sided p-value of Mann and Whitney's U (1947), exact for small samples without ties; NaN
    when either has fewer than five values."""
    if min(len(a), len(b)) < LEAST_RUNS:
        return float("nan")
    if len(set(a) | set(b)) == 1:
        return 1.0
    return float(mannwhitneyu(a, b, alternative="two-sided").pvalue)


def signed_rank(a: Sequence[float], b: Sequence[float]) -> float:
    """Two-sided p-value of Wilcoxon's signed rank test (1945) of pairs, a[i] with b[i]; exact for up to 50
    pairs without ties and zeros. Pairs that are equal, two infinities too, count as difference 0 and are
    left out; 1 when all are. NaN for fewer than five pairs."""
    if len(a) < LEAST_RUNS:
        return float("nan")
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    apart = x != y
    if not apart.any():
        return 1.0
    return float(wilcoxon(_finite(x[apart] - y[apart]), alternative="two-sided").pvalue)


@cache
def least_p(n_a: int, n_b: int, *, paired: bool = False) -> float:
    """The p-value when all of n_a runs are better than all of n_b; ``paired``: of n_a pairs that all
    differ to the same side. NaN for fewer than five."""
    if paired:
        return signed_rank(range(1, n_a + 1), [0.0] * n_a)
    return mann_whitney(range(n_b, n_b + n_a), range(n_b))


def runs_needed(tests: int, *, paired: bool = False) -> int:
    """How many runs of each it takes so that one of so many tests can be significant after Holm."""
    n = LEAST_RUNS
    while least_p(n, n, paired=paired) * tests >= SIGNIFICANT:
        n += 1
    return n


def signed_rank_sum(a: Sequence[float], b: Sequence[float]) -> float:
    """Ranks of the pairs in which ``a`` is larger minus those in which ``b`` is."""
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    apart = x != y
    differences = _finite(x[apart] - y[apart])
    return float((np.sign(differences) * rankdata(np.abs(differences))).sum())


def _finite(differences: np.ndarray) -> np.ndarray:
    """Infinite differences made the largest of all, which is all that ranks see of them."""
    known = np.abs(differences[np.isfinite(differences)])
    most = float(known.max(initial=1.0)) * 2
    return np.asarray(np.clip(differences, -most, most))


def a12(a: Sequence[float], b: Sequence[float]) -> float:
    """Probability that a value of ``a`` is larger than one of ``b``, ties counted half: 0.5 is no
    difference (Vargha and Delaney 2000, eq. 14); NaN without values."""
    if not len(a) or not len(b):
        return float("nan")
    ranks = rankdata([*a, *b])[: len(a)]
    return float((ranks.sum() / len(a) - (len(a) + 1) / 2) / len(b))


def a12_interval(estimate: float, n_a: int, n_b: int) -> tuple[float, float]:
    """95 % confidence interval of an A12 of n_a against n_b independent values: those theta whose
    distance to the estimate is at most z standard errors, with Hanley and McNeil's variance at theta
    (Newcombe 2006, "Part 2", method 5). Unlike DeLong's or Brunner and Munzel's it has a width when all of
    a is better than all of b, where theirs is zero. (0, 1) when there is nothing to estimate from."""
    if np.isnan(estimate) or not n_a or not n_b:
        return (0.0, 1.0)
    z = float(norm.ppf((1 + CONFIDENCE) / 2))
    extra = (n_a + n_b) / 2 - 1

    def beyond(theta: float) -> float:
        spread = 1 + extra * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return (estimate - theta) ** 2 - z**2 * theta * (1 - theta) * spread / (n_a * n_b)

    tiny = 1e-9  # beyond 0 and 1 themselves, where there is no spread
    low = 0.0 if estimate == 0 else float(brentq(beyond, 0.0, min(estimate, 1 - tiny)))
    high = 1.0 if estimate == 1 else float(brentq(beyond, max(estimate, tiny), 1.0))
    return (low, high)


def mean_interval(
    estimates: Sequence[float], intervals: Sequence[tuple[float, float]]
) -> tuple[float, float, float]:
    """(mean, low, high) of independent estimates, each with its own interval: their distances to the
    limits are added as squares (MOVER; Zou and Donner 2008, eq. 5 and 6). NaN estimates are left out."""
    known = [(e, *i) for e, i in zip(estimates, intervals, strict=True) if not np.isnan(e)]
    if not known:
        return (np.nan, np.nan, np.nan)
    middle, low, high = np.array(known).T
    below = sqrt(float(((middle - low) ** 2).sum())) / len(known)
    above = sqrt(float(((high - middle) ** 2).sum())) / len(known)
    mean = float(middle.mean())
    return (mean, max(mean - below, 0.0), min(mean + above, 1.0))


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values (1979); NaN stays NaN and is not counted."""
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(np.asarray(p, dtype=float)))
    order = known[np.argsort(np.asarray(p, dtype=float)[known], kind="stable")]
    scaled = [p[i] * (len(order) - place) for place, i in enumerate(order)]
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0) if len(order) else []
    return [float(value) for value in adjusted]
