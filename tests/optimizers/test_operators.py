"""Variation: children stay in the box, are new, and are distributed as the papers say.

pymoo's SBX and polynomial mutation are the independent implementations.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymoo.operators.crossover.sbx import cross_sbx
from pymoo.operators.mutation.pm import mut_pm
from scipy.stats import binomtest, chisquare, ks_2samp, kstest

from moo.optimizers import operators
from moo.optimizers.operators import (
    contestants,
    cross,
    cross_pairs,
    duel,
    hashed,
    keep_new,
    mutate,
    power,
    root,
    spread,
    stream_of,
    uniform,
    vary,
)
from moo.optimizers.ranking import crowding_distance, rank

N = 4000  # draws of a distribution
LEAST_P = 1e-3


def stream(seed=0):
    return stream_of(np.random.default_rng(seed))


def population(rng, pop, d, xl, xu, m=2):
    """A population with everything `vary` wants to know of it."""
    X = xl + rng.random((pop, d)) * (xu - xl)
    F, CV = rng.random((pop, m)), np.where(rng.random(pop) < 0.3, rng.random(pop), 0.0)
    return X, F, CV, crowding_distance(F, rank(F, CV))


@st.composite
def settings_of_vary(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pop, d = draw(st.integers(4, 30)), draw(st.integers(1, 12))
    xl = rng.normal(size=d) * 10.0 ** rng.integers(-3, 4)
    xu = xl + rng.random(d) * 10.0 ** rng.integers(-3, 4)
    fixed = rng.random(d) < 0.2
    xu[fixed] = xl[fixed]
    X, *rest = population(rng, pop, d, xl, xu)
    if draw(st.booleans()):  # at the bounds
        X = np.where(rng.random(X.shape) < 0.5, xl, xu)
    if draw(st.booleans()):  # one row twice
        X[1] = X[0]
    options = (
        draw(st.integers(1, 40)),
        xl,
        xu,
        draw(st.sampled_from([0.0, 0.5, 2.0, 15.0, 30.0])),
        draw(st.sampled_from([0.0, 0.9, 1.0])),
        draw(st.sampled_from([0.0, 20.0, 7.5])),
        draw(st.sampled_from([0.0, 1.0 / d, 1.0])),
    )
    return (X, *rest, *options), draw(st.integers(0, 2**32 - 1))


@given(settings=settings_of_vary())
def test_children_are_in_the_box_and_new(settings):
    arguments, seed = settings
    X, n, xl, xu = arguments[0], *arguments[4:7]
    before = X.copy()
    children = vary(*arguments, stream(seed))
    assert children.shape[1] == X.shape[1]
    assert len(children) <= n
    assert (xl <= children).all()
    assert (xu >= children).all()
    together = np.concatenate([np.unique(X, axis=0), children])
    assert len(np.unique(together, axis=0)) == len(together), "no child twice, none that is a parent"
    assert np.array_equal(X, before)


@given(settings=settings_of_vary())
def test_compiled_and_plain_python_give_the_same_children(settings):
    arguments, seed = settings
    compiled_stream, plain_stream = stream(seed), stream(seed)
    compiled = vary(*arguments, compiled_stream)
    assert np.array_equal(compiled, vary.py_func(*arguments, plain_stream))
    assert np.array_equal(compiled_stream, plain_stream)


def test_every_helper_is_the_same_in_plain_python(monkeypatch):
    """All the way down, not `vary` alone."""
    rng = np.random.default_rng(1)
    xl, xu = np.zeros(6), np.ones(6)
    arguments = (*population(rng, 12, 6, xl, xu), 12, xl, xu, 15.0, 0.9, 20.0, 1 / 6)
    compiled = vary(*arguments, stream(3))
    for name, value in list(vars(operators).items()):
        if hasattr(value, "py_func"):
            monkeypatch.setattr(operators, name, value.py_func)
    with np.errstate(over="ignore"):
        plain = operators.vary(*arguments, stream(3))
    assert plain == pytest.approx(compiled, rel=1e-12)


def test_as_many_children_come_as_were_wanted():
    rng = np.random.default_rng(0)
    xl, xu = np.zeros(3), np.ones(3)
    arguments = population(rng, 10, 3, xl, xu)
    assert len(vary(*arguments, 25, xl, xu, 15.0, 0.9, 20.0, 1 / 3, stream())) == 25


def test_where_the_box_holds_no_other_point_no_child_comes():
    X = np.full((4, 2), 0.5)
    rest = np.zeros((4, 2)), np.zeros(4), np.zeros(4)
    assert vary(X, *rest, 4, X[0], X[0], 15.0, 0.9, 20.0, 1.0, stream()).shape == (0, 2)


def test_the_same_stream_gives_the_same_children():
    rng = np.random.default_rng(0)
    xl, xu = np.zeros(3), np.ones(3)
    arguments = (*population(rng, 10, 3, xl, xu), 10, xl, xu, 15.0, 0.9, 20.0, 1 / 3)
    a, b, c = (vary(*arguments, stream(seed)) for seed in (1, 1, 2))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_rows_that_share_a_place_in_the_table_are_told_apart():
    """A table just large enough: almost every row meets others on its way."""
    once = np.concatenate([np.random.default_rng(0).random((500, 3)), np.zeros((1, 3))])
    rows, table = np.concatenate([once, once]), np.full(512, -1)
    assert keep_new(rows, 0, 501, 501, table) == 501
    assert keep_new(rows, 501, 1002, 1002, table) == 501
    assert np.array_equal(rows[:501], once)


def test_new_rows_are_moved_together_and_no_more_than_wanted():
    rows = np.array([[1.0], [2.0], [1.0], [-0.0], [0.0], [3.0], [4.0]])
    table = np.full(16, -1)
    assert keep_new(rows, 0, 2, 2, table) == 2
    assert keep_new(rows, 2, 7, 4, table) == 4
    assert rows[:4, 0].tolist() == [1.0, 2.0, 0.0, 3.0]


@pytest.mark.parametrize("kind", ["uniform", "whole", "equal but for one"])
def test_hashes_of_different_rows_differ_as_chance_would_have_it(kind):
    rng = np.random.default_rng(0)
    rows = {
        "uniform": rng.random((1000, 5)),
        "whole": np.array(np.meshgrid(*[np.arange(10.0)] * 3)).reshape(3, -1).T,
        "equal but for one": np.column_stack([np.ones((1000, 4)), np.arange(1000.0)]),
    }[kind]
    keys = np.array([hashed(k, np.ascontiguousarray(rows)) for k in range(len(rows))])
    assert ((keys >= 0) & (keys < 2**31)).all()
    places = len(np.unique(keys >> 21))  # of 1024; chance alone would fill 639 +- 11
    assert places > 580


# ---------------------------------------------------------------------- random numbers


def test_random_numbers_are_uniform_and_independent():
    numbers = stream(5)
    u = np.array([uniform(numbers) for _ in range(20_000)])
    assert ((u >= 0) & (u < 1)).all()
    assert kstest(u, "uniform").pvalue > LEAST_P
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 4 / np.sqrt(len(u))


def test_splitmix_gives_its_published_numbers():
    """The first outputs of the reference implementation for the seed 1234567."""
    numbers = np.array([1234567], dtype=np.uint64)
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [uniform(numbers) for _ in published] == [(z >> 11) * 2.0**-53 for z in published]


# ---------------------------------------------------------------------- powers


@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.0, 3.5, 6.0, 8.5, 16.0, 21.0, 31.0])
def test_powers_and_roots_in_place(exponent):
    x = np.random.default_rng(0).random(100)
    for function, expected in ((power, x**exponent), (root, x ** (1 / exponent))):
        for version in (function, function.py_func):
            y = x.copy()
            version(y, exponent)
            assert y == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("eta", [0.0, 7.5, 15.0, 20.0])
def test_spread_factors_are_those_of_the_paper(eta):
    """Deb and Beyer 1999: alpha = 2 - beta^-(eta + 1), of the beta that reaches the bound."""
    rng = np.random.default_rng(0)
    ratio, u = rng.random(1000), rng.random(1000)
    alpha = 2.0 - ratio ** (eta + 1)
    inner, outer = u * alpha, 1.0 / (2.0 - u * alpha)
    expected = np.where(u <= 1.0 / alpha, inner, outer) ** (1.0 / (eta + 1.0))
    spread(ratio, u, eta)
    assert ratio == pytest.approx(expected, rel=1e-12)


# ---------------------------------------------------------------------- SBX


def crossed(a, b, xl, xu, eta, n=N, seed=0):
    """Children (n, 2) of the scalars a and b."""
    numbers = stream(seed)
    pairs = np.empty((n, 2))
    low, high = np.array([xl], dtype=float), np.array([xu], dtype=float)
    for k in range(n):
        x, y = np.array([a], dtype=float), np.array([b], dtype=float)
        cross(x, y, low, high, eta, numbers)
        pairs[k] = x[0], y[0]
    return pairs


@pytest.mark.parametrize("eta", [0.0, 2.0, 7.5, 15.0])
def test_sbx_far_from_bounds_keeps_the_mean_and_has_its_published_spread(eta):
    pairs = crossed(0.45, 0.55, -1e6, 1e6, eta)
    assert pairs.sum(axis=1) == pytest.approx(1.0, abs=1e-3 if eta == 0.0 else 1e-9)
    moved = pairs[(pairs != [0.45, 0.55]).all(axis=1)]
    assert binomtest(len(moved), N, 0.5).pvalue > LEAST_P
    spread = np.abs(moved[:, 1] - moved[:, 0]) / 0.1

    def published(beta):  # Deb and Agrawal 1995
        beta = np.maximum(beta, 1e-300)
        return np.where(beta <= 1, 0.5 * beta ** (eta + 1), 1 - 0.5 * beta ** -(eta + 1))

    if eta > 0:  # with eta = 0 the tail reaches even such bounds
        assert kstest(spread, published).pvalue > LEAST_P


@pytest.mark.parametrize(("a", "b"), [(0.1, 0.3), (0.3, 0.1), (0.0, 1.0), (0.95, 0.6)])
@pytest.mark.parametrize("eta", [2.0, 15.0])
def test_sbx_near_bounds_is_distributed_as_pymoos(a, b, eta):
    ours = crossed(a, b, 0.0, 1.0, eta)
    parents = np.empty((2, N, 1))
    parents[0], parents[1] = a, b
    theirs = cross_sbx(
        parents,
        np.zeros(1),
        np.ones(1),
        np.full((N, 1), eta),
        0.5,
        np.full((N, 1), 0.5),
        random_state=np.random.default_rng(1),
    )[:, :, 0].T
    assert ((ours >= 0) & (ours <= 1)).all()
    for child in range(2):
        assert ks_2samp(ours[:, child], theirs[:, child]).pvalue > LEAST_P
    assert ks_2samp(np.ptp(ours, axis=1), np.ptp(theirs, axis=1)).pvalue > LEAST_P


def test_equal_parents_have_nothing_to_recombine():
    assert (crossed(0.25, 0.25, 0.0, 1.0, 15.0, n=50) == 0.25).all()


def test_pairs_recombine_as_often_as_they_should():
    rows, numbers = np.tile([[0.3] * 4, [0.6] * 4], (N, 1)), stream()
    before = rows.copy()
    cross_pairs(rows, np.zeros(4), np.ones(4), 15.0, 0.8, numbers)
    changed = (rows != before).reshape(N, 8).any(axis=1)
    assert binomtest(int(changed.sum()), N, 0.8 * (1 - 0.5**4)).pvalue > LEAST_P


# ---------------------------------------------------------------------- polynomial mutation


def mutated(x, xl, xu, eta, prob, seed=0):
    """The rows of x (n, d), each mutated."""
    x, numbers = x.copy(), stream(seed)
    for row in x:
        mutate(row, xl, xu, eta, prob, numbers)
    return x


@pytest.mark.parametrize("at", [0.0, 0.02, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("eta", [1.0, 7.5, 20.0])
def test_mutation_is_distributed_as_pymoos(at, eta):
    X, xl, xu = np.full((N, 1), 10 * at - 3), np.array([-3.0]), np.array([7.0])
    ours = mutated(X, xl, xu, eta, 1.0)
    theirs = mut_pm(X, xl, xu, np.full(N, eta), np.full(N, 1.0), False, random_state=np.random.default_rng(1))
    assert ((xl <= ours) & (ours <= xu)).all()
    assert ks_2samp(ours[:, 0], theirs[:, 0]).pvalue > LEAST_P


@pytest.mark.parametrize("prob", [0.01, 0.1, 1 / 3, 0.9])
def test_every_variable_mutates_as_often_as_it_should_and_independently(prob):
    d = 8
    X = np.full((N, d), 0.5)
    changed = mutated(X, np.zeros(d), np.ones(d), 20.0, prob) != X
    assert binomtest(int(changed.sum()), changed.size, prob).pvalue > LEAST_P
    assert chisquare(changed.sum(axis=0)).pvalue > LEAST_P, "no variable is preferred"
    both = int((changed[:, 0] & changed[:, 1]).sum())
    assert binomtest(both, N, prob**2).pvalue > LEAST_P, "neighbours are independent"


def test_certain_and_impossible_mutation():
    X = np.full((50, 5), 0.5)
    xl, xu = np.zeros(5), np.ones(5)
    assert np.array_equal(mutated(X, xl, xu, 20.0, 0.0), X)
    assert (mutated(X, xl, xu, 20.0, 1.0) != X).all()


def test_fixed_variables_do_not_mutate():
    X = np.full((50, 2), 0.5)
    after = mutated(X, np.array([0.0, 0.5]), np.array([1.0, 0.5]), 20.0, 1.0)
    assert (after[:, 1] == 0.5).all()
    assert (after[:, 0] != 0.5).all()


# ---------------------------------------------------------------------- tournaments


@given(
    seed=st.integers(0, 2**32 - 1),
    m=st.integers(1, 3),
    coin=st.sampled_from([0.0, 0.25, 0.75]),
)
def test_a_duel_goes_by_violation_then_dominance_then_room_then_chance(seed, m, coin):
    rng = np.random.default_rng(seed)
    F = rng.integers(3, size=(2, m)).astype(float)
    CV = rng.integers(3, size=2) * 1.0
    crowding = rng.integers(3, size=2) * 1.0

    def better(a, b):
        if CV[a] > 0 or CV[b] > 0:
            return CV[a] < CV[b]
        if (F[a] <= F[b]).all() and (F[a] < F[b]).any():
            return True
        if (F[b] <= F[a]).all() and (F[b] < F[a]).any():
            return False
        return crowding[a] > crowding[b]

    winner = duel(0, 1, F, CV, crowding, coin)
    expected = 0 if better(0, 1) else 1 if better(1, 0) else 0 if coin > 0.5 else 1
    assert winner == expected


def test_failed_rows_lose_every_duel():
    F = np.array([[np.nan, np.nan], [5.0, 5.0]])
    CV = np.array([np.inf, 3.0])
    for coin in (0.0, 1.0):
        assert duel(0, 1, F, CV, np.zeros(2), coin) == duel(1, 0, F, CV, np.zeros(2), coin) == 1


@given(pop=st.integers(1, 20), rounds=st.integers(1, 5), seed=st.integers(0, 2**32 - 1))
def test_all_rows_take_part_equally_often(pop, rounds, seed):
    drawn = contestants(pop, pop * rounds, stream(seed))
    assert (np.bincount(drawn, minlength=pop) == rounds).all()
    for start in range(0, len(drawn), pop):
        assert sorted(drawn[start : start + pop]) == list(range(pop))


def test_better_rows_have_more_children():
    """Without variation a child is its parent, so mutate one variable only and look at the other."""
    rng = np.random.default_rng(0)
    pop = 20
    X = np.column_stack([rng.random(pop), np.arange(pop) / pop])
    F = np.column_stack([np.arange(pop), np.arange(pop)]).astype(float)
    counts = np.zeros(pop)
    for seed in range(50):
        children = vary(
            X,
            F,
            np.zeros(pop),
            np.zeros(pop),
            pop,
            np.array([0.0, -1.0]),
            np.array([1.0, 1.0]),
            15.0,
            0.0,
            20.0,
            0.5,
            stream(seed),
        )
        kept = children[np.isin(children[:, 1], X[:, 1]), 1]
        counts += np.bincount(np.round(kept * pop).astype(int), minlength=pop)
    assert counts[0] > 0
    assert counts[:10].sum() > 2.5 * counts[10:].sum(), "binary tournaments: 3 to 1"
    assert counts[-1] == 0


def test_minus_zero_of_a_parent_is_the_zero_of_a_child():
    """A binary-like box: its four corners, one written with -0.0, leave nothing new to breed."""
    X = np.array([[-0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    F, free = np.zeros((4, 2)), np.zeros(4)
    bounds = np.zeros(2), np.ones(2)
    children = vary(X, F, free, free, 4, *bounds, 15.0, 0.0, 20.0, 0.0, stream())
    assert len(children) == 0
