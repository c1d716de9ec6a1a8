"""What becomes of evaluations that fail, seen from `solve`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moo
from moo.errors import EvaluationError, OptionError
from moo.failures import OnError, Penalty, Window


def first(x):
    return ((x - 1.0) ** 2).sum()


def second(x):
    return ((x + 1.0) ** 2).sum()


class Flaky:
    """The first objective; calls whose number ``fails`` says so of end otherwise."""

    def __init__(self, fails, how=lambda x: np.nan):
        self.calls, self.fails, self.how = 0, fails, how

    def __call__(self, x):
        self.calls += 1
        return self.how(x) if self.fails(self.calls) else first(x)


def problem(objective):
    return moo.Problem([objective, second], xl=[-2, -2], xu=[2, 2], backend="numpy", names=["a", "b"])


def solve(objective, budget=1000, method=None, **options):
    return moo.solve(problem(objective), method or moo.NSGA2(pop_size=20), budget=budget, seed=1, **options)


def error(x):
    raise ValueError("no mesh")


def tenth(call):
    return call % 10 == 0


# ---------------------------------------------------------------------- policies


def test_skip_marks_failed_rows_and_goes_on():
    result = solve(Flaky(tenth), on_error="skip")
    assert result.statuses["nan"] == 100
    assert "100 nan" in str(result)
    assert np.isfinite(result.F).all()


@pytest.mark.parametrize("how", [error, lambda x: np.nan, lambda x: np.inf])
def test_raise_ends_the_run_at_the_first_failure(how):
    with pytest.raises(EvaluationError, match=r"no mesh|status '(nan|inf)' at x = \(") as caught:
        solve(Flaky(lambda call: call == 130, how), on_error="raise")
    result = caught.value.result
    assert sum(result.statuses.values()) == 140  # the batch it was in is not lost
    assert result.status == "failed"
    assert len(result.F) > 0


def test_retry_evaluates_again_and_counts_it():
    flaky = Flaky(lambda call: call == 30)
    result = solve(flaky, budget=200, on_error="retry(2)")
    assert result.statuses["nan"] == 1
    assert flaky.calls == 200 == result.cost.n_f == len(result.log["F"])


def test_retry_gives_up():
    """Candidates of one region fail however often they are tried."""

    def never(x):
        return np.nan if x[0] > 1.0 else first(x)

    once, twice = (solve(never, on_error=policy) for policy in ("skip", "retry(2)"))
    assert np.isfinite(twice.F).all()
    assert twice.cost.n_f == 1000
    assert twice.statuses["nan"] > once.statuses["nan"]


def test_retry_without_failures_changes_nothing():
    skip, retry = (solve(first, on_error=policy) for policy in ("skip", "retry(3)"))
    assert np.array_equal(skip.F, retry.F)


@pytest.mark.parametrize("method", [moo.NSGA2(pop_size=20), moo.RandomSearch(), moo.Pymoo()])
def test_penalised_rows_are_never_answered(method):
    result = solve(Flaky(tenth), on_error="penalise", method=method)
    assert result.statuses["nan"] == 100
    assert np.isnan(result.log["F"]).any(axis=1).sum() == 100
    assert (result.CV <= 0).all()
    assert pytest.approx(problem(first).compute(result.X).F) == result.F


def test_penalised_gradient_methods_run_as_ever():
    result = solve(Flaky(tenth), on_error="penalise", method=moo.GradientDescent(n=5))
    assert np.isfinite(result.F).all()


@pytest.mark.parametrize("given", ["ignore", "retry", "retry(0)", "retry(-1)", "retry(1.5)", "", None, 3])
def test_other_policies_are_refused(given):
    with pytest.raises(OptionError, match=r'give "raise", "skip", "retry\(3\)" or "penalise"'):
        solve(first, on_error=given)


@pytest.mark.parametrize("given", ["raise", "skip", "retry(3)", "penalise"])
def test_policies_are_written_as_given(given):
    assert str(OnError.of(given)) == given


def test_the_penalty_is_the_worst_of_what_was_seen():
    penalty = Penalty.none_yet(2)
    assert penalty.values()[0].tolist() == [0.0, 0.0]
    penalty.learn(np.array([[1.0, -5.0], [-2.0, -3.0]]), np.array([0.0, 4.0]))
    F, CV = penalty.values()
    assert F.tolist() == [1.0, -3.0]
    assert CV == 5.0


# ---------------------------------------------------------------------- too many


def test_a_run_stops_when_a_simulator_has_died():
    flaky = Flaky(lambda call: call > 500, error)
    result = solve(flaky, budget=2000)
    assert result.status == "too many failures"
    assert "too many failures" in str(result)
    assert flaky.calls < 1300
    assert pytest.approx(problem(first).compute(result.X).F) == result.F


def test_an_outage_is_survived():
    result = solve(Flaky(lambda call: 500 < call <= 700), budget=2000)
    assert result.status == "budget spent"


@given(st.integers(2, 40), st.lists(st.lists(st.booleans(), min_size=1, max_size=30), max_size=20))
def test_the_window_is_that_of_the_definition(size, batches):
    window, seen = Window(size), []
    for batch in batches:
        seen += batch
        expected = len(seen) >= size and sum(seen[-size:]) > size / 2
        assert window.overflows(np.array(batch, dtype=np.int8), len(seen)) == expected


@pytest.mark.parametrize(("budget", "size"), [(10, 20), (400, 100), (1e6, 1000), (None, 1000)])
def test_the_window_follows_the_budget(budget, size):
    assert Window.of(budget).size == size


# ---------------------------------------------------------------------- the cache


class OnGrid(moo.RandomSearch):
    """Random search of a grid with few points, which it meets again and again."""

    def step(self, evaluate, state):
        X = np.round(evaluate.problem.sample(20, state.rng))
        return type(state)(state.rng, evaluate.together(state.answer, X))


def test_cached_points_cost_nothing_and_are_counted_apart():
    counted = Flaky(lambda call: False)
    result = solve(counted, budget=24, method=OnGrid(), cache=True)
    assert counted.calls == result.cost.n_f == len(result.log["F"]) <= 25
    assert result.cost.n_cached > 0
    assert f"{result.cost.n_cached:,} more from the cache" in str(result)
    assert pytest.approx(problem(first).compute(result.X).F) == result.F


def test_a_cached_run_takes_the_same_steps():
    plain, cached = (solve(first, cache=cache) for cache in (False, True))
    assert np.array_equal(plain.F, cached.F)
    assert cached.cost.n_cached == 0  # children are never duplicates


def test_failed_points_are_not_cached():
    flaky = Flaky(lambda call: call <= 5)
    result = solve(flaky, budget=24, method=OnGrid(), cache=True)
    assert result.statuses["nan"] == 5
    assert len(np.unique(result.archive_X, axis=0)) == len(result.archive_X)
    assert np.isfinite(result.archive_F).all()
