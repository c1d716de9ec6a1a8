"""What holds for every optimizer of the package; a new one is found and tested without an edit.

A new optimizer is a class in a module of moo/optimizers that can be constructed without arguments.
"""
# ruff: noqa: SIM300 - X and F are no constants

from __future__ import annotations

import copy
import dataclasses
from functools import cache

import numpy as np
import pytest
import torch
from contracts.problems import CASES, TOLERANCE, Case, to_first, to_second
from contracts.results import area, distances, dominated, same_numbers

import moo
from moo.errors import MooError, ProblemError
from moo.optimizers.base import Optimizer, State
from moo.pymoo_problem import as_problem
from moo.result import Result

BUDGET = 10_000
ODD_BUDGETS = (1, 7, 137, 1000)
NAN_SHARE = 0.1
FAR = 1e4  # added to an objective, so that a made-up value would look like an improvement

# Share of the front's hypervolume that the answer must reach. Methods whose rows need not spread
# over the front reach less of it; every row must lie on it all the same.
LEAST_SHARE = {"GradientDescent": 0.75, "MOOSVGD": 0.75, "ParetoMTL": 0.75}
USUAL_SHARE = 0.95
# How far an answer's rows lie from the front, at most and on average, in units of its extent.
LARGEST_GAP, MEAN_GAP = 0.1, 0.01
REPELLED = {"MOOSVGD": 5.0}  # how many times farther, for rows that push each other off the front


@cache
def solved(optimizer_class: type[Optimizer], name: str, budget: int = BUDGET) -> Result:
    return moo.solve(CASES[name].make(), optimizer_class(), budget=budget, seed=1)


@pytest.fixture(params=CASES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def case(name: str) -> Case:
    return CASES[name]


def share_of_front(F: np.ndarray, case: Case) -> float:
    low = case.front.min(axis=0)
    ref = np.full(2, 1.1)
    return area((F - low) / case.span, ref) / area((case.front - low) / case.span, ref)


# ---------------------------------------------------------------------- what an optimizer is


def test_it_is_a_frozen_dataclass_with_a_state_that_is_one(optimizer_class):
    optimizer = optimizer_class()
    options = dataclasses.fields(optimizer)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(optimizer, options[0].name if options else "any", None)
    state = optimizer.init(as_problem(CASES["convex"].make()), np.random.default_rng(0))
    assert isinstance(state, State)
    assert dataclasses.is_dataclass(state)


def test_a_typo_in_an_option_is_a_type_error(optimizer_class):
    with pytest.raises(TypeError, match="no_such_option"):
        optimizer_class(no_such_option=1)


def test_it_says_what_it_is(optimizer_class):
    assert optimizer_class.__doc__
    assert repr(optimizer_class()).startswith(optimizer_class.__name__ + "(")


# ---------------------------------------------------------------------- what it answers


def test_same_seed_same_numbers(optimizer_class, name, case):
    """Again with the same objects, and once more with new ones."""
    problem, optimizer = case.make(), optimizer_class()
    first, again = (moo.solve(problem, optimizer, budget=2000, seed=5) for _ in range(2))
    anew = moo.solve(case.make(), optimizer_class(), budget=2000, seed=5)
    assert same_numbers(first, again)
    assert same_numbers(first, anew)


def test_another_seed_other_numbers(optimizer_class):
    a, b = (moo.solve(CASES["convex"].make(), optimizer_class(), budget=500, seed=s) for s in (1, 2))
    assert not np.array_equal(a.log["F"][:5], b.log["F"][:5])


def test_minibatches_follow_the_seed_alone(optimizer_class):
    problem = Minibatches()
    first, again = (moo.solve(problem, optimizer_class(), budget=1500, seed=3) for _ in range(2))
    assert same_numbers(first, again)


@pytest.mark.parametrize(
    "make", [CASES["convex"].make, CASES["active constraint"].make, lambda: Minibatches()]
)
def test_rows_differentiated_in_parts_give_the_same_numbers(optimizer_class, make, monkeypatch):
    whole = moo.solve(make(), optimizer_class(), budget=400, seed=4)
    monkeypatch.setattr(moo.Problem, "rows_at_once", lambda self, n: 3)
    parts = moo.solve(make(), optimizer_class(), budget=400, seed=4)
    assert same_numbers(whole, parts)


@pytest.mark.parametrize("budget", ODD_BUDGETS)
def test_it_never_spends_more_than_its_budget(optimizer_class, name, case, budget):
    calls = CountedRows()
    result = moo.solve(calls.around(as_problem(case.make())), optimizer_class(), budget=budget, seed=2)
    assert 0 < result.cost.total <= budget
    assert calls.rows == sum(result.statuses.values()) == len(result.log["F"])
    assert result.cost.n_f >= len(result.log["F"])
    assert len(result.X) >= 1


@pytest.mark.parametrize("budget", [137, BUDGET])
def test_rows_said_to_be_feasible_are(optimizer_class, name, case, budget):
    result = solved(optimizer_class, name, budget)
    tolerance = TOLERANCE if name == "equality" else 1e-6
    violation = case.violation(result.X)
    assert (violation[result.CV <= 0] <= tolerance * (1 + 1e-9)).all()
    assert (violation[result.CV > 0] > tolerance * (1 - 1e-9)).all()
    assert (case.violation(result.archive_X) <= tolerance * (1 + 1e-9)).all()
    if result.weights is None:
        assert result.feasible or len(result.X) == 1, "the front, or the least violating row"
    if case.easy and budget == BUDGET:
        assert result.feasible


@pytest.mark.parametrize("budget", [137, BUDGET])
def test_rows_are_inside_the_bounds(optimizer_class, name, case, budget):
    result = solved(optimizer_class, name, budget)
    for X in (result.X, result.archive_X):
        assert (case.xl <= X).all()
        assert (case.xu >= X).all()


def test_nothing_is_evaluated_outside_the_bounds(optimizer_class, name, case):
    calls = CountedRows()
    moo.solve(calls.around(as_problem(case.make())), optimizer_class(), budget=1500, seed=1)
    assert (calls.lowest >= case.xl).all()
    assert (calls.highest <= case.xu).all()


def test_rows_are_mutually_non_dominated(optimizer_class, name):
    result = solved(optimizer_class, name)
    if result.weights is None:
        assert not dominated(result.F).any()
        assert len(np.unique(result.F, axis=0)) == len(result.F)
    else:
        assert result.weights.shape == result.F.shape
    assert not dominated(result.archive_F).any()


def test_values_are_those_of_the_candidates(optimizer_class, name, case):
    result = solved(optimizer_class, name)
    evaluated = as_problem(case.make()).compute(result.X)
    for letter in ("F", "G", "H", "CV"):
        assert np.array_equal(getattr(result, letter), getattr(evaluated, letter))
    assert result.F == pytest.approx(case.F(result.X), rel=1e-12, abs=1e-12)
    assert result.archive_F == pytest.approx(case.F(result.archive_X), rel=1e-12, abs=1e-12)


def test_the_archive_is_the_front_of_the_log(optimizer_class, name):
    """So the log was not written over by a later step."""
    result = solved(optimizer_class, name)
    feasible = result.log["F"][result.log["CV"] <= 0]
    archive = {tuple(F) for F in result.archive_F}
    assert archive <= {tuple(F) for F in feasible}
    assert not dominated(result.archive_F, feasible).any()
    missing = np.array([F for F in feasible if tuple(F) not in archive]).reshape(-1, 2)
    assert dominated(missing, result.archive_F).all()


def test_it_reaches_the_known_front(optimizer_class, name, case):
    if not case.easy:
        pytest.skip("not expected of every method")
    result = solved(optimizer_class, name)
    gaps = distances(result.F, case.front)
    wider = REPELLED.get(optimizer_class.__name__, 1.0)
    assert gaps.max() < LARGEST_GAP * wider
    assert gaps.mean() < MEAN_GAP * wider
    assert share_of_front(result.F, case) >= LEAST_SHARE.get(optimizer_class.__name__, USUAL_SHARE)
    assert share_of_front(result.archive_F, case) >= 0.95


# ---------------------------------------------------------------------- what it leaves alone


def test_problem_and_optimizer_are_left_as_they_were(optimizer_class, name, case):
    problem, optimizer = case.make(), optimizer_class()
    bounds, options = (problem.xl.copy(), problem.xu.copy()), copy.deepcopy(optimizer)
    moo.solve(problem, optimizer, budget=600, seed=1)
    assert np.array_equal(problem.xl, bounds[0])
    assert np.array_equal(problem.xu, bounds[1])
    assert repr(optimizer) == repr(options)
    assert vars(optimizer).keys() == vars(options).keys()


def test_global_generators_are_not_used(optimizer_class):
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002 - it must not move
    moo.solve(CASES["convex"].make(), optimizer_class(), budget=600, seed=1)
    assert np.array_equal(before[0], np.random.get_state()[1])  # noqa: NPY002
    assert torch.equal(before[1], torch.get_rng_state())


# ---------------------------------------------------------------------- what goes wrong


def in_holes(X: np.ndarray) -> np.ndarray:
    """A tenth of the box, in stripes thinner than any step."""
    return np.modf(np.abs(X.sum(axis=1)) * 997.0)[0] < NAN_SHARE


def full_of_holes() -> moo.Problem:
    def objective(x):
        hole = (x.sum().abs() * 997.0) % 1.0 < NAN_SHARE
        return torch.where(hole, torch.nan, to_first(x))

    return moo.Problem([objective, to_second], xl=[-2.0, -2.0], xu=[2.0, 2.0])


def test_failed_rows_cost_no_other(optimizer_class):
    result = moo.solve(full_of_holes(), optimizer_class(), budget=BUDGET, seed=1)
    case = CASES["convex"]
    failed, all_rows = result.statuses["nan"], sum(result.statuses.values())
    assert 0.03 * all_rows < failed < 0.6 * all_rows  # rows whose minimum is in a hole try for long
    assert np.isnan(result.log["F"]).any(axis=1).sum() == failed
    assert result.statuses["ok"] == all_rows - failed
    for X, F in ((result.X, result.F), (result.archive_X, result.archive_F)):
        assert np.isfinite(F).all()
        assert not in_holes(X).any()
        assert F == pytest.approx(case.F(X))
    assert distances(result.F, case.front).mean() < 2 * MEAN_GAP
    assert share_of_front(result.archive_F, case) > 0.95


def test_it_survives_a_time_in_which_everything_fails(optimizer_class):
    """Values of failed rows are never made up: what is answered is what the functions return."""
    outage = Outage(first=300, last=700)
    problem = moo.Problem([outage, to_second], xl=[-2.0, -2.0], xu=[2.0, 2.0], backend="numpy")
    result = moo.solve(problem, optimizer_class(), budget=3000, seed=1)
    assert result.statuses["nan"] > 0
    assert len(result.F) > 0
    assert result.F == pytest.approx(CASES["convex"].F(result.X) + np.array([FAR, 0.0]))


def test_unbounded_variables_are_solved_or_refused(optimizer_class):
    problem = moo.Problem([to_first, to_second], n_var=2)
    result, error = outcome(problem, optimizer_class(), 2000)
    if error is None:
        assert np.isfinite(result.X).all()
        assert len(result.X) > 0
        assert result.F == pytest.approx(CASES["convex"].F(result.X))
    else:
        assert isinstance(error, ProblemError)
        assert "finite bounds" in str(error)
        assert "x1" in str(error)


def outcome(problem, optimizer, budget):
    """(result, None), or what the run left in its error and the error."""
    try:
        return moo.solve(problem, optimizer, budget=budget, seed=1), None
    except MooError as error:
        return error.result, error


@pytest.mark.parametrize("call", [1, 20, 700])
def test_an_interrupted_run_keeps_what_it_has(optimizer_class, call):
    stop = Stop(call)
    problem = moo.Problem([stop, to_second], xl=[-2.0, -2.0], xu=[2.0, 2.0], backend="numpy")
    result = moo.solve(problem, optimizer_class(), budget=BUDGET, seed=1)
    if stop.calls < call:
        pytest.skip("converged before")
    assert result.status == "interrupted"
    assert len(result.F) > 0 or sum(result.statuses.values()) == 0
    assert result.F == pytest.approx(CASES["convex"].F(result.X))


def test_what_a_failed_run_had_found_is_in_the_exception(optimizer_class):
    broken = TurnsNone(after=400)
    problem = moo.Problem([broken, to_second], xl=[-2.0, -2.0], xu=[2.0, 2.0], backend="numpy")
    result, error = outcome(problem, optimizer_class(), BUDGET)
    if broken.calls < 400:
        pytest.skip("converged before")
    assert "None" in str(error)
    assert result.status == "failed"
    assert result.F == pytest.approx(CASES["convex"].F(result.X))
    assert len(result.F) > 0


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_functions_that_always_raise_are_named(optimizer_class, backend):
    def drag(x):
        raise ZeroDivisionError("no wind")

    problem = moo.Problem([to_first, drag], xl=[-2.0, -2.0], xu=[2.0, 2.0], backend=backend)
    with pytest.raises(MooError, match=r"'drag' raised ZeroDivisionError: no wind"):
        moo.solve(problem, optimizer_class(), budget=500)


def test_a_box_of_one_point_is_answered(optimizer_class):
    problem = moo.Problem([to_first, to_second], xl=[0.5, 0.5], xu=[0.5, 0.5])
    result = moo.solve(problem, optimizer_class(), budget=500, seed=1)
    assert (result.X == 0.5).all()
    assert len(result.X) >= 1


def test_one_objective_is_minimised(optimizer_class):
    problem = moo.Problem([to_first], xl=[-2.0, -2.0], xu=[2.0, 2.0])
    result = moo.solve(problem, optimizer_class(), budget=BUDGET, seed=1)
    assert result.F.shape[1] == 1
    assert result.F.min() < 1e-2
    assert "hypervolume" in str(result)


# ---------------------------------------------------------------------- functions that misbehave


class CountedRows:
    """Counts the rows a problem is asked for, and how far out they lie."""

    def __init__(self) -> None:
        self.rows = 0
        self.lowest, self.highest = np.array(np.inf), np.array(-np.inf)

    def around(self, problem: moo.Problem) -> moo.Problem:
        compute = problem.compute

        def counted(X, **options):
            self.rows += len(X)
            if len(X):
                array = problem.to_array(X)
                self.lowest = np.minimum(self.lowest, array.min(axis=0))
                self.highest = np.maximum(self.highest, array.max(axis=0))
            return compute(X, **options)

        problem.compute = counted
        return problem


class Outage:
    """The first objective, NaN from one call to another."""

    def __init__(self, first: int, last: int) -> None:
        self.calls, self.first, self.last = 0, first, last

    def __call__(self, x):
        self.calls += 1
        return np.nan if self.first <= self.calls < self.last else to_first(x) + FAR


class Stop:
    """The first objective, Ctrl-C at one call."""

    def __init__(self, call: int) -> None:
        self.calls, self.call = 0, call

    def __call__(self, x):
        self.calls += 1
        if self.calls == self.call:
            raise KeyboardInterrupt
        return to_first(x)


class TurnsNone:
    """The first objective, without a return value once, after so many calls."""

    def __init__(self, after: int) -> None:
        self.calls, self.after = 0, after

    def __call__(self, x):
        self.calls += 1
        return None if self.calls == self.after else to_first(x)


class Minibatches(moo.Problem):
    """Mean squared distances to two clouds, of which each call draws a few points."""

    stochastic = True

    def __init__(self) -> None:
        super().__init__(n_obj=2, xl=[-2.0, -2.0], xu=[2.0, 2.0])
        centres = np.random.default_rng(0).normal(size=(2, 40, 2)) * 0.1 + [[[1.0, 1.0]], [[-1.0, -1.0]]]
        self.clouds = torch.as_tensor(centres)

    def objectives(self, x, rng=None):
        rows = slice(None) if rng is None else rng.integers(40, size=4)
        return [((x - cloud[rows]) ** 2).sum(-1).mean() for cloud in self.clouds]
