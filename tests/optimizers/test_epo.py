"""EPO: exact rays, and its linear program against SciPy's."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

import moo
from moo.errors import OptionError, ProblemError
from moo.indicators import hypervolume
from moo.optimizers.epo import best_vertex

CUT = np.clip(np.column_stack([np.linspace(0, 1, 8), np.linspace(1, 0, 8)]), 0.01, 0.99)


@given(st.integers(2, 4), st.integers(0, 10**6))
def test_the_linear_program_is_solved_exactly(m, seed):
    rng = np.random.default_rng(seed)
    J = rng.normal(size=(3, m, 6))
    C, c = J @ J.transpose(0, 2, 1), rng.normal(size=(3, m))
    least = np.where(rng.random((3, m)) < 0.5, -np.inf, -rng.random((3, m)))
    w, found = best_vertex(*(torch.tensor(part) for part in (c, C, least)))
    for k in range(3):
        bounded = np.isfinite(least[k])
        solved = linprog(
            -c[k], A_ub=-C[k][bounded], b_ub=-least[k][bounded], A_eq=np.ones((1, m)), b_eq=[1.0]
        )
        assert bool(found[k]) == (solved.status == 0)
        if solved.status == 0:
            assert float(c[k] @ w[k].numpy()) == pytest.approx(-solved.fun, abs=1e-7)


@pytest.mark.parametrize("seed", [0, 1])
def test_rows_end_where_their_rays_meet_a_concave_front(seed):
    """Fonseca and Fleming's problem: eight exact rays have a hypervolume of 0.2827."""
    optimizer = moo.EPO(rays=CUT, normalize=([0.0, 0.0], [1.0, 1.0]), sampling=_near())
    result = moo.solve(moo.problems.FonsecaFleming(10), optimizer, budget=20_000, seed=seed)
    shares = result.F / result.F.sum(axis=1, keepdims=True)
    assert np.abs(shares - CUT / CUT.sum(axis=1, keepdims=True)).max() < 0.01
    assert hypervolume(result.F, np.ones(2)) == pytest.approx(0.2827, abs=1e-3)


def _near():
    """Starts beside the Pareto set: far from it this problem is flat."""
    t = np.linspace(-1, 1, 8)[:, None] / np.sqrt(10)
    return t + 0.1 * np.random.default_rng(0).normal(size=(8, 10))


def test_the_payoff_table_makes_rays_independent_of_units():
    plain = moo.solve(moo.problems.FonsecaFleming(10), moo.EPO(n=8), budget=20_000, seed=0)
    assert plain.preference == "rays"
    assert hypervolume(plain.F, np.ones(2)) > 0.28


def test_three_objectives():
    result = moo.solve(moo.problems.DTLZ2(), moo.EPO(n=10), budget=15_000, seed=0)
    assert np.linalg.norm(result.F, axis=1) == pytest.approx(1.0, abs=0.02)


def test_it_says_how_many_objectives_it_takes():
    with pytest.raises(ProblemError, match="EPO takes up to 6 objectives"):
        moo.solve(moo.problems.DTLZ2(n_var=16, n_obj=7), moo.EPO(), budget=100)


@pytest.mark.parametrize(
    "options", [{"rays": [-1.0, 2.0]}, {"rays": [1.0, 1.0, 1.0]}, {"normalize": "running"}, {"n": 0}]
)
def test_bad_options_are_refused_in_a_sentence(options):
    with pytest.raises(OptionError, match=r"accepted|expected"):
        moo.solve(moo.problems.ZDT1(), moo.EPO(**options), budget=100)
