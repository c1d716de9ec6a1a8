import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import moo.optimizers.adam_step as module
from moo.optimizers.adam_step import adam_step
from moo.optimizers.descent import finite_rows, keep_rows


@pytest.mark.parametrize("at_once", [1, 7, 10**6])
def test_rows_take_the_steps_of_pytorchs_adam(at_once, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", at_once)
    torch.manual_seed(0)
    X = torch.randn(5, 4, dtype=torch.float64)
    parameters = [torch.nn.Parameter(x.clone()) for x in X]
    adams = [torch.optim.Adam([p], lr=0.1 * (k + 1)) for k, p in enumerate(parameters)]
    first, second, count = torch.zeros_like(X), torch.zeros_like(X), torch.zeros(5, 1, dtype=torch.float64)
    rates = 0.1 * torch.arange(1.0, 6.0, dtype=torch.float64)[:, None]
    far = torch.full((4,), 1e3, dtype=torch.float64)
    for chosen in ([0, 1, 2, 3, 4], [1, 3], [0, 1, 2, 3, 4], [4]):
        rows = torch.tensor(chosen)
        gradient = torch.randn(len(rows), 4, dtype=torch.float64)
        count[rows] += 1
        adam_step(X, first, second, rows, gradient, rates[rows], count[rows], (-far, far), 1e-8)
        for k, row in enumerate(chosen):
            parameters[row].grad = gradient[k]
            adams[row].step()
    torch.testing.assert_close(X, torch.stack([p.detach() for p in parameters]))


def test_points_stay_in_the_box():
    X, ones = torch.zeros(3, 2), torch.ones(3, 1)
    box = (torch.tensor([-0.5, -2.0]), torch.tensor([0.5, 2.0]))
    rows, gradient = torch.arange(3), torch.ones(3, 2)
    adam_step(X, torch.zeros(3, 2), torch.zeros(3, 2), rows, gradient, ones, ones, box, 1e-8)
    torch.testing.assert_close(X, torch.tensor([[-0.5, -1.0]]).expand(3, 2))


@given(
    st.lists(
        st.lists(st.sampled_from([0.0, 1.0, 1e30, -1e38, np.inf, -np.inf, np.nan]), min_size=3, max_size=3),
        min_size=1,
        max_size=6,
    )
)
def test_finite_rows_are_those_whose_entries_all_are(rows):
    values = torch.tensor(rows, dtype=torch.float32)
    assert finite_rows(values).tolist() == values.isfinite().all(1).tolist()


@pytest.mark.parametrize("rows", [[], [1], [0, 1, 2]])
def test_kept_rows_are_copies(rows):
    kept, values = torch.zeros(3, 2), torch.ones(3, 2)
    keep_rows(kept, values, torch.tensor(rows, dtype=torch.long))
    values += 1.0
    expected = torch.zeros(3, 2)
    expected[rows] = 1.0
    assert torch.equal(kept, expected)
