import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from moo.optimizers.adam_step import adam_step
from moo.optimizers.descent import Box, finite_rows, keep_rows, taken_rows


@pytest.mark.parametrize("alike", [1, 2, 5], ids=["no rates alike", "some", "all"])
def test_rows_take_the_steps_of_pytorchs_adam(alike):
    torch.manual_seed(0)
    X = torch.randn(5, 4, dtype=torch.float64)
    parameters = [torch.nn.Parameter(x.clone()) for x in X]
    rates = 0.1 * (1 + torch.arange(5, dtype=torch.float64)[:, None] // alike)
    adams = [torch.optim.Adam([p], lr=float(rate)) for p, rate in zip(parameters, rates, strict=True)]
    first, second, count = torch.zeros_like(X), torch.zeros_like(X), torch.zeros(5, 1, dtype=torch.float64)
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


@pytest.mark.parametrize("bounded", [1, 2], ids=["below", "above"])
def test_points_stay_in_the_box(bounded):
    X, ones = torch.zeros(3, 2), torch.ones(3, 1)
    box = [torch.full((2,), -np.inf), torch.full((2,), np.inf)]
    box[bounded - 1] = torch.tensor([-0.5, -2.0]) * (3 - 2 * bounded)
    rows, gradient = torch.arange(3), torch.full((3, 2), 3.0 - 2 * bounded)
    adam_step(X, torch.zeros(3, 2), torch.zeros(3, 2), rows, gradient, ones, ones, tuple(box), 1e-8)
    torch.testing.assert_close(X, torch.tensor([[-0.5, -1.0]]).expand(3, 2) * (3 - 2 * bounded))


def test_no_row_is_no_step():
    X, none = torch.ones(3, 2), torch.empty(0, 1)
    box = (torch.zeros(2), torch.ones(2))
    rows = torch.empty(0, dtype=torch.long)
    adam_step(X, torch.ones(3, 2), torch.ones(3, 2), rows, none.expand(0, 2), none, none, box, 1e-8)
    assert torch.equal(X, torch.ones(3, 2))


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


@pytest.mark.parametrize("rows", [[], [1], [0, 1, 2]])
def test_taken_rows_are_a_copy_unless_they_are_all(rows):
    values = torch.arange(6.0).reshape(3, 2)
    taken = taken_rows(values, torch.tensor(rows, dtype=torch.long))
    assert torch.equal(taken, values[rows])
    assert (taken is values) == (len(rows) == 3)


@pytest.mark.parametrize("width", [[1.0, 1.0], [1.0, 3.0]])
def test_a_slope_is_that_of_a_function_of_unit_coordinates(width):
    none, width = torch.zeros(2), torch.tensor(width)
    box = Box(none, width, none, width, none, torch.ones(2))
    U = torch.tensor([[0.2, 0.7]], requires_grad=True)
    box.to_user(U).square().sum().backward()
    X = box.to_user(U.detach())
    torch.testing.assert_close(box.slope(2 * X), U.grad)
