"""Weightings by losses against TorchJD's scalarizations, whose gradient by the losses is the weights."""

import pytest
import torch
import torchjd.scalarization as peer

from moo.aggregation import Context, LossWeighting, aggregators
from moo.aggregation.dwa import DWA
from moo.aggregation.famo import FAMO
from moo.aggregation.geometric_mean import GeometricMean
from moo.aggregation.grad_norm import GradNorm
from moo.aggregation.imtll import IMTLL
from moo.aggregation.uncertainty_weighting import UncertaintyWeighting
from moo.errors import OptionError

BY_LOSS = [cls for cls in aggregators().values() if issubclass(cls, LossWeighting)]
USERS = [*BY_LOSS, GradNorm]


def histories(steps: int, n: int, m: int, seed: int = 0) -> torch.Tensor:
    """Losses (steps, n, m) that fall, each at its own rate and with noise."""
    generator = torch.Generator().manual_seed(seed)
    first = 5.0 * torch.rand(n, m, dtype=torch.float64, generator=generator) + 0.1
    rate = 0.2 * torch.rand(n, m, dtype=torch.float64, generator=generator)
    time = torch.arange(steps, dtype=torch.float64)[:, None, None]
    noise = 0.1 * torch.randn(steps, n, m, dtype=torch.float64, generator=generator)
    return first * (noise - rate * time).exp()


def slope(scalarizer, losses: torch.Tensor) -> torch.Tensor:
    values = losses.clone().requires_grad_()
    return torch.autograd.grad(scalarizer(values), values)[0]


def learned(scalarizer, history: torch.Tensor, rate: float) -> torch.Tensor:
    """Weights (steps, m) of a TorchJD scalarization whose parameters go down their gradient."""
    descent, weights = torch.optim.SGD(scalarizer.parameters(), lr=rate), []
    for losses in history:
        weights.append(slope(scalarizer, losses))
        descent.zero_grad()
        scalarizer(losses).backward()
        descent.step()
    return torch.stack(weights)


def run(aggregator, history: torch.Tensor) -> torch.Tensor:
    """Weights (steps, n, m) from one context."""
    context = Context()
    return torch.stack([aggregator.weights(losses, context) for losses in history])


@pytest.mark.parametrize(("ours", "theirs"), [(UncertaintyWeighting, peer.UW), (IMTLL, peer.IMTLL)])
def test_learned_scales_follow_torchjds(ours, theirs):
    history = histories(30, 4, 3)
    found = run(ours(learning_rate=0.1), history)
    for row in range(4):
        assert torch.allclose(found[:, row], learned(theirs(3).double(), history[:, row], 0.1))


@pytest.mark.parametrize(("aggregator", "limit"), [(UncertaintyWeighting(1.0), 0.5), (IMTLL(1.0), 1.0)])
def test_learned_scales_end_where_every_scaled_loss_is_one(aggregator, limit):
    losses = torch.tensor([[1e-3, 2.0, 1e6]], dtype=torch.float64)
    weights = run(aggregator, losses.expand(400, 1, 3))
    assert torch.allclose(weights[-1] * losses, torch.full_like(losses, limit), rtol=1e-6)


def test_geometric_mean_agrees_with_torchjd():
    losses = histories(1, 20, 4)[0]
    expected = torch.stack([slope(peer.GeometricMean(), row) for row in losses])
    assert torch.allclose(GeometricMean().weights(losses, Context()), expected)


def test_dwa_agrees_with_torchjd_when_an_epoch_is_a_call():
    history = histories(8, 3, 4)
    found = run(DWA(temperature=1.5), history)
    for row in range(3):
        scalarizer = peer.DWA(temperature=1.5)
        for step, losses in enumerate(history[:, row]):
            assert torch.allclose(found[step, row], slope(scalarizer, losses))
            scalarizer.step()
    assert not torch.allclose(found[2], torch.ones_like(found[2]), atol=1e-3)


def test_famo_agrees_with_torchjd_on_the_papers_step_of_the_logits():
    """TorchJD steps with Adam; the paper's algorithm 1 goes down the gradient, with decay. TorchJD adds 1e-8
    to losses and computes in float32."""
    history = histories(20, 3, 4)
    found = run(FAMO(learning_rate=0.5, decay=0.1), history)
    for row in range(3):
        scalarizer = peer.FAMO(4, lr=0.5, weight_decay=0.1).double()
        scalarizer._optimizer = torch.optim.SGD(scalarizer.parameters(), lr=0.5, weight_decay=0.1)
        for step, losses in enumerate(history[:, row]):
            if step:
                scalarizer.update(losses)
            assert torch.allclose(found[step, row], slope(scalarizer, losses), atol=1e-6)


def test_famo_gives_more_to_the_loss_that_does_not_fall():
    losses = torch.tensor([[1.0, 1.0]], dtype=torch.float64)
    history = torch.stack([losses * torch.tensor([0.99**step, 1.0]) for step in range(100)])
    shares = run(FAMO(), history) * history  # z up to a factor: the losses themselves are divided out
    assert float(shares[-1, 0, 1] / shares[-1, 0].sum()) > 0.5
    assert float(shares[0, 0, 1] / shares[0, 0].sum()) == pytest.approx(0.5)


def test_grad_norm_brings_equally_fast_losses_to_equal_gradient_lengths():
    J = torch.diag_embed(torch.tensor([[1.0, 3.0, 0.5], [2.0, 2.0, 9.0]], dtype=torch.float64))
    context = Context(losses=torch.ones(2, 3, dtype=torch.float64))
    for _ in range(2000):
        GradNorm(learning_rate=0.002)(J, context)
    lengths = context.weights * J.diagonal(dim1=1, dim2=2)
    assert torch.allclose(lengths, lengths.mean(1, keepdim=True).expand_as(lengths), rtol=0.05)
    assert torch.allclose(context.weights.sum(1), torch.full((2,), 3.0, dtype=J.dtype))


def test_grad_norm_makes_the_gradient_of_a_loss_that_lags_longer_by_its_lag_to_the_alpha():
    J = torch.eye(2, dtype=torch.float64)[None]
    context = Context(losses=torch.ones(1, 2, dtype=torch.float64))
    aggregator = GradNorm(alpha=1.0, learning_rate=0.002)
    aggregator(J, context)
    context.losses = torch.tensor([[0.5, 1.0]], dtype=torch.float64)
    for _ in range(1000):
        aggregator(J, context)
    assert float(context.weights[0, 1] / context.weights[0, 0]) == pytest.approx(2.0, rel=0.02)


def test_grad_norm_steps_down_the_slope_of_its_loss():
    generator = torch.Generator().manual_seed(1)
    J = torch.randn(5, 3, 4, dtype=torch.float64, generator=generator)
    first, later = histories(2, 5, 3)
    context, aggregator = Context(losses=first), GradNorm(alpha=1.5, learning_rate=1e-4)
    aggregator(J, context)
    before = context.memory["weights"].clone().requires_grad_()
    context.losses = later
    lengths = before * J.norm(dim=2)
    lag = (later / first) / (later / first).mean(1, keepdim=True)
    loss = (lengths - (lengths.mean(1, keepdim=True) * lag**1.5).detach()).abs().sum()
    (gradient,) = torch.autograd.grad(loss, before)
    aggregator(J, context)
    moved = (before - 1e-4 * gradient.sign()).detach()
    assert torch.allclose(context.memory["weights"], 3.0 * moved / moved.sum(1, keepdim=True))


@pytest.mark.parametrize("cls", USERS)
def test_negative_losses_are_refused_in_a_sentence(cls):
    context = Context(losses=torch.tensor([[1.0, 2.0], [1.0, -3.0]]))
    with pytest.raises(
        OptionError, match=f"{cls.__name__} needs losses that are never negative, but one is -3"
    ):
        cls()(torch.ones(2, 2, 3), context)


@pytest.mark.parametrize("cls", USERS)
def test_no_losses_are_refused_in_a_sentence(cls):
    with pytest.raises(OptionError, match=f"{cls.__name__} weighs losses, but none were given"):
        cls()(torch.ones(2, 2, 3))


@pytest.mark.parametrize("cls", USERS)
def test_losses_of_another_shape_are_refused_in_a_sentence(cls):
    with pytest.raises(OptionError, match=r"losses has shape \(2,\), but .* \(2, 2\) losses"):
        cls()(torch.ones(2, 2, 3), Context(losses=torch.ones(2)))


@pytest.mark.parametrize("cls", [cls for cls in USERS if cls is not GeometricMean])
def test_memory_of_other_rows_is_refused_in_a_sentence(cls):
    context = Context(losses=torch.ones(4, 2))
    cls()(torch.ones(4, 2, 3), context)
    context.losses = torch.ones(3, 2)
    with pytest.raises(OptionError, match="give each batch of rows a Context of its own"):
        cls()(torch.ones(3, 2, 3), context)


@pytest.mark.parametrize("cls", USERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("others", [1e-12, 1.0, 1e12])
def test_a_loss_of_zero_does_no_harm(cls, dtype, others):
    """Its gradient is zero, too."""
    J = torch.ones(1, 3, 2, dtype=dtype)
    J[:, 0] = 0.0
    context = Context(losses=torch.tensor([[0.0, others, 1.0]], dtype=dtype))
    for _ in range(200):
        assert cls()(J, context).isfinite().all()


@pytest.mark.parametrize("cls", USERS)
def test_a_row_recovers_from_losses_that_were_not_finite(cls):
    history = histories(6, 3, 2)
    J = torch.randn(3, 2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    context, aggregator = Context(), cls()
    for step, losses in enumerate(history):
        context.losses = losses.clone()
        context.losses[1, 0] = torch.nan if step in (0, 3) else losses[1, 0]
        broken = aggregator(J, context).isnan().all(1)
        assert broken.tolist() == [False, step in (0, 3), False]


@pytest.mark.parametrize(
    "make",
    [
        lambda: DWA(0.0),
        lambda: FAMO(learning_rate=-1.0),
        lambda: FAMO(decay=float("inf")),
        lambda: GradNorm(alpha=-1.0),
        lambda: GradNorm(learning_rate=0.0),
        lambda: IMTLL(2.0),
        lambda: UncertaintyWeighting(0.0),
    ],
)
def test_options_out_of_range_are_refused_in_a_sentence(make):
    with pytest.raises(OptionError, match="is not accepted: give a"):
        make()
