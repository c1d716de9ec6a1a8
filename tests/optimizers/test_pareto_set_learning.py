"""Pareto set learning: one network for a whole front, of functions and of models."""

import numpy as np
import pytest
import torch

import moo
from moo.errors import OptionError
from moo.indicators import hypervolume
from moo.optimizers.front_model import FrontModel, Network


def solved(problem, budget=10_000, **options):
    return moo.solve(problem, moo.ParetoSetLearning(**options), budget=budget, seed=0)


@pytest.mark.parametrize(
    ("problem", "ref", "least"),
    [
        (moo.problems.FonsecaFleming(10), 1.0, 0.332),  # the best 100 points: 0.3378
        (moo.problems.ZDT1(), 1.1, 0.86),  # 0.8721
        (moo.problems.ZDT2(), 1.1, 0.53),  # 0.5389
    ],
    ids=["fonseca", "zdt1", "zdt2"],
)
def test_the_answer_covers_the_front(problem, ref, least):
    result = solved(problem, n=100)
    assert len(result.F) == 100
    assert hypervolume(result.F, np.full(2, ref)) > least


def test_the_model_answers_any_preference_within_the_bounds(tmp_path):
    problem = moo.problems.FonsecaFleming(10)
    result = solved(problem)
    loaded = FrontModel(moo.Result.load(result.save(tmp_path / "run")))
    P = np.random.default_rng(0).dirichlet([1, 1], 200)
    X = moo.ParetoSetLearning.front_model(result)(P)
    assert X.shape == (200, 10)
    assert ((problem.xl <= X) & (problem.xu >= X)).all()
    assert np.array_equal(loaded(P), X)
    F = problem.evaluate(X, return_values_of=["F"])
    inner = (P > 0.05).all(axis=1)
    assert (
        np.abs(F[inner] / F[inner].sum(axis=1, keepdims=True) - P[inner]).max() < 0.1
    )  # preferences are rays
    assert moo.ParetoSetLearning.front_model(result)(P[0]) == pytest.approx(X[:1], rel=1e-12)


def test_the_answer_is_the_networks_own():
    result = solved(moo.problems.ZDT1(), n=20)
    again = moo.ParetoSetLearning.front_model(result)(result.weights / result.weights.sum(1, keepdims=True))
    assert np.allclose(again, result.X, atol=1e-12)


def test_constraints_are_kept():
    problem = moo.problems.BNH()
    result = solved(problem, budget=20_000)
    assert (result.CV <= 0).mean() > 0.9
    assert result.hypervolume() > 0.95 * moo.solve(problem, moo.NSGA2(), budget=20_000).hypervolume()


def test_three_objectives():
    result = solved(moo.problems.DTLZ2(), n=60, budget=20_000)
    assert np.linalg.norm(result.F, axis=1) == pytest.approx(1.0, abs=0.05)


def test_a_last_layer_of_low_rank_reaches_many_parameters():
    base = torch.zeros(5000, dtype=torch.float64)
    network = Network.start(2, base, 16, 4, np.random.default_rng(0))
    assert sum(p.numel() for p in network.parameters()) < 7 * 5000
    assert network.at(torch.tensor([[0.3, 0.7]], dtype=torch.float64)).shape == (1, 5000)
    assert torch.linalg.matrix_rank(network.layers[-2]) <= 4


def test_other_scalarizations():
    sums = solved(moo.problems.ZDT1(), scalarization="linear")
    assert sums.preference == "normalised weights"
    assert sums.hypervolume() > 0.75
    with pytest.raises(OptionError, match="without constraints of its own"):
        moo.ParetoSetLearning(scalarization="nbi")


@pytest.mark.parametrize("P", [[0.5, 0.6], [-0.1, 1.1], [1.0], "half", [[0.2, 0.3, 0.5]]])
def test_preferences_off_the_simplex_are_refused(P):
    model = moo.ParetoSetLearning.front_model(solved(moo.problems.ZDT1(), budget=2000))
    with pytest.raises(OptionError, match="are not accepted"):
        model(P)


def test_a_result_without_a_model_is_refused():
    result = moo.solve(moo.problems.ZDT1(), moo.NSGA2(), budget=500)
    with pytest.raises(OptionError, match="holds no model"):
        moo.ParetoSetLearning.front_model(result)


@pytest.mark.parametrize("options", [{"n": 0}, {"batch": 0}, {"hidden": 0}, {"learning_rate": 0}])
def test_bad_options_are_refused(options):
    with pytest.raises(OptionError, match="is not accepted"):
        moo.ParetoSetLearning(**options)
