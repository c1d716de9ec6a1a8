"""The statistics against SciPy, numpy and cases worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from moo.study.statistics import holm, mann_whitney, median, quartiles

FLOATS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20)


@given(FLOATS)
def test_quartiles_are_numpys(values: list[float]) -> None:
    assert quartiles(values) == pytest.approx(np.percentile(values, [25, 50, 75]), abs=1e-6)


def test_quartiles_of_infinities_are_no_nan() -> None:
    assert quartiles([math.inf] * 4) == (math.inf,) * 3
    assert quartiles([1.0, math.inf, math.inf]) == (math.inf, math.inf, math.inf)
    assert quartiles([1.0, 2.0, math.inf])[:2] == (1.5, 2.0)


def test_nan_is_no_value() -> None:
    assert median([math.nan, 1.0, 3.0]) == 2.0
    assert math.isnan(median([math.nan]))
    assert math.isnan(median([]))


def test_mann_whitney_of_disjoint_samples_is_two_in_252() -> None:
    """Of the C(10, 5) = 252 ways to rank five against five, two are this extreme."""
    assert mann_whitney([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) == pytest.approx(2 / 252)


def test_mann_whitney_is_scipys() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=12), rng.normal(0.5, size=9)
    assert mann_whitney(a.tolist(), b.tolist()) == pytest.approx(mannwhitneyu(a, b).pvalue)


def test_mann_whitney_needs_five_runs_and_takes_ties() -> None:
    assert math.isnan(mann_whitney([1, 2, 3, 4], [5, 6, 7, 8, 9]))
    assert mann_whitney([0.0] * 5, [0.0] * 6) == 1.0


def test_holm_by_hand() -> None:
    """Sorted 0.01, 0.03, 0.04: 3 x 0.01, 2 x 0.03, then max(0.06, 1 x 0.04)."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_holm_leaves_nan_out() -> None:
    adjusted = holm([math.nan, 0.02, 0.03])
    assert math.isnan(adjusted[0])
    assert adjusted[1:] == pytest.approx([0.04, 0.04])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_never_makes_a_p_smaller_and_keeps_their_order(p: list[float]) -> None:
    adjusted = holm(p)
    assert all(after >= before for before, after in zip(p, adjusted, strict=True))
    order = np.argsort(p, kind="stable")
    assert np.all(np.diff(np.array(adjusted)[order]) >= 0)
