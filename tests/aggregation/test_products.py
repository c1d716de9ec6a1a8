"""The compiled products against torch's, and when they are left to torch."""

import numpy as np
import pytest
import torch
from jacobians import conflicting

from moo.aggregation import products
from moo.aggregation.products import combination, gramian

DTYPES = [torch.float32, torch.float64]
SIZES = [
    (1, 1, 1),
    (5, 1, 7),
    (5, 2, 30),
    (4, 3, 511),
    (3, 8, 513),
    (2, 9, 1030),
    (3, 20, 4),
    (0, 3, 4),
    (3, 2, 0),
]


def near(found: torch.Tensor, expected: torch.Tensor) -> bool:
    size = float(expected.abs().max()) if expected.numel() else 0.0
    return torch.allclose(found, expected, rtol=0, atol=16 * torch.finfo(found.dtype).eps * size)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "m", "d"), SIZES)
def test_they_are_torchs_products(n, m, d, dtype):
    J, weights = conflicting(n, m, d).to(dtype), torch.randn(n, m).to(dtype)
    found = gramian(J)
    assert found.dtype == dtype
    assert torch.equal(found, found.mT)
    assert near(found, J @ J.mT)
    assert combination(weights, J).dtype == dtype
    assert near(combination(weights, J), (weights[:, None] @ J)[:, 0])


@pytest.mark.parametrize(("n", "m", "d"), SIZES)
def test_compiled_and_interpreted_loops_agree(n, m, d):
    J, weights = conflicting(n, m, d), torch.rand(n, m, dtype=torch.float64)
    slow = products._gramian.py_func(J.numpy())
    np.testing.assert_allclose(slow, products._gramian(J.numpy()), rtol=1e-13, atol=1e-13 * d)
    slow = products._combination.py_func(weights.numpy(), J.numpy())
    np.testing.assert_allclose(slow, combination(weights, J).numpy(), rtol=1e-13, atol=1e-13)


def test_compiled_and_interpreted_sums_of_products_agree():
    four = conflicting(1, 4, 77)[0].numpy()
    expected = [four[0] @ four[2], four[0] @ four[3], four[1] @ four[2], four[1] @ four[3]]
    for function in (products._products, products._products.py_func):
        np.testing.assert_allclose(function(*four), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_what_is_not_finite_reaches_its_row_alone(bad):
    J, weights = conflicting(3, 3, 40), torch.zeros(3, 3, dtype=torch.float64)
    J[1, 2, 33] = bad
    assert not gramian(J)[1, 2].isfinite().any()
    assert gramian(J)[[0, 2]].isfinite().all()
    lost = combination(weights, J).isfinite()
    assert not lost[1, 33]
    assert int((~lost).sum()) == 1


@pytest.mark.parametrize(
    "changed",
    [
        lambda J: J.mT.contiguous().mT,
        lambda J: torch.cat([J, J], 2)[:, :, :6],
        lambda J: J.clone().requires_grad_(),
        lambda J: J.bfloat16(),
        lambda J: J.to("meta"),
    ],
)
def test_other_tensors_are_left_to_torch(changed):
    J, weights = conflicting(4, 3, 6), torch.rand(4, 3, dtype=torch.float64)
    other = changed(J)
    expected = J.to(other.dtype)
    found = gramian(other), combination(weights.to(other.detach()), other)
    assert found[0].device == found[1].device == other.device
    if other.device.type == "cpu":
        assert near(found[0].detach(), expected @ expected.mT)
        assert near(found[1].detach(), (weights.to(expected)[:, None] @ expected)[:, 0])


def test_both_can_be_differentiated():
    J, weights = conflicting(4, 3, 6).requires_grad_(), torch.rand(4, 3, dtype=torch.float64).requires_grad_()
    (gramian(J).sum() + combination(weights, J).sum()).backward()
    assert near(J.grad, (2.0 * J.sum(1, keepdim=True) + weights[:, :, None]).detach())
    assert near(weights.grad, J.sum(2).detach())
    combination(weights, J.detach()).sum().backward()
    assert near(weights.grad, 2.0 * J.sum(2).detach())


def test_weights_of_any_layout_are_combined():
    J, weights = conflicting(4, 3, 6), torch.rand(3, 4, dtype=torch.float64)
    assert near(combination(weights.mT, J), combination(weights.mT.contiguous(), J))


@pytest.mark.parametrize("wrong", [lambda w: w.float(), lambda w: w[:2], lambda w: w[:, :2]])
def test_weights_that_do_not_fit_are_refused(wrong):
    """A compiled loop would read past their end."""
    with pytest.raises(RuntimeError):
        combination(wrong(torch.rand(4, 3, dtype=torch.float64)), conflicting(4, 3, 6))


@pytest.mark.parametrize(
    ("few", "threads", "taken"),
    [(150, 4, ["gramian", "combination"]), (149, 4, []), (149, 1, ["gramian"])],
)
def test_large_batches_are_left_to_torchs_threads(monkeypatch, few, threads, taken):
    J, weights = conflicting(5, 3, 10), torch.rand(5, 3, dtype=torch.float64)
    compiled = []
    for name in ("gramian", "combination"):
        loop = getattr(products, f"_{name}")
        monkeypatch.setattr(
            products, f"_{name}", lambda *given, name=name, loop=loop: compiled.append(name) or loop(*given)
        )
    monkeypatch.setattr(products, "_FEW", few)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert near(gramian(J), J @ J.mT)
    assert near(combination(weights, J), (weights[:, None] @ J)[:, 0])
    assert compiled == taken
