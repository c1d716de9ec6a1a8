"""Batched L-BFGS and Adam on their own: rows against SciPy's L-BFGS-B, bounds, bad values."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import moo
from moo.arrays import places
from moo.optimizers.descent import Adam, Box
from moo.optimizers.lbfgs import LBFGS


def box(d: int, low: float | None = 0.0, high: float | None = 1.0, **kind) -> Box:
    """Unit coordinates are the user's: the box runs from 0 to 1, or is missing."""
    return Box.of(moo.Problem(lambda x: x, n_obj=1, n_var=d, xl=low, xu=high), **kind)


def lbfgs(starts, low=0.0, high=1.0, **options) -> LBFGS:
    """L-BFGS, which takes arrays, from these starts (a tensor)."""
    return LBFGS(box(starts.shape[1], low, high, arrays=True), starts.numpy(), **options)


def run(descent, function, steps):
    """Drive the rows to the end; returns how often the function was evaluated, in rows."""
    evaluated = 0
    for _ in range(steps):
        rows = places(~descent.stationary)
        if len(rows) == 0:
            break
        U = torch.as_tensor(descent.trial[rows]).clone().requires_grad_()
        value = function(U)
        (gradient,) = torch.autograd.grad(value.sum(), U)
        found = value.detach(), gradient
        if isinstance(descent, LBFGS):
            found = tuple(part.numpy() for part in found)
        descent.absorb(rows, *found, 1.0)
        evaluated += len(rows)
    return evaluated


def rosenbrock(U):
    return (100.0 * (U[:, 1:] - U[:, :-1] ** 2) ** 2 + (1.0 - U[:, :-1]) ** 2).sum(1)


def test_lbfgs_finds_the_minimum_of_rosenbrock_from_every_start():
    starts = torch.rand(20, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    descent = lbfgs(starts, None, None, gradient_tolerance=1e-8, value_tolerance=1e-14)
    run(descent, rosenbrock, 300)
    assert descent.stationary.all()
    assert np.allclose(descent.here, 1.0, atol=1e-5)


def test_lbfgs_steps_from_the_points_a_problem_in_single_precision_sees():
    starts = torch.rand(20, 5, generator=torch.Generator().manual_seed(0))
    descent = lbfgs(starts)
    run(descent, rosenbrock, 300)
    assert descent.trial.dtype == descent.here.dtype == np.float32
    assert np.array_equal(descent.state.here, descent.here.astype(float))
    assert np.allclose(descent.here, 1.0, atol=1e-2)


def test_lbfgs_spends_no_more_than_twice_what_scipy_does():
    start = np.linspace(-1.0, 1.0, 10)

    def value_and_gradient(u):
        U = torch.tensor(u)[None].requires_grad_()
        value = rosenbrock(U)
        return value.item(), torch.autograd.grad(value.sum(), U)[0][0].numpy()

    found = minimize(value_and_gradient, start, jac=True, method="L-BFGS-B", tol=1e-10)
    descent = lbfgs(torch.tensor(start)[None], None, None)
    evaluated = run(descent, rosenbrock, 500)
    assert descent.value.item() <= found.fun + 1e-8
    assert evaluated <= 2 * found.nfev


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 8), st.integers(0, 10_000))
def test_convex_quadratics_in_a_box_end_where_scipy_ends(d, seed):
    generator = torch.Generator().manual_seed(seed)
    root = torch.randn(d, d, dtype=torch.float64, generator=generator)
    hessian = root @ root.T + 0.1 * torch.eye(d, dtype=torch.float64)
    centre = 2.0 * torch.randn(d, dtype=torch.float64, generator=generator)

    def quadratic(U):
        return 0.5 * torch.einsum("ni,ij,nj->n", U - centre, hessian, U - centre)

    descent = lbfgs(torch.zeros(2, d, dtype=torch.float64), value_tolerance=1e-14)
    run(descent, quadratic, 400)
    H, c = hessian.numpy(), centre.numpy()
    exact = minimize(
        lambda u: (0.5 * (u - c) @ H @ (u - c), H @ (u - c)),
        np.zeros(d),
        jac=True,
        bounds=[(0, 1)] * d,
        tol=1e-14,
    )
    assert descent.value.max().item() <= exact.fun + 1e-6 * max(1.0, abs(exact.fun))
    assert ((descent.here >= 0.0) & (descent.here <= 1.0)).all()


@pytest.mark.parametrize("method", [lbfgs, lambda u: Adam(box(4), u, 0.05)])
def test_rows_do_not_influence_each_other(method):
    starts = torch.rand(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    together = method(starts.clone())
    run(together, rosenbrock, 30)
    alone = method(starts[3:4].clone())
    run(alone, rosenbrock, 30)
    assert np.allclose(together.trial[3], alone.trial[0], atol=1e-12)


def test_a_step_into_nan_is_shortened_and_a_start_in_nan_is_pulled_inwards():
    def log_barrier(U):
        return (U - torch.log(U + 0.5)).sum(1)  # NaN below -0.5, minimum at 0.5

    starts = torch.tensor([[0.9], [-0.9]], dtype=torch.float64)
    descent = lbfgs(starts, None, None)
    run(descent, log_barrier, 100)
    assert np.allclose(descent.here, 0.5, atol=1e-4)


def test_adam_goes_back_half_of_the_way_when_the_gradient_fails():
    descent = Adam(box(2, None, None), torch.zeros(1, 2, dtype=torch.float64), 0.1)
    rows, one = torch.tensor([0]), torch.ones(1, 2, dtype=torch.float64)
    descent.absorb(rows, torch.zeros(1), one, 1.0)
    moved = descent.trial.clone()
    descent.absorb(rows, torch.full((1,), torch.nan), one, 1.0)
    assert torch.allclose(descent.trial, moved / 2)


def test_adam_takes_the_first_steps_of_torchs_adam():
    parameter = torch.tensor([0.3, -0.2], dtype=torch.float64, requires_grad=True)
    theirs = torch.optim.Adam([parameter], lr=0.01, eps=1e-12)
    ours = Adam(box(2, None, None), parameter.detach().clone()[None], 0.01)
    for _ in range(5):
        theirs.zero_grad()
        rosenbrock(parameter[None]).sum().backward()
        theirs.step()
    run(ours, rosenbrock, 5)
    assert torch.allclose(ours.trial[0], parameter.detach(), atol=1e-9)


def test_unit_coordinates_go_there_and_back_and_stay_in_the_box():
    problem = moo.Problem(lambda x: x, n_obj=1, xl=[1e-3, -5.0, None], xu=[3e-3, 10.0, None])
    there = Box.of(problem)
    X = problem.to_tensor(problem.sample(50, np.random.default_rng(0)))
    assert torch.allclose(there.to_user(there.to_unit(X)), X)
    corner = there.to_user(torch.ones(1, 3, dtype=torch.float64))[0]
    assert corner[0] <= problem.xu[0]
    assert corner[1] == problem.xu[1]


@pytest.mark.parametrize("arrays", [True, False])
@pytest.mark.parametrize("bound", [None, 3.0])
def test_points_in_user_units_have_numbers_of_their_own(bound, arrays):
    """Steps change unit coordinates in place; what was evaluated there must not change with them."""
    xl = None if bound is None else -bound
    problem = moo.Problem([lambda x: x[0], lambda x: x[1]], n_var=2, xl=xl, xu=bound)
    box = Box.of(problem, arrays=arrays)
    U = np.array([[0.25, 0.75]]) if arrays else torch.tensor([[0.25, 0.75]], dtype=torch.float64)
    X = box.to_user(U)
    U[:] = 0.0
    expected = [0.25, 0.75] if bound is None else [-1.5, 1.5]
    np.testing.assert_allclose(problem.to_array(X)[0], expected)
