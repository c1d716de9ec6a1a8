"""Balancing aggregators: against their equations, written out for one row in numpy, and what must hold."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import moo
from moo.aggregation import Context
from moo.errors import OptionError, ProblemError
from moo.multimodal import search_rates, search_weights
from moo.multimodal.balancing import OGMGE, EncoderRate, MMPareto, gradient_blending
from moo.multimodal.tasks.image_text import ImageText

ALL = (OGMGE(noise=False), EncoderRate(), MMPareto())
each = pytest.mark.parametrize("aggregator", ALL, ids=lambda a: type(a).__name__)


@pytest.fixture(scope="module")
def task(data):
    return ImageText(data, hidden=None, width=3, batch_size=16)


def gradients(task, seed=0, n=2):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 3, task.n_var, generator=generator, dtype=torch.float64)


def context(task, losses=((1.0, 2.0, 0.5), (1.0, 0.3, 0.5)), scale=1.0):
    return Context(losses=torch.tensor(losses, dtype=torch.float64) / scale, problem=task, scale=scale)


def encoder_columns(task):
    return np.concatenate([task.columns("encoders.image."), task.columns("encoders.text.")])


class TestEach:
    @each
    def test_is_the_plain_sum_outside_the_encoders(self, aggregator, task):
        J = gradients(task)
        rest = np.setdiff1d(np.arange(task.n_var), encoder_columns(task))
        torch.testing.assert_close(aggregator(J, context(task))[:, rest], J.sum(1)[:, rest])

    @each
    def test_rows_do_not_influence_each_other(self, aggregator, task):
        J, both = gradients(task), context(task)
        alone = aggregator(J[1:], Context(losses=both.losses[1:], problem=task))
        torch.testing.assert_close(aggregator(J, both)[1:], alone)

    @each
    def test_gradients_are_left_as_they_were(self, aggregator, task):
        J = gradients(task)
        before = J.clone()
        aggregator(J, context(task))
        assert torch.equal(J, before)

    @each
    def test_what_is_not_finite_stays_in_its_row(self, aggregator, task):
        J = gradients(task)
        J[0, 0, 0] = torch.inf
        direction = aggregator(J, context(task))
        assert direction[0].isnan().all()
        assert direction[1].isfinite().all()

    @each
    def test_refuses_other_problems_in_a_sentence(self, aggregator):
        with pytest.raises(ProblemError, match=r"the gradients are of ZDT1: .* such as ImageText\(\)"):
            aggregator(torch.ones(1, 2, 30), Context(problem=moo.problems.ZDT1()))

    @each
    def test_descends_in_moo_gradient_descent(self, aggregator, task):
        method = moo.GradientDescent(aggregator, n=3)
        result = moo.solve(task, method, budget=3000, seed=0)
        start = task.compute(task.sample(3, np.random.default_rng(0))).F
        assert result.F.mean(0)[0] < start.mean(0)[0] - 0.05

    @each
    def test_is_searched_as_other_methods_are(self, aggregator, task):
        found = search_rates(task, aggregator, n=3, steps=40, seeds=2, inner="momentum")
        assert len(found.X) == 6
        assert found.cost.n_vjp == 3 * found.cost.n_f == 3 * 6 * 40
        assert found.settings["learning rate"].tolist() == pytest.approx([0.001, 0.01, 0.1])


class TestEncoderRate:
    def test_is_the_sum_times_the_factor_at_the_encoders(self, task):
        J, columns = gradients(task), encoder_columns(task)
        direction = EncoderRate(2.5)(J, context(task))
        torch.testing.assert_close(direction[:, columns], 2.5 * J.sum(1)[:, columns])


class TestMMPareto:
    def test_without_conflict_is_the_encoder_rate(self, task):
        J = gradients(task)
        J[:, 1:] = J[:, :1] * torch.tensor([0.5, 2.0])[None, :, None]
        direction = MMPareto(1.5)(J, context(task))
        for modality, own in (("image", 1), ("text", 2)):
            where = task.columns(f"encoders.{modality}.")
            torch.testing.assert_close(direction[:, where], 1.5 * (J[:, 0, where] + J[:, own, where]))

    @given(seed=st.integers(0, 10_000))
    def test_follows_its_equations(self, task, seed):
        J = gradients(task, seed)
        direction = MMPareto(1.5)(J, context(task)).numpy()
        for row in range(2):
            for modality, own in (("image", 1), ("text", 2)):
                where = task.columns(f"encoders.{modality}.")
                g, u = J[row, 0, where].numpy(), J[row, own, where].numpy()
                share = 0.5 if g @ u > 0 else np.clip(u @ (u - g) / np.sum((g - u) ** 2), 0.001, 0.999)
                for name, tensor in task.slices.items():
                    if not name.startswith(f"encoders.{modality}."):
                        continue
                    a, b = J[row, 0, tensor].numpy(), J[row, own, tensor].numpy()
                    d = 2 * share * a + 2 * (1 - share) * b
                    d = 1.5 * max(1.0, np.linalg.norm(a + b) / np.linalg.norm(d)) * d
                    np.testing.assert_allclose(direction[row, tensor], d, rtol=1e-8)

    @given(seed=st.integers(0, 10_000))
    def test_goes_downhill_for_both_losses_at_each_encoder(self, task, seed):
        J = gradients(task, seed)
        tensors = {name: where for name, where in task.slices.items() if name.startswith("encoders.image.")}
        for name in list(tensors)[1:]:
            J[:, :, tensors[name]] = 0.0  # of one tensor there is one rescaling
        direction = MMPareto()(J, context(task))
        where = task.columns("encoders.image.")
        slopes = (J[:, :2, where] * direction[:, None, where]).sum(2)
        assert (slopes > -1e-9).all()


class TestOGMGE:
    def test_slows_the_modality_that_is_ahead_alone(self, task):
        J = gradients(task)
        losses = ((1.0, 2.0, 0.5), (1.0, 0.3, 0.5))
        direction = OGMGE(alpha=0.4, noise=False)(J, context(task, losses))
        for row, (ahead, behind) in enumerate((("text", "image"), ("image", "text"))):
            gap = abs(losses[row][1] - losses[row][2])
            slowed = 1.0 - np.tanh(0.4 * np.exp(gap))
            for modality, factor in ((ahead, slowed), (behind, 1.0)):
                where = task.columns(f"encoders.{modality}.")
                torch.testing.assert_close(direction[row, where], factor * J[row, 0, where])

    def test_knows_what_losses_were_divided_by(self, task):
        J, aggregator = gradients(task), OGMGE(noise=False)
        torch.testing.assert_close(aggregator(J, context(task)), aggregator(J, context(task, scale=7.0)))

    def test_noise_is_as_wide_as_the_gradient(self, task):
        J = gradients(task)
        with_noise, without = (OGMGE(noise=flag)(J, context(task)) for flag in (True, False))
        where = task.slices["encoders.image.layers.weight"]
        noise = (with_noise - without)[:, where]
        torch.testing.assert_close(noise.std(1), J[:, 0, where].std(1), rtol=0.15, atol=0.0)
        rest = np.setdiff1d(np.arange(task.n_var), encoder_columns(task))
        assert torch.equal(with_noise[:, rest], without[:, rest])

    def test_needs_the_losses(self, task):
        with pytest.raises(OptionError, match="OGMGE weighs losses"):
            OGMGE()(gradients(task), Context(problem=task))


class TestGradientBlending:
    def test_weighs_what_generalises(self, emoji):
        weights = gradient_blending(ImageText(emoji), steps=60)
        assert weights.shape == (3,)
        assert weights.sum() == pytest.approx(1.0)
        assert (weights >= 0).all()
        assert weights.max() > 0.4

    def test_a_modality_of_noise_weighs_nothing(self, emoji):
        noise = torch.rand(
            emoji.samples.modalities["image"].shape, generator=torch.Generator().manual_seed(0)
        )
        samples = replace(emoji.samples, modalities={**emoji.samples.modalities, "image": noise})
        weights = gradient_blending(ImageText(replace(emoji, samples=samples)), steps=100)
        assert weights[1] < 0.1

    def test_can_be_searched_with(self, task, emoji):
        task = ImageText(emoji)
        found = search_weights(task, weights=gradient_blending(task, steps=30), n_rates=2, steps=5)
        assert len(found.settings) == 2

    def test_when_nothing_generalises_one_sentence(self, data):
        with pytest.raises(OptionError, match="no loss of ImageText fell on the validation samples"):
            gradient_blending(ImageText(data), steps=1, learning_rate=1e6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OGMGE(alpha=0.0), "alpha=0.0"),
        (lambda: MMPareto(gamma=-1.0), "gamma=-1.0"),
        (lambda: EncoderRate(float("nan")), "factor=nan"),
    ],
)
def test_options_out_of_range(make, message):
    with pytest.raises(OptionError, match=message):
        make()
