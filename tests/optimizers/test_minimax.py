"""The smoothed maximum: bounds, and the exact minimiser in the limit of its multipliers."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from moo.optimizers.minimax import Minimax


@given(st.integers(2, 5), st.integers(0, 10**6))
def test_the_smoothed_value_is_below_the_maximum_and_near_it(k, seed):
    T = torch.rand(6, k, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    minimax, rows = Minimax.start(T), torch.arange(6)
    gap = T.amax(1) - minimax.smoothed(T, rows)[0]
    assert (gap >= -1e-12).all()
    assert (gap <= torch.tensor(float(k)).log() / minimax.sharpness + 1e-12).all()


@given(st.integers(2, 5), st.integers(0, 10**6))
def test_its_slopes_are_those_that_autograd_finds(k, seed):
    T = torch.randn(6, k, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    minimax, rows = Minimax.start(T), torch.arange(6)
    minimax.update(rows, T)
    T = T.requires_grad_()
    value, slopes = minimax.smoothed(T, rows)
    assert torch.allclose(slopes, torch.autograd.grad(value.sum(), T)[0])


def test_multipliers_lead_to_the_exact_minimiser():
    """min max(x^2, (x - 1)^2 + 0.5) is at x = 3/4, with multipliers 1/4 and 3/4."""
    minimax, rows = Minimax.start(torch.zeros(1, 2, dtype=torch.float64)), torch.tensor([0])
    x = torch.zeros(1, dtype=torch.float64)
    for _ in range(20):
        for _ in range(200):
            y = x.clone().requires_grad_()
            T = torch.stack([y**2, (y - 1.0) ** 2 + 0.5], 1)
            (slope,) = torch.autograd.grad(minimax.smoothed(T, rows)[0].sum(), y)
            x = x - 0.5 / minimax.sharpness * slope
        minimax.update(rows, torch.stack([x**2, (x - 1.0) ** 2 + 0.5], 1))
    assert torch.allclose(x, torch.full_like(x, 0.75), atol=1e-4)
    assert torch.allclose(minimax.log_multipliers.exp(), torch.tensor([[0.25, 0.75]]).double(), atol=1e-3)
    assert minimax.settled(rows, 1e-3).all()


def test_multipliers_estimated_at_the_solution_balance_the_gradients():
    J = torch.tensor([[[1.0, 0.0], [-3.0, 0.0]]], dtype=torch.float64)
    minimax = Minimax.start(torch.zeros(1, 2, dtype=torch.float64))
    minimax.estimate(J)
    assert torch.allclose(minimax.log_multipliers.exp(), torch.tensor([[0.75, 0.25]]).double())
