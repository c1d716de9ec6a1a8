"""The archive is the non-dominated filter of everything ever offered to it."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.results import dominated_slowly, front_of
from hypothesis import given
from hypothesis import strategies as st

import moo
import moo.archive
from moo.archive import Archive

SMALL = 7  # rows before the archive prunes for the first time


@pytest.fixture(autouse=True, scope="module")
def _small_batches():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moo.archive, "_LEAST_BATCH", SMALL)
        yield


def filled(batches):
    """The archive and everything it was offered; X tells the rows apart."""
    archive, rows = Archive(), []
    for F, keep in batches:
        X = np.arange(len(rows), len(rows) + len(F), dtype=float)[:, None]
        archive.add(X, F, keep)
        rows += list(zip(X[:, 0], F.tolist(), keep, strict=True))
    return archive, rows


@given(
    seed=st.integers(0, 2**32 - 1),
    m=st.integers(1, 4),
    values=st.sampled_from([3, 10, 1000]),
    sizes=st.lists(st.integers(0, 15), min_size=1, max_size=12),
    share=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_it_is_the_brute_force_filter_across_prunes(seed, m, values, sizes, share):
    """Few distinct values make many equal rows."""
    rng = np.random.default_rng(seed)
    batches = [(rng.integers(values, size=(n, m)).astype(float), rng.random(n) <= share) for n in sizes]
    archive, rows = filled(batches)
    kept = np.array([F for _, F, keep in rows if keep]).reshape(-1, m)
    points = archive.points()
    if len(kept) == 0:
        assert points is None
        return
    X, F = points
    expected = np.unique(kept[~dominated_slowly(kept)], axis=0)
    assert np.array_equal(np.unique(F, axis=0), expected)
    assert len(F) == len(expected), "of equal rows one is kept"
    offered = {x: F for x, F, _ in rows}
    assert [offered[x] for x in X[:, 0]] == F.tolist(), "X and F belong together"
    assert (np.diff(X[:, 0]) > 0).all(), "in the order in which they were found"


def test_of_equal_rows_the_first_is_kept_across_prunes():
    batches = [(np.full((SMALL, 2), 1.0), np.ones(SMALL, dtype=bool))] * 3
    X, F = filled(batches)[0].points()
    assert X.tolist() == [[0.0]]
    assert F.tolist() == [[1.0, 1.0]]


def test_asking_changes_nothing():
    archive, _ = filled([(np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.ones(3, dtype=bool))])
    for _ in range(2):
        assert archive.points()[1].tolist() == [[0.0, 1.0], [1.0, 0.0]]
    archive.add(np.array([[9.0]]), np.array([[0.0, 0.0]]), np.array([True]))
    assert archive.points()[1].tolist() == [[0.0, 0.0]]


def test_it_does_not_pile_up_models_of_many_parameters(monkeypatch):
    monkeypatch.setattr(moo.archive, "_LEAST_BATCH", 1000)
    monkeypatch.setattr(moo.archive, "_MOST_PENDING", 100)
    archive = Archive()
    for k in range(20):
        archive.add(np.zeros((1, 60)), np.array([[20.0 - k, 20.0 - k]]), np.array([True]))
        assert sum(len(X) for X in archive._X) <= 3


def test_infeasible_and_failed_rows_never_enter():
    def hole(x):
        return -1 / (x[0] - 0.5).clip(0.0)  # -inf up to a half

    def second(x):
        return x[1]

    problem = moo.Problem([hole, second], xl=[0, 0], xu=[1, 1], inequality=[lambda x: 0.25 - x[1]])
    result = moo.solve(problem, moo.RandomSearch(), budget=500, seed=0)
    finite = np.isfinite(result.log["F"]).all(axis=1)
    assert 0 < (~finite).sum() == result.statuses["inf"]
    allowed = result.log["F"][finite & (result.log["CV"] <= 0)]
    expected = allowed[front_of(allowed)]
    assert np.array_equal(np.unique(result.archive_F, axis=0), np.unique(expected, axis=0))
    assert (result.archive_X[:, 1] >= 0.25 - 1e-6).all()
    assert (result.archive_X[:, 0] > 0.5).all()
