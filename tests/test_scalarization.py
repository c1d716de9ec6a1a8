"""Scalarizations: their values by hand, and what their minimisers must be."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from moo.errors import OptionError
from moo.scalarization import (
    NBI,
    PBI,
    AugmentedChebyshev,
    Chebyshev,
    EpsilonConstraint,
    Linear,
    Normalization,
    PNorm,
    SmoothChebyshev,
    scalarization_of,
    scalarizations,
)

Z = np.array([[0.2, 0.6], [0.5, 0.1]])
W = np.array([[0.25, 0.75], [0.5, 0.5]])
ALL = [cls() for cls in scalarizations().values()]
SEEDS = st.integers(0, 10**6)


def ids(function):
    return type(function).__name__


def test_the_weighted_sum_is_the_dot_product_of_arrays_and_tensors():
    assert Linear()(Z, W) == pytest.approx([0.5, 0.3])
    assert torch.allclose(Linear()(torch.tensor(Z), W), torch.tensor([0.5, 0.3], dtype=torch.float64))
    assert Linear()(Z, [1.0, 0.0]) == pytest.approx(Z[:, 0])


def test_values_by_hand():
    rays = W  # of which Chebyshev's weights are the inverse, 1 for the longest part: (3, 1) and (1, 1)
    assert Chebyshev()(Z, rays) == pytest.approx([max(3 * 0.2, 0.6), max(0.5, 0.1)])
    assert AugmentedChebyshev(rho=0.1)(Z, rays) == pytest.approx([0.6 + 0.08, 0.5 + 0.06])
    assert PNorm(p=2)(Z, W) == pytest.approx([np.hypot(0.05, 0.45), np.hypot(0.25, 0.05)])
    exact = 0.1 * np.log(np.exp([6.0, 6.0]).sum())
    assert SmoothChebyshev(mu=0.1)(Z[:1], rays[:1]) == pytest.approx([exact])
    ray = rays[1] / np.linalg.norm(rays[1])
    along = Z[1] @ ray
    assert PBI(theta=3)(Z[1:], rays[1:]) == pytest.approx([along + 3 * np.linalg.norm(Z[1] - along * ray)])


def test_an_epsilon_constraint_bounds_all_objectives_but_one():
    terms = EpsilonConstraint(objective=1).terms(torch.tensor(Z), torch.tensor(W))
    assert terms.ieq.numpy() == pytest.approx((Z - W)[:, :1])
    assert terms.violation.numpy() == pytest.approx([0.0, 0.0])
    assert (terms.value.numpy() > Z[:, 1]).all()  # a little of the others is in it


def test_nbi_is_level_on_the_simplex_and_falls_along_the_diagonal():
    on_simplex = torch.tensor([[0.5, 0.5]])
    start = NBI().targets(on_simplex, "weights", None)
    there = NBI().terms(start, start)
    further = NBI().terms(start - 0.1, start)
    assert there.value.item() == pytest.approx(0.0)
    assert further.value.item() == pytest.approx(-0.1)
    assert further.violation.item() == pytest.approx(0.0)


@given(st.integers(2, 5), SEEDS)
def test_the_smooth_maximum_is_at_most_mu_log_m_above_the_maximum(m, seed):
    rng = np.random.default_rng(seed)
    points, rays = rng.random((10, m)), rng.dirichlet(np.ones(m), 10)
    gap = SmoothChebyshev(mu=0.05)(points, rays) - Chebyshev()(points, rays)
    assert (gap >= -1e-12).all()
    assert (gap <= 0.05 * np.log(m) + 1e-12).all()


@given(st.integers(2, 4), SEEDS)
def test_the_p_norm_goes_from_the_sum_to_the_maximum(m, seed):
    rng = np.random.default_rng(seed)
    points, weights = rng.random((10, m)), rng.dirichlet(np.ones(m), 10)
    assert PNorm(p=1)(points, weights) == pytest.approx(Linear()(points, weights))
    assert PNorm(p=300)(points, weights) == pytest.approx((points * weights).max(1), rel=0.01)


@pytest.mark.parametrize("function", ALL, ids=ids)
@given(seed=SEEDS)
def test_what_dominates_is_never_worse(function, seed):
    """Strictly better in every objective by the same amount: no scalarization prefers the worse."""
    rng = np.random.default_rng(seed)
    points = torch.tensor(0.1 + rng.random((8, 3)))
    kind = function.follows[0]
    targets = function.targets(torch.tensor(rng.dirichlet(np.ones(3), 8)), kind, None)
    here, better = function.terms(points, targets), function.terms(points - 0.1, targets)
    if isinstance(function, PBI):
        return  # it prefers a worse point on the ray to a better one beside it
    assert (better.value < here.value + 1e-12).all()
    assert (better.violation <= here.violation + 1e-12).all()


@pytest.mark.parametrize("function", ALL, ids=ids)
def test_it_is_differentiable_where_no_two_parts_are_equal(function):
    points = torch.tensor([[0.3, 0.6], [0.5, 0.1]], dtype=torch.float64, requires_grad=True)
    targets = function.targets(torch.tensor(W), function.follows[0], None)
    assert torch.autograd.gradcheck(lambda z: function.terms(z, targets).value, points)


@pytest.mark.parametrize("function", ALL, ids=ids)
@given(m=st.integers(2, 5), seed=SEEDS)
def test_slopes_are_those_that_autograd_finds_and_the_same_of_arrays(function, m, seed):
    rng = np.random.default_rng(seed)
    points = torch.tensor(rng.normal(size=(6, m)), requires_grad=True)
    P = function.targets(torch.tensor(rng.dirichlet(np.ones(m), 6)), function.follows[0], None)
    terms, slopes = function.terms(points, P), function.slopes(points.detach(), P)
    of_arrays = function.slopes(points.detach().numpy(), P.numpy())
    for part, slope, array in zip(terms, slopes, of_arrays, strict=True):
        if part is None:
            assert slope is None
            continue
        columns = part.reshape(6, -1).unbind(1)
        found = [
            torch.autograd.grad(c.sum(), points, retain_graph=True, allow_unused=True)[0] for c in columns
        ]
        exact = torch.stack([torch.zeros_like(points) if g is None else g for g in found], 1)
        assert torch.allclose(slope.reshape(exact.shape), exact, rtol=1e-6, atol=1e-9)
        assert np.allclose(array, slope.numpy())


@pytest.mark.parametrize("function", ALL, ids=ids)
@pytest.mark.parametrize("n_obj", [2, 3, 5])
def test_preferences_are_spread_as_many_as_asked_for(function, n_obj):
    spread = function.spread(12, n_obj)
    assert spread.shape[1] == n_obj
    assert len(spread) <= 16
    assert len(np.unique(spread, axis=0)) == len(spread)
    if function.follows[0] != "epsilons":
        assert len(spread) == 12
        assert spread.sum(axis=1) == pytest.approx(1.0)
        assert (spread > 0).all()


def test_an_objective_without_a_range_keeps_its_unit():
    scales = Normalization.of(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 2.0]))
    assert scales(torch.tensor([[2.0, 5.0]])).tolist() == [[0.5, 3.0]]


def test_names_are_those_of_the_classes():
    assert scalarization_of("augmented-chebyshev") == AugmentedChebyshev()
    assert scalarization_of(PBI(theta=1)).theta == 1
    assert {"linear", "p-norm", "pbi", "nbi", "epsilon-constraint"} <= set(scalarizations())
    with pytest.raises(OptionError, match="did you mean 'chebyshev'"):
        scalarization_of("tchebyshev")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: PNorm(p=0.5), "p=0.5 is not accepted"),
        (lambda: SmoothChebyshev(mu=0), "mu=0 is not accepted"),
        (lambda: PBI(theta=-1), "theta=-1 is not accepted"),
        (lambda: AugmentedChebyshev(rho=-0.1), "rho=-0.1 is not accepted"),
        (lambda: EpsilonConstraint(objective=2)(Z, W), "the problem has 2 objectives"),
    ],
)
def test_bad_options_are_refused_in_a_sentence(make, said):
    with pytest.raises(OptionError, match=said):
        make()
