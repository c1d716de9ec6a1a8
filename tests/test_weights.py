"""Weight vectors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymoo.util.ref_dirs import get_reference_directions

from moo.errors import OptionError
from moo.weights import given_weights, simplex_lattice, weight_vectors


@pytest.mark.parametrize(("m", "divisions"), [(2, 7), (3, 5), (4, 4)])
def test_the_lattice_is_das_and_dennis(m, divisions):
    expected = get_reference_directions("das-dennis", m, n_partitions=divisions)
    ours = simplex_lattice(m, divisions)
    assert len(ours) == len(expected)
    assert np.allclose(ours[np.lexsort(ours.T)], expected[np.lexsort(expected.T)])


@given(st.integers(1, 5), st.integers(0, 40))
def test_any_number_of_distinct_vectors_on_the_simplex(m, more):
    n = m + more if m > 1 else 1
    W = weight_vectors(n, m)
    assert W.shape == (n, m)
    assert np.allclose(W.sum(axis=1), 1.0)
    assert (W >= 0).all()
    assert len(np.unique(W.round(12), axis=0)) == n


def test_corners_come_first_and_every_beginning_is_spread():
    assert np.array_equal(weight_vectors(5, 2)[:3], [[1, 0], [0, 1], [0.5, 0.5]])
    assert np.array_equal(weight_vectors(20, 3)[:3], np.eye(3))


def test_fewer_vectors_than_objectives_are_refused():
    with pytest.raises(OptionError, match="give at least n_obj=3"):
        weight_vectors(2, 3)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([0.5, 0.5, 0.0], r"shape \(1, 3\), expected \(n, 2\)"),
        ([-0.5, 1.5], ">= 0"),
        ([0.0, 0.0], "above zero"),
        ([np.nan, 1.0], ">= 0"),
        ("half", "give numbers"),
    ],
)
def test_bad_weights_get_one_sentence(weights, message):
    with pytest.raises(OptionError, match=message):
        given_weights(weights, 2)
