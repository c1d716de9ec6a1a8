"""Aggregators against SciPy's quadratic programs, quadprog and TorchJD, and their properties."""

import numpy as np
import pytest
import quadprog
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jacobians import conflicting, jacobians
from scipy.optimize import minimize
from torchjd.aggregation import MGDA as TorchJDMGDA
from torchjd.aggregation import Mean as TorchJDMean

from moo.aggregation.mean import Mean
from moo.aggregation.mgda import MGDA
from moo.aggregation.min_norm import min_norm_weights


def exact_min_norm(J: np.ndarray) -> float:
    """Length of the min-norm point by Goldfarb and Idnani's dual method."""
    m = len(J)
    gramian = J @ J.T + 1e-14 * np.trace(J @ J.T) * np.eye(m)
    A = np.column_stack([np.ones(m), np.eye(m)])
    weights = quadprog.solve_qp(gramian, np.zeros(m), A, np.array([1.0, *np.zeros(m)]), meq=1)[0]
    return float(np.linalg.norm(weights @ J))


@pytest.mark.parametrize("m", range(2, 9))
def test_mgda_is_as_short_as_the_exact_min_norm_point(m):
    """On 1,000 Jacobians, of any rank and with lengths a hundred times apart, for each m."""
    for J in (jacobians(400, m, 12, seed=m), conflicting(400, m, 12, seed=m), jacobians(200, m, 3, seed=m)):
        lengths = MGDA()(J).norm(dim=1).numpy()
        exact = np.array([exact_min_norm(rows) for rows in J.numpy()])
        assert np.abs(lengths - exact).max() < 1e-8


def test_mgda_agrees_with_scipys_constrained_minimiser():
    J = jacobians(5, 3, 6)
    for rows, direction in zip(J.numpy(), MGDA()(J).numpy(), strict=True):
        found = minimize(
            lambda w, rows=rows: 0.5 * np.sum((w @ rows) ** 2),
            np.full(3, 1 / 3),
            jac=lambda w, rows=rows: rows @ (w @ rows),
            bounds=[(0, 1)] * 3,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda w: np.ones(3)},
            method="SLSQP",
            options={"ftol": 1e-15},
        )
        assert np.allclose(found.x @ rows, direction, atol=1e-5)


def test_two_objectives_agree_with_torchjd():
    for rows in jacobians(20, 2, 7):
        assert torch.allclose(MGDA()(rows[None])[0], TorchJDMGDA()(rows), atol=1e-8)
        assert torch.allclose(Mean()(rows[None])[0], TorchJDMean()(rows))


@pytest.mark.parametrize("m", [2, 3, 5, 8])
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_the_direction_descends_in_every_objective(m, scale):
    J = scale * jacobians(100, m, 10, seed=3)
    direction = MGDA()(J)
    gain = torch.einsum("nmd,nd->nm", J, direction)
    squared = (direction**2).sum(1, keepdim=True)
    assert (gain >= squared - 1e-10 * scale**2).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 7), st.integers(1, 8), st.integers(0, 10_000))
def test_weights_are_on_the_simplex_and_optimal_at_any_rank(m, d, seed):
    J = torch.randn(4, m, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    gramian = J @ J.mT
    weights = min_norm_weights(gramian)
    assert (weights >= 0).all()
    assert torch.allclose(weights.sum(1), torch.ones(4, dtype=torch.float64))
    gradient = torch.einsum("nij,nj->ni", gramian, weights)
    value = (gradient * weights).sum(1)
    assert (gradient.amin(1) >= value - 1e-8 * gramian.abs().amax((1, 2))).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_the_order_of_the_objectives_does_not_matter(m, seed, random):
    J = jacobians(3, m, 9, seed)
    order = list(range(m))
    random.shuffle(order)
    assert torch.allclose(MGDA()(J), MGDA()(J[:, order]), atol=1e-9)


def test_normalized_mgda_gives_one_direction_whatever_a_loss_is_multiplied_by():
    J = jacobians(20, 3, 6)
    rescaled = J * torch.tensor([1.0, 1000.0, 0.01], dtype=torch.float64)[None, :, None]
    here, there = MGDA(normalize=True)(J), MGDA(normalize=True)(rescaled)
    assert torch.allclose(here, there, atol=1e-9)
    assert not torch.allclose(MGDA()(J), MGDA()(rescaled), atol=1e-3)


def test_opposite_gradients_are_pareto_stationary():
    J = torch.tensor([[[1.0, 0.0], [-2.0, 0.0]]], dtype=torch.float64)
    assert MGDA()(J).abs().max() == pytest.approx(0.0, abs=1e-15)


def test_one_bad_row_does_not_reach_the_others():
    J = jacobians(3, 3, 4)
    J[1, 2, 0] = torch.nan
    direction = MGDA()(J)
    assert direction[1].isnan().all()
    assert torch.equal(direction[[0, 2]], MGDA()(J[[0, 2]]))


def test_one_objective_is_plain_gradient_descent():
    J = jacobians(4, 1, 3)
    assert torch.equal(MGDA()(J), J[:, 0])
