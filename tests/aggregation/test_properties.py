"""What the papers claim of each aggregator, and that what they do not claim does not hold.

Stateful aggregators are held to it at their first call.
"""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jacobians import conflicting

from moo.aggregation import Aggregator, Context, aggregator_named, aggregators


@dataclass(frozen=True)
class Claims:
    """Each is "always", "two" (of two objectives), "independent" (of independent gradients) or "".

    Attributes:
        harmless: no objective increases, J d >= 0.
        symmetric: the order of the objectives does not matter, given the same draws.
        scale_free: a positive factor of one loss does not change the direction, but for its length.
        resting: zero where a combination of the gradients with positive weights is.
        rest: what counts as zero there, for gradients of length one.
        degree: multiplying all gradients by a multiplies the direction by a to this power.
    """

    harmless: str = ""
    symmetric: str = "always"
    scale_free: str = ""
    resting: str = ""
    rest: float = 1e-8
    degree: float = 1.0


CLAIMS = {
    "Mean": Claims(),
    "MGDA": Claims(harmless="always", resting="always"),
    "PCGrad": Claims(harmless="two", symmetric="two", resting="two"),
    "GradVac": Claims(harmless="two", symmetric="two", resting="two"),
    "CAGrad": Claims(),
    "IMTLG": Claims(scale_free="independent line", resting="two"),
    "NashMTL": Claims(harmless="always", scale_free="always", resting="always", rest=1e-3, degree=0.0),
    "AlignedMTL": Claims(),
    "UPGrad": Claims(harmless="always", resting="always"),
    "DualProj": Claims(harmless="always", resting="always"),
    "FairGrad": Claims(harmless="always", resting="always", rest=0.05, degree=-1.0 / 3.0),
    "Random": Claims(symmetric=""),
    "GradDrop": Claims(),
    "ConFIG": Claims(harmless="independent", scale_free="independent", resting="two"),
    "UncertaintyWeighting": Claims(),
    "IMTLL": Claims(),
    "DWA": Claims(),
    "FAMO": Claims(scale_free="always"),
    "GeometricMean": Claims(scale_free="always"),
    "GradNorm": Claims(),
    "TorchJD": Claims(),  # of torchjd's Mean
}
EVERY = sorted(aggregators())
SEEDS = st.integers(0, 100_000)
SIZES = st.integers(2, 6)


def test_every_aggregator_is_in_the_table():
    assert sorted(CLAIMS) == EVERY


def losses_of(J: torch.Tensor, seed: int = 0) -> torch.Tensor:
    return 0.1 + torch.rand(J.shape[:2], dtype=J.dtype, generator=torch.Generator().manual_seed(seed))


def context_of(losses: torch.Tensor) -> Context:
    return Context(losses=losses, rng=np.random.default_rng(7))


def directions(name: str, J: torch.Tensor, losses: torch.Tensor | None = None) -> torch.Tensor:
    return aggregator_named(name)(J, context_of(losses_of(J) if losses is None else losses))


def sizes_claimed(claim: str, m: int, d: int) -> tuple[int, int]:
    """Sizes for which the claim is made."""
    return (2, d) if "two" in claim else (m, max(d, m + 1)) if "independent" in claim else (m, d)


def least_gain(J: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    """(n,) the least J d, in units of the lengths of gradient and direction."""
    size = J.norm(dim=2) * direction.norm(dim=1, keepdim=True)
    return (torch.einsum("nmd,nd->nm", J, direction) / size.clamp_min(1e-300)).amin(1)


def cancelling(n: int, m: int, d: int, seed: int) -> torch.Tensor:
    """Gradients of which a combination with weights between a half and one is zero, but for rounding."""
    J = conflicting(n, m, d, seed)
    weights = 0.5 + 0.5 * torch.rand(n, m, 1, dtype=J.dtype, generator=torch.Generator().manual_seed(seed))
    rest = (weights * J)[:, :-1].sum(1)
    return torch.cat([J[:, :-1], -(rest / weights[:, -1])[:, None]], 1)


def rescaled(J: torch.Tensor, losses: torch.Tensor, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The same losses in other units."""
    exponent = torch.rand(1, J.shape[1], dtype=J.dtype, generator=torch.Generator().manual_seed(seed + 1))
    factor = 10.0 ** (4.0 * exponent - 2.0)
    return J * factor[:, :, None], losses * factor


@pytest.mark.parametrize("name", [name for name in EVERY if CLAIMS[name].harmless])
@settings(max_examples=15)  # of four Jacobians each
@given(SIZES, st.integers(1, 8), SEEDS)
def test_no_objective_increases(name, m, d, seed):
    m, d = sizes_claimed(CLAIMS[name].harmless, m, d)
    J = conflicting(4, m, d, seed)
    context = context_of(losses_of(J))
    direction = aggregator_named(name)(J, context)
    parts = (context.weights.abs() * J.norm(dim=2)).sum(1, keepdim=True)  # what rounding is relative to
    assert (torch.einsum("nmd,nd->nm", J, direction) >= -1e-11 * J.norm(dim=2) * parts).all()


@pytest.mark.parametrize("name", [name for name in EVERY if CLAIMS[name].symmetric])
@settings(max_examples=15)  # of four Jacobians each
@given(SIZES, st.integers(2, 8), SEEDS, st.randoms(use_true_random=False))
def test_the_order_of_the_objectives_does_not_matter(name, m, d, seed, random):
    m, _ = sizes_claimed(CLAIMS[name].symmetric, m, d)
    J = conflicting(4, m, max(d, m), seed)
    losses, order = losses_of(J), list(range(m))
    random.shuffle(order)
    here, there = directions(name, J, losses), directions(name, J[:, order], losses[:, order])
    assert torch.allclose(here, there, rtol=0, atol=1e-7 * float(here.abs().max()))


@pytest.mark.parametrize("name", [name for name in EVERY if CLAIMS[name].scale_free])
@settings(max_examples=15)  # of four Jacobians each
@given(SIZES, st.integers(1, 8), SEEDS)
def test_the_unit_of_a_loss_does_not_turn_the_direction(name, m, d, seed):
    claim = CLAIMS[name].scale_free
    m, d = sizes_claimed(claim, m, d + 4)
    J = conflicting(4, m, d, seed)
    here, there = directions(name, J), directions(name, *rescaled(J, losses_of(J), seed))
    cosine = torch.nn.functional.cosine_similarity(here, there)
    assert ((cosine.abs() if "line" in claim else cosine) > 1.0 - 1e-9).all()


def test_the_unit_of_a_loss_does_not_change_nashs_length_either():
    J = conflicting(10, 4, 8)
    assert torch.allclose(directions("NashMTL", J), directions("NashMTL", *rescaled(J, losses_of(J), 1)))


@pytest.mark.parametrize("name", [name for name in EVERY if CLAIMS[name].resting])
@settings(max_examples=15)  # of four Jacobians each
@given(SIZES, st.integers(1, 8), SEEDS)
def test_it_is_zero_where_gradients_cancel(name, m, d, seed):
    m, d = sizes_claimed(CLAIMS[name].resting, m, d)
    J = cancelling(4, m, d, seed)
    unit = J.norm(dim=2).amin(1) ** CLAIMS[name].degree
    assert (directions(name, J).norm(dim=1) <= CLAIMS[name].rest * unit).all()


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=15)  # of four Jacobians each
@given(SIZES, st.integers(1, 8), SEEDS, st.sampled_from([1e-6, 0.5, 1e6]))
def test_multiplying_all_gradients_multiplies_the_direction(name, m, d, seed, factor):
    J = conflicting(4, m, max(d, m), seed)
    here, there = factor ** CLAIMS[name].degree * directions(name, J), directions(name, factor * J)
    assert torch.allclose(here, there, rtol=0, atol=1e-6 * float(here.abs().max()))


@pytest.mark.parametrize("name", EVERY)
def test_what_is_not_claimed_does_not_hold(name):
    """On three objectives where "two" is claimed, on dependent gradients where "independent" is."""
    claims = CLAIMS[name]
    if claims.harmless != "always":
        J = conflicting(200, 4, 3, 1)
        assert least_gain(J, directions(name, J)).min() < -0.01
    if claims.symmetric != "always":
        J = conflicting(200, 3, 4, 1)
        losses = losses_of(J)
        assert not torch.allclose(
            directions(name, J, losses), directions(name, J.flip(1), losses.flip(1)), atol=0.1
        )
    if claims.scale_free != "always":
        J = conflicting(200, 4, 3, 1)
        here, there = directions(name, J), directions(name, *rescaled(J, losses_of(J), 1))
        assert torch.nn.functional.cosine_similarity(here, there).min() < 0.9
    if claims.resting != "always":
        J = cancelling(200, 3, 5, 1)
        assert directions(name, J).norm(dim=1).max() > 0.1


@given(SEEDS)
def test_upgrad_is_linear_in_each_gradients_length(seed):
    """Quinton and Rey's "linear under scaling"."""
    J = conflicting(3, 4, 5, seed)
    first, second = (
        torch.rand(4, 1, dtype=J.dtype, generator=torch.Generator().manual_seed(s)) for s in (1, 2)
    )
    both = directions("UPGrad", first * J) + directions("UPGrad", second * J)
    assert torch.allclose(directions("UPGrad", (first + second) * J), both, atol=1e-9 * float(J.abs().max()))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("m", [1, 2, 5])
def test_a_batch_is_its_rows_one_by_one_with_memory_over_several_steps(name, m):
    aggregator: Aggregator = aggregator_named(name)
    together = Context(rng=np.random.default_rng(1))
    shared = np.random.default_rng(1)
    apart = [Context(rng=shared) for _ in range(5)]
    for step in range(4):
        J = conflicting(5, m, 7, seed=step)
        together.losses = losses_of(J, seed=step)
        batch = aggregator(J, together)
        for row, context in enumerate(apart):
            context.losses = together.losses[row : row + 1]
            assert torch.allclose(aggregator(J[row : row + 1], context)[0], batch[row], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", EVERY)
def test_inputs_and_earlier_memory_stay_as_they_were(name):
    J = conflicting(4, 3, 5)
    context = context_of(losses_of(J))
    aggregator = aggregator_named(name)
    given_J, given_losses = J.clone(), context.losses.clone()
    aggregator(J, context)
    kept = dict(context.memory)
    copies = {key: value.clone() for key, value in kept.items()}
    aggregator(conflicting(4, 3, 5, seed=2), context)
    assert torch.equal(J, given_J)
    assert torch.equal(context.losses, given_losses)
    for key, value in copies.items():
        assert torch.equal(kept[key].nan_to_num(), value.nan_to_num())


@pytest.mark.parametrize("name", EVERY)
def test_the_weights_left_in_the_context_give_the_direction(name):
    J = conflicting(4, 3, 5)
    context = context_of(losses_of(J))
    direction = aggregator_named(name)(J, context)
    if context.weights is None:
        assert name in ("GradDrop", "TorchJD")
    else:
        assert torch.allclose(torch.einsum("nm,nmd->nd", context.weights, J), direction)
