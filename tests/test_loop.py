"""The loop: one history, one status, and nothing that was found is ever lost."""
# ruff: noqa: SIM300 - X and F are no constants

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from pymoo.problems import get_problem

import moo
from moo.errors import EvaluationError, MooError, ProblemError
from moo.evaluation import Evaluation
from moo.loop import _SNAPSHOTS
from moo.optimizers.base import Optimizer, State


def first(x):
    return ((x - 1.0) ** 2).sum()


def second(x):
    return ((x + 1.0) ** 2).sum()


def pair(**options):
    return moo.Problem([first, second], **({"xl": [-2, -2], "xu": [2, 2]} | options))


@dataclass(frozen=True)
class Scripted(Optimizer[State]):
    """Evaluates one sample a step, of the sizes given, then nothing more."""

    sizes: tuple[int, ...] = (5,)
    converges: bool = False

    def init(self, problem, rng):
        return State(rng)

    def step(self, evaluate, state):
        taken = len(evaluate.log.F)
        if taken == len(self.sizes):
            return State(state.rng, state.answer, converged=self.converges)
        sample = evaluate.problem.sample(self.sizes[taken], state.rng)
        return State(state.rng, evaluate(sample))


# ---------------------------------------------------------------------- how a run ends


def test_a_spent_budget_ends_a_run():
    assert moo.solve(pair(), Scripted((10, 10, 10)), budget=25).status == "budget spent"


def test_an_optimizer_that_is_done_ends_a_run():
    result = moo.solve(pair(), Scripted((10,), converges=True), budget=1000)
    assert result.status == "converged"
    assert result.cost.n_f == 10


def test_an_optimizer_that_evaluates_nothing_any_more_is_stalled():
    result = moo.solve(pair(), Scripted((10,)), budget=1000)
    assert result.status == "stalled"
    assert result.cost.n_f == 10
    assert len(result.F) >= 1


def test_one_idle_step_is_not_stalling():
    @dataclass(frozen=True)
    class Dawdling(Optimizer[State]):
        def init(self, problem, rng):
            dawdling["steps"] = 0
            return State(rng)

        def step(self, evaluate, state):
            dawdling["steps"] += 1
            if dawdling["steps"] % 90:
                return state
            return State(state.rng, evaluate(evaluate.problem.sample(10, state.rng)))

    dawdling = {}
    assert moo.solve(pair(), Dawdling(), budget=35).status == "budget spent"


@pytest.mark.parametrize("budget", [1, 3, 49])
@pytest.mark.parametrize(
    "optimizer", [moo.NSGA2(), moo.WeightedSum(), moo.GradientDescent(), moo.RandomSearch(), moo.Pymoo()]
)
@pytest.mark.parametrize("constrained", [False, True])
def test_a_budget_smaller_than_the_first_step_still_gives_an_answer(budget, optimizer, constrained):
    """The front of all that was evaluated, and no evaluation beyond what is counted."""
    calls = []

    def counted(x):
        calls.append(1)
        return first(x)

    options = {"inequality": [lambda x: 1.0 - x[0]]} if constrained else {}
    problem = moo.Problem([counted, second], xl=[-2, -2], xu=[2, 2], backend="numpy", **options)
    result = moo.solve(problem, optimizer, budget=budget)
    assert len(calls) == result.cost.n_f <= budget
    assert len(result.X) >= 1
    assert result.G.shape == (len(result.X), int(constrained))
    if result.feasible:
        assert np.array_equal(result.F, result.archive_F)
    else:
        assert result.CV[0] == result.log["CV"].min()


def test_a_budget_for_nothing_gives_an_empty_result():
    result = moo.solve(pair(), moo.RandomSearch(), budget=0.5)
    assert result.X.shape == (0, 2)
    assert result.F.shape == (0, 2)
    assert result.status == "budget spent"
    assert not result.feasible
    assert "0 points" in str(result)


# ---------------------------------------------------------------------- history


@pytest.mark.parametrize(
    "optimizer",
    [
        moo.NSGA2(pop_size=20),
        moo.WeightedSum(n=10),
        moo.GradientDescent(n=10),
        moo.RandomSearch(batch_size=1),
    ],
)
def test_the_history_is_monotone_bounded_and_within_the_run(optimizer):
    result = moo.solve(pair(), optimizer, budget=3000)
    history = result.history
    assert 1 <= len(history.cost) <= _SNAPSHOTS + 1
    for series in (history.cost, history.n_f, history.n_vjp, history.seconds):
        assert len(series) == len(history.fronts) == len(history.cost)
        assert all(a <= b for a, b in pairwise(series))
    assert history.cost[-1] <= result.cost.total
    assert history.seconds[-1] <= result.cost.seconds
    costs = np.array(history.n_f) + 2.0 * np.array(history.n_vjp)
    assert history.cost == costs.tolist()


def test_snapshots_are_spread_over_the_budget():
    history = moo.solve(pair(), moo.RandomSearch(batch_size=1), budget=2000).history
    assert len(history.cost) == pytest.approx(_SNAPSHOTS, abs=1)
    assert np.diff(history.cost).max() <= 2 * 2000 / _SNAPSHOTS
    assert history.cost[-1] >= 0.95 * 2000


def test_snapshots_hold_feasible_rows_only():
    problem = pair(inequality=[lambda x: 0.5 - x[0]])
    history = moo.solve(problem, moo.NSGA2(pop_size=20), budget=1000).history
    for F in history.fronts:
        assert np.isfinite(F).all()
    x1 = [(F[:, 1] - F[:, 0]) / 4 for F in history.fronts]  # the sum of both variables
    assert (np.concatenate(x1) >= 0.5 - 2.0).all()


def test_snapshots_of_minibatch_losses_are_of_the_full_data():
    class Noisy(moo.Problem):
        stochastic = True

        def objectives(self, x, rng=None):
            noise = 0.0 if rng is None else float(rng.normal()) * 100.0
            return [first(x) + noise, second(x) + noise]

    result = moo.solve(Noisy(n_obj=2, xl=[-2, -2], xu=[2, 2]), moo.RandomSearch(), budget=1000)
    assert len(result.history.fronts) <= 11
    exact = [(1 - x) ** 2 for x in result.X]
    assert result.F[:, 0] == pytest.approx(np.sum(exact, axis=1))
    for F in result.history.fronts:
        assert (F < 20).all()
        assert (F >= 0).all()


# ---------------------------------------------------------------------- progress, interrupts, errors


def test_progress_rises_to_one():
    told = []
    moo.solve(pair(), moo.RandomSearch(batch_size=10), budget=100, progress=told.append)
    assert told == pytest.approx([0.1 * k for k in range(1, 11)])


def test_ctrl_c_in_a_progress_bar_keeps_what_there_is():
    def stop(fraction):
        if fraction > 0.5:
            raise KeyboardInterrupt

    result = moo.solve(pair(), moo.RandomSearch(batch_size=10), budget=100, progress=stop)
    assert result.status == "interrupted"
    assert result.cost.n_f == 60
    assert len(result.F) > 0


def test_ctrl_c_while_answering_is_not_swallowed():
    def stop(fraction):
        raise KeyError("progress")

    with pytest.raises(KeyError):
        moo.solve(pair(), moo.RandomSearch(), budget=100, progress=stop)


class Breaking:
    """The first objective, which returns None from one call on."""

    def __init__(self, after):
        self.calls, self.after = 0, after

    def __call__(self, x):
        self.calls += 1
        return None if self.calls > self.after else first(x)


@pytest.mark.parametrize("after", [0, 30, 130])
@pytest.mark.parametrize("optimizer", [moo.NSGA2(pop_size=50), moo.RandomSearch(batch_size=50)])
def test_the_error_carries_what_was_found(after, optimizer):
    problem = moo.Problem([Breaking(after), second], xl=[-2, -2], xu=[2, 2], backend="numpy")
    with pytest.raises(ProblemError, match="returned None") as caught:
        moo.solve(problem, optimizer, budget=1000)
    result = caught.value.result
    assert result.status == "failed"
    assert result.cost.n_f == after // 50 * 50
    assert len(result.F) == len(np.unique(result.F, axis=0))
    assert (len(result.F) > 0) == (after >= 50)
    assert result.F == pytest.approx(np.array([[first(x), second(x)] for x in result.X]).reshape(-1, 2))


def test_the_error_of_functions_that_always_raise_carries_an_empty_result():
    def broken(x):
        raise OSError("no licence")

    with pytest.raises(EvaluationError) as caught:
        moo.solve(moo.Problem([broken, second], xl=[0], xu=[1]), moo.NSGA2(), budget=200)
    assert caught.value.result.statuses["error"] == 100
    assert len(caught.value.result.F) == 0


def test_errors_before_the_run_have_no_result():
    with pytest.raises(MooError) as caught:
        moo.solve(pair(xl=None), moo.NSGA2(), budget=100)
    assert caught.value.result is None


# ---------------------------------------------------------------------- what is in the result


def test_where_nothing_is_feasible_the_answer_is_the_least_violating_row():
    problem = pair(inequality=[lambda x: 5.0 - x[0]])
    result = moo.solve(problem, moo.NSGA2(pop_size=20), budget=2000)
    assert len(result.X) == 1
    assert not result.feasible
    assert result.X[0, 0] == pytest.approx(2.0, abs=1e-2)
    assert len(result.archive_F) == 0
    assert all(len(F) == 0 for F in result.history.fronts)


def test_where_nothing_is_finite_the_answer_is_empty():
    problem = moo.Problem([lambda x: x[0] * np.nan, second], xl=[0], xu=[1])
    for optimizer in (moo.NSGA2(pop_size=20), moo.RandomSearch(), moo.Pymoo()):
        result = moo.solve(problem, optimizer, budget=200)
        assert len(result.F) == 0
        assert result.status == "too many failures"
        assert 50 <= result.statuses["nan"] <= 150


class Answering(moo.Problem):
    def report(self, X):
        return {"sum": X.sum(axis=1)}

    def _calc_pareto_front(self, n_pareto_points=3000):
        t = np.linspace(-1, 1, n_pareto_points)
        return np.column_stack([2 * (t - 1) ** 2, 2 * (t + 1) ** 2])


def test_the_problem_and_its_report_are_in_the_result():
    problem = Answering([first, second], xl=[-2, -2], xu=[2, 2], directions=["min", "max"], title="mine")
    result = moo.solve(problem, moo.NSGA2(pop_size=20), budget=100)
    assert result.metrics["sum"] == pytest.approx(result.X.sum(axis=1))
    assert result.problem.title == "mine"
    assert result.problem.names == ["first", "second"]
    assert result.problem.sign == [1.0, -1.0]
    assert result.problem.ideal == pytest.approx([0.0, 0.0], abs=1e-5)
    assert result.problem.nadir == pytest.approx([8.0, 8.0], abs=1e-5)
    assert len(result.problem.front) <= 1000
    assert result.optimizer.startswith("NSGA2(pop_size=20")
    assert result.optimizer_name == "NSGA2"


def test_the_first_sample_of_the_same_seed_is_shared_by_those_that_sample_alike():
    nsga2, random = (moo.solve(pair(), o, budget=100, seed=4) for o in (moo.NSGA2(), moo.RandomSearch()))
    assert np.array_equal(nsga2.log["F"], random.log["F"])


def test_no_front_is_downloaded(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr("socket.socket.connect", refuse)
    for name in ("dtlz5", "osy", "tnk", "kursawe"):
        assert moo.solve(get_problem(name), moo.RandomSearch(), budget=50).problem.front is None


def test_rows_with_weight_vectors_are_returned_dominated_or_not():
    @dataclass(frozen=True)
    class Weighing(Optimizer[State]):
        def init(self, problem, rng):
            return State(rng)

        def step(self, evaluate, state):
            answer = evaluate(np.array([[0.0, 0.0], [2.0, -2.0], [-1.0, -1.0]]))
            assert isinstance(answer, Evaluation)
            weights = np.array([[0.5, 0.5], [0.9, 0.1], [0.0, 1.0]])
            return State(state.rng, answer, weights=weights, converged=True)

    result = moo.solve(pair(), Weighing(), budget=10)
    assert result.X.tolist() == [[0.0, 0.0], [2.0, -2.0], [-1.0, -1.0]]
    assert result.weighted == pytest.approx((result.weights * result.F).sum(axis=1))
