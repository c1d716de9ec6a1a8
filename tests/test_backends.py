"""How functions are called: rows that fail are marked and cost no other, with torch and with numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import moo
from moo.errors import ProblemError
from moo.evaluation import STATUSES
from moo.wanted import Sloped

BOX = {"xl": [-1, -1], "xu": [1, 1]}
X = np.array([[-0.5, 0.25], [0.5, 0.25], [0.75, -0.5], [-0.25, -0.75]])


def second(x):
    return x[1]


def picky(x):
    """Raises where x1 is negative."""
    if x[0] < 0:
        raise ArithmeticError("x1 is negative")
    return x[0] ** 2


def picky_batch(X):
    if (X[:, 0] < 0).any():
        raise ArithmeticError("x1 is negative")
    return X[:, 0] ** 2


def second_column(X):
    return X[:, 1]


PICKY = {
    "torch": moo.Problem([picky, second], **BOX),
    "numpy": moo.Problem([picky, second], **BOX, backend="numpy"),
    "torch batches": moo.Problem([picky_batch, second_column], **BOX, vectorized=True),
    "numpy batches": moo.Problem([picky_batch, second_column], **BOX, vectorized=True, backend="numpy"),
}


@pytest.mark.parametrize("problem", PICKY.values(), ids=PICKY)
def test_rows_that_raise_are_marked_and_cost_no_other(problem):
    evaluation = problem.compute(X, jacobian=True)
    assert evaluation.status.tolist() == [3, 0, 0, 3]
    assert STATUSES[3] == "error"
    assert evaluation.F[[1, 2]].tolist() == [[0.25, 0.25], [0.5625, -0.5]]
    assert np.isnan(evaluation.F[[0, 3]]).all()
    assert evaluation.CV.tolist() == [np.inf, 0.0, 0.0, np.inf]
    assert "x1 is negative" in str(evaluation.error)
    assert evaluation.J[[1, 2], 0, 0] == pytest.approx([1.0, 1.5], abs=1e-6)


@pytest.mark.parametrize("problem", PICKY.values(), ids=PICKY)
def test_a_run_goes_on_where_some_rows_raise(problem):
    result = moo.solve(problem, moo.NSGA2(pop_size=20), budget=400, seed=0)
    assert result.statuses["error"] > 0
    assert result.statuses["ok"] + result.statuses["error"] == 400
    assert (result.X[:, 0] >= 0).all()
    assert "failed evaluations: " in str(result)


def test_a_row_whose_vjp_raises_is_marked_and_a_wrong_shape_is_refused():
    def product(x, w):
        if x[0] > 0.5:
            raise ArithmeticError("too steep")
        return np.array([2 * x[0] * w[0], w[1]])

    problem = moo.Problem([lambda x: x[0] ** 2, second], **BOX, backend="numpy", vjp=product)
    evaluation = problem.compute(np.array([[0.2, 0.1], [0.9, 0.1]]), scalarize=lambda F, G, H: F.sum(1))
    assert evaluation.status.tolist() == [0, 3]
    assert "too steep" in str(evaluation.error)
    assert evaluation.gradient[0] == pytest.approx([0.4, 1.0])
    short = moo.Problem([lambda x: x[0] ** 2, second], **BOX, backend="numpy", vjp=lambda x, w: w[:1])
    with pytest.raises(ProblemError, match=r"vjp= returned shape \(1,\), expected \(2,\)"):
        short.compute(X, jacobian=True)
    with pytest.raises(ProblemError, match="vjp= goes with backend"):
        moo.Problem([lambda x: x[0] ** 2, second], **BOX, vjp=product)


def test_a_row_whose_jacobian_raises_is_marked():
    def jacobian(x):
        picky(x)
        return [[2 * x[0], 0.0], [0.0, 1.0]]

    problem = moo.Problem([lambda x: x[0] ** 2, second], **BOX, backend="numpy", jacobian=jacobian)
    evaluation = problem.compute(X, jacobian=True)
    assert evaluation.status.tolist() == [3, 0, 0, 3]
    assert evaluation.J[1].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert not problem.compute(X).status.any()


@pytest.mark.parametrize("backend", ["torch", "numpy"])
@pytest.mark.parametrize("part", ["objective", "inequality", "equality"])
@pytest.mark.parametrize(("value", "status"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "inf")])
def test_rows_that_are_not_finite_are_marked_wherever_it_is(backend, part, value, status):
    def strange(x):
        bad = x[0] < 0
        return np.where(bad, value, x[0]) if backend == "numpy" else torch.where(bad, value, x[0])

    functions = {
        "objective": {"objectives": [strange, second]},
        "inequality": {"objectives": [second, second], "inequality": [strange]},
        "equality": {"objectives": [second, second], "equality": [strange]},
    }[part]
    evaluation = moo.Problem(**functions, **BOX, backend=backend).compute(X)
    assert [STATUSES[s] for s in evaluation.status] == [status, "ok", "ok", status]
    assert np.isnan(evaluation.F[[0, 3]]).all()
    assert np.isfinite(evaluation.F[[1, 2]]).all()
    assert np.isposinf(evaluation.CV[[0, 3]]).all()
    assert np.isfinite(evaluation.CV[[1, 2]]).all()


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_what_fails_never_enters_the_archive_or_the_answer(backend):
    """-inf is better than everything, for whoever takes it at its word."""

    def trap(x):
        value = -1.0 / abs(x[0])
        trapped = abs(x[0]) < 0.3
        return (
            np.where(trapped, -np.inf, value)
            if backend == "numpy"
            else torch.where(trapped, -torch.inf, value)
        )

    problem = moo.Problem([trap, second], **BOX, backend=backend)
    for optimizer in (moo.NSGA2(pop_size=20), moo.RandomSearch(), moo.Pymoo()):
        result = moo.solve(problem, optimizer, budget=600)
        assert result.statuses["inf"] > 0
        for F in (result.F, result.archive_F):
            assert np.isfinite(F).all()
            assert (F[:, 0] >= -1 / 0.3).all()


def test_torch_functions_may_use_the_dtype_the_problem_states():
    seen = []

    def first(x):
        seen.append(x.dtype)
        return x[0]

    problem = moo.Problem([first, second], **BOX, dtype="float32")
    evaluation = problem.compute(X, jacobian=True)
    assert set(seen) == {torch.float32}
    assert evaluation.F.dtype == evaluation.J.dtype == np.float64


@pytest.mark.parametrize("vectorized", [False, True])
def test_arrays_and_tensors_get_answers_that_share_no_memory_with_them(vectorized):
    functions = [lambda x: x[..., 0], lambda x: x[..., 1]]
    for backend in ("torch", "numpy"):
        problem = moo.Problem(functions, **BOX, backend=backend, vectorized=vectorized)
        for given in (X.copy(), torch.as_tensor(X.copy())):
            evaluation = problem.compute(given)
            evaluation.F[:] = 9.0
            assert np.array_equal(given, X)


def test_random_functions_draw_anew_for_every_row():
    def noisy(x):
        return x[0] + torch.rand(())

    with torch.random.fork_rng():
        F = moo.Problem([noisy, second], **BOX).compute(np.zeros((5, 2))).F
    assert len(np.unique(F[:, 0])) == 5


@pytest.mark.parametrize("d", [3, 40])
def test_differences_in_chunks_are_those_of_one_batch(d, monkeypatch):
    problem = moo.Problem(
        [lambda X: (X**2).sum(1), lambda X: X.prod(1)], xl=0, xu=1, n_var=d, vectorized=True, backend="numpy"
    )
    X = np.random.default_rng(0).random((11, d))
    whole = problem.compute(X, jacobian=True).J
    monkeypatch.setattr("moo.backend_numpy._NUMBERS_AT_ONCE", 4 * d * d)
    assert np.array_equal(problem.compute(X, jacobian=True).J, whole)
    assert whole[:, 0] == pytest.approx(2 * X, abs=1e-6)


class InParts(moo.Problem):
    """Differentiates so many rows at a time."""

    at_once = 100

    def rows_at_once(self, n: int) -> int:
        return self.at_once


def _in_parts(size: int) -> InParts:
    problem = InParts(
        [lambda x: (x**3).sum(), lambda x: x[0].exp() * x[1]],
        **BOX,
        inequality=[lambda x: x.prod() - 0.1],
        equality=[lambda x: x[0] - x[1].sin()],
    )
    problem.at_once = size
    return problem


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_derivatives_in_parts_are_those_of_all_rows_together(size):
    given = torch.tensor([[2.0, 1.0], [0.5, 0.5], [1.0, 3.0], [0.1, 0.2]], dtype=torch.float64)

    def weighed(F, G, H, rows):
        value = (F * given[rows]).sum(1) + G.clamp_min(0).sum(1) + H.square().sum(1)
        return value, (given[rows], (G > 0).to(G), 2.0 * H)

    wanted = {"jacobian": True, "constraint_jacobians": True, "scalarize": Sloped(weighed, on_arrays=False)}
    whole, parts = (_in_parts(n).compute(torch.as_tensor(X), **wanted) for n in (100, size))
    for name in ("F", "G", "H", "CV", "J", "dG", "dH", "scalar", "gradient"):
        torch.testing.assert_close(getattr(parts, name), getattr(whole, name), msg=name)
    assert parts.gradient.abs().min() > 0


def test_a_scalarization_of_all_rows_sees_all_of_them_once():
    seen = []

    def of_all(F, G, H):
        seen.append(F.detach().clone())
        return F.sum(1) * F.detach().sum()

    whole, parts = (_in_parts(n).compute(X, scalarize=of_all) for n in (100, 1))
    np.testing.assert_allclose(parts.gradient, whole.gradient)
    assert [len(F) for F in seen] == [4, 4]


def test_a_row_that_raises_in_one_part_costs_no_other():
    problem = InParts([picky, second], **BOX)
    problem.at_once = 3
    evaluation = problem.compute(X, jacobian=True)
    assert evaluation.status.tolist() == [3, 0, 0, 3]
    assert "x1 is negative" in str(evaluation.error)
    assert evaluation.J[[1, 2], 0, 0] == pytest.approx([1.0, 1.5])


class Drawn(InParts):
    """f1 = s * x1 and f2 = s * x2 with a factor s that the generator draws once a call."""

    stochastic = True

    def __init__(self, backend: str) -> None:
        super().__init__(n_var=2, n_obj=2, xl=-1, xu=1, vectorized=True, backend=backend)
        self.at_once = 1

    def objectives(self, x, rng=None):
        return x * (1.0 if rng is None else rng.uniform(1.0, 9.0))


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_derivatives_are_of_the_minibatch_that_the_values_are_of(backend):
    rng = np.random.default_rng(1)
    evaluation = Drawn(backend).compute(X, jacobian=True, rng=rng)
    factor = np.random.default_rng(1).uniform(1.0, 9.0)
    np.testing.assert_allclose(evaluation.F, factor * X)
    np.testing.assert_allclose(evaluation.J, np.tile(factor * np.eye(2), (4, 1, 1)), atol=1e-5)
    assert rng.uniform() == np.random.default_rng(1).uniform(size=2)[1]


@pytest.mark.parametrize("given", ["arrays", "tensors"])
@pytest.mark.parametrize("on_arrays", [True, False])
@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_a_scalarization_that_knows_its_slopes_gives_what_autograd_finds(backend, on_arrays, given):
    problem = moo.Problem(
        [lambda x: (x**2).sum(), lambda x: x[0] * x[1]],
        inequality=[lambda x: x[0] ** 3 - x[1]],
        **BOX,
        backend=backend,
    )
    W = np.array([[0.2, 0.8], [1.0, 0.5], [0.0, 2.0]])

    def known(F, G, H, rows):
        assert isinstance(F, np.ndarray) == on_arrays
        w = W[rows] if on_arrays else torch.tensor(W[rows])
        return (w * F).sum(1) + (G**2).sum(1), (w, 2.0 * G, None)

    X = np.random.default_rng(0).random((3, 2))
    X = X if given == "arrays" else torch.tensor(X)

    def plain(F, G, H):
        return (torch.tensor(W) * F).sum(1) + (G**2).sum(1)

    differentiated = problem.compute(X, scalarize=plain)
    sloped = Sloped(known, on_arrays)
    for scalarize in (sloped, sloped.part(slice(0, 3))):
        evaluation = problem.compute(X, scalarize=scalarize)
        assert type(evaluation.gradient) is type(X)
        assert np.allclose(evaluation.scalar, differentiated.scalar)
        assert np.allclose(evaluation.gradient, differentiated.gradient)
