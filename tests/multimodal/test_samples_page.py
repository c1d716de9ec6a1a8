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
        text = page('<i>"', ["<script>"], images, [Column("a & b", ['" onload="'], images)])
        assert "<script>" not in text
        assert "<i>" not in text
        assert "&quot; onload=&quot;" in text
        assert "a &amp; b" in text

    def test_of_no_models(self, task, X, tmp_path):
        with pytest.raises(ProblemError, match="0 models is empty"):
            task.samples_page(X[:0], tmp_path / "page.html")

    def test_that_cannot_be_written(self, task, X, tmp_path):
        with pytest.raises(StorageError, match="cannot be written"):
            task.samples_page(X, tmp_path, n=1)


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
