"""Hybrid: no worse than either of its parts."""

import numpy as np
import pytest

import moo
from moo.errors import OptionError, ProblemError


def median_volume(problem, optimizer, budget, seeds=3):
    return np.median(
        [moo.solve(problem, optimizer, budget=budget, seed=s).hypervolume() for s in range(seeds)]
    )


@pytest.mark.parametrize("name", ["ZDT1", "ZDT2", "ZDT3", "DTLZ2", "Kursawe", "TNK", "OSY"])
def test_it_is_no_worse_than_the_better_of_its_parts(name):
    problem = getattr(moo.problems, name)()
    parts = moo.NSGA2(), moo.HypervolumeGradient(n=100)
    best = max(median_volume(problem, part, 8000) for part in parts)
    assert median_volume(problem, moo.Hybrid(), 8000) > 0.99 * best


def test_many_local_fronts_are_left_to_the_population():
    """ZDT4: gradients stay on a local front, and their turns must not cost the population its budget."""
    hybrid = moo.solve(moo.problems.ZDT4(), moo.Hybrid(), budget=40_000, seed=0)
    genetic = moo.solve(moo.problems.ZDT4(), moo.NSGA2(), budget=40_000, seed=0)
    assert hybrid.hypervolume() > 0.99 * genetic.hypervolume()
    assert hybrid.cost.n_vjp > 0


def test_gradients_that_end_on_local_fronts_are_not_tried_often():
    cost = moo.solve(moo.problems.ZDT4(), moo.Hybrid(), budget=10_000, seed=0).cost
    assert 0 < cost.total - cost.n_f < 0.1 * cost.total


def test_points_between_the_individual_minima_are_tried_first():
    """ZDT1: they are nearly all of the front, where NSGA-II has nothing yet."""
    assert median_volume(moo.problems.ZDT1(), moo.Hybrid(), 1000) > 0.86


def test_a_population_is_given_no_points_of_the_front_while_it_is_young():
    """DTLZ4: they would soon leave no others, and what lies elsewhere would not be found."""
    problem = moo.problems.DTLZ4()
    volumes = [moo.solve(problem, moo.Hybrid(), budget=5000, seed=s).hypervolume() for s in range(6)]
    assert np.sort(volumes)[1] > 0.8 * max(volumes)


def test_the_answer_has_the_size_that_was_asked_for():
    result = moo.solve(moo.problems.ZDT1(), moo.Hybrid(pop_size=20), budget=6000, seed=0)
    assert 15 <= len(result.F) <= 20


def test_a_budget_that_ends_in_the_search_for_the_minima_keeps_the_best_of_what_was_tried():
    """ZDT4, reference point (1.1, 100): the rows at work alone have nothing below it."""
    result = moo.solve(moo.problems.ZDT4(), moo.Hybrid(), budget=160, seed=0)
    assert result.hypervolume(np.array([1.1, 100.0])) > 5.0


def test_it_wants_bounds_and_real_variables():
    with pytest.raises(ProblemError, match="Hybrid needs finite bounds"):
        moo.solve(moo.Problem([lambda x: x[0], lambda x: -x[0]], n_var=1), moo.Hybrid(), budget=100)
    with pytest.raises(OptionError, match="pop_size=7"):
        moo.Hybrid(pop_size=7)
