"""The augmented Lagrangian's terms and their slopes, of tensors and of arrays."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from moo.optimizers.augmented_lagrangian import AugmentedLagrangian


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 10**6))
def test_its_slopes_are_those_that_autograd_finds_and_the_same_of_arrays(p, q, seed):
    rng = np.random.default_rng(seed)
    G, H = rng.normal(size=(5, p)), rng.normal(size=(5, q))
    g, h = (torch.tensor(part, requires_grad=True) for part in (G, H))
    of_tensors = AugmentedLagrangian.start(5, g.detach(), h.detach())
    of_arrays = AugmentedLagrangian.start(5, G, H)
    for lagrangian, rows, parts in (
        (of_tensors, torch.arange(5), (g.detach(), h.detach())),
        (of_arrays, np.arange(5), (G, H)),
    ):
        if p + q:
            lagrangian.update(rows, *parts)
    value, by_G, by_H = of_tensors.sloped(g, h, torch.arange(5))
    if p + q:
        exact = torch.autograd.grad(value.sum(), (g, h), allow_unused=True)
        for slope, found in zip((by_G, by_H), exact, strict=True):
            assert torch.allclose(slope, torch.zeros_like(slope) if found is None else found)
    for array, tensor in zip(of_arrays.sloped(G, H, np.arange(5)), (value, by_G, by_H), strict=True):
        assert np.allclose(array, tensor.detach().numpy())


def test_constraints_are_measured_by_their_medians():
    G = np.array([[1.0, np.nan], [-3.0, np.nan], [5.0, np.inf], [np.inf, np.nan]])
    started = AugmentedLagrangian.start(2, G, G[:, :0])
    tensors = AugmentedLagrangian.start(2, torch.tensor(G), torch.tensor(G[:, :0]))
    assert started.g_scale.tolist() == tensors.g_scale.tolist() == [3.0, 1.0]
