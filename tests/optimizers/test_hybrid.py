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


def test_the_answer_has_the_size_that_was_asked_for():
    result = moo.solve(moo.problems.ZDT1(), moo.Hybrid(pop_size=20), budget=6000, seed=0)
    assert 15 <= len(result.F) <= 20


def test_it_wants_bounds_and_real_variables():
    with pytest.raises(ProblemError, match="Hybrid needs finite bounds"):
        moo.solve(moo.Problem([lambda x: x[0], lambda x: -x[0]], n_var=1), moo.Hybrid(), budget=100)
    with pytest.raises(OptionError, match="pop_size=7"):
        moo.Hybrid(pop_size=7)
