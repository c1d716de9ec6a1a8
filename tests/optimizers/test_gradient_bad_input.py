"""What the gradient methods do with problems that gradients do not fit: one sentence, or the right answer."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

import moo
from moo.budget import Budget
from moo.errors import EvaluationError, ProblemError
from moo.evaluation import Evaluator
from moo.optimizers import base
from moo.optimizers.descent import Box
from moo.optimizers.lbfgs import LBFGS
from moo.optimizers.multi_gradient import MultiGradientState
from moo.scalarization import scalarizations

METHODS = {
    "WeightedSum": moo.WeightedSum(n=6),
    "Scalarized": moo.Scalarized(n=6),
    "Chebyshev": moo.Scalarized("chebyshev", n=6),
    "GradientDescent": moo.GradientDescent(n=6),
    "UPGrad": moo.GradientDescent(n=6, aggregator="upgrad"),
    "Armijo": moo.GradientDescent(n=6, inner="armijo"),
    "HypervolumeGradient": moo.HypervolumeGradient(n=6),
    "EPO": moo.EPO(n=6),
    "ParetoMTL": moo.ParetoMTL(n=6),
    "MOOSVGD": moo.MOOSVGD(n=6),
    "ParetoSetLearning": moo.ParetoSetLearning(n=6, batch=8),
    "Hybrid": moo.Hybrid(pop_size=12),
}


@pytest.fixture(params=METHODS)
def method(request):
    return METHODS[request.param]


def first(x):
    return ((x - 1.0) ** 2).sum()


def second(x):
    return ((x + 1.0) ** 2).sum()


def box(functions, d=3, **options):
    return moo.Problem(functions, xl=[-2.0] * d, xu=[2.0] * d, **options)


def test_a_loss_off_the_graph_is_named(method):
    def detached(x):
        return second(x.detach())

    with pytest.raises(ProblemError, match="'detached' returned a value off the autograd graph"):
        moo.solve(box([first, detached]), method, budget=3000)


def test_an_objective_that_does_not_depend_on_x_leaves_the_other_to_be_minimised(method):
    def constant(x):
        return 0.0 * x.sum() + 3.0

    result = moo.solve(box([first, constant]), method, budget=6000)
    assert result.F[:, 1] == pytest.approx(3.0)
    assert result.F[:, 0].min() < 0.05


def test_rows_with_a_gradient_that_is_not_a_number_leave_the_rest_alone(method):
    def broken(x):  # its value is sound, its slope is 0 * inf, where x1 < -1
        flat = torch.where(x[0] < -1.0, 0.0 * x[0], torch.ones_like(x[0]))
        return second(x) + 0.0 * flat.sqrt()

    result = moo.solve(box([first, broken]), method, budget=6000, seed=1)
    assert np.isfinite(result.F).all()
    on_front = np.sqrt(result.F / 3.0).sum(axis=1)
    assert on_front.min() == pytest.approx(2.0, abs=0.1)


def test_points_without_a_derivative_are_passed(method):
    def corner(x):
        return (x - 0.3).abs().sum()

    result = moo.solve(box([corner, second]), method, budget=8000)
    assert np.isfinite(result.F).all()
    assert result.F[:, 0].min() < 1.5


def test_one_objective(method):
    result = moo.solve(box([first]), method, budget=6000)
    assert result.F.min() < 0.05


def test_twenty_objectives(method):
    centres = torch.linspace(-1.5, 1.5, 20, dtype=torch.float64)
    problem = box([lambda x, c=c: ((x - c) ** 2).sum() for c in centres])
    if isinstance(method, (moo.EPO, moo.HypervolumeGradient, moo.Hybrid)):
        with pytest.raises(ProblemError, match="takes up to 6 objectives"):
            moo.solve(problem, method, budget=4000)
        return
    many = dataclasses.replace(method, n=20)
    result = moo.solve(problem, many, budget=20_000)
    assert np.isfinite(result.F).all()
    # MOO-SVGD's rows push each other off it, ParetoMTL's leave it for sectors that it does not pass.
    if not isinstance(method, (moo.MOOSVGD, moo.ParetoMTL)):
        apart = np.abs(result.X - result.X.mean(axis=1, keepdims=True)).max(axis=1)
        assert np.median(apart) < 0.3  # the Pareto set is the diagonal


def test_memory_is_stated_before_it_is_taken(monkeypatch):
    monkeypatch.setattr(base, "free_gigabytes", lambda: 1.0)
    big = moo.Problem(lambda x: torch.stack([x.sum(), -x.sum()]), n_obj=2, n_var=1_000_000, xl=0.0, xu=1.0)
    rows = np.broadcast_to(np.zeros(1), (50, 1_000_000))  # which take no memory
    state = MultiGradientState(np.random.default_rng(0), X=rows)
    evaluate = Evaluator(big, Budget(1000), np.random.default_rng(0))
    with pytest.raises(
        ProblemError, match=r"50 rows of 1,000,000 variables .* takes 3.6 GB, 1.0 GB are free"
    ):
        moo.GradientDescent(n=50).step(evaluate, state)
    with pytest.raises(ProblemError, match=r"L-BFGS on 50 rows of 1,000,000 variables takes 8.0 GB"):
        LBFGS(Box.of(big, arrays=True), np.broadcast_to(0.0, (50, 1_000_000)))


def test_a_million_variables():
    def near(x):
        return ((x - 0.2) ** 2).mean()

    def far(x):
        return ((x - 0.8) ** 2).mean()

    problem = moo.Problem([near, far], xl=[0.0] * 1_000_000, xu=[1.0] * 1_000_000)
    result = moo.solve(problem, moo.GradientDescent(n=2), budget=50)
    assert result.X.shape[1] == 1_000_000
    assert np.isfinite(result.F).all()


@pytest.mark.parametrize(
    "method",
    [moo.WeightedSum(n=5), moo.WeightedSum(n=5, inner="adam"), moo.Scalarized("chebyshev", n=5)],
    ids=["lbfgs", "adam", "chebyshev"],
)
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_rows_that_fail_on_the_way_are_tried_again(method, backend):
    calls = itertools.count()

    def flaky(x):
        if next(calls) > 60 and next(calls) % 13 == 0:
            raise ValueError("flaky")
        values = [(x[0] - 0.45) ** 2 + x[1] ** 2, (x[0] - 0.9) ** 2 + x[1] ** 2]
        return values if backend == "numpy" else torch.stack(values)

    def of_rows(X):
        return np.array([flaky(x) for x in X]) if backend == "numpy" else torch.stack([flaky(x) for x in X])

    problem = moo.Problem(of_rows, n_obj=2, xl=[0, 0], xu=[1, 1], backend=backend, vectorized=True)
    result = moo.solve(problem, method, budget=800, on_error="retry(2)")
    assert result.X[:, 1] == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("name", sorted(scalarizations()))
@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_objectives_that_are_infinite_or_huge_somewhere_are_no_noise(name, backend):
    xp = torch if backend == "torch" else np

    def broken(x):
        return xp.where(x[0] > 0.6, xp.inf, (x[0] - 0.45) ** 2 + x[1] ** 2)

    problem = moo.Problem(
        [broken, lambda x: 1e160 * ((x[0] - 0.9) ** 2 + x[1] ** 2)],
        xl=[0, 0],
        xu=[1, 1],
        backend=backend,
        **({} if backend == "torch" else {"vjp": slopes_of_broken}),
    )
    result = moo.solve(problem, moo.Scalarized(name, n=4), budget=800)
    assert (result.X[:, 0] <= 0.6).all()
    assert np.isfinite(result.F).all()


def slopes_of_broken(x, w):
    return 2 * w[0] * np.array([x[0] - 0.45, x[1]]) + 2e160 * w[1] * np.array([x[0] - 0.9, x[1]])


@pytest.mark.parametrize("broken", [{"vjp": lambda x, w: 1 / 0}, {"jacobian": lambda x: 1 / 0}])
def test_derivatives_that_always_raise_end_the_run_with_their_error(broken):
    problem = moo.Problem(
        lambda x: [x[0] ** 2, (x[0] - 1) ** 2 + x[1]],
        n_obj=2,
        xl=[0, 0],
        xu=[1, 1],
        backend="numpy",
        **broken,
    )
    with pytest.raises(EvaluationError, match="division by zero"):
        moo.solve(problem, moo.WeightedSum(n=3), budget=500)


@pytest.mark.parametrize(
    "method", [moo.WeightedSum(n=5), moo.Scalarized("nbi", n=5), moo.HypervolumeGradient(n=5)]
)
def test_functions_of_arrays_see_double_precision_whatever_the_tensors_are(method):
    def seen(x):
        assert x.dtype == np.float64
        return [(x[0] - 0.3) ** 2 + x[1] ** 2, (x[0] - 0.7) ** 2 + (x[1] - 0.1) ** 2]

    found = [
        moo.solve(
            moo.Problem(seen, n_obj=2, xl=[0.1, 0.05], xu=[0.9, 1.1], backend="numpy", dtype=dtype),
            method,
            budget=2000,
        ).X
        for dtype in ("float32", "float64")
    ]
    assert found[0] == pytest.approx(found[1], abs=2e-3)


@pytest.mark.parametrize(
    "method", [moo.WeightedSum(n=5), moo.HypervolumeGradient(n=5), moo.GradientDescent(n=5)]
)
def test_bounds_hold_in_single_precision_as_stated(method):
    problem = moo.Problem(
        [lambda x: (x**2).sum(), lambda x: ((x - 2) ** 2).sum()],
        xl=[0.9, 0.1],
        xu=[1.1, 1.3],
        dtype="float32",
    )
    X = moo.solve(problem, method, budget=1500).X
    assert (problem.xl <= X).all()
    assert (problem.xu >= X).all()
