import sys
from dataclasses import replace
from itertools import cycle, islice

import numpy as np
import pytest
import torch

import moo
from moo.errors import MissingExtraError, OptionError, ProblemError
from moo.multimodal import Samples
from moo.multimodal.captions import END, UNKNOWN
from moo.multimodal.tasks.generation import Generation, caption_scores

TEXTS = ("red heart", "blue heart", "RED flag", "blue flag: large", "Star")


def seeds(task, n=1):
    return task.sample(n, np.random.default_rng(0))


@pytest.fixture
def captioned(data):
    return replace(data, texts=tuple(islice(cycle(TEXTS), len(data))))


@pytest.fixture
def task(captioned):
    return Generation(captioned, n_tokens=30, width=3, trunk=4, hidden=8, batch_size=16)


@pytest.fixture(scope="module")
def trained():
    """A task whose captions follow from its images, and the models of a short run."""
    generator = torch.Generator().manual_seed(0)
    kind = torch.arange(60) % 3
    image = 0.8 * torch.eye(3)[kind][:, :, None, None].expand(-1, -1, 8, 8)
    image = image + 0.2 * torch.rand(60, 3, 8, 8, generator=generator)
    texts = tuple(("red heart", "green leaf", "blue sea")[k] for k in kind)
    split = {"train": np.arange(40), "validation": np.arange(40, 50), "test": np.arange(50, 60)}
    data = moo.multimodal.MultimodalData(Samples({"image": image}, kind), ("r", "g", "b"), split, texts=texts)
    task = Generation(data, n_tokens=30, width=4, trunk=8, hidden=16, batch_size=20)
    return task, moo.solve(task, moo.WeightedSum(n=3), budget=2700, seed=0)


class TestObjectives:
    def test_are_caption_and_image(self, task):
        assert task.names == ["caption", "image"]

    def test_are_cross_entropy_a_token_and_squared_error(self, task):
        x = seeds(task)
        output = task.module(x[0])(**task.train.modalities)
        tokens = task.train.modalities["tokens"]
        p = output.caption.softmax(-1).gather(2, tokens[..., None])[..., 0][tokens != 0]
        error = (output.image - task.train.modalities["image"]).square().mean()
        np.testing.assert_allclose(task.compute(x).F[0], [-p.log().mean().item(), error.item()], rtol=1e-4)

    def test_perplexity_and_psnr_follow_from_them(self, task):
        report = task.report(seeds(task, 2))
        for part in ("train", "validation", "test"):
            np.testing.assert_allclose(
                report[f"{part} perplexity"], np.exp(report[f"{part} caption"]), rtol=1e-4
            )
            np.testing.assert_allclose(
                report[f"{part} PSNR"], -10 * np.log10(report[f"{part} image"]), rtol=1e-4
            )

    def test_skill_of_constant_answers_is_none(self, task):
        skill = task.metrics["skill"]
        constant = skill.args[0]
        rows, length = task.train.modalities["tokens"].shape
        output = constant._replace(caption=constant.caption.expand(rows, length, -1))
        assert skill(output, task.train).item() == pytest.approx(0.0, abs=1e-6)

    def test_unknown_characters_are_not_asked_for(self, captioned):
        texts = list(captioned.texts)
        texts[captioned.split["test"][0]] = "red \N{SNOWMAN}"
        task = Generation(replace(captioned, texts=tuple(texts)), n_tokens=30)
        assert UNKNOWN in task.heldout["test"].modalities["tokens"]
        output = task.module(seeds(task)[0])(**task.heldout["test"].modalities)
        output.caption[..., UNKNOWN] = -1e6
        loss = task.losses["caption"](output, task.heldout["test"])
        assert loss < 100

    def test_words_are_those_of_the_training_rows(self, captioned):
        texts = list(captioned.texts)
        texts[captioned.split["validation"][0]] = "zzz"
        task = Generation(replace(captioned, texts=tuple(texts)))
        assert not task.vocabulary.known("zzz")

    def test_training_beats_constant_answers(self, trained):
        task, result = trained
        chosen = task.chosen(result.X)
        assert result.metrics["validation skill"][chosen] > 0.5
        assert result.metrics["validation skill"][chosen] == result.metrics["validation skill"].max()


class TestGenerating:
    def test_captions_say_what_the_images_show(self, trained):
        task, result = trained
        x = result.X[task.chosen(result.X)]
        assert task.captions(x, "test") == task.written("test")
        assert task.captions(x, task.data.part("test"), n=2) == task.written("test", 2)

    def test_images_show_what_the_captions_say(self, trained):
        task, result = trained
        drawn = task.images(result.X[task.chosen(result.X)], ["red heart", "blue sea"])
        assert drawn.shape == (2, 8, 8, 3)
        assert 0 <= drawn.min() <= drawn.max() <= 1
        assert drawn.mean(axis=(1, 2)).argmax(axis=1).tolist() == [0, 2]

    def test_scores_are_high_for_good_models(self, trained):
        task, result = trained
        i = task.chosen(result.X)
        scores = task.scores(result.X[i])
        assert scores["chrF"] == pytest.approx(100.0)
        assert scores["PSNR"] == pytest.approx(result.metrics["test PSNR"][i], abs=1e-3)

    def test_scores_fall_with_wrong_captions(self):
        right = ["a large red heart on white", "a small blue sea at night"]
        assert caption_scores([text.upper() for text in right], right)["BLEU"] == pytest.approx(100.0)
        assert caption_scores(right[::-1], right)["BLEU"] < 20

    def test_scores_need_one_caption_each(self):
        with pytest.raises(OptionError, match="1 captions cannot be scored against 2"):
            caption_scores(["a"], ["a", "b"])

    def test_scores_need_sacrebleu(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "sacrebleu", None)
        with pytest.raises(MissingExtraError, match="sacrebleu"):
            caption_scores(["a"], ["a"])

    def test_refuses_a_caption_without_known_characters(self, task):
        with pytest.raises(ProblemError, match=r"'zz' has no character"):
            task.images(seeds(task)[0], ["red", "zz"])

    @pytest.mark.parametrize("n", [0, 13, 2.0, True])
    def test_refuses_n(self, task, n):
        with pytest.raises(ProblemError, match="n="):
            task.captions(seeds(task)[0], "test", n=n)

    def test_refuses_an_unknown_split(self, task):
        with pytest.raises(ProblemError, match="'test'"):
            task.captions(seeds(task)[0], "tst")

    def test_refuses_images_of_another_size(self, task):
        other = Samples({"image": torch.rand(2, 3, 9, 9)}, torch.zeros(2, dtype=torch.long))
        with pytest.raises(ProblemError, match="9 pixels a side, expected 16"):
            task.captions(seeds(task)[0], other)


class TestData:
    def test_without_texts(self, data):
        with pytest.raises(ProblemError, match="no texts"):
            Generation(data)

    def test_without_images(self, captioned):
        samples = captioned.samples
        bare = Samples({"text": samples.modalities["text"]}, samples.labels)
        with pytest.raises(ProblemError, match="no modality 'image'"):
            Generation(replace(captioned, samples=bare))

    def test_images_that_are_not_square(self, captioned):
        samples = Samples({"image": torch.rand(60, 3, 8, 9)}, captioned.samples.labels)
        with pytest.raises(ProblemError, match="expected squares"):
            Generation(replace(captioned, samples=samples))

    def test_rows_without_a_caption_or_an_image_are_left_out(self, captioned):
        present = torch.ones(60, dtype=torch.bool)
        present[3] = False
        samples = replace(captioned.samples, present={"image": present})
        texts = ("", " ", *captioned.texts[2:])
        task = Generation(replace(captioned, samples=samples, texts=texts))
        assert len(task.train) == 37

    def test_a_split_of_empty_captions(self, captioned):
        texts = tuple("" if i in captioned.split["test"] else t for i, t in enumerate(captioned.texts))
        with pytest.raises(ProblemError, match="'test' has no row with an image and a caption"):
            Generation(replace(captioned, texts=texts))

    def test_long_captions_are_cut(self, captioned):
        task = Generation(captioned, n_tokens=30, length=2)
        assert task.train.modalities["tokens"].shape == (40, 2)
        assert END not in task.vocabulary.encode(["blue flag: large"], 2)

    def test_a_batch_beyond_the_rows_takes_all(self, captioned):
        assert Generation(captioned, batch_size=500).batch_size is None

    @pytest.mark.parametrize("option", ["n_tokens", "length", "width", "trunk", "hidden"])
    def test_refuses_sizes(self, captioned, option):
        with pytest.raises(OptionError, match=f"{option}=0"):
            Generation(captioned, **{option: 0})


def test_quick_learns_emoji(emoji):
    task = Generation(emoji.thinned(400))
    result = moo.solve(task, moo.WeightedSum(n=2), budget=600, seed=0)
    start = task.compute(seeds(task)).F[0]
    assert (result.F.min(axis=0) < start).all()
