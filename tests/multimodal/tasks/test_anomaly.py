"""Anomaly detection: what the anomalies are, that none is trained on, and what training reaches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu

import moo
from moo.errors import OptionError, ProblemError
from moo.multimodal.tasks.anomaly import KINDS, PARTS, Anomaly, with_anomalies


def of_kind(data, part, name):
    """The rows of one kind in a split, as a mask of its rows."""
    return data.part(part).targets["kind"] == KINDS.index(name)


def originals(data, modality):
    """Each row's own number, by what it shows: rows of the data fixture all differ."""
    return {row.numpy().tobytes(): i for i, row in enumerate(data.samples.modalities[modality])}


@pytest.fixture
def task(data):
    return Anomaly(data, novel="c", width=6, bottleneck=4, batch_size=16)


class TestAnomalies:
    @pytest.mark.parametrize("part", ["validation", "test"])
    def test_mismatched_pairs_have_the_text_of_another_row_of_their_split(self, data, part):
        made = with_anomalies(data)
        image, text = originals(data, "image"), originals(data, "text")
        samples, split = made.part(part), set(data.split[part].tolist())
        for name in ("mismatched", "within-class"):
            rows = torch.nonzero(of_kind(made, part, name))[:, 0]
            assert len(rows)
            for i in rows:
                a = image[samples.modalities["image"][i].numpy().tobytes()]
                b = text[samples.modalities["text"][i].numpy().tobytes()]
                assert a != b
                assert {a, b} <= split
                if name == "within-class":
                    assert data.samples.labels[a] == data.samples.labels[b]

    def test_a_normal_row_has_one_of_each(self, data):
        kinds = with_anomalies(data).part("test").targets["kind"]
        n = len(data.split["test"])
        assert torch.bincount(kinds).tolist() == [n] * 4

    def test_corrupted_pairs_keep_their_text_and_stay_in_range(self, data):
        made = with_anomalies(data, noise=0.5)
        samples, rows = made.part("test"), of_kind(made, "test", "corrupted")
        own = data.part("test")
        assert torch.equal(samples.modalities["text"][rows], own.modalities["text"])
        noisy, clean = samples.modalities["image"][rows], own.modalities["image"]
        assert noisy.min() >= 0.0
        assert noisy.max() <= 1.0
        assert 0.2 < (noisy - clean).std() < 0.5  # clipped

    def test_the_novel_class_leaves_training_alone(self, data):
        made = with_anomalies(data, novel="b")
        assert not (made.part("train").labels == 1).any()
        for part in ("validation", "test"):
            novel = made.part(part).labels[of_kind(made, part, "novel")]
            assert (novel == 1).all()
            assert len(novel) == (data.part(part).labels == 1).sum()

    def test_training_holds_normal_rows_alone(self, data):
        assert (with_anomalies(data, novel="b").part("train").targets["kind"] == 0).all()

    def test_a_seed_gives_the_same_anomalies_and_another_others(self, data):
        texts = [with_anomalies(data, seed=seed).part("test").modalities["text"] for seed in (3, 3, 4)]
        assert torch.equal(texts[0], texts[1])
        assert not torch.equal(texts[0], texts[2])

    def test_rows_of_one_text_are_never_swapped(self, data):
        text = torch.ones(60, 12)
        text[50] = 0.0
        same = replace(data.samples, modalities={**data.samples.modalities, "text": text})
        made = with_anomalies(replace(data, samples=same))
        rows = of_kind(made, "test", "mismatched")
        texts = made.part("test").modalities["text"][rows]
        assert int(rows.sum()) == 12
        assert (texts == 0).all(1).sum() == 11  # each of the others can be given row 50's alone

    def test_the_given_data_stay_as_they_were(self, data):
        before = data.samples.modalities["image"].clone()
        with_anomalies(data)
        assert torch.equal(data.samples.modalities["image"], before)


class TestObjectives:
    def test_are_of_normal_rows_alone(self, task):
        """On the test split, losses do not move when anomalies do."""
        x = task.sample(2, np.random.default_rng(0))
        before = task.report(x)
        samples = task.heldout["test"]
        bad = samples.targets["kind"] != 0
        image = torch.where(bad[:, None, None, None], 0.0, samples.modalities["image"])
        changed = replace(samples, modalities={**samples.modalities, "image": image})
        task.heldout = {**task.heldout, "test": changed}
        after = task.report(x)
        for name in task.names:
            np.testing.assert_allclose(after[f"test {name}"], before[f"test {name}"], rtol=1e-5)
        assert not np.allclose(after["test mean AUROC"], before["test mean AUROC"])

    def test_errors_are_those_of_what_is_rebuilt(self, task):
        x = task.sample(1, np.random.default_rng(0))[0]
        model, samples = task.module(x), task.train
        output = model(**samples.modalities)
        joint = model.squeeze(
            torch.cat(
                [
                    model.image_encoder(samples.modalities["image"]),
                    model.text_encoder(samples.modalities["text"]),
                ],
                1,
            )
        )
        words = torch.cosine_similarity(model.text_decoder(joint), samples.modalities["text"])
        lengths = samples.modalities["text"].norm(dim=1)
        torch.testing.assert_close(1.0 - output.text_error, words * lengths)
        blocks = samples.modalities["image"].reshape(-1, 3, 8, 2, 8, 2).mean((3, 5)).flatten(1)
        error = (model.image_decoder(joint) - (2 * blocks - 1)).square().mean(1)
        torch.testing.assert_close(output.image_error, error)

    def test_training_lowers_them_all(self, task):
        start = task.compute(task.sample(3, np.random.default_rng(0))).F
        for optimizer in (moo.WeightedSum(n=3), moo.GradientDescent(n=2)):
            result = moo.solve(task, optimizer, budget=1500, seed=0)
            assert (result.F.min(axis=0) < start.min(axis=0)).all()


class TestMetrics:
    def test_are_the_rank_sums_of_the_scores(self, task):
        x = task.sample(1, np.random.default_rng(0))
        report, samples = task.report(x), task.heldout["test"]
        scores, kind = task.scores(x[0], samples), samples.targets["kind"].numpy()
        for number, name in enumerate(KINDS[1:], 1):
            positive, negative = scores["score"][kind == number], scores["score"][kind == 0]
            u = mannwhitneyu(positive, negative).statistic / (len(positive) * len(negative))
            assert report[f"test {name} AUROC"][0] == pytest.approx(u, abs=1e-5)
        each = [report[f"test {name} AUROC"][0] for name in KINDS[1:]]
        assert report["test mean AUROC"][0] == pytest.approx(np.mean(each), abs=1e-6)

    def test_scores_are_standard_scores_and_their_mean(self, task):
        x = task.sample(1, np.random.default_rng(0))[0]
        scores = task.scores(x, task.heldout["test"])
        for part in PARTS:
            assert scores[part].mean() == pytest.approx(0.0, abs=1e-4)
            assert scores[part].std() == pytest.approx(1.0, abs=1e-3)
        np.testing.assert_allclose(
            scores["score"], np.mean([scores[p] for p in PARTS], axis=0), rtol=1e-4, atol=1e-6
        )

    def test_are_of_held_out_splits(self, task):
        report = task.report(task.sample(1, np.random.default_rng(0)))
        assert "validation mean AUROC" in report
        assert "train image loss" in report
        assert not any(name.startswith("train ") and name.endswith("AUROC") for name in report)

    def test_leave_out_a_kind_that_there_is_not(self, data):
        assert "novel AUROC" not in Anomaly(data).metrics
        assert "novel AUROC" in Anomaly(data, novel="a").metrics

    def test_one_model_at_a_time_has_the_same_figures(self, task):
        X = task.sample(3, np.random.default_rng(0))
        together = task.report(X)
        each = [task.report(x[None]) for x in X]
        for name, values in together.items():
            np.testing.assert_allclose(values, [one[name][0] for one in each], rtol=1e-3, atol=1e-3)

    def test_wrong_pairs_of_emoji_it_never_saw_are_told_from_right_ones(self, emoji):
        """By 256 words alone, of which a third of the names has none."""
        task = Anomaly(emoji, novel="Flags")
        result = moo.solve(task, moo.WeightedSum(weights=[[0.3, 0.3, 0.4]]), budget=700, seed=0)
        report = task.report(result.X)
        assert report["test mismatched matching AUROC"][0] > 0.62
        assert report["test novel AUROC"][0] > 0.8
        assert report["test corrupted AUROC"][0] > 0.6


class TestBadInput:
    def test_an_unknown_class(self, emoji):
        with pytest.raises(OptionError, match=r"unknown class 'Flag'.*did you mean 'Flags'"):
            Anomaly(emoji, novel="Flag")

    def test_data_without_an_image(self, data):
        text = {"text": data.samples.modalities["text"]}
        with pytest.raises(ProblemError, match="no modality 'image', which this task needs: it has text"):
            Anomaly(replace(data, samples=replace(data.samples, modalities=text)))

    def test_a_novel_class_that_is_all_there_is(self, data):
        samples = replace(data.samples, labels=torch.zeros(60, dtype=torch.long))
        with pytest.raises(ProblemError, match="'train' has 0 pairs that are not of class 'a'"):
            Anomaly(replace(data, samples=samples), novel="a")

    @pytest.mark.parametrize("noise", [0.0, -1.0, float("nan"), float("inf"), "much", True])
    def test_noise_that_is_none(self, data, noise):
        with pytest.raises(OptionError, match=r"noise=.* is not accepted: give a number above zero"):
            Anomaly(data, noise=noise)

    @pytest.mark.parametrize("seed", [-1, 0.5])
    def test_a_seed_that_is_none(self, data, seed):
        with pytest.raises(OptionError, match="anomaly_seed="):
            Anomaly(data, anomaly_seed=seed)

    def test_a_batch_without_negatives(self, data):
        with pytest.raises(OptionError, match="batch_size=1 leaves a contrastive loss nothing"):
            Anomaly(data, batch_size=1)

    def test_a_size_that_is_none(self, data):
        with pytest.raises(OptionError, match="bottleneck=0 is not accepted"):
            Anomaly(data, bottleneck=0)
