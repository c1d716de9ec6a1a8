"""Rules for many models at once against `torch.func.vmap`, operation by operation and model by model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from moo.multimodal import ImageTextModel, ModelProblem, Samples
from moo.multimodal import chunks as module
from moo.multimodal.fusion import FUSIONS
from moo.multimodal.stacked import NoRuleError, by_rules

K = 3
SHAPES = {"a": (4, 5), "b": (5,), "w": (6, 5), "s": (), "x": (2, 4, 5)}
DATA = torch.linspace(-1.0, 1.0, 20).reshape(4, 5)
LABELS = torch.tensor([0, 3, 1, 4])
MASK = torch.tensor([True, False, True, True])


def _parameters(k=K, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(k, *shape, generator=generator) for name, shape in SHAPES.items()}


def _gradients(figures, leaves):
    """Of a sum in which no entry has the same weight as another."""
    if not figures.requires_grad:
        return None
    weights = torch.linspace(1.0, 2.0, figures.numel()).reshape(figures.shape)
    given = list(leaves.values())
    return torch.autograd.grad((figures * weights).sum(), given, materialize_grads=True)


def _same(of_one, parameters):
    """Figures and gradients by rules are those of vmap."""
    found = []
    for of_many in (lambda p: by_rules(of_one, p), torch.func.vmap(of_one)):
        leaves = {name: values.clone().requires_grad_() for name, values in parameters.items()}
        figures = of_many(leaves)
        found.append((figures, _gradients(figures, leaves)))
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-6)


OPERATIONS = {
    # entry by entry, whatever the ranks
    "a number times a matrix": lambda a, b, w, s, x: a * s,
    "a vector beside a matrix": lambda a, b, w, s, x: a + b,
    "a matrix beside data of higher rank": lambda a, b, w, s, x: a - torch.ones(2, 4, 5),
    "data first": lambda a, b, w, s, x: DATA - a,
    "a scalar first": lambda a, b, w, s, x: 1.0 / (2.0 + a.square()),
    "power": lambda a, b, w, s, x: (a.abs() + 1) ** s + 2.0 ** a,
    "negative": lambda a, b, w, s, x: -a,
    "where": lambda a, b, w, s, x: torch.where(a > 0, a, b),
    "named arguments": lambda a, b, w, s, x: torch.where(condition=DATA > 0, input=a, other=b),
    "clamp": lambda a, b, w, s, x: a.clamp(-0.5, 0.5) + torch.clamp(a, min=s),
    "masked_fill": lambda a, b, w, s, x: a.masked_fill(DATA > 0, 2.0),
    "maximum": lambda a, b, w, s, x: torch.maximum(a, b),
    "logical": lambda a, b, w, s, x: ((a > 0) & (DATA > 0) | ~(b < 0)).float() * a,
    "types": lambda a, b, w, s, x: a.double() + (a == a).to(torch.float32) + a.to(DATA),
    "whole numbers as data": lambda a, b, w, s, x: a * LABELS[:, None],
    "constants": lambda a, b, w, s, x: torch.ones_like(a) + a * torch.full_like(b, 3.0) + b.new_zeros(4, 5),
    "data as wide as": lambda a, b, w, s, x: a * DATA[:1].expand_as(a),
    "detached": lambda a, b, w, s, x: a.detach() * a,
    # products
    "linear on data": lambda a, b, w, s, x: functional.linear(DATA, w, s.expand(6)),
    "linear without bias": lambda a, b, w, s, x: functional.linear(a, w),
    "linear of a vector": lambda a, b, w, s, x: functional.linear(b, w),
    "linear of many dimensions": lambda a, b, w, s, x: functional.linear(x, w, w.sum(1)),
    "a frozen linear": lambda a, b, w, s, x: functional.linear(a, DATA, LABELS.float()),
    "a bias alone": lambda a, b, w, s, x: functional.linear(DATA, DATA, a[0, :4]),
    "matmul": lambda a, b, w, s, x: a @ w.mT + DATA @ w.T + DATA[:, :4] @ a @ w.T,
    "matmul of two ranks": lambda a, b, w, s, x: x @ w.mT + torch.matmul(torch.ones(2, 3, 4), a)[:, :1, :1],
    "layer norm": lambda a, b, w, s, x: functional.layer_norm(a, (5,), b, b),
    "layer norm of two dimensions": lambda a, b, w, s, x: functional.layer_norm(x, [4, 5], a),
    "bare layer norm": lambda a, b, w, s, x: functional.layer_norm(a, (5,)),
    # along a dimension
    "sum": lambda a, b, w, s, x: a.sum() + torch.sum(s) + x.sum((0, -1)).sum(0),
    "mean": lambda a, b, w, s, x: a.mean(0) + a.mean(dim=-1, keepdim=True) + x.mean([0, 1]),
    "extremes": lambda a, b, w, s, x: a.amax(1) + a.amin((0, 1)) + x.amax(),
    "argmax": lambda a, b, w, s, x: (a.argmax(dim=-1) == LABELS).float().mean() * a.argmin().float(),
    "softmax": lambda a, b, w, s, x: a.softmax(0) + functional.softmax(a, dim=-1),
    "log_softmax": lambda a, b, w, s, x: a.log_softmax(1) + torch.log_softmax(a, dim=0),
    "modules": lambda a, b, w, s, x: nn.Softmax(dim=1)(nn.LeakyReLU(0.1)(nn.ELU()(nn.GELU()(a)))),
    "logsumexp": lambda a, b, w, s, x: a.logsumexp(-1) + a.cumsum(0).sum(1),
    "normalize": lambda a, b, w, s, x: functional.normalize(a) + functional.normalize(a, dim=-2),
    # another shape
    "flatten": lambda a, b, w, s, x: x.flatten() .sum() + x.flatten(1).sum(1)[:1] + x.flatten(-2, -1)[:1, :5],
    "reshape": lambda a, b, w, s, x: a.reshape(2, -1) .sum(0)[:5] + x.reshape((8, 5)) + a.view(-1, 5)[:1],
    "permute": lambda a, b, w, s, x: x.permute(2, 0, 1) + x.permute(-1, 0, -2) * x.transpose(0, 2).mT,
    "unsqueeze": lambda a, b, w, s, x: a.unsqueeze(-1) * b.unsqueeze(0).squeeze(0)[None, :, None],
    "expand": lambda a, b, w, s, x: b.expand(4, 5) + b.expand(-1) + s.expand_as(a) + b.expand_as(a),
    "cat": lambda a, b, w, s, x: torch.cat([a, DATA, w], 0) .sum(1)[:, None] + torch.cat([b, b], -1),
    "stack": lambda a, b, w, s, x: torch.stack([a, DATA], dim=-2) + torch.stack([a, a], 1) * s,
    "unbind": lambda a, b, w, s, x: a.unbind()[1] + torch.unbind(x, -1)[2].sum() + x.unbind(1)[0],
    "split": lambda a, b, w, s, x: a.split(2)[1].sum() + x.split([1, 4], dim=-1)[1] + a.chunk(5, 1)[0],
    "index": lambda a, b, w, s, x: a[1] + a[..., 0].sum() + x[:, None, 1:, ::2].sum() + a[-1, 2],
    "index by data": lambda a, b, w, s, x: a[LABELS % 4] + a[MASK].sum() + x[:, LABELS % 4],
    "what a tensor is": lambda a, b, w, s, x: (
        a * (len(a) + a.shape[1] + a.ndim + x.dim() + a.size(0) + a.numel())
        if a.dtype is torch.float32 and a.device.type == "cpu" and a.is_floating_point()
        else a
    ),
    # losses
    "cross entropy": lambda a, b, w, s, x: functional.cross_entropy(a, LABELS),
    "cross entropy of ignored classes": lambda a, b, w, s, x: functional.cross_entropy(
        a, LABELS, ignore_index=3
    ),
    "cross entropy of each": lambda a, b, w, s, x: functional.cross_entropy(a, LABELS, reduction="none"),
    "sum of cross entropies": lambda a, b, w, s, x: nn.CrossEntropyLoss(reduction="sum")(a, LABELS),
    "cross entropy of the model's classes": lambda a, b, w, s, x: functional.cross_entropy(
        a, a.detach().argmin(1), ignore_index=0
    ),
    "squared errors": lambda a, b, w, s, x: functional.mse_loss(a, DATA) + nn.MSELoss()(DATA, a),
    "sum of errors": lambda a, b, w, s, x: functional.l1_loss(a, DATA, reduction="sum"),
    "error of each": lambda a, b, w, s, x: functional.smooth_l1_loss(a, DATA, reduction="none", beta=0.1),
    "binary cross entropy": lambda a, b, w, s, x: functional.binary_cross_entropy_with_logits(a, DATA.abs()),
    "a constant": lambda a, b, w, s, x: DATA.sum(),
}  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
@pytest.mark.parametrize("k", [1, K])
def test_an_operation_is_that_of_vmap(operation, k):
    _same(lambda p: operation(**p), _parameters(k))


LEFT_TO_VMAP = {
    "no rule": lambda a, b, w, s, x: torch.linalg.svdvals(a),
    "a result elsewhere": lambda a, b, w, s, x: torch.exp(a, out=torch.empty(0)),
    "in place": lambda a, b, w, s, x: functional.relu(a.clone(), inplace=True),
    "in place, by position": lambda a, b, w, s, x: functional.leaky_relu(a.clone(), 0.1, True),
    "into data": lambda a, b, w, s, x: DATA.clone().add_(a),
    "assignment": lambda a, b, w, s, x: a.__setitem__(0, 1.0),
    "a decision": lambda a, b, w, s, x: a if a.sum() > 0 else b,
    "a number": lambda a, b, w, s, x: a * float(s),
    "numpy": lambda a, b, w, s, x: a.numpy(),
    "numbers as data": lambda a, b, w, s, x: torch.tensor([s, s]),
    "a number of another type": lambda a, b, w, s, x: s * DATA.double(),
    "an index that differs between models": lambda a, b, w, s, x: DATA[a.argmax(1) % 4],
    "two tensors as an index": lambda a, b, w, s, x: a[LABELS % 4, LABELS],
    "a list as an index": lambda a, b, w, s, x: a[[0, 1]],
    "any dimension of length one": lambda a, b, w, s, x: a[:1].squeeze(),
    "no dimension": lambda a, b, w, s, x: a.sum(()),
    "a flag by position": lambda a, b, w, s, x: a.sum(1, True),
    "whether a gradient is wanted": lambda a, b, w, s, x: a * a.requires_grad,
    "a product with a vector": lambda a, b, w, s, x: a @ b,
    "class weights": lambda a, b, w, s, x: functional.cross_entropy(a, LABELS, weight=torch.ones(5)),
    "smoothed labels": lambda a, b, w, s, x: functional.cross_entropy(a, LABELS, label_smoothing=0.1),
    "class probabilities": lambda a, b, w, s, x: functional.cross_entropy(a, DATA.softmax(1)),
    "errors beside a row": lambda a, b, w, s, x: functional.mse_loss(a, DATA[:1]),
    "weighed errors": lambda a, b, w, s, x: functional.binary_cross_entropy_with_logits(
        a, DATA, pos_weight=b
    ),
    "a gradient": lambda a, b, w, s, x: torch.autograd.grad(a.sum(), a),
    "an operator below": lambda a, b, w, s, x: torch.ops.aten.exp(a),
}


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("operation", LEFT_TO_VMAP.values(), ids=LEFT_TO_VMAP.keys())
def test_what_has_no_rule_is_refused(operation):
    with pytest.raises(NoRuleError):
        by_rules(lambda p: operation(**p), _parameters())


def test_a_stacked_tensor_has_no_numbers_of_its_own():
    def of_one(p):
        with torch._C.DisableTorchFunctionSubclass():  # as compiled code that knows nothing of rules
            return p["a"] + 1.0

    with pytest.raises(NoRuleError):
        by_rules(of_one, _parameters())


ENTRIES = ("tanh", "sigmoid", "square", "abs", "sin")


@given(
    shapes=st.lists(st.sampled_from([(), (1,), (4,), (3, 1), (3, 4), (2, 3, 4)]), min_size=2, max_size=4),
    of_models=st.lists(st.booleans(), min_size=4, max_size=4),
    signs=st.lists(st.sampled_from(["+", "*", "-"]), min_size=4, max_size=4),
    entry=st.sampled_from(ENTRIES),
)
def test_shapes_meet_as_those_of_one_model_do(shapes, of_models, signs, entry):
    generator = torch.Generator().manual_seed(0)
    tensors = [torch.randn(K, *shape, generator=generator) for shape in shapes]
    parameters = {"0": tensors[0]} | {str(i): t for i, t in enumerate(tensors) if of_models[i]}

    def of_one(p):
        total = p["0"]
        for i, sign in zip(range(1, len(shapes)), signs, strict=False):
            other = p.get(str(i), tensors[i][0])
            total = {"+": total + other, "*": other * total, "-": other - total}[sign]
        return getattr(total, entry)()

    _same(of_one, parameters)


# ------------------------------------------------------------------ models


def _problem(model, inputs, n=24):
    generator = torch.Generator().manual_seed(0)
    drawn = {name: torch.rand(n, *shape, generator=generator) for name, shape in inputs.items()}
    train = Samples(drawn, torch.randint(3, (n,), generator=generator))
    losses = {
        "entropy": lambda output, samples: functional.cross_entropy(_first(output), samples.labels),
        "size": lambda output, samples: _first(output).square().mean(),
    }
    return ModelProblem(model, losses, train=train, bound=None)


def _first(output):
    return output[0] if isinstance(output, tuple) else output


class Fused(nn.Module):
    def __init__(self, fusion):
        super().__init__()
        self.left, self.right = nn.Linear(6, 4), nn.Linear(7, 4)
        self.fusion = FUSIONS[fusion](["left", "right"], 4)
        self.head = nn.Linear(self.fusion.out_width, 3)

    def forward(self, left, right):
        return self.head(self.fusion({"left": self.left(left), "right": self.right(right)}))


class Tied(nn.Module):
    """A weight in two places, a frozen layer and one that is used twice."""

    def __init__(self):
        super().__init__()
        self.inner, self.outer, self.head = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.outer.weight = self.inner.weight
        self.frozen = nn.Linear(6, 6).requires_grad_(requires_grad=False)

    def forward(self, x):
        for layer in (self.inner, self.outer, self.frozen, self.inner):
            x = torch.tanh(layer(x))
        return self.head(x)


def _mlp():
    hidden = nn.Sequential(nn.Linear(12, 8), nn.LayerNorm(8), nn.SiLU())
    return nn.Sequential(nn.Flatten(), hidden, nn.Linear(8, 3))


def _cnn():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3))


MODELS = {
    "perceptron": (_mlp, {"input": (3, 4)}),
    "tied and frozen": (Tied, {"x": (6,)}),
    "image and text": (lambda: ImageTextModel(9, 3, hidden=5), {"image": (3, 16, 16), "text": (9,)}),
    **{name: ((lambda name=name: Fused(name)), {"left": (6,), "right": (7,)}) for name in FUSIONS},
}


@pytest.mark.parametrize(("model", "inputs"), MODELS.values(), ids=MODELS.keys())
def test_a_model_is_trained_by_rules_as_by_vmap(monkeypatch, model, inputs):
    problem = _problem(model, inputs)
    X = problem.sample(5, np.random.default_rng(0))
    found = problem.compute(X, jacobian=True)
    assert _have_rules(problem) == [True]
    monkeypatch.setattr(module, "by_rules", _no_rules)
    expected = problem.compute(X, jacobian=True)
    assert _have_rules(problem) == [False]
    np.testing.assert_allclose(found.F, expected.F, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.J, expected.J, rtol=1e-4, atol=1e-6)


def _have_rules(problem):
    return [running.has_rules for running in problem._found.values()]


def _no_rules(of_one, parameters):
    raise NoRuleError("any operation")


def test_a_model_without_rules_is_left_to_vmap():
    problem = _problem(_cnn, {"input": (1, 8, 8)})
    X = problem.sample(5, np.random.default_rng(0))
    found = problem.compute(X, jacobian=True)
    assert _have_rules(problem) == [False]
    for x, F in zip(X, found.F, strict=True):
        output = problem.module(x)(**problem.train.modalities)
        assert F[0] == pytest.approx(functional.cross_entropy(output, problem.train.labels).item(), rel=1e-5)
