"""Principal pivoting against Goldfarb and Idnani's dual method and the optimality conditions."""

import numpy as np
import pytest
import quadprog
import torch
from hypothesis import given
from hypothesis import strategies as st

from moo.aggregation import quadratic
from moo.aggregation.quadratic import nonnegative_minimiser


def programs(n: int, m: int, d: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Matrices of rank min(m, d) with a diagonal of one, and q in their range: bounded below."""
    generator = torch.Generator().manual_seed(seed)
    units = torch.nn.functional.normalize(
        torch.randn(n, m, d, dtype=torch.float64, generator=generator), dim=2
    )
    M = units @ units.mT
    return M, (M @ torch.randn(n, m, 1, dtype=torch.float64, generator=generator))[:, :, 0]


@pytest.mark.parametrize("m", [1, 2, 5, 12])
def test_it_finds_the_minimiser_of_strictly_convex_programs(m):
    M, q = programs(40, m, 2 * m + 1, m)
    for M_row, q_row, x in zip(M.numpy(), q.numpy(), nonnegative_minimiser(M, q, 1e-14).numpy(), strict=True):
        assert np.allclose(x, quadprog.solve_qp(M_row, q_row, np.eye(m), np.zeros(m))[0], atol=1e-9)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 10_000))
def test_it_meets_the_optimality_conditions_at_any_rank(m, d, seed):
    M, q = programs(5, m, d, seed)
    x = nonnegative_minimiser(M, q, 1e-14)
    slope = (M @ x[:, :, None])[:, :, 0] - q
    size = 1.0 + x.amax(1, keepdim=True)
    assert (x >= 0).all()
    assert (slope >= -1e-11 * size).all()
    assert ((slope * x).abs() <= 1e-10 * size**2).all()


def test_equal_columns_and_zeros_are_no_obstacle():
    M = torch.ones(1, 4, 4, dtype=torch.float64)
    M[:, 3], M[:, :, 3] = 0.0, 0.0
    x = nonnegative_minimiser(M, torch.tensor([[1.0, 1.0, 1.0, 0.0]], dtype=torch.float64), 1e-14)
    assert float(x.sum()) == pytest.approx(1.0)
    assert (x >= 0).all()


def test_rows_that_finish_early_do_not_change_the_others():
    M, q = programs(30, 8, 8, 1)
    q[::3] = -q[::3].abs()  # those have their minimum at zero, without a pivot
    together = nonnegative_minimiser(M, q, 1e-14)
    apart = torch.cat([nonnegative_minimiser(M[i : i + 1], q[i : i + 1], 1e-14) for i in range(30)])
    assert torch.allclose(together, apart, rtol=0, atol=1e-12)
    assert (together[::3] == 0).all()


@pytest.mark.parametrize("m", [1, 3, 8])
def test_guesses_and_pivots_find_the_same(m):
    M, q = programs(50, m, 2 * m + 1, m)
    found = 0
    for M_row, q_row in zip(M.numpy(), q.numpy(), strict=True):
        x, right = quadratic._guessed(M_row, q_row, 1e-13)
        found += right
        if right:
            assert np.allclose(x, quadratic._pivoted(M_row, q_row, 1e-14), rtol=0, atol=1e-10)
    assert found > 45


def test_guesses_give_up_where_factors_do_and_where_they_go_round_in_circles(monkeypatch):
    dependent = np.array([[1.0, -1.0 + 1e-9], [-1.0 + 1e-9, 1.0]])
    assert not quadratic._guessed(dependent, np.array([1.0, -0.5]), 1e-13)[1]
    M, q = programs(200, 9, 10, 0)
    pivoted = []
    pivots = quadratic._pivoted
    monkeypatch.setattr(quadratic, "_pivoted", lambda *given: pivoted.append(given) or pivots(*given))
    monkeypatch.setattr(quadratic, "_GUESSES", 2)
    monkeypatch.setattr(quadratic, "_guessed", quadratic._guessed.py_func)
    for M_row, q_row in zip(M.numpy(), q.numpy(), strict=True):
        x = quadratic.minimise.py_func(M_row, q_row, 1e-14)
        assert np.allclose(x, pivots(M_row, q_row, 1e-14), rtol=0, atol=1e-9)
    assert 0 < len(pivoted) < 200
