"""pymoo's algorithms under moo's count: what they would do by themselves, no more and no less."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.results import front_of
from pymoo.algorithms.moo.moead import MOEAD
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.algorithms.moo.nsga3 import NSGA3
from pymoo.algorithms.moo.sms import SMSEMOA
from pymoo.algorithms.soo.nonconvex.de import DE
from pymoo.optimize import minimize
from pymoo.problems import get_problem
from pymoo.util.ref_dirs import get_reference_directions

import moo
from moo.errors import OptionError

DIRECTIONS = get_reference_directions("das-dennis", 2, n_partitions=19)
ALGORITHMS = {
    "NSGA2": lambda: NSGA2(pop_size=20),
    "NSGA3": lambda: NSGA3(DIRECTIONS, pop_size=20),
    "SMSEMOA": lambda: SMSEMOA(pop_size=20),
    "MOEAD": lambda: MOEAD(DIRECTIONS, n_neighbors=5),
}


@pytest.mark.parametrize("make", ALGORITHMS.values(), ids=ALGORITHMS)
def test_it_finds_what_pymoo_finds_by_itself(make):
    """With the seed moo hands on, and the same number of evaluations."""
    problem = get_problem("zdt1", n_var=5)
    result = moo.solve(problem, moo.Pymoo(make()), budget=400, seed=7)
    for_optimizer, _ = np.random.SeedSequence(7).spawn(2)
    seed = int(np.random.default_rng(for_optimizer).integers(2**31))
    alone = minimize(problem, make(), ("n_eval", 400), seed=seed)
    population = alone.pop.get("F")
    assert np.array_equal(np.unique(result.F, axis=0), np.unique(population[front_of(population)], axis=0))
    assert result.cost.n_f == 400


def test_an_algorithm_may_be_used_again_and_is_left_as_it_was():
    algorithm = NSGA2(pop_size=20)
    optimizer = moo.Pymoo(algorithm)
    a = moo.solve(get_problem("zdt1", n_var=5), optimizer, budget=200, seed=1)
    moo.solve(get_problem("bnh"), optimizer, budget=200, seed=2)
    b = moo.solve(get_problem("zdt1", n_var=5), optimizer, budget=200, seed=1)
    assert np.array_equal(a.F, b.F)
    assert algorithm.problem is None
    assert not algorithm.is_initialized


def test_it_says_which_algorithm_it_is():
    assert repr(moo.Pymoo(SMSEMOA())) == "Pymoo(SMSEMOA)"
    assert repr(moo.Pymoo()) == "Pymoo(NSGA2)"


@pytest.mark.parametrize("given", [NSGA2, "NSGA2", 3])
def test_what_is_no_algorithm_is_refused(given):
    with pytest.raises(OptionError, match="give a pymoo algorithm object"):
        moo.Pymoo(given)


def test_a_tenth_of_nan_does_not_collapse_the_front():
    """pymoo 0.6.2 by itself keeps rows with NaN in its first front."""

    def first(x):
        return np.nan if (abs(x[0]) * 997) % 1 < 0.1 else x[0]

    def second(x):
        return 1 - np.sqrt(x[0]) + x[1]

    problem = moo.Problem([first, second], xl=0, xu=1, n_var=2, backend="numpy")
    result = moo.solve(problem, moo.Pymoo(NSGA2(pop_size=40)), budget=4000, seed=1)
    assert result.statuses["nan"] > 100
    assert len(result.F) > 30
    assert result.hypervolume([1.1, 1.1]) > 0.85


def test_one_objective_and_algorithms_for_it():
    problem = moo.Problem([lambda x: ((x - 0.3) ** 2).sum()], xl=0, xu=1, n_var=2)
    result = moo.solve(problem, moo.Pymoo(DE(pop_size=20)), budget=2000, seed=1)
    assert result.X[0] == pytest.approx(0.3, abs=1e-2)
