"""Scalarizations on arrays and tensors."""

import numpy as np
import torch

from moo.scalarization import weighted_sum


def test_the_weighted_sum_of_arrays_and_tensors_is_the_dot_product():
    F, w = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.25, 0.75])
    assert np.array_equal(weighted_sum(F, w), F @ w)
    assert torch.equal(weighted_sum(torch.tensor(F), torch.tensor(w)), torch.tensor(F @ w))


def test_each_row_may_have_its_own_weights():
    F = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert np.array_equal(weighted_sum(F, np.eye(2)), [1.0, 4.0])
