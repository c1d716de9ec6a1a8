"""How many models are run together: by their sizes, with the same figures whatever the number."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from moo.errors import ProblemError
from moo.fingerprint import code_digest
from moo.multimodal import ModelProblem, Samples
from moo.multimodal.chunks import Running, footprint, in_chunks, unflatten, unflatten_each

SHAPES = {"a": torch.Size([2, 3]), "b": torch.Size([3])}


def _figures(parameters):
    return torch.stack([(parameters["a"] @ parameters["b"]).square().sum(), parameters["a"].sin().sum()])


def _together(monkeypatch, of_one, X, size):
    monkeypatch.setattr(Running, "at_once", lambda self, n: size)
    return in_chunks(of_one, Running(bytes_of_one=0, has_rules=False), SHAPES, X)


@pytest.mark.parametrize("size", [1, 2, 4, 7, 100])
def test_figures_and_derivatives_do_not_depend_on_the_number_at_once(monkeypatch, size):
    X = torch.randn(7, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    expected = torch.stack([_figures({"a": x[:6].reshape(2, 3), "b": x[6:]}) for x in X])
    figures = _together(monkeypatch, _figures, X, size)
    torch.testing.assert_close(figures, expected)
    for k in range(2):  # several passes, as for a Jacobian
        (gradient,) = torch.autograd.grad(figures[:, k].sum(), X, retain_graph=True)
        torch.testing.assert_close(
            gradient, torch.autograd.grad(expected[:, k].sum(), X, retain_graph=True)[0]
        )
    assert not _together(monkeypatch, _figures, X.detach(), size).requires_grad


@pytest.mark.parametrize("size", [1, 2])
def test_a_parameter_that_no_figure_needs_has_a_gradient_of_zero(monkeypatch, size):
    X = torch.randn(5, 9).requires_grad_()
    figures = _together(monkeypatch, lambda p: p["b"].sum()[None], X, size)
    (gradient,) = torch.autograd.grad(figures.sum(), X)
    assert torch.equal(gradient, torch.tensor([0.0] * 6 + [1.0] * 3).expand(5, 9))


@pytest.mark.parametrize("size", [1, 2])
def test_figures_off_the_graph_stay_off_it(monkeypatch, size):
    X = torch.randn(5, 9).requires_grad_()
    assert not _together(monkeypatch, lambda p: p["b"].detach().sum()[None], X, size).requires_grad


def test_rows_that_are_no_block_of_memory_are_models_too():
    wide = torch.arange(40.0).reshape(4, 10)
    for X in (wide[:, :9], wide[::2, 1:]):
        for x, parameters in zip(X, unflatten_each(X, SHAPES), strict=True):
            assert torch.equal(torch.cat([part.flatten() for part in parameters.values()]), x)
            assert all(torch.equal(part, parameters[name]) for name, part in unflatten(x, SHAPES).items())


def test_a_footprint_is_the_parameters_and_what_is_saved_for_the_backward_pass():
    weight, x = torch.randn(5, 7), torch.randn(11, 7)
    linear = footprint(lambda p: (x @ p["w"].T).sum()[None], {"w": weight}, [x])
    assert linear == weight.nbytes  # x is given, the sum needs nothing
    squared = footprint(lambda p: (x @ p["w"].T).square().sum()[None], {"w": weight}, [x])
    assert squared == weight.nbytes + 11 * 5 * 4


def _at_once(bytes_of_one, n, *, has_rules=False):
    return Running(bytes_of_one, has_rules).at_once(n)


def test_small_models_run_together_and_large_ones_or_few_one_by_one():
    assert _at_once(50_000, 64) == 64
    assert 8 <= _at_once(1_000_000, 64) < 64
    assert _at_once(5_000_000, 64) == 1
    assert _at_once(50_000, 3) == 1
    assert _at_once(0, 64) == 64


def test_large_models_with_rules_run_a_few_at_a_time():
    assert _at_once(5_000_000, 64, has_rules=True) == 8
    assert _at_once(1_000_000, 64, has_rules=True) == _at_once(1_000_000, 64)
    assert _at_once(5_000_000, 3, has_rules=True) == 1


@given(st.integers(0, 10**7), st.integers(1, 300), st.booleans())
def test_no_part_is_much_smaller_than_another(bytes_of_one, n, has_rules):
    size = _at_once(bytes_of_one, n, has_rules=has_rules)
    parts = -(-n // size)
    assert size == -(-n // parts)


def test_a_function_is_tried_by_vmap_and_by_rules():
    parameters = {"w": torch.randn(4, 3)}
    for of_one, has_rules in (
        (lambda p: p["w"].square().sum()[None], True),
        (lambda p: torch.linalg.norm(p["w"])[None], False),
        (lambda p: (p["w"] * torch.randn(3)).sum()[None], False),  # vmap refuses it
    ):
        assert Running.tried(of_one, parameters, []).has_rules == has_rules


def test_a_rule_that_is_missing_later_is_no_error():
    running = Running(0, has_rules=True)
    w = torch.randn(5, 4, 3)
    figures = running.of_many(lambda p: torch.linalg.norm(p["w"])[None], {"w": w})
    torch.testing.assert_close(figures[:, 0], w.flatten(1).norm(dim=1))
    assert not running.has_rules


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
    asked = []

    def recorded(self, n, at_once=Running.at_once):
        asked.append((self.bytes_of_one, n))
        return at_once(self, n)

    monkeypatch.setattr(Running, "at_once", recorded)
    for n in (8, 64):
        problem = _problem(n)
        problem.compute(problem.sample(5, np.random.default_rng(0)))
    (small, rows), (large, _) = asked
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
