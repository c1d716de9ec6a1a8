"""Epsilon-constraint handling: what is forgiven, for how long, and what comes of it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

import moo
from moo.errors import OptionError
from moo.evaluation import Evaluation
from moo.optimizers.constraint_handling import first_level, level_at, relaxed


def rows(CV):
    CV = np.array(CV, dtype=float)
    n, empty = len(CV), np.empty((len(CV), 0))
    return Evaluation(np.zeros((n, 1)), np.zeros((n, 2)), empty, empty, CV, np.zeros(n, dtype=np.int8))


def test_a_fifth_of_the_first_sample_is_forgiven():
    first = rows([*range(1, 11), np.inf])
    level = first_level(first)
    assert (level >= first.CV).sum() == 2
    assert (relaxed(first, level).CV[:2] == 0).all()
    assert relaxed(first, level).CV[-1] == np.inf
    assert first_level(rows([np.inf])) == 0.0


def test_the_level_falls_to_nothing_before_the_end():
    levels = [level_at(2.0, t) for t in np.linspace(0, 1, 11)]
    assert levels[0] == 2.0
    assert levels == sorted(levels, reverse=True)
    assert levels[8:] == [0.0, 0.0, 0.0]


METHODS = [moo.NSGA2, moo.NSGA3, moo.SMSEMOA]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
def test_answers_are_feasible_all_the_same(method):
    result = moo.solve(moo.problems.TNK(), method(constraints="epsilon", pop_size=40), budget=4000, seed=1)
    assert result.feasible
    assert result.hypervolume() > 0.4


def on_a_sphere():
    """The front lies on an equality that random points never meet."""
    return moo.Problem(
        [lambda x: ((x - 1) ** 2).sum(), lambda x: ((x + 1) ** 2).sum()],
        xl=[-2.0] * 4,
        xu=[2.0] * 4,
        equality=[lambda x: (x**2).sum() - 1.0],
    )


def test_it_helps_where_feasible_points_are_rare():
    problem = on_a_sphere()

    def quality(constraints, seed):
        result = moo.solve(problem, moo.NSGA2(constraints=constraints), budget=10_000, seed=seed)
        return result.hypervolume([20, 20])

    with_it, without = ([quality(c, seed) for seed in range(9)] for c in ("epsilon", "feasibility"))
    assert mannwhitneyu(with_it, without, alternative="greater").pvalue < 0.1
    assert np.median(with_it) > np.median(without)


def test_without_constraints_it_changes_nothing():
    zdt = moo.problems.ZDT1(n_var=5)
    a, b = (moo.solve(zdt, moo.NSGA2(constraints=c), budget=1000, seed=1) for c in ("epsilon", "feasibility"))
    assert np.array_equal(a.F, b.F)


def test_other_words_are_refused():
    with pytest.raises(OptionError, match="constraints='penalty' is not accepted: give 'feasibility' or"):
        moo.NSGA2(constraints="penalty")
