from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import moo
from moo.errors import OptionError, ProblemError
from moo.multimodal import MultimodalData, Samples
from moo.multimodal.encoders import ImageEncoder
from moo.multimodal.tasks.classification import with_dropout
from moo.multimodal.tasks.image_text import ImageText


def with_absent(data, modality, rows):
    present = torch.ones(len(data), dtype=torch.bool)
    present[rows] = False
    return replace(data, samples=replace(data.samples, present={modality: present}))


@pytest.fixture
def task(data):
    return ImageText(data, hidden=None, width=3, batch_size=16)


class TestObjectives:
    def test_are_the_fused_loss_and_one_a_modality(self, task):
        assert task.names == ["fused loss", "image loss", "text loss"]

    def test_may_be_the_modalities_alone(self, data):
        task = ImageText(data, fused_loss=False, fusion="late")
        assert task.names == ["image loss", "text loss"]
        assert "test fused accuracy" in task.report(task.sample(1, np.random.default_rng(0)))

    def test_are_cross_entropies(self, task):
        x = task.sample(1, np.random.default_rng(0))
        output = task.module(x[0])(**task.train.modalities)
        expected = [nn.functional.cross_entropy(output[h], task.train.labels).item() for h in output]
        np.testing.assert_allclose(task.compute(x).F[0], expected, rtol=1e-5)

    def test_leave_out_rows_without_the_modality(self, data):
        rows = [0, 3, 5]
        task = ImageText(with_absent(data, "text", rows), hidden=None, width=3)
        x = task.sample(1, np.random.default_rng(0))
        output = task.module(x[0])(**task.inputs(task.train))
        there = torch.tensor([i not in rows for i in range(len(task.train))])
        loss = nn.functional.cross_entropy(output["text"][there], task.train.labels[there])
        assert task.compute(x).F[0, 2] == pytest.approx(loss.item(), rel=1e-5)

    def test_a_row_without_text_still_trains_the_image_encoder(self, data):
        rows = np.arange(1, 40)  # all but one of the training rows
        task = ImageText(with_absent(data, "text", rows), hidden=None, width=3)
        x = task.sample(1, np.random.default_rng(0))
        J = task.compute(x, jacobian=True).J[0]
        encoder = task.columns("encoders.image.")
        assert np.abs(J[0, encoder]).sum() > 0
        assert np.abs(J[1, encoder]).sum() > 0
        assert np.abs(J[2, encoder]).sum() == 0

    def test_training_lowers_them_all(self, task):
        result = moo.solve(task, moo.WeightedSum(n=4), budget=2000, seed=0)
        start = task.compute(task.sample(1, np.random.default_rng(0))).F[0]
        assert (result.F.min(axis=0) < start).all()

    def test_encoders_can_be_replaced(self, data):
        class Flat(nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = nn.Linear(3 * 16 * 16, 5)

            def forward(self, image):
                return self.layer(image.flatten(1))

        task = ImageText(data, width=5, encoders={"image": Flat})
        assert (
            task.module(task.sample(1, np.random.default_rng(0))[0]).encoders["image"].layer.in_features
            == 768
        )


class TestMetrics:
    def test_unweighted_accuracy_is_the_mean_recall(self, task):
        x = task.sample(1, np.random.default_rng(3))
        guess = task.module(x[0])(**task.train.modalities)["fused"].argmax(1)
        labels = task.train.labels
        recalls = [(guess[labels == k] == k).float().mean().item() for k in range(3)]
        report = task.report(x)
        assert report["train fused UA"][0] == pytest.approx(np.mean(recalls))
        assert report["train fused accuracy"][0] == pytest.approx((guess == labels).float().mean().item())

    def test_every_figure_is_reported_for_every_split(self, task):
        names = task.report(task.sample(1, np.random.default_rng(0))).keys()
        assert {"validation fused accuracy", "test image UA", "train text loss"} <= names
        assert len(names) == 3 * 9


class TestModalityDropout:
    samples = Samples({"a": torch.ones(50, 2), "b": torch.ones(50, 3)}, torch.zeros(50, dtype=torch.long))

    @given(rate=st.floats(0.0, 0.99), seed=st.integers(0, 1000))
    def test_no_row_loses_all(self, rate, seed):
        dropped = with_dropout(self.samples, rate, np.random.default_rng(seed))
        assert (dropped.mask("a") | dropped.mask("b")).all()

    def test_takes_the_share_that_was_asked_for(self):
        shares = [
            1.0 - with_dropout(self.samples, 0.3, np.random.default_rng(seed)).mask("a").float().mean().item()
            for seed in range(40)
        ]
        assert np.mean(shares) == pytest.approx(0.3 * 0.7, abs=0.03)  # both at once keeps both

    def test_an_absent_modality_stays_absent(self):
        absent = torch.arange(50) < 25
        dropped = with_dropout(replace(self.samples, present={"a": absent}), 0.5, np.random.default_rng(0))
        assert not (dropped.mask("a") & ~absent).any()

    def test_a_minibatch_may_lose_a_modality_altogether(self, data):
        task = ImageText(data, hidden=None, width=3, batch_size=2, modality_dropout=0.5)
        x = task.sample(1, np.random.default_rng(0))
        losses = np.array([task.compute(x, rng=np.random.default_rng(seed)).F[0] for seed in range(40)])
        assert np.isfinite(losses).all()
        assert (losses[:, 1:] == 0).any()  # the loss of a modality that nobody had

    def test_changes_minibatches_and_no_report(self, data):
        plain, dropping = (ImageText(data, batch_size=16, modality_dropout=rate) for rate in (0.0, 0.5))
        x = plain.sample(1, np.random.default_rng(0))
        rngs = (np.random.default_rng(1) for _ in range(2))
        losses = [task.compute(x, rng=rng).F for task, rng in zip((plain, dropping), rngs, strict=True)]
        assert not np.array_equal(*losses)
        assert plain.report(x) == dropping.report(x)

    @pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
    def test_is_a_probability(self, data, rate):
        with pytest.raises(OptionError, match="modality_dropout="):
            ImageText(data, modality_dropout=rate)

    def test_needs_minibatches(self, data):
        with pytest.raises(OptionError, match="give a batch_size"):
            ImageText(data, modality_dropout=0.1, batch_size=None)


class TestBadInput:
    def test_an_encoder_of_no_modality(self, data):
        with pytest.raises(OptionError, match=r"imag.*image"):
            ImageText(data, encoders={"imag": partial(ImageEncoder, 16)})

    def test_an_encoder_that_is_a_module(self, data):
        with pytest.raises(OptionError, match="a function that makes the module"):
            ImageText(data, encoders={"image": ImageEncoder(16)})

    def test_features_that_are_not_finite(self, data):
        text = data.samples.modalities["text"].clone()
        text[7, 2] = float("nan")
        samples = replace(data.samples, modalities={**data.samples.modalities, "text": text})
        with pytest.raises(ProblemError, match="'text' has 1 rows that are not finite, the first is row 7"):
            ImageText(replace(data, samples=samples))

    def test_a_shape_without_default_encoder(self):
        samples = Samples({"film": torch.zeros(6, 2, 2)}, torch.zeros(6, dtype=torch.long))
        split = {"train": np.arange(2), "validation": np.arange(2, 4), "test": np.arange(4, 6)}
        with pytest.raises(ProblemError, match=r"'film' has shape \(6, 2, 2\)"):
            ImageText(MultimodalData(samples, ("a",), split), batch_size=None)

    def test_a_batch_larger_than_the_data_takes_all(self, data):
        assert ImageText(data, batch_size=41).batch_size is None

    def test_a_misspelt_fusion(self, data):
        with pytest.raises(OptionError, match="fusion"):
            ImageText(data, fusion="concat enation x")
