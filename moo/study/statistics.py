"""The statistics of a comparison: medians and quartiles, Mann-Whitney's U, Holm's correction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import mannwhitneyu

LEAST_RUNS = 5  # with fewer, no p-value can be small: with 4 against 4 the least is 0.029
SIGNIFICANT = 0.05


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


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values (1979); NaN stays NaN and is not counted."""
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(np.asarray(p, dtype=float)))
    order = known[np.argsort(np.asarray(p, dtype=float)[known], kind="stable")]
    scaled = [p[i] * (len(order) - place) for place, i in enumerate(order)]
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0) if len(order) else []
    return [float(value) for value in adjusted]
