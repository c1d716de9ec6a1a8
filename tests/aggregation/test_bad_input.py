"""No aggregator raises, gives NaN or lets one row reach another on gradients that are zero, equal, dependent,
far apart in length or not finite."""

from itertools import product

import numpy as np
import pytest
import torch
from jacobians import conflicting

from moo.aggregation import Context, aggregator_named, aggregators

EVERY = sorted(aggregators())
DTYPES = [torch.float32, torch.float64]


def zeros(J: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(J)


def one_zero(J: torch.Tensor) -> torch.Tensor:
    return torch.cat([torch.zeros_like(J[:, :1]), J[:, 1:]], 1)


def equal(J: torch.Tensor) -> torch.Tensor:
    return J[:, :1].expand_as(J).clone()


def opposite(J: torch.Tensor) -> torch.Tensor:
    sign = torch.tensor([1.0, -1.0], dtype=J.dtype).repeat(J.shape[1])[: J.shape[1]]
    return J[:, :1] * sign[:, None]


def nearly_opposite(J: torch.Tensor) -> torch.Tensor:
    return opposite(J) + 1e-8 * J


def nearly_equal(J: torch.Tensor) -> torch.Tensor:
    return equal(J) + 1e-8 * J


def dependent(J: torch.Tensor) -> torch.Tensor:
    return (J @ J.mT)[:, :, :2] @ J[:, :2]


def far_apart(J: torch.Tensor) -> torch.Tensor:
    """Lengths from 1e-6 to 1e6: a Gramian of 1e-12 to 1e12."""
    return J * torch.logspace(-6, 6, J.shape[1], dtype=J.dtype)[:, None]


def short(J: torch.Tensor) -> torch.Tensor:
    return 1e-12 * J


def long(J: torch.Tensor) -> torch.Tensor:
    return 1e12 * J


def coordinates(J: torch.Tensor) -> torch.Tensor:
    return J.sign() * (J.abs() > J.abs().median())


DEGENERATE = [
    zeros,
    one_zero,
    equal,
    opposite,
    nearly_opposite,
    nearly_equal,
    dependent,
    far_apart,
    short,
    long,
    coordinates,
]
SIZES = [(1, 3), (2, 1), (2, 5), (3, 2), (4, 9), (20, 6)]


def context_of(J: torch.Tensor) -> Context:
    losses = 0.1 + torch.rand(J.shape[:2], dtype=J.dtype, generator=torch.Generator().manual_seed(1))
    return Context(losses=losses, rng=np.random.default_rng(1))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("dtype", DTYPES)
def test_finite_gradients_give_finite_directions(name, dtype):
    aggregator = aggregator_named(name)
    for degenerate, (m, d) in product(DEGENERATE, SIZES):
        J = degenerate(conflicting(6, m, d)).to(dtype)
        context = context_of(J)
        for _ in range(2):
            direction = aggregator(J, context)
            assert direction.shape == (6, d)
            assert direction.dtype == dtype
            assert direction.isfinite().all(), (degenerate, m, d)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("m", [1, 2, 3, 6])
def test_a_row_that_is_not_finite_is_lost_alone(name, m):
    aggregator, J = aggregator_named(name), conflicting(5, m, 7)
    for bad in (torch.nan, torch.inf, -torch.inf):
        broken = J.clone()
        broken[2, m - 1, 3] = bad
        context, sound = context_of(J), context_of(J)
        for _ in range(2):  # memory must not be spoilt, either
            found, expected = aggregator(broken, context), aggregator(J, sound)
            assert found[2].isnan().all()
            others = [0, 1, 3, 4]
            assert torch.allclose(found[others], expected[others], rtol=1e-9, atol=1e-12)
        assert aggregator(J, context).isfinite().all()


@pytest.mark.parametrize("name", EVERY)
def test_no_rows_give_no_directions(name):
    for m in (1, 2, 4):
        J = torch.zeros(0, m, 3)
        assert aggregator_named(name)(J, context_of(J)).shape == (0, 3)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("m", [2, 4])
def test_float32_agrees_with_float64(name, m):
    J = conflicting(10, m, 30).float()
    wide = aggregator_named(name)(J.double(), context_of(J.double()))
    context = context_of(J)
    context.losses = context_of(J.double()).losses.float()
    narrow = aggregator_named(name)(J, context)
    assert torch.allclose(narrow.double(), wide, rtol=0, atol=2e-3 * float(wide.abs().max()))
