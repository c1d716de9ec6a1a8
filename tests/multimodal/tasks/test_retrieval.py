"""Retrieval: the losses against plain cross entropies, duplicates, and what training reaches."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

import moo
from moo.errors import OptionError, ProblemError
from moo.multimodal import MultimodalData, Samples
from moo.multimodal.data import SPLITS
from moo.multimodal.tasks.retrieval import LOSSES, Pairs, Retrieval, alike, contrastive_loss, paired, unit


def bare(n, **changes):
    """Rows that all differ, in splits of a half and twice a quarter."""
    eye = torch.eye(n)
    image = (0.9 * eye + 0.05).reshape(n, 1, 1, n).expand(n, 3, 4, n).contiguous()
    split = dict(zip(SPLITS, np.split(np.arange(n), [n // 2, 3 * n // 4]), strict=True))
    labels = torch.zeros(n, dtype=torch.long)
    return replace(MultimodalData(Samples({"image": image, "text": eye}, labels), ("a",), split), **changes)


def changed(data, **modalities):
    return replace(data, samples=replace(data.samples, modalities={**data.samples.modalities, **modalities}))


def embeddings(seed, n=6, width=3):
    generator = torch.Generator().manual_seed(seed)
    return (unit(torch.randn(n, width, generator=generator)) for _ in range(2))


class TestContrastiveLoss:
    @given(st.integers(0, 1000))
    def test_is_the_cross_entropy_of_finding_the_own_row(self, seed):
        image, text = embeddings(seed)
        loss = contrastive_loss(image, text, torch.tensor(5.0), torch.eye(6, dtype=torch.bool))
        expected = functional.cross_entropy(5.0 * image @ text.T, torch.arange(6))
        assert loss.item() == pytest.approx(expected.item(), rel=1e-5)

    @given(st.integers(0, 1000))
    def test_of_rows_that_are_alike_only_one_stands_against_others(self, seed):
        image, text = embeddings(seed)
        same = torch.eye(6, dtype=torch.bool)
        same[0, 1] = same[1, 0] = True
        loss = contrastive_loss(image, text, torch.tensor(5.0), same)
        logits = 5.0 * image @ text.T
        each = [
            functional.cross_entropy(logits[i][kept], torch.tensor(kept.index(i)))
            for i in range(6)
            for kept in [[j for j in range(6) if j == i or {i, j} != {0, 1}]]
        ]
        assert loss.item() == pytest.approx(torch.stack(each).mean().item(), rel=1e-5)

    def test_is_nothing_where_no_row_differs(self):
        image, text = embeddings(0)
        loss = contrastive_loss(image, text, torch.tensor(5.0), torch.ones(6, 6, dtype=torch.bool))
        assert loss.item() == 0.0


class TestAlignmentLosses:
    def output(self, image, text):
        samples = paired(bare(24)).part("test")
        return Pairs(image, text, torch.tensor(1.0)), samples

    def test_one_point_is_aligned_and_not_uniform(self):
        x = unit(torch.ones(6, 3))
        losses = {name: f(*self.output(x, x)).item() for name, f in LOSSES["alignment"].items()}
        assert losses["alignment loss"] == pytest.approx(0.0, abs=1e-6)
        assert losses["uniformity loss"] == pytest.approx(0.0, abs=1e-6)

    def test_opposite_points_are_neither(self):
        x = unit(torch.tensor([[1.0], [-1.0], [1.0], [-1.0], [1.0], [-1.0]]))
        losses = {name: f(*self.output(x, -x)).item() for name, f in LOSSES["alignment"].items()}
        assert losses["alignment loss"] == pytest.approx(4.0)
        expected = math.log((12 * 1.0 + 18 * math.exp(-8.0)) / 30)  # of 30 ordered pairs 12 coincide
        assert losses["uniformity loss"] == pytest.approx(expected, rel=1e-5)

    def test_a_batch_in_which_no_row_differs_is_finite(self):
        samples = paired(changed(bare(24), text=torch.ones(24, 5))).part("test")
        x = unit(torch.ones(6, 3))
        value = LOSSES["alignment"]["uniformity loss"](Pairs(x, x, torch.tensor(1.0)), samples)
        assert value.isfinite()


class TestDuplicates:
    def test_rows_of_one_picture_or_one_caption_are_alike(self):
        data = bare(24)
        text, image = (data.samples.modalities[name].clone() for name in ("text", "image"))
        text[19], image[20] = text[18], image[23]
        expected = torch.eye(6, dtype=torch.bool)
        expected[0, 1] = expected[1, 0] = expected[2, 5] = expected[5, 2] = True
        assert torch.equal(alike(paired(changed(data, text=text, image=image)).part("test")), expected)

    def test_image_groups_say_which_pictures_are_the_same(self):
        data = bare(24, groups={"image": np.arange(24) // 2})
        assert alike(paired(data).part("test")).sum(1).tolist() == [2] * 6

    def test_another_wording_that_the_model_is_given_alike_is_no_hit(self):
        data = bare(24, texts=tuple("ab" * 12))
        samples = paired(changed(data, text=torch.ones(24, 5))).part("test")
        assert alike(samples).all()
        assert alike(samples, "wording").sum(1).tolist() == [3] * 6

    def test_a_constant_text_earns_a_guess(self):
        data = bare(24, texts=tuple(map(str, range(24))))
        task = Retrieval(changed(data, text=torch.ones(24, 5)), batch_size=None)
        report = task.report(task.sample(2, np.random.default_rng(0)))
        assert report["test image to text R@1"] == pytest.approx([1 / 6] * 2)
        assert report["test image to text median rank"] == pytest.approx([3.5] * 2)

    def test_rows_without_a_text_are_left_out(self):
        data = bare(24)
        present = {"text": torch.arange(24) != 20}
        left = paired(replace(data, samples=replace(data.samples, present=present)))
        assert left.split["test"].tolist() == [18, 19, 21, 22, 23]


class TestTraining:
    @pytest.mark.parametrize("losses", LOSSES)
    def test_finds_the_training_pairs_again(self, data, losses):
        task = Retrieval(data, losses=losses, batch_size=None, bound=1.5)
        result = moo.solve(task, moo.WeightedSum(n=3), budget=2500, seed=0)
        report = task.report(result.X)
        assert report["train mean recall"].max() > 0.9
        assert set(LOSSES[losses]) == set(task.names)

    def test_gradient_descent_lowers_both_losses(self, data):
        task = Retrieval(data, batch_size=16, width=4)
        start = task.compute(task.sample(2, np.random.default_rng(0))).F
        result = moo.solve(task, moo.GradientDescent(n=2), budget=800, seed=0)
        assert (result.F.min(axis=0) < start.min(axis=0) - 0.3).all()

    def test_emoji_it_never_saw_are_found_ten_times_as_often_as_by_chance(self, emoji):
        """The hits of .027 that chance has among the ten nearest; the default of 1,024 words has .26."""
        task = Retrieval(emoji)
        result = moo.solve(task, moo.WeightedSum(weights=[0.5, 0.5]), budget=900, seed=0)
        report = task.report(result.X)
        for way in ("image to text", "text to image"):
            assert report[f"test {way} R@10"][0] > 0.15
            assert report[f"test {way} median rank"][0] < 100

    def test_many_models_at_once_have_the_figures_of_each(self, data):
        task = Retrieval(data, batch_size=None)
        X = task.sample(3, np.random.default_rng(0))
        together = task.report(X)
        each = [task.report(x[None]) for x in X]
        for name, values in together.items():
            np.testing.assert_allclose(values, [one[name][0] for one in each], rtol=1e-4, atol=1e-6)

    def test_the_temperature_is_learned_and_stays_in_its_range(self, data):
        task = Retrieval(data, batch_size=None)
        x = task.sample(1, np.random.default_rng(0))
        scales = []
        for value in (0.0, 50.0):
            x[0, task.columns("log_scale")] = value
            scales.append(task.module(x[0])(**task.train.modalities).scale.item())
        assert scales == pytest.approx([1 / 0.07, 100.0])


class TestBadInput:
    def test_data_without_a_text(self, data):
        image = {"image": data.samples.modalities["image"]}
        other = replace(data, samples=replace(data.samples, modalities=image))
        with pytest.raises(ProblemError, match="the data has no modality 'text', which this task needs"):
            Retrieval(other)

    def test_a_split_in_which_too_few_rows_have_both(self):
        data = bare(24)
        present = {"image": torch.arange(24) < 19}
        with pytest.raises(ProblemError, match="'test' has 1 rows with an image and a text"):
            Retrieval(replace(data, samples=replace(data.samples, present=present)))

    @pytest.mark.parametrize("batch_size", [1, 0, -3])
    def test_a_batch_without_negatives(self, data, batch_size):
        with pytest.raises(OptionError, match=f"batch_size={batch_size} leaves a contrastive loss nothing"):
            Retrieval(data, batch_size=batch_size)

    def test_a_batch_size_that_is_no_number(self, data):
        with pytest.raises(ProblemError, match="batch_size='many' is not accepted"):
            Retrieval(data, batch_size="many")

    def test_misspelt_losses(self, data):
        with pytest.raises(OptionError, match=r"contrastiv.*did you mean 'contrastive'"):
            Retrieval(data, losses="contrastiv")
