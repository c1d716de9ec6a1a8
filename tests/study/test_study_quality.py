"""Normalisation, the cut to k points and the indicators, by hand and against moocore."""

from __future__ import annotations

import math

import moocore
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_results import KNOWN, UNKNOWN, made

from moo.indicators import subset
from moo.study.quality import Quality, Scale, best_rows, cut

UNIT = Scale(np.zeros(2), np.ones(2), relative=False)


def line(n: int) -> np.ndarray:
    x = np.linspace(0, 1, n)
    return np.column_stack([x, 1 - x])


def test_one_point_by_hand() -> None:
    quality = Quality.of(made([[0.1, 0.6]]), UNIT, k=50)
    assert quality.hypervolume == pytest.approx(1.0 * 0.5)
    # IGD+ to (0, 1): (max(0.1, 0), max(-0.4, 0)) -> 0.1; to (1, 0): (0, 0.6) -> 0.6
    assert quality.igd_plus == pytest.approx((0.1 + 0.6) / 2)
    assert quality.points == 1


def test_infeasible_and_dominated_rows_do_not_count() -> None:
    result = made([[0.0, 0.0], [0.5, 0.5], [0.6, 0.6]], CV=[1.0, 0.0, 0.0])
    assert best_rows(result).tolist() == [[0.5, 0.5]]
    assert Quality.of(result, UNIT, k=50).hypervolume == pytest.approx(0.36)


def test_a_large_answer_is_cut_to_k_points() -> None:
    F = line(400)
    quality = Quality.of(made(F), UNIT, k=10)  # type: ignore[arg-type]
    chosen = F[subset(F, 10)]
    assert len(chosen) == 10
    assert quality.hypervolume == pytest.approx(moocore.hypervolume(chosen, ref=[1.1, 1.1]))
    assert quality.hypervolume < quality.archive_hypervolume
    assert quality.points == 400


@given(st.integers(1, 30), st.integers(1, 30))
def test_the_cut_keeps_all_of_few_rows_and_k_of_many(n: int, k: int) -> None:
    kept = cut(line(n), k)
    assert len(kept) == min(n, k)
    assert len(np.unique(kept, axis=0)) == len(kept)


def test_a_known_front_fixes_the_scale() -> None:
    scale = Scale.of(KNOWN, [made([[5.0, 5.0]])])
    assert not scale.relative
    assert scale.nadir.tolist() == [1.0, 1.0]


def test_the_relative_scale_is_that_of_every_archive_and_answer() -> None:
    a = made([[0.0, 10.0]], archive=[[0.0, 10.0], [2.0, 4.0]], statement=UNKNOWN)
    b = made([[8.0, 1.0]], archive=[[8.0, 1.0], [20.0, 20.0]], statement=UNKNOWN)
    scale = Scale.of(UNKNOWN, [a, b])
    assert scale.relative
    assert scale.ideal.tolist() == [0.0, 1.0]
    assert scale.nadir.tolist() == [20.0, 20.0]
    assert scale.normalise(np.array([[10.0, 10.5]])).tolist() == [[0.5, 0.5]]


def test_one_point_that_dominates_everything_still_gives_a_scale() -> None:
    results = [made([[1.0, 1.0]], statement=UNKNOWN), made([[5.0, 3.0]], statement=UNKNOWN)]
    scale = Scale.of(UNKNOWN, results)
    assert scale.ideal.tolist() == [1.0, 1.0]
    assert scale.nadir.tolist() == [5.0, 3.0]


def test_without_any_point_the_scale_is_the_unit() -> None:
    scale = Scale.of(UNKNOWN, [made([], statement=UNKNOWN)])
    assert scale.ideal.tolist() == [0.0, 0.0]
    assert scale.nadir.tolist() == [1.0, 1.0]


def test_minibatch_runs_keep_no_archive_and_count_by_their_answers() -> None:
    result = made([[0.0, 2.0], [1.0, 0.0]], archive=[], statement=UNKNOWN)
    scale = Scale.of(UNKNOWN, [result])
    assert scale.nadir.tolist() == [1.0, 2.0]
    assert math.isnan(Quality.of(result, scale, 50).archive_hypervolume)


def test_nothing_feasible_is_worth_nothing() -> None:
    quality = Quality.of(made([[0.1, 0.1]], archive=[], CV=[0.3]), UNIT, 50)
    assert (quality.hypervolume, quality.archive_hypervolume, quality.points) == (0.0, 0.0, 0)
    assert quality.igd_plus == math.inf


def test_no_front_no_igd() -> None:
    assert math.isnan(Quality.of(made([[0.1, 0.1]], statement=UNKNOWN), UNIT, 50).igd_plus)
