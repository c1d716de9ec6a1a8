"""First samples: designs, known points, earlier results."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moo
from moo.errors import MooError, OptionError, ProblemError
from moo.optimizers.sampling import as_sampling, first_sample

BOX = {"xl": [-1.0, 0.0, 5.0], "xu": [1.0, 10.0, 5.0]}


def problem(**options):
    return moo.Problem([lambda x: x[0], lambda x: -x[0] + x[1]], **(options or BOX))


def sample(n, sampling, seed=0, **options):
    return first_sample(problem(**options), n, np.random.default_rng(seed), as_sampling(sampling))


@given(st.sampled_from(["random", "lhs", "sobol"]), st.integers(1, 50), st.integers(0, 99))
def test_designs_are_inside_the_box_and_follow_the_seed(design, n, seed):
    X = sample(n, design, seed)
    assert X.shape == (n, 3)
    assert ((BOX["xl"] <= X) & (BOX["xu"] >= X)).all()
    assert np.array_equal(X, sample(n, design, seed))
    if n > 1:
        assert not np.array_equal(X, sample(n, design, seed + 1))


@given(st.integers(2, 40), st.integers(0, 99))
def test_a_latin_hypercube_has_one_point_in_each_slice(n, seed):
    X = sample(n, "lhs", seed)
    slices = np.floor((X[:, 0] + 1.0) / 2.0 * n).astype(int)
    assert sorted(slices) == list(range(n))


def test_a_sobol_sequence_is_balanced():
    X = sample(64, "sobol")
    assert ((X[:, 0] < 0).sum(), (X[:, 1] < 5).sum()) == (32, 32)


@pytest.mark.parametrize("design", ["lhs", "sobol"])
def test_designs_of_typed_variables_are_canonical_and_even(design):
    stated = moo.Problem(
        [lambda v: v["n"], lambda v: -v["n"]],
        variables={"n": moo.Integer(0, 3), "kind": moo.Choice(["a", "b"]), "order": moo.Permutation(3)},
    )
    X = first_sample(stated, 64, np.random.default_rng(0), as_sampling(design))
    assert np.array_equal(stated.repair(X), X)
    assert np.unique(X[:, 0], return_counts=True)[1].tolist() == [16, 16, 16, 16]


def test_known_points_come_first():
    X = sample(5, [[0.5, 2.0, 5.0], [0.0, 3.0, 5.0]])
    assert X[:2].tolist() == [[0.5, 2.0, 5.0], [0.0, 3.0, 5.0]]
    assert len(np.unique(X, axis=0)) == 5


def test_of_too_many_points_those_that_cover_the_box_are_taken():
    cluster = np.column_stack([np.linspace(0, 0.01, 30), np.full(30, 1.0), np.full(30, 5.0)])
    X = sample(3, np.concatenate([cluster, [[-1.0, 9.0, 5.0], [1.0, 9.0, 5.0]]]))
    assert {(-1.0, 9.0, 5.0), (1.0, 9.0, 5.0)} <= set(map(tuple, X))


@pytest.mark.parametrize(
    "method",
    [moo.NSGA2, moo.NSGA3, moo.SMSEMOA, moo.GradientDescent, moo.WeightedSum],
    ids=lambda m: m.__name__,
)
def test_a_run_goes_on_from_an_earlier_one(method):
    zdt = moo.problems.ZDT1(n_var=6)
    first = moo.solve(zdt, moo.NSGA2(pop_size=40), budget=4000, seed=1)
    warm, cold = (
        moo.solve(zdt, method(sampling=sampling), budget=400, seed=2) for sampling in (first, "random")
    )
    reference = np.array([1.1, 1.1])
    assert warm.hypervolume(reference, archive=True) > cold.hypervolume(reference, archive=True)
    assert warm.hypervolume(reference, archive=True) >= 0.95 * first.hypervolume(reference)


@pytest.mark.parametrize(
    ("sampling", "sentence"),
    [
        ("sobl", "unknown sampling 'sobl': did you mean 'sobol'?"),
        ([[np.nan, 1.0, 5.0]], "give 'random', 'lhs', 'sobol', points"),
        ([], "give 'random', 'lhs', 'sobol', points"),
        (object(), "give 'random', 'lhs', 'sobol', points"),
        ([[1.0, 2.0]], "have 2 variables, Problem has 3"),
        ([[0.0, 1.0, 5.0], [3.0, 1.0, 5.0]], "point 1 given as sampling= lies outside the bounds"),
    ],
)
def test_what_cannot_be_sampled_is_said(sampling, sentence):
    with pytest.raises(OptionError, match=sentence):
        moo.solve(problem(), moo.NSGA2(sampling=sampling), budget=100)


def test_designs_need_a_box():
    with pytest.raises(ProblemError, match="sampling='lhs' needs finite bounds"):
        moo.solve(problem(n_var=2), moo.GradientDescent(sampling="lhs"), budget=100)


def test_an_empty_result_is_no_start():
    broken = moo.Problem([lambda x: x[0] * np.nan, lambda x: x[0]], xl=[0], xu=[1])
    empty = moo.solve(broken, moo.NSGA2(pop_size=20), budget=100)
    with pytest.raises(MooError, match="holds no points"):
        moo.NSGA2(sampling=empty)


def test_options_stay_short_and_tell_runs_apart():
    points = np.random.default_rng(0).random((500, 3))
    one, same, other = (moo.NSGA2(sampling=X) for X in (points, points.copy(), points + 1e-9))
    assert one == same
    assert repr(one) == repr(same) != repr(other)
    assert len(repr(one)) < 250
