"""How many models are run together: by their sizes, with the same figures whatever the number."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from moo.errors import ProblemError
from moo.fingerprint import code_digest
from moo.multimodal import ModelProblem, Samples
from moo.multimodal import problem as module
from moo.multimodal.chunks import at_once, footprint, in_chunks


def _figures(parameters):
    return torch.stack([(parameters["a"] @ parameters["b"]).square().sum(), parameters["a"].sin().sum()])


def _unflatten(X):
    return {"a": X[..., :6].reshape(*X.shape[:-1], 2, 3), "b": X[..., 6:]}


def _in_twos(of_one, X):
    return in_chunks(of_one, torch.func.vmap(of_one), _unflatten, X, 2)


@pytest.mark.parametrize("size", [1, 2, 4, 7, 100])
def test_figures_and_derivatives_do_not_depend_on_the_number_at_once(size):
    X = torch.randn(7, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    expected = torch.stack([_figures({name: v[0] for name, v in _unflatten(x[None]).items()}) for x in X])
    figures = in_chunks(_figures, torch.func.vmap(_figures), _unflatten, X, size)
    torch.testing.assert_close(figures, expected)
    for k in range(2):  # several passes, as for a Jacobian
        (gradient,) = torch.autograd.grad(figures[:, k].sum(), X, retain_graph=True)
        torch.testing.assert_close(
            gradient, torch.autograd.grad(expected[:, k].sum(), X, retain_graph=True)[0]
        )
    assert not in_chunks(_figures, torch.func.vmap(_figures), _unflatten, X.detach(), size).requires_grad


def test_a_parameter_that_no_figure_needs_has_a_gradient_of_zero():
    X = torch.randn(5, 9).requires_grad_()
    figures = _in_twos(lambda p: p["b"].sum()[None], X)
    (gradient,) = torch.autograd.grad(figures.sum(), X)
    assert torch.equal(gradient, torch.tensor([0.0] * 6 + [1.0] * 3).expand(5, 9))


def test_figures_off_the_graph_stay_off_it():
    X = torch.randn(5, 9).requires_grad_()
    assert not _in_twos(lambda p: p["b"].detach().sum()[None], X).requires_grad


def test_a_footprint_is_the_parameters_and_what_is_saved_for_the_backward_pass():
    weight, x = torch.randn(5, 7), torch.randn(11, 7)
    linear = footprint(lambda p: (x @ p["w"].T).sum()[None], {"w": weight}, [x])
    assert linear == weight.nbytes  # x is given, the sum needs nothing
    squared = footprint(lambda p: (x @ p["w"].T).square().sum()[None], {"w": weight}, [x])
    assert squared == weight.nbytes + 11 * 5 * 4


def test_small_models_run_together_and_large_ones_or_few_one_by_one():
    assert at_once(50_000, 64) > 64
    assert 8 <= at_once(1_000_000, 64) < 64
    assert at_once(5_000_000, 64) == 1
    assert at_once(50_000, 3) == 1
    assert at_once(0, 64) > 64


def _convolutions():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 14 * 14, 3))


def _problem(n):
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(3, (n,), generator=generator)
    train = Samples({"input": torch.rand(n, 3, 16, 16, generator=generator)}, labels)
    losses = {
        "entropy": lambda output, samples: functional.cross_entropy(output, samples.labels),
        "size": lambda output, samples: output.square().mean(),
    }
    return ModelProblem(_convolutions, losses, train=train, bound=None)


def test_a_problem_chooses_by_its_model_and_its_samples(monkeypatch):
    given = []

    def recorded(bytes_of_one, n):
        given.append((bytes_of_one, n))
        return at_once(bytes_of_one, n)

    monkeypatch.setattr(module, "at_once", recorded)
    for n in (8, 64):
        problem = _problem(n)
        problem.compute(problem.sample(5, np.random.default_rng(0)))
    (small, rows), (large, _) = given
    activations = 8 * 14 * 14 * 4  # bytes a sample, kept at least once
    assert rows == 5
    assert small > 4 * problem.n_var + 8 * activations
    assert large - small > 56 * activations


def test_what_was_measured_is_no_part_of_the_statement():
    problem = _problem(8)
    before = code_digest(problem)
    problem.compute(problem.sample(2, np.random.default_rng(0)))
    assert code_digest(problem) == before


def test_a_loss_off_the_graph_is_still_refused():
    problem = _problem(8)
    problem.losses = {name: lambda output, samples: output.detach().mean() for name in problem.losses}
    with pytest.raises(ProblemError, match="off the autograd graph"):
        problem.compute(problem.sample(2, np.random.default_rng(0)), jacobian=True)
