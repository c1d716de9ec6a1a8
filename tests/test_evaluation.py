"""The evaluator: what is counted, what is logged, and that no budget is ever exceeded."""
# ruff: noqa: SIM300 - X and F are no constants

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pymoo.problems import get_problem

import moo
from moo.budget import Budget, BudgetExhausted
from moo.errors import EvaluationError
from moo.evaluation import HOPELESS, Evaluator
from moo.pymoo_problem import as_problem

D = 3  # decision variables
P, Q = 2, 1  # inequalities, equalities


def total(x):
    return x.sum()


def square(x):
    return (x**2).sum()


def jacobian(x):
    return np.array([np.ones(D), 2 * x])


class Counted:
    """An objective that counts its calls."""

    def __init__(self, function):
        self.function, self.calls = function, 0

    def __call__(self, x):
        self.calls += 1
        return self.function(x)


def stated(constrained=False, first=total, **options):
    if constrained:
        options |= {"inequality": [total, square], "equality": [total]}
    return moo.Problem([first, square], xl=[0] * D, xu=[1] * D, **options)


def evaluator(problem, seed=0, **budget):
    return Evaluator(problem, Budget(**(budget or {"cost": 1e6})), np.random.default_rng(seed))


def points(n, seed=0):
    return np.random.default_rng(seed).random((n, D))


def scalarize(F, G, H):
    return F.sum(1)


# ---------------------------------------------------------------------- counting

# asked for: (jacobian, constraint_jacobians, scalarize) -> n_f and n_vjp of one row
TORCH = {
    (False, False, False): (1, 0),
    (True, False, False): (1, 2),
    (False, True, False): (1, P + Q),
    (False, False, True): (1, 1),
    (True, True, False): (1, 2 + P + Q),
    (True, False, True): (1, 3),
    (True, True, True): (1, 3 + P + Q),
}
DIFFERENCES = {asked: (1 + D * any(asked), 0) for asked in TORCH}


def given_jacobian(asked):
    """Constraints are differenced where their derivatives matter; the objectives' are given."""
    wanted, constraints, scalarized = asked
    return 1 + D * (constraints or scalarized), 2 * (wanted or scalarized)


GIVEN = {asked: given_jacobian(asked) for asked in TORCH}


def given_vjp(asked):
    """One product a row for a scalarization, two for the Jacobian."""
    wanted, constraints, scalarized = asked
    return 1 + D * (constraints or scalarized), 2 * wanted + scalarized


PRODUCTS = {asked: given_vjp(asked) for asked in TORCH}


@pytest.mark.parametrize("asked", TORCH, ids=str)
@pytest.mark.parametrize(
    ("options", "table"),
    [
        ({}, TORCH),
        ({"backend": "numpy"}, DIFFERENCES),
        ({"backend": "numpy", "jacobian": jacobian}, GIVEN),
        ({"backend": "numpy", "vjp": lambda x, w: w @ np.array(jacobian(x))}, PRODUCTS),
    ],
    ids=["torch", "differences", "jacobian", "vjp"],
)
def test_every_evaluation_and_backward_pass_is_counted(asked, options, table):
    evaluate = evaluator(stated(constrained=True, **options))
    wanted, constraints, scalarized = asked
    for n in (4, 1):
        evaluate(
            points(n),
            jacobian=wanted,
            constraint_jacobians=constraints,
            scalarize=scalarize if scalarized else None,
        )
    n_f, n_vjp = table[asked]
    assert (evaluate.n_f, evaluate.n_vjp) == (5 * n_f, 5 * n_vjp)
    assert evaluate.cost == 5 * n_f + 2.0 * 5 * n_vjp
    assert evaluate.statuses()["ok"] == 5


@pytest.mark.parametrize("options", [{}, {"jacobian": jacobian}], ids=["differences", "jacobian"])
@pytest.mark.parametrize(
    "asked", [{}, {"jacobian": True}, {"scalarize": scalarize}], ids=["values", "jacobian", "scalarize"]
)
def test_the_count_of_a_numpy_problem_is_the_number_of_calls(options, asked):
    first = Counted(total)
    evaluate = evaluator(stated(first=first, backend="numpy", **options))
    evaluate(points(6), **asked)
    assert first.calls == evaluate.n_f


def test_the_number_of_backward_passes_is_what_is_counted(monkeypatch):
    passes = []
    grad = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: passes.append(1) or grad(*a, **k))
    evaluate = evaluator(stated(constrained=True))
    evaluate(points(5), jacobian=True, constraint_jacobians=True, scalarize=scalarize)
    assert len(passes) * 5 == evaluate.n_vjp


def test_a_pymoo_problem_counts_differences():
    evaluate = evaluator(as_problem(get_problem("bnh")))
    evaluate(np.ones((4, 2)), jacobian=True)
    assert (evaluate.n_f, evaluate.n_vjp) == (12, 0)


def test_failed_rows_cost_as_much_as_others():
    def broken(x):
        if x[0] < 0.5:
            raise ValueError
        return x[0]

    evaluate = evaluator(stated(first=broken))
    evaluate(np.array([[0.1, 0, 0], [0.9, 0, 0], [0.2, 0, 0]]), jacobian=True)
    assert (evaluate.n_f, evaluate.n_vjp) == (3, 6)
    assert {name: count for name, count in evaluate.statuses().items() if count} == {"ok": 1, "error": 2}


# ---------------------------------------------------------------------- budgets


@given(
    cost=st.integers(1, 60),
    sizes=st.lists(st.integers(0, 12), min_size=1, max_size=12),
    asked=st.sampled_from(list(TORCH)),
    vjp_cost=st.sampled_from([0.0, 0.5, 2.0]),
    backend=st.sampled_from(["torch", "numpy"]),
)
def test_no_sequence_of_batches_exceeds_the_budget(cost, sizes, asked, vjp_cost, backend):
    evaluate = evaluator(stated(constrained=True, backend=backend), cost=cost, vjp_cost=vjp_cost)
    options = {
        "jacobian": asked[0],
        "constraint_jacobians": asked[1],
        "scalarize": scalarize if asked[2] else None,
    }
    exhausted = False
    try:
        for size in sizes:
            evaluate(points(size), **options)
    except BudgetExhausted:
        exhausted = True
    assert evaluate.cost <= cost
    n_f, n_vjp = evaluate.problem.cost_of_row(*asked)
    assert exhausted == (sum(sizes) * (n_f + vjp_cost * n_vjp) > cost)
    assert len(evaluate.log.arrays(2)["F"]) == sum(evaluate.statuses().values())


def test_the_last_batch_is_evaluated_as_far_as_it_can_be_paid_for():
    evaluate = evaluator(stated(), cost=10)
    X = points(12)
    with pytest.raises(BudgetExhausted):
        evaluate(X)
    assert evaluate.cost == 10
    assert np.array_equal(evaluate.log.arrays(2)["F"], evaluate.problem.compute(X[:10]).F)
    assert evaluate.fraction == 1.0
    with pytest.raises(BudgetExhausted):
        evaluate(X[:1])
    assert evaluate.n_f == 10


def test_what_is_left_of_a_batch_is_evaluated_without_its_derivatives():
    evaluate = evaluator(stated(), cost=12)
    evaluate(points(1), jacobian=True)
    with pytest.raises(BudgetExhausted):
        evaluate(points(4), jacobian=True)
    assert (evaluate.n_f, evaluate.n_vjp) == (5, 2)
    assert evaluate.cost <= 12


def test_a_budget_just_enough_is_no_exhaustion():
    evaluate = evaluator(stated(), cost=10)
    assert len(evaluate(points(2), jacobian=True)) == 2
    assert evaluate.cost == 10


def test_seconds_end_a_run():
    def slow(x):
        time.sleep(0.002)
        return x.sum()

    problem = stated(first=slow, backend="numpy")
    result = moo.solve(problem, moo.RandomSearch(batch_size=5), budget=moo.Budget(seconds=0.1))
    assert 5 <= result.cost.n_f <= 60
    assert result.status == "budget spent"
    assert result.cost.seconds >= 0.1


def test_whichever_limit_is_first_ends_a_run():
    result = moo.solve(stated(), moo.RandomSearch(), budget=moo.Budget(cost=150, seconds=60))
    assert result.cost.total == 150
    assert result.cost.seconds < 30


# ---------------------------------------------------------------------- log and statuses


def test_the_log_holds_every_row_in_order_with_the_cost_at_which_it_was_known():
    evaluate = evaluator(stated(constrained=True))
    batches = [points(3, 1), points(2, 2)]
    evaluations = [evaluate(batches[0]), evaluate(batches[1], jacobian=True)]
    log = evaluate.log.arrays(2)
    assert np.array_equal(log["F"], np.concatenate([e.F for e in evaluations]))
    assert np.array_equal(log["CV"], np.concatenate([e.CV for e in evaluations]))
    assert log["cost"].tolist() == [3, 3, 3, 13, 13]


def test_an_empty_log_has_its_shapes():
    log = evaluator(stated()).log.arrays(2)
    assert [log[name].shape for name in ("F", "CV", "cost")] == [(0, 2), (0,), (0,)]


def test_the_log_is_not_written_over_by_whoever_changes_an_evaluation():
    evaluate = evaluator(stated())
    X = torch.as_tensor(points(3))
    evaluation = evaluate(X)
    before = evaluate.log.arrays(2)["F"].copy()
    evaluation.F[:] = -1.0
    evaluation.CV[:] = 5.0
    X[:] = 0.0
    assert np.array_equal(evaluate.log.arrays(2)["F"], before)
    archived = evaluate.best()
    assert archived.F == pytest.approx(evaluate.problem.compute(archived.X).F)


def test_nothing_but_errors_is_an_error():
    def broken(x):
        raise OSError("no licence")

    evaluate = evaluator(stated(first=broken))
    evaluate(points(HOPELESS - 1))  # so few may be bad luck
    with pytest.raises(EvaluationError, match="'broken' raised OSError: no licence") as caught:
        evaluate(points(1))
    assert isinstance(caught.value.__cause__.__cause__, OSError)
    assert evaluate.n_f == HOPELESS


def test_errors_after_one_success_are_no_error():
    class Dying:
        calls = 0

        def __call__(self, x):
            self.calls += 1
            if self.calls > 2:
                raise OSError("no licence")
            return x[0]

    evaluate = evaluator(stated(first=Dying(), backend="numpy"))
    evaluate(points(2))
    assert evaluate(points(3)).status.tolist() == [3, 3, 3]
    assert evaluate.statuses()["error"] == 3


def test_nan_alone_is_no_error():
    evaluate = evaluator(stated(first=lambda x: x[0] * torch.nan))
    assert evaluate(points(3)).status.tolist() == [1, 1, 1]
    assert evaluate.best() is None


# ---------------------------------------------------------------------- what was seen


def test_the_best_of_what_was_seen_carries_its_constraints():
    problem = stated(
        inequality=[lambda x: 0.5 - x[0], lambda x: x[1] - 0.9],
        equality=[lambda x: x[2] - 0.5],
        eq_tolerance=0.3,
    )
    evaluate = evaluator(problem)
    for seed in range(3):
        evaluate(points(20, seed))
    best = evaluate.best()
    again = evaluate.problem.compute(best.X)
    for letter in ("F", "G", "H", "CV"):
        assert np.array_equal(getattr(best, letter), getattr(again, letter))
    assert (best.X[:, 0] >= 0.5 - 1e-6).all()


def test_while_nothing_is_feasible_the_least_violating_row_is_the_best():
    evaluate = evaluator(stated(inequality=[lambda x: 5.0 - x[0]]))
    batches = [points(10, seed) for seed in range(3)]
    for X in batches:
        evaluate(X)
    X = np.concatenate(batches)
    best = evaluate.best()
    assert np.array_equal(best.X, X[[X[:, 0].argmax()]])
    assert best.CV == pytest.approx(5.0 - X[:, 0].max(), abs=1e-5)


def test_the_fraction_is_that_of_the_limit_that_is_nearer():
    evaluate = evaluator(stated(), cost=100, seconds=1000)
    evaluate(points(25))
    assert evaluate.fraction == 0.25
    hurried = evaluator(stated(), cost=1e9, seconds=1e-9)
    hurried(points(1))
    assert hurried.fraction == 1.0


def test_rows_and_merge_keep_what_belongs_together():
    problem = stated(constrained=True)
    evaluation = problem.compute(points(5))
    picked = evaluation.rows(np.array([3, 1]))
    for name in ("X", "F", "G", "H", "CV", "status"):
        assert np.array_equal(getattr(picked, name), getattr(evaluation, name)[[3, 1]])
        both = getattr(picked.merge(evaluation), name)
        assert np.array_equal(both[:2], getattr(picked, name))
        assert np.array_equal(both[2:], getattr(evaluation, name))
    tensors = problem.compute(torch.as_tensor(points(5)), jacobian=True).rows(torch.tensor([3, 1]))
    assert tensors.J is None
    assert np.array_equal(tensors.F.numpy(), picked.F)


def test_of_the_good_rows_of_a_stochastic_problem_one_is_made_an_array(monkeypatch):
    """The rows may be large models, and what was one minibatch's is not archived."""

    class Noisy(moo.Problem):
        stochastic = True

        def objectives(self, x, rng=None):
            return x.square().sum() * torch.ones(2)

    problem = Noisy(n_var=7, n_obj=2, names=["a", "b"])
    made = []
    to_array = moo.Problem.to_array
    monkeypatch.setattr(moo.Problem, "to_array", lambda self, v: made.append(v.shape) or to_array(self, v))
    evaluate = Evaluator(problem, Budget(cost=100), np.random.default_rng(0))
    X = torch.randn(5, 7, dtype=torch.float64)
    evaluate(X, scalarize=lambda F, G, H: F.sum(1))
    assert (1, 7) in made
    assert (5, 7) not in made
    assert np.array_equal(evaluate.best().X, X[:1].numpy())
