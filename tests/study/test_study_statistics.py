"""The statistics against SciPy, numpy and cases worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, norm, wilcoxon

from moo.study.statistics import (
    a12,
    a12_interval,
    holm,
    least_p,
    mann_whitney,
    mean_interval,
    median,
    quartiles,
    runs_needed,
    signed_rank,
    signed_rank_sum,
)

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


# ---------------------------------------------------------------------- pairs of runs


def test_signed_ranks_all_on_one_side_is_two_in_32() -> None:
    """Of the 2^5 = 32 ways to sign five ranks, two are this extreme."""
    assert signed_rank([2, 4, 6, 8, 10], [1, 2, 3, 4, 5]) == pytest.approx(2 / 32)
    assert signed_rank_sum([2, 4, 6, 8, 10], [1, 2, 3, 4, 5]) == 1 + 2 + 3 + 4 + 5


def test_signed_ranks_are_scipys() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=15), rng.normal(0.5, size=15)
    assert signed_rank(a.tolist(), b.tolist()) == pytest.approx(wilcoxon(a, b).pvalue)


def test_signed_ranks_need_five_pairs_and_leave_equal_ones_out() -> None:
    assert math.isnan(signed_rank([1, 2, 3, 4], [5, 6, 7, 8]))
    assert signed_rank([0.0] * 5, [0.0] * 5) == 1.0
    assert signed_rank([math.inf] * 5, [math.inf] * 5) == 1.0
    with_equal = signed_rank([1.0, 2, 4, 6, 8, 10], [1.0, 1, 2, 3, 4, 5])
    assert with_equal == pytest.approx(2 / 32)


def test_the_least_p_is_that_of_complete_separation() -> None:
    assert least_p(5, 7) == pytest.approx(2 / math.comb(12, 5))
    assert least_p(6, 6, paired=True) == pytest.approx(2 / 2**6)
    assert least_p(20, 20) == mannwhitneyu(range(20), range(20, 40)).pvalue
    assert math.isnan(least_p(4, 9))


@pytest.mark.parametrize(
    ("tests", "paired", "needed"), [(1, False, 5), (75, False, 7), (1, True, 6), (10, True, 9)]
)
def test_how_many_runs_it_takes_by_hand(tests: int, paired: bool, needed: int) -> None:
    """75 x 2 / C(14, 7) = 0.044 and 75 x 2 / C(12, 6) = 0.16; 10 x 2 / 2^9 = 0.039."""
    assert runs_needed(tests, paired=paired) == needed


def test_infinite_differences_are_the_largest() -> None:
    assert signed_rank([math.inf, 3, 4, 5, 6], [1, 2, 2, 2, 2]) == pytest.approx(2 / 32)
    assert signed_rank_sum([math.inf, 0.0], [0.0, 5.0]) == 2 - 1


# ---------------------------------------------------------------------- effect size


def test_a12_by_counting_pairs() -> None:
    """Of 3 x 2 pairs the first is larger in 3 and equal in 1."""
    assert a12([1, 3, 5], [1, 4]) == pytest.approx((1 + 2 + 0.5) / 6)
    assert a12([1, 2], [3, 4]) == 0.0
    assert a12([math.inf], [math.inf]) == 0.5
    assert math.isnan(a12([], [1.0]))


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=8), st.lists(st.integers(0, 9), min_size=1, max_size=8)
)
def test_a12_is_the_share_of_pairs_and_the_u_statistic(a: list[int], b: list[int]) -> None:
    larger = sum((x > y) + 0.5 * (x == y) for x in a for y in b)
    assert a12(a, b) == pytest.approx(larger / len(a) / len(b))
    assert a12(a, b) == pytest.approx(mannwhitneyu(a, b).statistic / len(a) / len(b))
    assert a12(a, b) + a12(b, a) == pytest.approx(1)
    assert a12([x**3 for x in a], [y**3 for y in b]) == a12(a, b)


@given(st.floats(0, 1), st.integers(1, 40), st.integers(1, 40))
def test_the_interval_holds_the_estimate_and_mirrors(estimate: float, n: int, m: int) -> None:
    low, high = a12_interval(estimate, n, m)
    assert 0 <= low <= estimate <= high <= 1
    assert low < high
    assert a12_interval(1 - estimate, n, m) == pytest.approx((1 - high, 1 - low), abs=1e-6)


def test_at_its_ends_the_interval_is_z_standard_errors_from_the_estimate() -> None:
    """Hanley and McNeil's variance, with (n + m) / 2 - 1 for both n - 1 and m - 1."""
    n, m, estimate = 15, 12, 0.8
    for theta in a12_interval(estimate, n, m):
        q1, q2 = theta / (2 - theta), 2 * theta**2 / (1 + theta)
        both = (n + m) / 2 - 1
        variance = (theta * (1 - theta) + both * (q1 - theta**2) + both * (q2 - theta**2)) / (n * m)
        assert abs(estimate - theta) == pytest.approx(norm.ppf(0.975) * math.sqrt(variance), rel=1e-6)


def test_complete_separation_still_has_a_width() -> None:
    low, high = a12_interval(1.0, 15, 15)
    assert high == 1.0
    assert 0.8 < low < 0.95
    assert a12_interval(1.0, 5, 5)[0] < low
    assert a12_interval(math.nan, 0, 5) == (0.0, 1.0)


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.0])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(shift: float) -> None:
    rng, truth = np.random.default_rng(1), norm.cdf(shift / math.sqrt(2))
    covered = []
    for _ in range(300):
        low, high = a12_interval(a12(rng.normal(shift, size=15), rng.normal(size=15)), 15, 15)
        covered.append(low <= truth <= high)
    assert 0.92 <= np.mean(covered) <= 0.995


def test_the_mean_interval_by_hand() -> None:
    """Distances 0.3 and 0.4 below: sqrt(0.09 + 0.16) / 2; 0.06 and 0.08 above: 0.1 / 2."""
    mean, low, high = mean_interval([0.8, 0.9], [(0.5, 0.86), (0.5, 0.98)])
    assert (mean, low, high) == pytest.approx((0.85, 0.6, 0.9))
    assert mean_interval([0.8, math.nan], [(0.5, 0.9), (0, 1)]) == pytest.approx((0.8, 0.5, 0.9))
    assert all(math.isnan(value) for value in mean_interval([], []))
