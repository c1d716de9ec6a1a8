"""`moo.training.backward` against TorchJD's `mtl_backward`, Jacobians written by hand, and plain PyTorch."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torchjd import aggregation as torchjd
from torchjd.autojac import jac_to_grad, mtl_backward

from moo.aggregation import Aggregator, Context, Weighting, aggregators
from moo.aggregation.dwa import DWA
from moo.aggregation.famo import FAMO
from moo.aggregation.grad_drop import GradDrop
from moo.aggregation.imtll import IMTLL
from moo.aggregation.mean import Mean
from moo.aggregation.mgda import MGDA
from moo.aggregation.pc_grad import PCGrad
from moo.aggregation.random import Random
from moo.aggregation.torchjd import TorchJD
from moo.aggregation.upgrad import UPGrad
from moo.errors import OptionError, ProblemError
from moo.training import linear_layers
from moo.training.backward import backward
from moo.training.leaves import leaves_of


class Net(nn.Module):
    """A trunk and m heads, in float64, with data of its own."""

    def __init__(self, m=2, seed=0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.trunk = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 6), nn.Tanh())
        self.heads = nn.ModuleList([nn.Linear(6, 1) for _ in range(m)])
        for parameter in self.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        self.x = torch.randn(11, 5, generator=generator, dtype=torch.float64)
        self.y = torch.randn(m, 11, 1, generator=generator, dtype=torch.float64)

    def forward(self):
        features = self.trunk(self.x)
        pairs = zip(self.heads, self.y, strict=True)
        return features, [(head(features) - y).square().mean() for head, y in pairs]


def grads(module):
    return [None if p.grad is None else p.grad.clone() for p in module.parameters()]


def jacobian(losses, leaves):
    """Rows of gradients (m, d) by one plain pass a loss."""
    rows = []
    for loss in losses:
        parts = torch.autograd.grad(
            loss, leaves, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        rows.append(torch.cat([part.reshape(-1) for part in parts]))
    return torch.stack(rows)


def flat(leaves):
    return torch.cat([leaf.grad.reshape(-1) for leaf in leaves])


# ------------------------------------------------------------------ the gradients


@pytest.mark.parametrize(
    ("m", "ours", "theirs"),
    [
        (2, Mean(), torchjd.Mean()),
        (5, Mean(), torchjd.Mean()),
        (2, MGDA(), torchjd.MGDA()),
        (3, TorchJD(torchjd.MGDA()), torchjd.MGDA()),
    ],
)
def test_gradients_are_those_of_torchjd(m, ours, theirs):
    mine, other = Net(m), Net(m)
    backward(mine()[1], ours)
    features, losses = other()
    mtl_backward(losses, features=features)
    jac_to_grad(other.trunk.parameters(), theirs)
    for a, b in zip(grads(mine), grads(other), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("m", [2, 3, 8])
@pytest.mark.parametrize(
    "aggregator", [MGDA(), UPGrad(), GradDrop(), IMTLL()], ids=lambda a: type(a).__name__
)
def test_shared_parameters_get_the_aggregate_of_the_jacobian_and_heads_their_own(aggregator, m):
    net = Net(m)
    losses = net()[1]
    shared = list(net.trunk.parameters())
    J = jacobian(losses, shared)
    own = [jacobian([loss], list(head.parameters()))[0] for loss, head in zip(losses, net.heads, strict=True)]
    values = torch.stack(losses).detach()[None]
    expected = aggregator(J[None], Context(losses=values, rng=np.random.default_rng(1)))[0]
    context = Context(rng=np.random.default_rng(1))
    weights = backward(losses, aggregator, shared=shared, context=context)  # GradDrop draws in this order
    torch.testing.assert_close(flat(shared), expected)
    for head, gradient in zip(net.heads, own, strict=True):
        torch.testing.assert_close(flat(list(head.parameters())), gradient)
    if weights is not None:
        torch.testing.assert_close(weights @ J, expected)


@pytest.mark.parametrize("name", sorted(aggregators()))
def test_every_aggregator_makes_a_step(name):
    net, context = Net(3), Context()
    for _ in range(2):
        weights = backward(net()[1], aggregators()[name](), context=context)
        assert weights is None or weights.shape == (3,)
    assert all(gradient.isfinite().all() for gradient in grads(net))


@given(st.integers(1, 4), st.integers(0, 10**6))
def test_the_mean_is_what_plain_pytorch_makes_of_the_mean_loss(m, seed):
    mine, plain = Net(m, seed), Net(m, seed)
    backward(mine()[1], Mean())
    torch.stack(plain()[1]).mean().backward()
    for parameter in plain.heads.parameters():
        parameter.grad *= m if m > 1 else 1.0
    for a, b in zip(grads(mine), grads(plain), strict=True):
        torch.testing.assert_close(a, b)


def test_large_parameters_and_many_small_ones_are_summed_alike(monkeypatch):
    for at_once in (1, 4, 10**6):
        monkeypatch.setattr("moo.training.pieces._AT_ONCE", at_once)
        for m in (2, 3):
            net = Net(m)
            losses = net()[1]
            J = jacobian(losses, list(net.trunk.parameters()))
            weights = backward(losses, MGDA())
            torch.testing.assert_close(weights, MGDA().weights((J @ J.T)[None], Context())[0])
            torch.testing.assert_close(flat(list(net.trunk.parameters())), weights @ J)


# ------------------------------------------------------------------ at the features


@pytest.mark.parametrize("aggregator", [MGDA(), UPGrad()], ids=lambda a: type(a).__name__)
@pytest.mark.parametrize("m", [2, 5])
def test_features_stand_in_for_the_trunk(aggregator, m):
    net = Net(m)
    features, losses = net()
    J = jacobian(losses, [features])
    trunk = list(net.trunk.parameters())
    expected = aggregator.weights((J @ J.T)[None], Context())[0]
    own = [jacobian([loss], list(head.parameters()))[0] for loss, head in zip(losses, net.heads, strict=True)]
    full = jacobian(losses, trunk)
    weights = backward(losses, aggregator, features=features)
    torch.testing.assert_close(weights, expected)
    torch.testing.assert_close(flat(trunk), expected @ full)
    for head, gradient in zip(net.heads, own, strict=True):
        torch.testing.assert_close(flat(list(head.parameters())), gradient)


def test_an_aggregator_without_weights_acts_on_the_features():
    net = Net()
    features, losses = net()
    J = jacobian(losses, [features])
    direction = GradDrop()(J[None], Context(rng=np.random.default_rng(3)))[0].view_as(features)
    expected = torch.autograd.grad(features, list(net.trunk.parameters()), direction, retain_graph=True)
    assert (
        backward(losses, GradDrop(), features=features, context=Context(rng=np.random.default_rng(3))) is None
    )
    for parameter, gradient in zip(net.trunk.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_what_goes_around_the_features_gets_the_same_weights():
    """A trunk parameter that a loss also sees directly, and a shared one in front of the features."""
    net = Net()
    scale = nn.Parameter(torch.tensor(1.3, dtype=torch.float64))
    features, losses = net()
    losses = [losses[0] * scale + net.trunk[0].weight.square().sum(), losses[1] * scale]
    leaves = [scale, *net.trunk.parameters()]
    J = jacobian(losses, leaves)
    weights = backward(losses, MGDA(), features=features)
    torch.testing.assert_close(flat(leaves), weights @ J)


def test_several_features_may_share_a_node_but_not_lie_behind_one_another():
    net = Net()
    features = net.trunk(net.x)
    halves = features.chunk(2, 1)
    losses = [halves[0].square().mean(), (halves[0] * halves[1]).mean()]
    J, full = jacobian(losses, halves), jacobian(losses, list(net.trunk.parameters()))
    weights = backward(losses, MGDA(), features=halves)
    torch.testing.assert_close(weights, MGDA().weights((J @ J.T)[None], Context())[0])
    torch.testing.assert_close(flat(list(net.trunk.parameters())), weights @ full)
    hidden = net.trunk[0](net.x)
    top = hidden.sin()
    with pytest.raises(ProblemError, match=r"features\[0\] is what another of the features is computed from"):
        backward([top.mean(), top.square().mean()], MGDA(), features=[hidden, top])


@pytest.mark.parametrize("features", [False, True])
def test_weights_from_losses_are_exact_with_and_without_features(features):
    net = Net(3)
    context = Context()
    trunk, losses = net()
    J = jacobian(losses, list(net.trunk.parameters()))
    weights = backward(losses, DWA(), features=trunk if features else None, context=context)
    torch.testing.assert_close(flat(list(net.trunk.parameters())), weights @ J)


# ------------------------------------------------------------------ linear layers without gradients


class Wide(nn.Module):
    """Few rows, many units: of these layers inner products cost less than gradients."""

    def __init__(self, m):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(20, 30, dtype=torch.float64)
        self.second = nn.Linear(30, 25, bias=False, dtype=torch.float64)
        self.scale = nn.Parameter(torch.randn(25, dtype=torch.float64))
        self.x = torch.randn(3, 20, dtype=torch.float64)
        self.targets = torch.randn(m, 3, 25, dtype=torch.float64)

    def forward(self):
        hidden = self.first(self.x).tanh()
        output = self.second(hidden) * self.scale
        return [hidden.square().mean(), *((output - target).square().mean() for target in self.targets[1:])]


def _layers_found(monkeypatch, net, losses):
    leaves = [leaf for leaf in net.parameters() if leaf.requires_grad]
    monkeypatch.setattr(linear_layers, "_LEAST", 0)
    return linear_layers.layers_worth_it(leaves_of(losses).nodes, leaves, len(losses))


@pytest.mark.parametrize("frozen", [False, True])
def test_gradients_of_linear_layers_need_not_be_formed(monkeypatch, frozen):
    """One loss does not reach the second layer; the first may have a frozen bias."""
    net = Wide(6)
    net.first.bias.requires_grad_(not frozen)
    losses = net()
    found = [layer.leaves for layer in _layers_found(monkeypatch, net, losses)]
    assert sorted(len(leaves) for leaves in found) == ([1, 1] if frozen else [1, 2])
    leaves = [leaf for leaf in net.parameters() if leaf.requires_grad]
    J = jacobian(losses, leaves)
    weights = backward(losses, UPGrad())
    torch.testing.assert_close(weights, UPGrad().weights((J @ J.T)[None], Context())[0])
    torch.testing.assert_close(flat(leaves), weights @ J)


@pytest.mark.parametrize("case", ["used twice", "hook", "many rows", "one loss"])
def test_gradients_are_formed_where_inner_products_would_be_wrong_or_dearer(monkeypatch, case):
    net = Wide(1 if case == "one loss" else 6)
    if case == "many rows":
        net.x, net.targets = net.x.repeat(30, 1), net.targets.repeat(1, 30, 1)
    if case == "hook":
        net.first.weight.register_hook(lambda gradient: 2.0 * gradient)
    losses = net()
    if case == "used twice":
        losses[1] = losses[1] + net.first.weight.square().sum()
    layers = [layer.leaves for layer in _layers_found(monkeypatch, net, losses)]
    leaves = list(net.parameters()) if case != "one loss" else list(net.first.parameters())
    assert all(net.first.weight is not weight for weight, *_ in layers)
    J = jacobian(losses, leaves)
    weights = backward(losses, MGDA(), shared=leaves)
    torch.testing.assert_close(flat(leaves), weights @ J)


# ------------------------------------------------------------------ parameters of every kind


def test_gradients_add_to_those_that_are_there():
    net, once = Net(), Net()
    backward(once()[1], MGDA())
    for _ in range(2):
        backward(net()[1], MGDA())
    for twice, single in zip(grads(net), grads(once), strict=True):
        torch.testing.assert_close(twice, 2 * single)


def test_frozen_and_unused_parameters_get_no_gradient():
    net = Net()
    net.trunk[0].weight.requires_grad_(False)
    net.unused = nn.Linear(2, 2)
    for shared in (None, [*net.trunk.parameters(), *net.unused.parameters()]):
        net.zero_grad()
        backward(net()[1], MGDA(), shared=shared)
        assert net.trunk[0].weight.grad is None
        assert net.unused.weight.grad is None
        assert net.trunk[0].bias.grad is not None


def test_shared_parameters_that_are_not_given_get_the_same_weights():
    net = Net(3)
    losses = net()[1]
    last, first = list(net.trunk[2].parameters()), list(net.trunk[0].parameters())
    J, full = jacobian(losses, last), jacobian(losses, [*first, *last])
    weights = backward(losses, UPGrad(), shared=net.trunk[2].parameters())
    torch.testing.assert_close(weights, UPGrad().weights((J @ J.T)[None], Context())[0])
    torch.testing.assert_close(flat([*first, *last]), weights @ full)


def test_a_parameter_of_one_loss_that_is_given_as_shared_is_weighed():
    net = Net()
    losses = net()[1]
    leaves = [*net.trunk.parameters(), net.heads[0].bias]
    J = jacobian(losses, leaves)
    weights = backward(losses, MGDA(), shared=leaves)
    torch.testing.assert_close(flat(leaves), weights @ J)


def test_a_loss_without_shared_parameters_has_a_gradient_of_zero():
    net = Net()
    alone = nn.Parameter(torch.tensor(2.0))
    weights = backward([*net()[1], alone.square()], Mean())
    assert weights.tolist() == pytest.approx([1 / 3] * 3)
    assert alone.grad == 4.0
    weights = backward([*net()[1], alone.square()], MGDA())
    assert weights.tolist() == [0.0, 0.0, 1.0]


def test_one_loss_is_plain_descent():
    net, plain = Net(1), Net(1)
    assert backward(net()[1], MGDA()).tolist() == [1.0]
    plain()[1][0].backward()
    for a, b in zip(grads(net), grads(plain), strict=True):
        torch.testing.assert_close(a, b)


def test_dtypes_may_be_mixed():
    half = nn.Linear(4, 3).to(torch.bfloat16)
    single, double = nn.Linear(3, 3), nn.Linear(3, 3).double()
    hidden = double(single(half(torch.randn(6, 4).bfloat16()).float()).double())
    losses = [hidden.square().mean(), (hidden - 1.0).square().mean().float()]
    leaves = [p for module in (half, single, double) for p in module.parameters()]
    J = jacobian(losses, leaves)
    weights = backward(losses, MGDA())
    assert weights.dtype == torch.float64
    assert [leaf.grad.dtype for leaf in leaves] == [leaf.dtype for leaf in leaves]
    torch.testing.assert_close(flat(leaves), (weights[0] * J[0] + weights[1] * J[1]), rtol=1e-2, atol=1e-2)


def test_no_two_gradients_share_memory_and_all_are_laid_out_like_their_parameter():
    """Autograd hands one tensor to both terms of a sum, and an expanded one to the term of a plain sum."""
    a, b, c = (nn.Parameter(torch.ones(3, 2)) for _ in range(3))
    shared = nn.Parameter(torch.ones(2))
    backward([((a + b) * shared).square().sum() + c.sum(), shared.sum()], Mean())
    for parameter in (a, b, c):
        assert parameter.grad.stride() == parameter.stride()
    before = b.grad.clone()
    a.grad.zero_()
    c.grad.add_(1.0)
    assert torch.equal(b.grad, before)
    assert torch.equal(c.grad, torch.full((3, 2), 2.0))


def test_a_parameter_used_twice_and_a_loss_given_twice_count_so():
    tied = nn.Parameter(torch.tensor([1.0, 2.0]))
    loss = (tied * tied.flip(0)).sum()
    weights = backward([loss, loss], Mean())
    assert weights.tolist() == [0.5, 0.5]
    assert tied.grad.tolist() == [4.0, 2.0]


def test_a_parameter_may_be_a_loss():
    a, b = nn.Parameter(torch.tensor(3.0)), nn.Parameter(torch.tensor(1.0))
    backward([a, a * b], Mean())
    assert (a.grad, b.grad) == (1.0, 3.0)


def test_memory_is_that_of_the_gradients():
    """m d numbers and one gradient more, not two Jacobians."""
    parameter = nn.Parameter(torch.zeros(1_000_000))
    x = torch.randn(1_000_000)
    losses = [(k * parameter * x).sum() for k in range(1, 9)]
    with torch.profiler.profile(
        profile_memory=True, activities=[torch.profiler.ProfilerActivity.CPU]
    ) as profile:
        backward(losses, Mean())
    held, most = 0, 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    assert parameter.grad.shape == (1_000_000,)
    assert 8 * 4e6 <= most <= 11 * 4e6


# ------------------------------------------------------------------ contexts


def test_a_context_carries_memory_from_step_to_step():
    net, context = Net(), Context()
    for scale in (1.0, 2.0, 3.0):
        losses = [net()[1][0] * scale, net()[1][1]]
        weights = backward(losses, FAMO(), context=context)
        assert torch.equal(context.losses, torch.stack(losses).detach()[None])
        assert torch.equal(context.weights[0], weights)
    assert context.memory["logits"].abs().max() > 0


def test_an_aggregator_that_remembers_needs_a_context():
    net = Net()
    with pytest.raises(OptionError, match="FAMO remembers earlier steps: give context="):
        backward(net()[1], FAMO())
    assert all(gradient is None for gradient in grads(net))


def test_without_a_context_random_numbers_follow_torchs_generator():
    net = Net()
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append([backward(net()[1], Random()).tolist() for _ in range(2)])
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0][0] != drawn[0][1]
    assert backward(net()[1], PCGrad()).shape == (2,)


# ------------------------------------------------------------------ what is refused


def _losses(net, case):
    losses = net()[1]
    return {
        "empty": [],
        "tensor": torch.stack(losses),
        "vector": [losses[0], losses[1].expand(2)],
        "number": [losses[0], 1.0],
        "detached": [losses[0], losses[1].detach()],
        "infinite": [losses[0], losses[1] / 0.0],
        "nan": [losses[0] * torch.nan, losses[1]],
        "apart": [p.square().sum() for p in net.heads[0].parameters()],
    }[case]


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("empty", "losses is empty: give at least one"),
        ("tensor", r"losses is one tensor of shape \(2,\)"),
        ("vector", r"losses\[1\] has shape \(2,\), expected one number"),
        ("number", r"losses\[1\] is float, expected one number"),
        ("detached", r"losses\[1\] is off the autograd graph"),
        ("infinite", r"losses\[1\] is inf: no \.grad was changed"),
        ("nan", r"losses\[0\] is nan"),
        ("apart", "no parameter is behind more than one loss"),
    ],
)
def test_losses_that_cannot_be_aggregated_are_one_sentence(case, sentence):
    net = Net()
    with pytest.raises(ProblemError, match=sentence) as raised:
        backward(_losses(net, case), Mean())
    assert "\n" not in str(raised.value)
    assert all(gradient is None for gradient in grads(net))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"aggregator": "mgda"}, "aggregator='mgda' is not accepted: give an object of moo.aggregation"),
        ({"shared": [3]}, "shared= holds 3: give parameters"),
        ({"shared": [torch.zeros(2, requires_grad=True) * 2]}, "shared= holds a tensor that was computed"),
        ({"shared": [], "features": torch.zeros(2)}, "shared= and features= were both given"),
        ({"features": torch.zeros(2)}, r"features\[0\] is no tensor on the autograd graph"),
        ({"features": ["x"]}, r"features\[0\] is no tensor"),
    ],
)
def test_wrong_options_are_one_sentence(options, sentence):
    with pytest.raises(OptionError, match=sentence):
        backward(Net()()[1], **{"aggregator": Mean(), **options})


@pytest.mark.parametrize("where", ["shared", "features"])
def test_losses_must_depend_on_what_is_shared(where):
    other = nn.Parameter(torch.zeros(2))
    given = {"shared": [other]} if where == "shared" else {"features": other * 2}
    with pytest.raises(ProblemError, match="no loss depends on"):
        backward(Net()()[1], Mean(), **given)


def _root(at):
    """A function whose value is finite at zero and whose gradient is not."""
    return at.abs().sum().sqrt()


@pytest.mark.parametrize("features", [False, True])
@pytest.mark.parametrize("aggregator", [MGDA(), GradDrop(), DWA()], ids=lambda a: type(a).__name__)
def test_a_gradient_that_is_not_finite_is_named_and_changes_nothing(aggregator, features):
    net = Net()
    for parameter in net.parameters():
        parameter.grad = torch.ones_like(parameter)
    zero = nn.Parameter(torch.zeros(2))

    def refused(make, sentence):
        trunk, losses = net()
        with pytest.raises(ProblemError, match=sentence):
            backward(make(trunk, losses), aggregator, features=trunk if features else None, context=Context())
        assert zero.grad is None
        assert all((gradient == 1.0).all() for gradient in grads(net))

    refused(lambda _, losses: [losses[0], losses[1] + _root(zero)], r"gradient of losses\[1\] .*shape \(2,\)")
    by_losses = isinstance(aggregator, DWA)
    named = "gradient of the losses together" if by_losses else r"gradient of losses\[0\]"
    refused(lambda trunk, losses: [losses[0] + _root(trunk * 0.0), losses[1]], named)


def test_a_gradient_that_becomes_infinite_in_the_trunk_is_refused():
    net, zero = Net(), nn.Parameter(torch.zeros(2, dtype=torch.float64))
    features = net.trunk(net.x) + _root(zero)
    losses = [features.square().mean(), features.sin().mean()]
    with pytest.raises(ProblemError, match=r"gradient of the losses together .*shape \(2,\) is not finite"):
        backward(losses, MGDA(), features=features)
    assert zero.grad is None
    assert all(gradient is None for gradient in grads(net))


class Bad(Weighting):
    def weights(self, gramian, context):
        return torch.full_like(gramian[:, 0], torch.nan)


class Unweighted(Aggregator):
    def aggregate(self, J, context):
        return J.sum(1)


def test_weights_that_are_not_finite_are_refused():
    net = Net()
    with pytest.raises(ProblemError, match=r"Bad gave losses\[0\] the weight nan"):
        backward(net()[1], Bad())
    assert all(gradient is None for gradient in grads(net))


def test_an_aggregator_without_weights_must_be_given_all_that_is_shared():
    net = Net()
    with pytest.raises(OptionError, match="Unweighted has no weights"):
        backward(net()[1], Unweighted(), shared=net.trunk[0].parameters())


def test_a_step_lowers_both_losses():
    net = copy.deepcopy(Net())
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    before = [loss.item() for loss in net()[1]]
    for _ in range(20):
        optimizer.zero_grad()
        backward(net()[1], MGDA())
        optimizer.step()
    assert all(loss.item() < start for loss, start in zip(net()[1], before, strict=True))
