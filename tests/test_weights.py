"""Weight vectors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymoo.util.ref_dirs import get_reference_directions

from moo.errors import OptionError
from moo.weights import (
    between,
    given_weights,
    random_weights,
    reference_directions,
    riesz_weights,
    simplex_lattice,
    two_layers,
    weight_vectors,
)


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


@pytest.mark.parametrize(("n_obj", "outer", "inner"), [(3, 4, 2), (5, 3, 2), (8, 3, 2), (10, 3, 2)])
def test_two_layers_are_those_of_deb_and_jain(n_obj, outer, inner):
    """Table I of the paper: 156 directions for eight objectives, 275 for ten."""
    layers = two_layers(n_obj, outer, inner)
    theirs = get_reference_directions(
        "multi-layer",
        get_reference_directions("das-dennis", n_obj, n_partitions=outer, scaling=1.0),
        get_reference_directions("das-dennis", n_obj, n_partitions=inner, scaling=0.5),
    )
    assert {tuple(row.round(12)) for row in layers} == {tuple(row.round(12)) for row in theirs}
    if n_obj in (8, 10):
        assert len(layers) == {8: 156, 10: 275}[n_obj]


@given(st.integers(1, 12), st.integers(1, 300))
def test_reference_directions_fit_and_are_on_the_simplex(n_obj, n):
    if n < n_obj:
        with pytest.raises(OptionError, match="at least n_obj"):
            reference_directions(n, n_obj)
        return
    directions = reference_directions(n, n_obj)
    assert 1 <= len(directions) <= n
    assert directions.sum(axis=1) == pytest.approx(1.0)
    assert (directions >= 0).all()
    assert len(np.unique(directions.round(12), axis=0)) == len(directions)
    assert n_obj == 1 or set(map(tuple, np.eye(n_obj))) <= set(map(tuple, directions))


def test_ninety_two_individuals_have_the_papers_ninety_one_directions():
    assert len(reference_directions(92, 3)) == 91
    assert len(reference_directions(160, 8)) == 156


# ---------------------------------------------------------------------- spread evenly, by chance, into gaps


def spacing(W):
    distance = np.linalg.norm(W[:, None] - W, axis=2)
    np.fill_diagonal(distance, np.inf)
    return distance.min(axis=1)


@given(st.integers(2, 5), st.integers(0, 40))
def test_riesz_weights_are_on_the_simplex_with_its_corners(m, more):
    W = riesz_weights(m + more, m)
    assert W.shape == (m + more, m)
    assert W.sum(axis=1) == pytest.approx(1.0)
    assert (W >= 0).all()
    assert np.array_equal(W[:m].argmax(axis=1), weight_vectors(m + more, m)[:m].argmax(axis=1))


@pytest.mark.parametrize(("n", "m"), [(17, 3), (100, 3), (50, 5)])
def test_riesz_weights_are_spaced_more_evenly_than_a_thinned_lattice(n, m):
    even, thinned = spacing(riesz_weights(n, m)), spacing(weight_vectors(n, m))
    assert even.std() < thinned.std()
    assert even.min() > 0.9 * thinned.min()


def test_random_weights_follow_their_seed():
    assert np.array_equal(random_weights(5, 3, seed=1), random_weights(5, 3, seed=1))
    assert random_weights(4000, 3).mean(axis=0) == pytest.approx(1 / 3, abs=0.02)
    with pytest.raises(OptionError, match="n=0"):
        random_weights(0, 3)


def test_preferences_go_where_the_front_has_gaps():
    t = np.array([0.0, 0.1, 0.2, 0.3, 0.9, 1.0])
    F = np.column_stack([t, 1.0 - t])
    W = F[:, ::-1]
    assert between(W, 5.0 * F, 3) == pytest.approx(np.array([[0.4, 0.6]]))
    even = np.linspace(0, 1, 6)
    assert len(between(W, np.column_stack([even, 1 - even]), 3)) == 0
    assert len(between(W[:1], F[:1], 3)) == 0
