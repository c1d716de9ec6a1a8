"""Scalarized against closed forms: where each scalarization's minimisers lie on a known front."""

import numpy as np
import pytest

import moo
from moo.errors import OptionError, ProblemError
from moo.indicators import hypervolume
from moo.scalarization import EpsilonConstraint

RAYS = np.array([[0.2, 0.8], [0.5, 0.5], [0.7, 0.3]])


def first(x):
    return ((x - 1.0) ** 2).sum()


def second(x):
    return ((x + 1.0) ** 2).sum()


def quadratics(**options):
    """Front: sqrt(f1 / 3) + sqrt(f2 / 3) = 2, from (0, 12) to (12, 0)."""
    return moo.Problem([first, second], xl=[-2.0] * 3, xu=[2.0] * 3, **options)


def solved(scalarization, problem=None, budget=6000, **options):
    return moo.solve(problem or quadratics(), moo.Scalarized(scalarization, **options), budget=budget)


def on_front(F):
    return np.sqrt(F / 3.0).sum(axis=1) == pytest.approx(2.0, abs=1e-3)


@pytest.mark.parametrize("name", ["chebyshev", "augmented-chebyshev", "smooth-chebyshev", "pbi"])
def test_rays_meet_the_front_where_they_point(name):
    result = solved(name, rays=RAYS, normalize=([0.0, 0.0], [12.0, 12.0]))
    assert result.preference == "rays"
    assert np.allclose(result.weights, RAYS)
    assert on_front(result.F)
    shares = result.F / result.F.sum(axis=1, keepdims=True)
    assert np.allclose(shares, RAYS, atol={"chebyshev": 1e-4, "pbi": 1e-2}.get(name, 0.08))


def test_chebyshev_with_weights_finds_their_inverse():
    result = solved("chebyshev", weights=RAYS, normalize=([0.0, 0.0], [12.0, 12.0]))
    inverse = (1.0 / RAYS) / (1.0 / RAYS).sum(axis=1, keepdims=True)
    assert np.allclose(result.F / result.F.sum(axis=1, keepdims=True), inverse, atol=1e-4)
    assert result.preference == "normalised weights"
    assert result.weighted is None
    assert {"weight[first]", "first"} <= set(result.to_pandas().columns)


def test_epsilons_bind():
    bounds = np.array([[np.inf, 0.25], [np.inf, 0.5]])
    result = solved("epsilon-constraint", epsilons=bounds, normalize=([0.0, 0.0], [12.0, 12.0]))
    assert result.F[:, 1] == pytest.approx([3.0, 6.0], abs=1e-3)
    assert on_front(result.F)


def test_any_objective_may_be_the_one_that_is_minimised():
    bounds = np.array([[0.25, 1.0], [0.5, 1.0]])
    function = EpsilonConstraint(objective=1)
    result = solved(function, epsilons=bounds, normalize=([0.0, 0.0], [12.0, 12.0]))
    assert result.F[:, 0] == pytest.approx([3.0, 6.0], abs=1e-3)


def test_nbi_spaces_its_points_evenly_along_the_line_between_the_minima():
    result = solved("nbi", n=9)
    assert on_front(result.F)
    along = np.sort(result.F[:, 0] - result.F[:, 1])
    assert np.allclose(np.diff(along), np.diff(along).mean(), rtol=0.02)


@pytest.mark.parametrize("name", ["linear", "p-norm", "nbi", "epsilon-constraint", "chebyshev"])
def test_many_preferences_lie_on_the_front_and_converge(name):
    result = solved(name, n=15, budget=20_000)
    assert len(result.F) == 15
    assert on_front(result.F)
    assert result.status == "converged"
    F = result.F[np.argsort(result.F[:, 0])]
    assert F[0, 0] < 0.2
    assert F[-1, 1] < 0.2


@pytest.mark.parametrize("normalize", ["payoff", "running"])
def test_units_do_not_decide_where_rays_end(normalize):
    scaled = moo.Problem([lambda x: 1e4 * first(x), lambda x: 1e-3 * second(x)], xl=[-2.0] * 3, xu=[2.0] * 3)
    plain = solved("chebyshev", n=9, normalize=normalize, budget=20_000)
    other = solved("chebyshev", scaled, n=9, normalize=normalize, budget=20_000)
    assert np.allclose(plain.F, other.F / [1e4, 1e-3], atol=0.3)


@pytest.mark.parametrize(
    ("name", "least"),
    [("chebyshev", 0.278), ("epsilon-constraint", 0.25), ("augmented-chebyshev", 0.27), ("pbi", 0.278)],
)
def test_a_concave_front_is_covered_where_weighted_sums_collapse(name, least):
    """Fonseca and Fleming's problem with ten variables; the best eight points have 0.2903."""
    problem, ref = moo.problems.FonsecaFleming(10), np.ones(2)
    sums = moo.solve(problem, moo.WeightedSum(n=8), budget=6000)
    assert hypervolume(sums.F, ref) < 0.06
    assert hypervolume(solved(name, problem, n=8, budget=20_000).F, ref) > least


def test_a_scalarizations_own_constraint_stands_beside_the_problems():
    problem = quadratics(inequality=[lambda x: 0.5 - x[0]])  # keeps x1 >= 0.5
    result = solved("chebyshev", problem, n=9, budget=20_000)
    assert result.feasible
    assert (result.X[:, 0] >= 0.5 - 1e-6).all()
    nbi = solved("nbi", problem, n=9, budget=20_000)
    assert nbi.feasible
    assert (nbi.X[:, 0] >= 0.5 - 1e-6).all()


@pytest.mark.parametrize("inner", ["adam", "ga"])
def test_other_inner_methods_come_near(inner):
    result = solved("chebyshev", rays=RAYS, normalize=([0.0, 0.0], [12.0, 12.0]), inner=inner, budget=20_000)
    assert np.allclose(result.F / result.F.sum(axis=1, keepdims=True), RAYS, atol=0.05)


def test_diagnostics_say_how_the_gradients_stand_to_each_other():
    diagnostics = solved("chebyshev", n=9, budget=20_000).diagnostics
    k = len(diagnostics["cost"])
    assert k >= 1
    assert diagnostics["cosine"].shape == (k, 2, 2)
    assert np.allclose(diagnostics["cosine"][:, [0, 1], [0, 1]], 1.0)
    assert diagnostics["cosine"][0, 0, 1] < 0  # on the front the two gradients are opposite
    assert diagnostics["conflict"][0] > 0.5
    assert (diagnostics["norm_ratio"] >= 1.0).all()
    assert diagnostics["weights"].shape == (k, 2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"scalarization": "pbi", "weights": [0.5, 0.5]}, "PBI does not follow weights=: give rays="),
        ({"scalarization": "linear", "rays": [0.5, 0.5]}, "Linear does not follow rays=: give weights="),
        ({"scalarization": "chebyshev", "epsilons": [1, 1]}, "give rays= or weights="),
        ({"weights": [0.5, 0.5], "rays": [0.5, 0.5]}, "one kind of them"),
        ({"scalarization": "tchebychev"}, "did you mean"),
        ({"normalize": "nadir"}, "normalize='nadir' is not accepted"),
        ({"normalize": ([0.0, 0.0], [0.0, 1.0])}, "ideal < nadir"),
        ({"rays": [-0.5, 1.5]}, "rays are not accepted"),
        ({"rays": [0.2, 0.3, 0.5]}, "rays have shape"),
        ({"weights": [np.nan, 1.0]}, "weights are not accepted"),
        ({"scalarization": "chebyshev", "inner": "slsqp"}, "it is not smooth"),
        ({"n": 1}, "n=1 weight vectors are not accepted"),
    ],
)
def test_bad_options_are_refused_in_a_sentence(options, said):
    with pytest.raises((OptionError, ProblemError), match=said):
        moo.solve(quadratics(), moo.Scalarized(**options), budget=500)


@pytest.mark.parametrize("name", ["chebyshev", "linear", "epsilon-constraint", "nbi", "pbi"])
def test_one_objective_is_just_minimised(name):
    problem = moo.Problem([first], xl=[-2.0] * 3, xu=[2.0] * 3)
    result = solved(name, problem, n=1, budget=2000)
    assert result.X[0] == pytest.approx([1.0, 1.0, 1.0], abs=1e-3)


def test_rows_that_cannot_be_evaluated_do_not_hold_up_the_others():
    def failing(x):  # not a number in a corner of the box
        return first(x) + 0.0 * (x[0] + 1.9).sqrt()

    problem = moo.Problem([failing, second], xl=[-2.0] * 3, xu=[2.0] * 3)
    result = solved("chebyshev", problem, n=9, budget=10_000)
    assert on_front(result.F)


def test_refinement_fills_gaps_and_never_loses():
    problem = moo.problems.ZDT3()
    plain = solved("chebyshev", problem, n=40, budget=40_000)
    refined = solved("chebyshev", problem, n=40, refine=6, budget=40_000)
    assert refined.hypervolume() > plain.hypervolume() + 1e-4
    assert refined.cost.total > plain.cost.total
    even = solved("chebyshev", n=20, budget=20_000)
    assert solved("chebyshev", n=20, refine=3, budget=20_000).hypervolume() >= even.hypervolume() - 1e-12


@pytest.mark.parametrize("spread", ["riesz", "random"])
def test_preferences_may_be_spread_otherwise(spread):
    result = solved("chebyshev", n=12, spread=spread, budget=20_000)
    assert len(result.F) == 12
    assert on_front(result.F)
    with pytest.raises(OptionError, match="spread="):
        moo.Scalarized("epsilon-constraint", spread=spread)
