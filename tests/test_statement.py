"""What `moo.Problem(...)` and `moo.solve(...)` refuse, and in which words."""

from __future__ import annotations

import numpy as np
import pytest

import moo
from moo.errors import MooError, OptionError, ProblemError


def first(x):
    return x[0]


def second(x):
    return x[1]


BOX = {"xl": [0, 0], "xu": [1, 1]}
TWO = [first, second]


def refused(message, *positional, **options):
    with pytest.raises(ProblemError, match=message) as caught:
        moo.Problem(*positional, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 200


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"xl": [0, 2], "xu": [1, 1]}, r"xl\[1\]=2 is above xu\[1\]=1: expected xl <= xu"),
        ({"xl": [0, float("nan")], "xu": [1, 1]}, r"xl\[1\] is NaN"),
        ({"xl": [0, 0], "xu": [float("nan"), 1]}, r"xu\[0\] is NaN"),
        ({"xl": [0, 0], "xu": [1, 1, 1]}, "xl has 2 entries, expected n_var=3"),
        ({"xl": [0, 0], "xu": [1, 1], "n_var": 3}, "xl has 2 entries, expected n_var=3"),
        ({}, "number of decision variables is unknown"),
        ({"xl": 0, "xu": 1}, "number of decision variables is unknown"),
        ({"xl": "ab", "xu": 1, "n_var": 2}, "xl='ab' is not accepted"),
        ({"xl": [0, "a"], "xu": 1}, r"xl=\[0, 'a'\] is not accepted"),
        ({"xl": [[0, 0]], "xu": [[1, 1]]}, r"xl has shape \(1, 2\)"),
        ({"xl": 0, "xu": 1, "n_var": 0}, "n_var=0 is not accepted: give an integer >= 1"),
        ({"xl": 0, "xu": 1, "n_var": 2.5}, "n_var=2.5 is not accepted"),
        ({"xl": [], "xu": []}, "number of decision variables is unknown"),
    ],
)
def test_bounds(bounds, message):
    refused(message, TWO, **bounds)


@pytest.mark.parametrize(
    ("objectives", "options", "message"),
    [
        (TWO, {"n_obj": 3}, "objectives 2, n_obj 3"),
        (TWO, {"names": ["a"]}, "objectives 2, names 1"),
        (TWO, {"directions": ["min"]}, "objectives 2, directions 1"),
        (TWO, {"names": ["a", "a"]}, "repeat"),
        (TWO, {"var_names": ["a"]}, "var_names has 1 entries, expected n_var=2"),
        ([], {}, "objectives 0"),
        (first, {}, "say how many with n_obj= or names="),
        (None, {}, "say how many"),
        ("first", {"n_obj": 1}, "objectives='first' is not accepted"),
        ([first, 3], {}, "objectives holds 3, expected functions only"),
        (TWO, {"inequality": 3}, "inequality=3 is not accepted"),
        (TWO, {"equality": [None]}, "equality holds None"),
        (TWO, {"backend": "jax"}, 'backend=\'jax\' is not accepted: give "torch" or "numpy"'),
        (TWO, {"jacobian": first}, 'jacobian= goes with backend="numpy"'),
    ],
)
def test_objectives(objectives, options, message):
    refused(message, objectives, **BOX, **options)


@pytest.mark.parametrize(
    ("word", "nearest"),
    [("maximise", "maximize"), ("minn", "min"), ("Max", "max"), ("down", "accepted: max")],
)
def test_an_unknown_direction_gets_the_nearest(word, nearest):
    refused(f"unknown direction '{word}'.*{nearest}", TWO, **BOX, directions=["min", word])


@pytest.mark.parametrize("typo", ["direction", "lower", "ineq", "vectorised", "n_vars"])
def test_a_typo_in_a_keyword_is_a_type_error(typo):
    with pytest.raises(TypeError, match=typo):
        moo.Problem(TWO, **BOX, **{typo: 1})


def test_a_problem_without_objectives_says_so():
    problem = moo.Problem(n_obj=2, **BOX)
    with pytest.raises(ProblemError, match=r"has no objectives: pass functions, or define objectives\(x\)"):
        problem.compute(np.zeros((1, 2)))


def test_x_of_another_shape_is_refused():
    problem = moo.Problem(TWO, **BOX)
    for X in (np.zeros((3, 4)), np.zeros(2), np.zeros((1, 1, 2))):
        with pytest.raises(ProblemError, match=r"Problem expects \(n, 2\): a row is a candidate"):
            problem.compute(X)


@pytest.mark.parametrize("optimizer", [moo.NSGA2(), moo.RandomSearch(), moo.WeightedSum(inner="ga")])
@pytest.mark.parametrize("bounds", [{"xl": [0, None], "xu": [1, 1]}, {"xl": [0, 0], "xu": [1, None]}])
def test_infinite_bounds_where_finite_ones_are_needed(optimizer, bounds):
    problem = moo.Problem(TWO, **bounds, title="beam")
    with pytest.raises(ProblemError, match="needs finite bounds, but x2 of beam is unbounded: give xl, xu"):
        moo.solve(problem, optimizer, budget=100)


@pytest.mark.parametrize("budget", [0, -1, float("nan"), float("inf"), True, "100", [1], np.bool_(True)])
def test_a_budget_is_a_number_above_zero(budget):
    with pytest.raises(OptionError, match=r"budget cost=.* is not accepted: give a finite number above zero"):
        moo.solve(moo.Problem(TWO, **BOX), moo.RandomSearch(), budget=budget)


@pytest.mark.parametrize("budget", [np.int64(20), np.float32(20.5), 20])
def test_numpy_numbers_are_budgets(budget):
    result = moo.solve(moo.Problem(TWO, **BOX), moo.RandomSearch(), budget=budget)
    assert result.cost.total == 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs a limit: give cost= .* or seconds="),
        ({"cost": None, "seconds": None}, "needs a limit"),
        ({"seconds": 0}, "budget seconds=0 is not accepted"),
        ({"seconds": float("nan")}, "budget seconds=nan is not accepted"),
        ({"cost": 10, "vjp_cost": -1}, "vjp_cost=-1 is not accepted"),
        ({"cost": 10, "vjp_cost": float("inf")}, "vjp_cost=inf is not accepted"),
    ],
)
def test_budgets(options, message):
    with pytest.raises(OptionError, match=message):
        moo.Budget(**options)


@pytest.mark.parametrize("seed", [-1, 1.5, "a", None])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(OptionError, match=r"seed=.* is not accepted: give an integer >= 0"):
        moo.solve(moo.Problem(TWO, **BOX), moo.RandomSearch(), budget=10, seed=seed)


@pytest.mark.parametrize(
    ("given", "hint"), [(moo.NSGA2, r"NSGA2\(\)"), ("NSGA2", "optimizer object"), (None, "None")]
)
def test_an_optimizer_is_an_object(given, hint):
    with pytest.raises(OptionError, match=hint):
        moo.solve(moo.Problem(TWO, **BOX), given, budget=10)


def test_every_error_is_a_moo_error_and_what_python_would_raise():
    assert issubclass(ProblemError, MooError)
    assert issubclass(ProblemError, ValueError)
    assert issubclass(OptionError, ValueError)


# ---------------------------------------------------------------------- what functions return


def solving(objective, backend="torch", optimizer=None, **options):
    problem = moo.Problem([objective, second], **{**BOX, **options}, backend=backend)
    return moo.solve(problem, optimizer or moo.RandomSearch(), budget=200)


@pytest.mark.parametrize("backend", ["torch", "numpy"])
@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (lambda x: None, "returned None, expected a number: is a return missing?"),
        (lambda x: "heavy", "returned str, expected a number"),
        (lambda x: {"mass": x[0]}, "returned dict, expected a number"),
        (lambda x: x[0] * 1j, "returned a complex number, expected a real one"),
        (lambda x: x, r"returned shape \(2,\) for one x, expected one number"),
        (lambda x: [x[0], x[1]], "expected"),
    ],
)
def test_what_is_no_number_is_refused(backend, objective, message):
    with pytest.raises(ProblemError, match=message) as caught:
        solving(objective, backend)
    assert "\n" not in str(caught.value)
    assert caught.value.result.status == "failed"


@pytest.mark.parametrize("backend", ["torch", "numpy"])
@pytest.mark.parametrize("returned", [1, 3])
def test_another_number_of_objectives_is_refused(backend, returned):
    problem = moo.Problem(lambda x: [x[0]] * returned, n_obj=2, backend=backend, **BOX)
    with pytest.raises(
        ProblemError, match=f"the objectives returned {returned} values for one x, expected 2"
    ):
        problem.compute(np.zeros((4, 2)))


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_another_number_of_constraints_is_refused(backend):
    class Unsure(moo.Problem):
        def inequality(self, x):
            return [x[0], x[1], x[0]]

    problem = Unsure(TWO, n_ieq_constr=2, backend=backend, **BOX)
    with pytest.raises(
        ProblemError, match="the inequality constraints returned 3 values for one x, expected 2"
    ):
        problem.compute(np.zeros((4, 2)))


@pytest.mark.parametrize("backend", ["torch", "numpy"])
@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        (lambda X: X.T, r"returned shape \(2, 5\) for 5 candidates, expected \(5, 2\).*looks transposed"),
        (lambda X: X[:, 0], r"returned shape \(5,\) for 5 candidates, expected \(5, 2\)"),
        (lambda X: [X[:, 0]], "returned 1 values for one x, expected 2"),
        (lambda X: [X[:, 0], X], r"returned shape \(5, 2\) for a batch of 5 candidates, expected \(5,\)"),
        (lambda X: [X[:, 0], 1.0], r"returned shape \(\) for a batch of 5 candidates, expected \(5,\)"),
    ],
)
def test_batches_of_another_shape_are_refused(backend, objectives, message):
    problem = moo.Problem(objectives, n_obj=2, vectorized=True, backend=backend, **BOX)
    with pytest.raises(ProblemError, match=message):
        problem.compute(np.zeros((5, 2)))


@pytest.mark.parametrize("vectorized", [False, True])
def test_a_jacobian_of_another_shape_is_refused(vectorized):
    functions = [lambda X: X[..., 0], lambda X: X[..., 1]]
    problem = moo.Problem(
        functions, backend="numpy", jacobian=lambda x: np.zeros((2, 3)), vectorized=vectorized, **BOX
    )
    with pytest.raises(ProblemError, match=r"jacobian= returned shape \(2, 3\), expected \((5, )?2, 2\)"):
        problem.compute(np.zeros((5, 2)), jacobian=True)


OFF_GRAPH = {
    "detach": lambda x: x[0].detach() * 2,
    "constant": lambda x: 2.0,
    "item": lambda x: x[0].item() ** 2,
    "float": lambda x: float(x[0]) ** 2,
    "numpy": lambda x: x.numpy()[0] ** 2,
}


@pytest.mark.filterwarnings("ignore:Converting a tensor")
@pytest.mark.parametrize("objective", OFF_GRAPH.values(), ids=OFF_GRAPH)
@pytest.mark.parametrize("optimizer", [moo.WeightedSum(n=3), moo.GradientDescent(n=3)])
def test_a_value_off_the_autograd_graph_is_refused_where_its_gradient_is_asked_for(objective, optimizer):
    def heavy(x):
        return objective(x)

    assert solving(heavy).statuses["ok"] == 200, "without gradients there is nothing wrong with it"
    with pytest.raises(ProblemError, match=r"'heavy'.*compute it from x with torch functions") as caught:
        solving(heavy, optimizer=optimizer)
    assert 'backend="numpy"' in str(caught.value)


@pytest.mark.filterwarnings("ignore:Converting a tensor")
@pytest.mark.parametrize("kind", ["inequality", "equality"])
def test_a_constraint_off_the_autograd_graph_is_refused(kind):
    def limit(x):
        return float(x[0])

    problem = moo.Problem(TWO, **BOX, **{kind: [limit]})
    with pytest.raises(ProblemError, match="'limit' returned a value off the autograd graph"):
        problem.compute(np.full((3, 2), 0.5), constraint_jacobians=True)


# ---------------------------------------------------------------------- functions that fail


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_one_function_of_all_objectives_is_named_when_it_raises(backend):
    def simulate(x):
        raise KeyError("mesh")

    with pytest.raises(MooError, match="'simulate' raised KeyError: 'mesh'"):
        moo.solve(moo.Problem(simulate, n_obj=2, backend=backend, **BOX), moo.RandomSearch(), budget=50)


def test_a_method_of_a_subclass_that_raises_is_named():
    class Beam(moo.Problem):
        def objectives(self, x):
            raise KeyError("mesh")

    with pytest.raises(MooError, match="'objectives' raised KeyError: 'mesh'"):
        moo.solve(Beam(n_obj=2, **BOX), moo.RandomSearch(), budget=50)


@pytest.mark.parametrize("kind", ["inequality", "equality"])
def test_a_constraint_that_raises_is_named(kind):
    def limit(x):
        raise ValueError("no mesh")

    problem = moo.Problem(TWO, **BOX, **{kind: [limit]})
    with pytest.raises(MooError, match="'limit' raised ValueError: no mesh"):
        moo.solve(problem, moo.RandomSearch(), budget=50)


def test_a_jacobian_that_raises_is_named():
    def slopes(x):
        raise ValueError("no mesh")

    problem = moo.Problem(TWO, **BOX, backend="numpy", jacobian=slopes)
    with pytest.raises(MooError, match="'jacobian' raised ValueError: no mesh"):
        moo.solve(problem, moo.GradientDescent(n=3), budget=50)
