"""Variables of every kind: their columns, what objectives receive, and fronts known by enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

import moo
from moo.errors import ProblemError
from moo.indicators import nondominated
from moo.optimizers.mating import order_cross, vary_orders
from moo.optimizers.operators import stream_of
from moo.variables import Variables, variables_of

MIXED = {
    "layers": moo.Integer(1, 4),
    "kind": moo.Choice(["relu", "tanh", None]),
    "dropout": moo.Real(0.0, 0.5),
    "residual": moo.Binary(),
    "order": moo.Permutation(3),
}
SEEDS = st.integers(0, 10**6)


# ---------------------------------------------------------------------- columns


@given(SEEDS)
def test_samples_are_canonical_and_come_back(seed):
    variables = Variables(MIXED)
    X = variables.sample(5, np.random.default_rng(seed))
    assert X.shape == (5, 7)
    assert np.array_equal(variables.repair(X), X)
    for x in X:
        values = variables.decode(x)
        assert type(values["layers"]) is int
        assert type(values["residual"]) is bool
        assert values["kind"] in ("relu", "tanh", None)
        assert sorted(values["order"]) == [0, 1, 2]
        assert np.array_equal(variables.encode(values), x)


@given(SEEDS)
def test_any_row_can_be_repaired(seed):
    variables = Variables(MIXED)
    X = np.random.default_rng(seed).normal(scale=5.0, size=(6, 7))
    repaired = variables.repair(X)
    assert np.array_equal(variables.repair(repaired), repaired)
    assert (repaired >= variables.xl).all()
    assert (repaired <= variables.xu).all()
    for x in repaired:
        variables.decode(x)


def test_every_value_is_equally_likely():
    rng = np.random.default_rng(0)
    for variable, n in ((moo.Integer(-2, 3), 6), (moo.Choice(["a", "b", "c"]), 3)):
        counts = np.unique(variable.sample(6000, rng), return_counts=True)[1]
        assert len(counts) == n
        assert chisquare(counts).pvalue > 1e-4


def test_descriptions_give_the_variables_back():
    variables = Variables(MIXED)
    again = variables_of(variables.described())
    assert again.by_name == variables.by_name


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: moo.Integer(5, 1), r"Integer\(5, 1\) is not accepted"),
        (lambda: moo.Integer(1.5, 3), r"Integer\(1\.5, 3\) is not accepted"),
        (lambda: moo.Real(0, np.inf), "give finite low <= high"),
        (lambda: moo.Real("a", 1), "give finite low <= high"),
        (lambda: moo.Choice([]), "give a list of options"),
        (lambda: moo.Choice("ab"), "give a list of options"),
        (lambda: moo.Choice(["a", "b", "a"]), "repeats an option"),
        (lambda: moo.Permutation(1), "at least 2"),
        (lambda: stated(variables={}), "give a dict"),
        (lambda: stated(variables=[moo.Binary()]), "give a dict"),
        (lambda: stated(variables={"a": 3}), "variable 'a' is 3, expected a moo.Real"),
        (lambda: stated(variables=MIXED, xl=[0]), "states what xl= would"),
        (lambda: stated(variables=MIXED, n_var=7), "states what n_var= would"),
        (lambda: stated(variables=MIXED, backend="torch"), "does not go with backend='torch'"),
        (lambda: stated(variables=MIXED, vectorized=True), "does not go with vectorized=True"),
    ],
)
def test_what_cannot_be_a_variable_is_said(make, sentence):
    with pytest.raises(ProblemError, match=sentence):
        make()


def stated(**options):
    return moo.Problem([cost, error], **options)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"layers": 9}, "'layers': 9 is no whole number from 1 to 4"),
        ({"kind": "elu"}, "'kind': 'elu' is none of"),
        ({"dropout": 0.7}, r"'dropout': 0\.7 is no number in \[0, 0\.5\]"),
        ({"residual": 3}, "'residual': 3 is neither True nor False"),
        ({"order": [0, 0, 1]}, r"'order': \[0, 0, 1\] is no order of 0 \.\. 2"),
        ({"rate": 1}, "the variables are"),
    ],
)
def test_values_that_do_not_fit_are_said(change, sentence):
    good = {"layers": 1, "kind": None, "dropout": 0.1, "residual": True, "order": [2, 0, 1]}
    problem = stated(variables=MIXED)
    assert problem.encode([good]).tolist() == [[1, 2, 0.1, 1, 2, 0, 1]]
    with pytest.raises(ProblemError, match=sentence):
        problem.encode([{**good, **change}])


# ---------------------------------------------------------------------- operators


@given(st.integers(2, 9), SEEDS)
def test_orders_stay_orders_and_are_the_slow_twins(k, seed):
    rng = np.random.default_rng(seed)
    orders = rng.permuted(np.tile(np.arange(float(k)), (7, 1)), axis=1)
    fast, slow, stream = orders.copy(), orders.copy(), stream_of(rng)
    vary_orders(fast, 0.9, 0.5, stream.copy())
    assert (np.sort(fast, axis=1) == np.arange(k)).all()
    vary_orders.py_func(slow, 0.9, 0.5, stream.copy())
    assert np.array_equal(fast, slow)


def test_order_crossover_is_davis_example():
    a, b = np.arange(9.0), np.array([8.0, 2.0, 6.0, 7.0, 1.0, 5.0, 4.0, 0.0, 3.0])
    child = order_cross(a, b, 3, 6)
    assert child[3:7].tolist() == [3, 4, 5, 6]
    assert child.tolist() == [2, 7, 1, 3, 4, 5, 6, 0, 8]


# ---------------------------------------------------------------------- problems


def cost(values):
    return values["layers"] + 2.0 * values["residual"] + values["order"][0]


def error(values):
    table = {"relu": 1.0, "tanh": 1.5, None: 4.0}
    good = table[values["kind"]] / values["layers"] - 0.4 * values["residual"]
    return good + (values["dropout"] - 0.2) ** 2 - 0.1 * values["order"][0]


def small_front():
    """By enumeration; dropout is best at 0.2 wherever it is looked at."""
    F = [
        [cost(v), error(v)]
        for layers, kind, residual, order in itertools.product(
            range(1, 5), ["relu", "tanh", None], [False, True], itertools.permutations(range(3))
        )
        for v in [
            {"layers": layers, "kind": kind, "residual": residual, "order": order, "dropout": 0.2},
        ]
    ]
    F = np.unique(np.array(F).round(9), axis=0)
    return F[nondominated(F)]


GENETIC = [moo.NSGA2(pop_size=40), moo.NSGA3(pop_size=40), moo.SMSEMOA(pop_size=40)]


@pytest.mark.parametrize("method", GENETIC, ids=lambda m: type(m).__name__)
def test_the_whole_front_of_a_mixture_is_found(method):
    result = moo.solve(stated(variables=MIXED), method, budget=8000, seed=1)
    front = small_front()
    gaps = np.abs(result.F[None] - front[:, None]).max(axis=2).min(axis=1)
    assert gaps.max() < 1e-3
    assert {v["kind"] for v in result.variables} == {"relu"}


def test_a_knapsack_of_truth_values():
    value, weight = np.array([4, 2, 6, 3, 7, 1, 5]), np.array([3, 1, 5, 2, 6, 1, 3])
    names = [f"take{i}" for i in range(7)]

    def worth(v):
        return sum(value[i] * v[name] for i, name in enumerate(names))

    def load(v):
        return sum(weight[i] * v[name] for i, name in enumerate(names))

    def capacity(v):
        return load(v) - 12

    problem = moo.Problem(
        [worth, load],
        directions=["max", "min"],
        variables={name: moo.Binary() for name in names},
        inequality=[capacity],
    )
    result = moo.solve(problem, moo.NSGA2(pop_size=40), budget=4000, seed=1)
    F = np.array(
        [
            [-(value * bits).sum(), (weight * bits).sum()]
            for bits in map(np.array, itertools.product([0, 1], repeat=7))
            if (weight * bits).sum() <= 12
        ]
    )
    front = {tuple(row) for row in F[nondominated(F)]}
    assert {tuple(row) for row in result.F} == front


def test_a_tour_of_seven_cities():
    cities = np.random.default_rng(4).random((2, 7, 7))

    def length(table):
        return lambda v: sum(table[a, b] for a, b in zip(v["tour"], np.roll(v["tour"], -1), strict=True))

    tour = {"tour": moo.Permutation(7)}
    problem = moo.Problem([length(table) for table in cities], variables=tour, names=["a", "b"])
    result = moo.solve(problem, moo.NSGA2(pop_size=60), budget=9000, seed=1)
    F = np.array(
        [
            [sum(t[a, b] for a, b in zip(tour, tour[1:] + tour[:1], strict=True)) for t in cities]
            for tour in itertools.permutations(range(7))
            if tour[0] == 0
        ]
    )
    front = F[nondominated(F)]
    gaps = np.abs(result.F[None] - front[:, None]).max(axis=2).min(axis=1)
    assert (gaps < 1e-9).mean() > 0.9


FOLLOW_GRADIENTS = {
    "EPO",
    "GradientDescent",
    "Hybrid",
    "HypervolumeGradient",
    "MOOSVGD",
    "ParetoMTL",
    "ParetoSetLearning",
}


def test_every_optimizer_solves_or_refuses_in_one_sentence(optimizer_class):
    seen = []

    def watched(values):
        seen.append(values)
        return cost(values)

    problem = moo.Problem([watched, error], variables=MIXED, names=["cost", "error"])
    if optimizer_class.__name__ in FOLLOW_GRADIENTS:
        with pytest.raises(ProblemError, match="layers of Problem is Integer: choose a genetic algorithm"):
            moo.solve(problem, optimizer_class(), budget=600)
        assert not seen
        return
    first, again = (moo.solve(problem, optimizer_class(), budget=600, seed=3) for _ in range(2))
    assert np.array_equal(first.F, again.F)
    assert all(type(values["layers"]) is int for values in seen)
    assert np.array_equal(problem.repair(first.X), first.X)
    assert pytest.approx(np.array([[cost(v), error(v)] for v in first.variables])) == first.F


def test_real_variables_by_name_suit_gradient_methods():
    problem = moo.Problem(
        [lambda v: (v["a"] - 1) ** 2 + v["b"] ** 2, lambda v: (v["a"] + 1) ** 2 + v["b"] ** 2],
        variables={"a": moo.Real(-2, 2), "b": moo.Real(-2, 2)},
    )
    result = moo.solve(problem, moo.WeightedSum(weights=[0.5, 0.5]), budget=500)
    assert result.variables[0] == pytest.approx({"a": 0.0, "b": 0.0}, abs=1e-4)


def test_functions_cannot_change_each_others_input():
    def reorders(values):
        values["order"][:] = 0
        values["layers"] = 100
        return 1.0

    problem = moo.Problem([reorders, error], variables=MIXED)
    plain = moo.Problem([lambda v: 1.0, error], variables=MIXED)
    X = problem.sample(5, np.random.default_rng(0))
    assert np.array_equal(problem.compute(X).F, plain.compute(X).F)


# ---------------------------------------------------------------------- results


def test_results_show_and_keep_the_users_values(tmp_path):
    result = moo.solve(stated(variables=MIXED), moo.NSGA2(pop_size=20), budget=400, seed=1)
    table = result.to_pandas()
    assert set(MIXED) <= set(table.columns)
    assert set(table["kind"]) <= {"relu", "tanh", None}
    assert table["residual"].dtype == bool
    loaded = moo.Result.load(result.save(tmp_path))
    assert str(loaded.variables) == str(result.variables)
    assert loaded.to_pandas().equals(table)


def test_one_point_is_printed_by_name():
    problem = stated(variables=MIXED)
    result = moo.solve(problem, moo.WeightedSum(weights=[1, 5]), budget=2000, seed=1)
    assert "layers = " in str(result)
    assert "kind = relu" in str(result)
    assert "residual = " in str(result)


def test_workers_and_asking_take_them(tmp_path):
    problem = stated(variables=MIXED)
    here = moo.solve(problem, moo.NSGA2(pop_size=20), budget=60, seed=1)
    there = moo.solve(problem, moo.NSGA2(pop_size=20), budget=60, seed=1, workers=2)
    assert np.array_equal(here.F, there.F)
    with moo.AskTell(problem, moo.NSGA2(pop_size=20)) as loop:
        X = loop.ask()
        values = [problem.decode(x) for x in X]
        loop.tell(X, [[cost(v), error(v)] for v in values])
        assert len(loop.result().F) > 0


def test_pymoos_algorithms_take_the_problem_as_it_is():
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.optimize import minimize

    outcome = minimize(stated(variables=MIXED), NSGA2(pop_size=40), ("n_gen", 100), seed=1)
    gaps = np.abs(outcome.F[None] - small_front()[:, None]).max(axis=2).min(axis=1)
    assert np.median(gaps) < 0.01
