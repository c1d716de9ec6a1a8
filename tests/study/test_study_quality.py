"""Normalisation, the cut to k points and the indicators, by hand and against moocore."""

from __future__ import annotations

import math
from dataclasses import replace

import moocore
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_results import KNOWN, UNKNOWN, made

from moo.errors import OptionError
from moo.indicators import subset
from moo.result import History, Result
from moo.study.quality import Quality, Scale, answer_at, archive_at, best_rows, cost_at, cut, k_points

UNIT = Scale(np.zeros(2), np.ones(2), relative=False, front=np.array(KNOWN.front))


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


def test_without_any_front_there_is_no_distance_to_it() -> None:
    scale = Scale.of(UNKNOWN, [made([], statement=UNKNOWN)])
    quality = Quality.of(made([[0.1, 0.1]], statement=UNKNOWN), scale, 50)
    assert math.isnan(quality.igd_plus)
    assert math.isnan(quality.answer.epsilon)
    assert math.isnan(scale.reference_hypervolume)


def test_an_unknown_front_is_the_union_of_all_archives() -> None:
    a = made([[0.0, 1.0]], archive=[[0.0, 1.0], [0.6, 0.6]], statement=UNKNOWN)
    b = made([[1.0, 0.0]], archive=[[0.5, 0.5], [1.0, 0.0]], statement=UNKNOWN)
    scale = Scale.of(UNKNOWN, [a, b])
    assert scale.front is not None
    assert sorted(scale.front.tolist()) == [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]
    assert scale.relative_front
    assert scale.source == "relative"
    assert scale.reference_hypervolume == pytest.approx(0.6 * 0.6 + 2 * 0.1 * 0.5)
    # a's answer (0, 1) is exact for itself, 0.5 too much in f2 for (0.5, 0.5), 1 for (1, 0)
    quality = Quality.of(a, scale, 50)
    assert quality.answer.igd_plus == pytest.approx(0.5)
    assert quality.answer.epsilon == pytest.approx(1.0)
    assert quality.archive.epsilon == pytest.approx(0.6)


def test_a_known_front_stays_the_reference_however_good_the_runs() -> None:
    scale = Scale.of(KNOWN, [made([[-1.0, -1.0]])])
    assert scale.front is not None
    assert scale.front.tolist() == KNOWN.front
    assert not scale.relative_front
    assert scale.source == "known front"


def test_a_stored_reference_set_is_named() -> None:
    stated = replace(KNOWN)
    stored = {"name": "dtlz7", "version": "1.2", "sha256": "0123456789abcdef"}
    object.__setattr__(stated, "reference_set", stored)
    assert Scale.of(stated, []).source == "dtlz7 1.2 (sha256 0123456789ab)"


def test_every_indicator_in_both_views() -> None:
    quality = Quality.of(made([[0.1, 0.6]], archive=[[0.1, 0.6], [0.6, 0.1], [-0.5, 2.0]]), UNIT, k=50)
    assert quality.archive.hypervolume == pytest.approx(2 * 0.5 - 0.25)
    assert quality.archive.igd_plus == pytest.approx(0.1)
    assert (quality.answer.epsilon, quality.archive.epsilon) == (pytest.approx(0.6), pytest.approx(0.1))
    assert quality.answer.r2 == pytest.approx(moocore.r2_exact([[0.1, 0.6]], ref=[0, 0]))
    assert math.isnan(quality.answer.spacing)
    # Manhattan distances to the nearest: 1, 1 and 0.6 + 1.4
    assert quality.archive.spacing == pytest.approx(np.std([1.0, 1.0, 2.0], ddof=1))
    assert (quality.answer.outside, quality.archive.outside) == (0, 1)
    assert (quality.answer.points, quality.archive.points) == (1, 3)
    assert quality.view("archive")["igd+"] == quality.archive.igd_plus


def test_an_archive_that_was_not_kept_has_no_indicator() -> None:
    archive = Quality.of(made([[0.5, 0.5]], archive=[]), UNIT, 50).archive
    assert all(math.isnan(archive[name]) for name in ("hypervolume", "igd+", "epsilon", "r2", "spacing"))


# ---------------------------------------------------------------------- how an answer is cut


def test_the_cut_by_hypervolume_is_worth_no_less_than_that_by_distance() -> None:
    rng = np.random.default_rng(1)
    F = rng.random((300, 2))
    F = F[moocore.is_nondominated(F)]
    greedy, spread = (UNIT.hypervolume(k_points(F, 5, UNIT, rule)) for rule in ("hypervolume", "distance"))
    assert greedy >= spread
    with pytest.raises(OptionError, match="did you mean 'distance'"):
        k_points(F, 5, UNIT, "distanc")


# ---------------------------------------------------------------------- at a budget


def logged() -> Result:
    """A run of 30 F-equivalents: three answers, a log of five rows, one of them infeasible."""
    history = History(
        cost=[10.0, 20.0], n_f=[6, 12], n_vjp=[2, 4], seconds=[0.1, 0.2],
        fronts=[np.array([[0.8, 0.8]]), np.array([[0.5, 0.7], [0.7, 0.5]])],
    )  # fmt: skip
    result = made([[0.2, 0.2]], history=history, n_f=18, n_vjp=6)
    log = [
        ([0.8, 0.8], 0, 5),
        ([0.1, 0.1], 1, 10),
        ([0.5, 0.7], 0, 15),
        ([0.7, 0.5], 0, 20),
        ([0.2] * 2, 0, 30),
    ]
    F, CV, cost = (np.array(column, dtype=float) for column in zip(*log, strict=True))
    result.log = {"F": F, "CV": CV, "cost": cost}
    return result


@pytest.mark.parametrize(
    ("at", "answer", "archive", "spent"),
    [
        (5, [], [[0.8, 0.8]], 0),
        (10, [[0.8, 0.8]], [[0.8, 0.8]], 10),
        (19.9, [[0.8, 0.8]], [[0.5, 0.7]], 10),
        (20, [[0.5, 0.7], [0.7, 0.5]], [[0.5, 0.7], [0.7, 0.5]], 20),
        (30, [[0.2, 0.2]], [[0.2, 0.2]], 30),
        (None, [[0.2, 0.2]], [[0.2, 0.2]], 30),
    ],
)
def test_a_run_is_read_at_a_budget(
    at: float | None, answer: list[list[float]], archive: list[list[float]], spent: float
) -> None:
    result = logged()
    assert answer_at(result, at).tolist() == answer
    assert archive_at(result, at).tolist() == archive
    assert cost_at(result, at).total == spent
    quality = Quality.of(result, UNIT, 50, at=at)
    assert quality.hypervolume == pytest.approx(UNIT.hypervolume(np.array(answer).reshape(-1, 2)))
    assert quality.points == len(answer)
