import html
import io
import re
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from moo.errors import MissingExtraError, ProblemError, StorageError
from moo.multimodal.samples_page import Column, page, png, shown_models
from moo.multimodal.tasks.generation import Generation
from moo.multimodal.tasks.image_text import ImageText


@pytest.fixture
def task(data):
    texts = tuple(f"red <b>{i % 3}</b>" for i in range(len(data)))
    return Generation(replace(data, texts=texts), n_tokens=20, width=2, trunk=3, hidden=4)


@pytest.fixture
def X(task):
    return task.sample(4, np.random.default_rng(0))


class TestPage:
    def test_has_every_sample_and_model(self, task, X, tmp_path):
        file = task.samples_page(X, tmp_path / "new" / "page.html", n=5)
        text = file.read_text(encoding="utf-8")
        models = len(shown_models(task, X))
        assert text.count("<img ") == 5 * (1 + models)
        assert text.count("<tr>") == 6

    def test_is_self_contained(self, task, X, tmp_path):
        text = task.samples_page(X, str(tmp_path / "page.html"), n=2).read_text(encoding="utf-8")
        assert all(
            source.startswith("data:image/png;base64,") for source in re.findall('src="([^"]*)"', text)
        )
        assert "http" not in text
        assert "<script" not in text

    def test_has_no_more_than_the_split(self, task, X, tmp_path):
        text = task.samples_page(X, tmp_path / "page.html", n=999).read_text(encoding="utf-8")
        assert text.count("<tr>") == 1 + len(task.data.part("test"))

    def test_escapes_captions(self):
        images = np.zeros((1, 2, 2, 3))
        text = page('<i>"', ["<script>"], images, [Column("a & b", ['" onload="'], images)], "<b>")
        assert "<script>" not in text
        assert "<i>" not in text
        assert "<b>" not in text
        assert "&quot; onload=&quot;" in text
        assert "a &amp; b" in text

    def test_of_no_models(self, task, X, tmp_path):
        with pytest.raises(ProblemError, match="0 models is empty"):
            task.samples_page(X[:0], tmp_path / "page.html")

    def test_that_cannot_be_written(self, task, X, tmp_path):
        with pytest.raises(StorageError, match="cannot be written"):
            task.samples_page(X, tmp_path, n=1)


class TestClasses:
    @pytest.fixture
    def classifier(self, data):
        return ImageText(replace(data, items=tuple(f"<{i}>" for i in range(len(data)))), hidden=None, width=3)

    def test_each_model_says_a_class_and_wrong_ones_are_marked(self, classifier, tmp_path):
        X = classifier.sample(5, np.random.default_rng(0))
        (file,) = classifier.write_samples(X, tmp_path)
        assert file == tmp_path / "samples.html"
        text = file.read_text(encoding="utf-8")
        models, test = shown_models(classifier, X), classifier.data.part("test")
        accuracy = classifier.report(X)["test fused accuracy"][list(models.values())]
        wrong = round(float(((1 - accuracy) * len(test)).sum()))
        assert text.count("\N{BALLOT X}") == wrong > 0
        assert text.count("<img ") == len(test)
        first = int(classifier.data.split["test"][0])
        name = classifier.data.class_names[int(classifier.data.samples.labels[first])]
        said = (classifier.data.texts or classifier.data.items)[first]
        assert html.escape(f"{said} ({name})") in text

    def test_samples_without_pictures_are_text(self, data, tmp_path):
        texts = {"text": data.samples.modalities["text"], "more": data.samples.modalities["text"]}
        task = ImageText(replace(data, samples=replace(data.samples, modalities=texts)), hidden=None, width=3)
        file = task.samples_page(task.sample(2, np.random.default_rng(0)), tmp_path / "page.html", n=3)
        text = file.read_text(encoding="utf-8")
        assert "<img" not in text
        assert text.count("<tr>") == 4


class TestModels:
    def test_are_the_ends_and_the_chosen(self, task, X):
        report = task.report(X)
        models = shown_models(task, X)
        rows = {what: i for title, i in models.items() for what in title.split(", ")}
        assert rows == {
            "best caption": report["train caption"].argmin(),
            "best image": report["train image"].argmin(),
            "chosen": report["validation skill"].argmax(),
        }
        assert len(set(models.values())) == len(models)


class TestPng:
    def test_keeps_the_colours(self):
        image = np.array([[[0.0, 0.5, 1.0], [1.0, 2.0, -1.0]]])
        back = np.asarray(Image.open(io.BytesIO(png(image))))
        assert back.tolist() == [[[0, 128, 255], [255, 255, 0]]]

    def test_needs_pillow(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "PIL", None)
        with pytest.raises(MissingExtraError, match="pillow"):
            png(np.zeros((1, 1, 3)))
