"""Properties that hold on all inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import moo.problems
from moo.problems._base import power
from moo.problems._front import points_of, records, simplex_lattice

some = settings(max_examples=60, deadline=None)
unit = st.floats(0.0, 1.0)


def rows(n_var: int) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.float64, (3, n_var), elements=unit)


@some
@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=8), st.sampled_from([0.1, 0.25, 0.5, 0.8]))
def test_a_root_keeps_its_value_and_its_slope_is_finite(values: list[float], exponent: float) -> None:
    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    root = power(x, exponent)
    assert torch.equal(root.detach(), x.detach() ** exponent)
    (slope,) = torch.autograd.grad(root.sum(), x)
    assert ((slope >= 0) & (slope <= 1e6 * (1 + 1e-9))).all()


def test_a_roots_slope_is_the_true_one_away_from_zero() -> None:
    x = torch.logspace(-6, 3, 50, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(power(x, 0.5).sum(), x)
    torch.testing.assert_close(slope, 0.5 / x.detach().sqrt())


@some
@given(rows(6))
def test_zdt_is_never_below_its_front(X: np.ndarray) -> None:
    for name, lowest in (("ZDT1", lambda f: 1 - np.sqrt(f)), ("ZDT2", lambda f: 1 - f**2)):
        F = getattr(moo.problems, name)(n_var=6).compute(X).F
        assert (F[:, 1] >= lowest(F[:, 0]) - 1e-12).all()


@st.composite
def dtlz_inputs(draw: st.DrawFn) -> tuple[int, np.ndarray]:
    n_obj = draw(st.integers(2, 7))
    return n_obj, draw(rows(n_obj + draw(st.integers(0, 3))))


@some
@given(dtlz_inputs())
def test_dtlz_is_a_simplex_or_a_sphere_blown_up_by_g(inputs: tuple[int, np.ndarray]) -> None:
    n_obj, X = inputs
    sizes: dict[str, Any] = {"n_obj": n_obj, "n_var": X.shape[1]}
    bowl = ((X[:, n_obj - 1 :] - 0.5) ** 2).sum(1)
    for name in ("DTLZ2", "DTLZ4", "DTLZ5"):
        F = getattr(moo.problems, name)(**sizes).compute(X).F
        np.testing.assert_allclose(np.linalg.norm(F, axis=1), 1 + bowl, rtol=1e-12)
    assert (moo.problems.DTLZ1(**sizes).compute(X).F.sum(1) >= 0.5 - 1e-12).all()
    assert (np.linalg.norm(moo.problems.DTLZ3(**sizes).compute(X).F, axis=1) >= 1 - 1e-12).all()


@some
@given(st.integers(1, 400), st.integers(2, 6))
def test_a_simplex_lattice_is_on_the_simplex_with_its_corners(n: int, n_obj: int) -> None:
    W = simplex_lattice(n, n_obj)
    assert len(W) >= n
    assert len(np.unique(W, axis=0)) == len(W)
    assert (W >= 0).all()
    np.testing.assert_allclose(W.sum(1), 1)
    assert (W == 1).any(0).all()


@some
@given(st.floats(0.1, 3.0), st.floats(1.0, 12.0), st.integers(2, 60))
def test_records_are_the_nondominated_points_of_a_dense_grid(slope: float, frequency: float, n: int) -> None:
    def f(x: np.ndarray) -> np.ndarray:
        return slope * x + np.sin(frequency * x)

    intervals = records(f, 0.0, 2.0, n_grid=4001)
    dense = np.linspace(0.0, 2.0, 1501)
    record = np.concatenate([[True], f(dense)[1:] > np.maximum.accumulate(f(dense))[:-1]])
    within = np.any([(a <= dense) & (dense <= b) for a, b in intervals], axis=0)
    assert (record != within).sum() <= 2 * len(intervals)  # grid points beside an end may differ
    chosen = points_of(intervals, n)
    assert {intervals[0][0], intervals[-1][1]} <= set(chosen)
    assert np.all(np.diff(f(chosen)) > 0)
