"""Ask and tell: the caller evaluates, and the run is the one `solve` would have made."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from contracts.problems import to_first, to_second
from contracts.results import same_numbers

import moo
from moo.errors import MooError, OptionError, StorageError

BOX = {"xl": [-2.0, -2.0], "xu": [2.0, 2.0]}
METHOD = moo.NSGA2(pop_size=20)


def bare(**options):
    """A problem whose objectives nobody wrote down."""
    return moo.Problem(n_obj=2, backend="numpy", title="Problem", **BOX, **options)


def measured(X):
    return np.array([[to_first(x), to_second(x)] for x in X])


def serve(loop, batches=10**6):
    for _ in range(batches):
        if loop.done:
            break
        X = loop.ask()
        loop.tell(X, measured(X))
    return loop


def solved(method=METHOD, budget=600, seed=0):
    problem = moo.Problem([to_first, to_second], backend="numpy", names=["f1", "f2"], **BOX)
    return moo.solve(problem, method, budget=budget, seed=seed)


def test_it_is_the_run_that_solve_makes(optimizer_class):
    """For every optimizer: gradient methods difference the values they are told."""
    with moo.AskTell(bare(), optimizer_class(), budget=600) as loop:
        result = serve(loop).result()
    assert same_numbers(result, solved(optimizer_class()))
    assert result.status in ("budget spent", "converged")


def test_autograd_is_refused_in_one_sentence():
    problem = moo.Problem(n_obj=2, **BOX)
    with pytest.raises(OptionError, match="derivatives, which cannot be told"):
        moo.AskTell(problem, moo.GradientDescent())


def test_rows_may_be_told_one_by_one_in_any_order():
    with moo.AskTell(bare(), METHOD, budget=100) as loop:
        rng = np.random.default_rng(0)
        while not loop.done:
            waiting = loop.ask()
            x = waiting[rng.integers(len(waiting))]
            loop.tell(x, measured([x])[0])
        result = loop.result()
    assert same_numbers(result, solved(budget=100))


def test_asking_twice_asks_the_same():
    with moo.AskTell(bare(), METHOD) as loop:
        assert np.array_equal(loop.ask(), loop.ask())
        assert loop.ask().shape == (20, 2)


def test_there_is_a_result_at_any_time():
    with moo.AskTell(bare(), METHOD) as loop:
        assert len(loop.result().F) == 0
        serve(loop, 3)
        assert len(loop.result().log["F"]) == 60
        assert loop.result().status == "running"
        assert len(loop.result().F) > 0
        serve(loop, 2)
        assert len(loop.result().log["F"]) == 100


def test_a_candidate_that_failed_is_told_as_nan():
    with moo.AskTell(bare(), METHOD, budget=200) as loop:
        while not loop.done:
            X = loop.ask()
            F = measured(X)
            F[3] = np.nan
            loop.tell(X, F)
        result = loop.result()
    assert result.statuses["nan"] == 10
    assert np.isfinite(result.F).all()


def test_maximised_objectives_are_told_as_they_are_measured():
    problem = moo.Problem(n_obj=2, backend="numpy", directions=["max", "min"], **BOX)
    with moo.AskTell(problem, METHOD, budget=400) as loop:
        while not loop.done:
            X = loop.ask()
            loop.tell(X, measured(X) * [-1, 1])
        result = loop.result()
    assert (result.values[:, 0] < 0).all()
    assert np.array_equal(np.sort(result.F[:, 0]), np.sort(-result.values[:, 0]))


def test_constraints_are_told():
    problem = bare(n_ieq_constr=1)
    with moo.AskTell(problem, METHOD, budget=400) as loop:
        while not loop.done:
            X = loop.ask()
            loop.tell(X, measured(X), G=0.5 - X[:, 0] + X[:, 1])
        result = loop.result()
    assert result.feasible
    assert (0.5 - result.X[:, 0] + result.X[:, 1] <= 1e-6).all()


def test_it_ends_and_then_asks_nothing():
    with moo.AskTell(bare(), METHOD, budget=50) as loop:
        assert serve(loop).done
        assert loop.ask().shape == (0, 2)
        with pytest.raises(OptionError, match="does not wait"):
            loop.tell([[0.0, 0.0]], [[1.0, 1.0]])


# ---------------------------------------------------------------------- saved and resumed


@pytest.mark.parametrize("method", [METHOD, moo.Pymoo(), moo.WeightedSum(n=4, inner="slsqp")], ids=repr)
def test_it_goes_on_in_another_process(tmp_path, method):
    sessions = 0
    while True:
        with moo.AskTell(bare(), method, budget=600, out=tmp_path, resume=True) as loop:
            if loop.done:
                break
            serve(loop, 4)
        sessions += 1
    assert sessions > 1
    assert same_numbers(loop.result(), solved(method))
    assert same_numbers(moo.Result.load(tmp_path), solved(method))


def test_half_told_batches_are_kept(tmp_path):
    with moo.AskTell(bare(), METHOD, out=tmp_path) as loop:
        X = loop.ask()
        loop.tell(X[:15], measured(X[:15]))
    with moo.AskTell(bare(), METHOD, out=tmp_path, resume=True) as loop:
        assert np.array_equal(loop.ask(), X[15:])


def test_a_folder_in_use_is_refused(tmp_path):
    with (
        moo.AskTell(bare(), METHOD, out=tmp_path),
        pytest.raises(StorageError, match="in use by another process"),
    ):
        moo.AskTell(bare(), METHOD, out=tmp_path, resume=True)


# ---------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    ("X", "F", "sentence"),
    [
        ([[9.0, 9.0]], [[1.0, 1.0]], r"does not wait for its values: \(9, 9\); 20 wait"),
        ([[0.0, 0.0]], [[1.0, 1.0, 1.0]], r"F has shape \(1, 3\), tell expects \(1, 2\)"),
        ([[0.0, 0.0]], None, r"tell needs F= of shape \(1, 2\)"),
    ],
)
def test_what_cannot_be_told_is_said(X, F, sentence):
    with moo.AskTell(bare(), METHOD) as loop, pytest.raises(OptionError, match=sentence):
        loop.tell(X, F)


def test_a_class_is_no_optimizer():
    with pytest.raises(OptionError, match=r"give an optimizer object: NSGA2\(\)"):
        moo.AskTell(bare(), moo.NSGA2)


def test_no_thread_is_left_behind():
    before = threading.active_count()
    loop = moo.AskTell(bare(), METHOD)
    loop.close()
    loop.close()
    with pytest.raises(MooError):
        moo.AskTell(moo.Problem(n_obj=2, n_var=2, backend="numpy"), METHOD)
    assert threading.active_count() == before
