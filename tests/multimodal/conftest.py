"""Small data and one small problem for the multimodal tests."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from moo.multimodal import Emoji, ImageTextProblem, MultimodalData, Samples
from moo.multimodal.data import SPLITS


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """A cache folder of this session, so that no test depends on what the user's holds."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def own_cache(cache, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return cache / "moo"


@pytest.fixture(scope="session")
def emoji(cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        return Emoji().load()


@pytest.fixture(scope="session")
def data():
    """60 random rows of three classes."""
    generator = torch.Generator().manual_seed(0)
    modalities = {
        "image": torch.rand(60, 3, 16, 16, generator=generator),
        "text": torch.rand(60, 12, generator=generator),
    }
    labels = torch.randint(3, (60,), generator=generator)
    split = dict(zip(SPLITS, np.split(np.arange(60), [40, 48]), strict=True))
    return MultimodalData(Samples(modalities, labels), ("a", "b", "c"), split)


@pytest.fixture
def problem(data):
    return ImageTextProblem(data, batch_size=16)
