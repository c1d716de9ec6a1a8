"""NSGA-II: its parts by definition, its results as a distribution against pymoo's."""

from __future__ import annotations

import numpy as np
import pytest
from pymoo.algorithms.moo.nsga2 import NSGA2 as PymooNSGA2
from pymoo.core.population import Population
from pymoo.operators.survival.rank_and_crowding import RankAndCrowding
from pymoo.optimize import minimize
from pymoo.problems import get_problem
from scipy.stats import mannwhitneyu

import moo
from moo import indicators
from moo.budget import Budget
from moo.errors import OptionError
from moo.evaluation import Evaluator
from moo.optimizers.nsga2 import NSGA2State
from moo.optimizers.ranking import crowding_distance, rank

# Each problem with fixed ideal and nadir points, between which the hypervolume is taken. At these
# budgets ZDT4 is still far from its front.
PROBLEMS = {
    "zdt1": ({"n_var": 30}, [0, 0], [1, 1]),
    "zdt4": ({"n_var": 10}, [0, 0], [1, 20]),
    "dtlz2": ({"n_var": 12, "n_obj": 3}, [0, 0, 0], [1, 1, 1]),
    "osy": ({}, [-274, 4], [-42, 76]),
}
LEAST_P = 0.01


def hypervolumes(name, pop_size, budget, seeds):
    """(moo's, pymoo's), one value a seed."""
    options, ideal, nadir = PROBLEMS[name]
    ideal, nadir = np.array(ideal, dtype=float), np.array(nadir, dtype=float)

    def volume(F):
        if F is None:  # pymoo's answer where nothing feasible was found
            return 0.0
        return indicators.hypervolume(indicators.normalise(F, ideal, nadir), np.full(len(ideal), 1.1))

    problem = get_problem(name, **options)
    ours, theirs = [], []
    for seed in range(seeds):
        result = moo.solve(problem, moo.NSGA2(pop_size=pop_size), budget=budget, seed=seed)
        assert result.cost.n_f == budget
        assert len(result.F) <= pop_size
        ours.append(volume(result.F[result.CV <= 0]))
        theirs.append(
            volume(minimize(problem, PymooNSGA2(pop_size=pop_size), ("n_eval", budget), seed=seed).F)
        )
    return ours, theirs


def assert_not_worse(name, pop_size, budget, seeds):
    ours, theirs = hypervolumes(name, pop_size, budget, seeds)
    p = mannwhitneyu(ours, theirs, alternative="less").pvalue
    assert p > LEAST_P, f"moo {np.median(ours):.4f}, pymoo {np.median(theirs):.4f}, p = {p:.2g}"


@pytest.mark.parametrize("name", PROBLEMS)
def test_it_is_not_worse_than_pymoos(name):
    assert_not_worse(name, pop_size=40, budget=3000, seeds=9)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROBLEMS)
def test_it_is_not_worse_than_pymoos_at_a_usual_budget(name):
    assert_not_worse(name, pop_size=100, budget=20_000, seeds=31)


def standing(X, candidates):
    """Rank and crowding distance among the candidates of the rows X, the best first."""
    ranks = rank(candidates.F, candidates.CV)
    crowding = crowding_distance(candidates.F, ranks)
    rows = [int(np.flatnonzero(np.all(x == candidates.X, axis=1))[0]) for x in X]
    assert len(set(rows)) == len(X)
    return np.array(sorted((ranks[row], -crowding[row]) for row in rows))


def survivors_of(optimizer, problem, X):
    """What is left of X as a first population, and its crowding distances."""
    evaluate = Evaluator(problem, Budget(1e6), np.random.default_rng(0))
    state = optimizer.step(evaluate, NSGA2State(np.random.default_rng(0), X=X))
    return state.answer, state.crowding


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("constrained", [False, True])
def test_survivors_are_pymoos(seed, constrained):
    """By rank and crowding distance: which of two equally crowded rows survives is left to chance."""
    options = {"inequality": [lambda x: 0.7 - x[0]]} if constrained else {}
    problem = moo.Problem([lambda x: x[0], lambda x: x[1] + (x**2).sum()], xl=[0, 0], xu=[1, 1], **options)
    X = np.random.default_rng(seed).random((40, 2))
    ours, _ = survivors_of(moo.NSGA2(pop_size=20), problem, X)
    evaluated = problem.compute(X)
    population = Population.new(X=X, F=evaluated.F, G=np.maximum(evaluated.G - problem.ieq_tolerance, 0.0))
    theirs = RankAndCrowding().do(problem, population, n_survive=20, random_state=np.random.default_rng(0))
    assert standing(ours.X, evaluated) == pytest.approx(standing(theirs.get("X"), evaluated))


def test_failed_rows_survive_only_where_nothing_else_does():
    problem = moo.Problem(
        [lambda x: x[0] if x[0] > 0.5 else x[0] * np.nan, lambda x: -x[0]], xl=[0], xu=[1], backend="numpy"
    )
    X = np.linspace(0, 1, 20)[:, None]
    population, _ = survivors_of(moo.NSGA2(pop_size=10), problem, X)
    assert np.isfinite(population.F).all()
    population, _ = survivors_of(moo.NSGA2(pop_size=14), problem, X)
    assert np.isfinite(population.F).all(axis=1).sum() == 10
    assert len(population) == 14


def test_the_best_are_never_lost():
    """The best value of each objective over the population never gets worse."""
    problem = moo.Problem([lambda x: x[0] + x[1] ** 2, lambda x: 1 - x[0]], xl=[0, 0], xu=[1, 1])
    history = moo.solve(problem, moo.NSGA2(pop_size=20), budget=2000, seed=1).history
    best = np.array([F.min(axis=0) for F in history.fronts])
    assert (np.diff(best, axis=0) <= 0).all()


def test_two_objectives_are_spread_evenly():
    problem = moo.Problem([lambda x: x[0], lambda x: 1 - x[0] + x[1]], xl=[0, 0], xu=[1, 1])
    result = moo.solve(problem, moo.NSGA2(pop_size=50), budget=5000, seed=1)
    f1 = np.sort(result.F[:, 0])
    assert len(f1) > 40
    assert f1[0] < 0.01
    assert f1[-1] > 0.99
    assert np.diff(f1).max() < 0.08


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pop_size": 3}, "pop_size=3 is not accepted: give an even integer of at least 4"),
        ({"pop_size": 7}, "pop_size=7"),
        ({"pop_size": 10.0}, "pop_size=10.0"),
        ({"crossover_eta": -1}, "crossover_eta=-1"),
        ({"mutation_eta": float("nan")}, "mutation_eta=nan"),
        ({"crossover_prob": 1.5}, r"crossover_prob=1.5 is not accepted: give a number in \[0, 1\]"),
        ({"mutation_prob": -0.1}, "mutation_prob=-0.1"),
    ],
)
def test_bad_options_get_one_sentence(options, message):
    with pytest.raises(OptionError, match=message):
        moo.NSGA2(**options)
