"""What the rows of `InnerDescent` minimise, where it is not their scalar function itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moo
from moo.indicators import hypervolume
from moo.optimizers.inner_descent import _slowed

VALUES = st.floats(-1e15, 1e15)


@given(VALUES, VALUES)
def test_slowed_values_keep_their_order(a, b):
    slowed, _ = _slowed(np.array([a, b]), np.ones((2, 1)))
    assert np.sign(slowed[0] - slowed[1]) in (0.0, np.sign(a - b))


@given(st.floats(-10.0, 1e15))
def test_values_that_the_sample_promised_stay_as_they_are(value):
    slowed, slopes = _slowed(np.array([value]), np.array([[3.0, -4.0]]))
    assert slowed[0] == value
    np.testing.assert_array_equal(slopes, [[3.0, -4.0]])


@given(st.floats(-1e6, 0.0), st.floats(0.5, 2.0))
def test_slowed_slopes_are_those_of_the_slowed_values(value, slope):
    step = 1e-6 * max(abs(value), 1.0)
    values, slopes = _slowed(value + slope * np.array([-step, 0.0, step]), np.full((3, 1), slope))
    assert (values[2] - values[0]) / (2 * step) == pytest.approx(slopes[1, 0], rel=1e-4)


def test_minima_in_the_middle_of_a_plateau_are_found_soon():
    """1 - exp(-|x - a|^2) is 1 to the last digit at every random point of the box."""
    problem, optimizer = moo.problems.FonsecaFleming(10), moo.HypervolumeGradient(n=10)
    results = [moo.solve(problem, optimizer, budget=600, seed=seed) for seed in range(9)]
    assert np.median([hypervolume(result.F, np.ones(2)) for result in results]) > 0.29
