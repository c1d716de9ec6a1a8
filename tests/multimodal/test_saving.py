"""Modules to safetensors files and back."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from moo.errors import MissingExtraError, ProblemError, StorageError
from moo.multimodal.saving import load_module, read_tensors, save_module


class Tied(nn.Module):
    """Two names for one parameter, a buffer, and a frozen parameter."""

    def __init__(self, width=3):
        super().__init__()
        self.first = nn.Linear(4, width)
        self.second = nn.Linear(4, width, bias=False)
        self.second.weight = self.first.weight
        self.first.bias.requires_grad_(False)
        self.register_buffer("scale", torch.tensor(2.5))


def _state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def test_a_chosen_row_survives_the_way_to_a_file_and_back(problem, tmp_path):
    x = problem.sample(1, np.random.default_rng(0))[0]
    file = tmp_path / "model.safetensors"
    save_module(problem.module(x), file, weights=[0.25, 0.75], title="a", seed=None)
    other = problem.module(problem.sample(1, np.random.default_rng(1))[0])
    assert load_module(other, file) == {"weights": [0.25, 0.75], "title": "a", "seed": None}
    expected = problem.module(x)(**problem.train.modalities)
    assert torch.equal(other(**problem.train.modalities).image, expected.image)


def test_tied_parameters_are_stored_once_and_stay_tied(tmp_path):
    module, other = Tied(), Tied()
    save_module(module, tmp_path / "a")
    assert set(read_tensors(tmp_path / "a")[0]) == {"first.weight", "first.bias", "scale"}
    load_module(other, tmp_path / "a")
    assert other.second.weight is other.first.weight
    assert not other.first.bias.requires_grad
    assert torch.equal(other.second.weight, module.first.weight)


@settings(max_examples=20, deadline=None)
@given(
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.int64]),
    shape=st.lists(st.integers(0, 3), max_size=3),
    note=st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4), max_size=2),
)
def test_any_tensor_and_note_come_back_as_they_were(tmp_path_factory, dtype, shape, note):
    module, other = nn.Module(), nn.Module()
    module.register_buffer("b", (torch.randn(shape) * 10).to(dtype))
    other.register_buffer("b", torch.zeros(shape, dtype=dtype))
    file = tmp_path_factory.mktemp("any") / "m"
    save_module(module, file, note=note)
    assert load_module(other, file) == {"note": note}
    assert torch.equal(module.b, other.b)


def test_a_view_is_stored_as_it_looks(tmp_path):
    module, other = nn.Module(), nn.Module()
    module.register_buffer("b", torch.arange(12.0).reshape(3, 4).T)
    other.register_buffer("b", torch.zeros(4, 3))
    save_module(module, tmp_path / "a")
    load_module(other, tmp_path / "a")
    assert torch.equal(module.b, other.b)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (Tied(width=5), r"'first.weight' is \(3, 4\) torch.float32 in .*, expected \(5, 4\) torch.float32"),
        (Tied().double(), r"'scale' is \(\) torch.float32 in .*, expected \(\) torch.float64 for this Tied"),
        (nn.Linear(4, 3), "has no tensor 'weight', which this Linear expects"),
    ],
)
def test_another_architecture_is_refused_and_left_as_it_was(tmp_path, other, message):
    save_module(Tied(), tmp_path / "a")
    before = _state(other)
    with pytest.raises(ProblemError, match=message):
        load_module(other, tmp_path / "a")
    assert all(torch.equal(value, before[name]) for name, value in other.state_dict().items())


def test_a_file_with_more_than_the_module_has_is_refused(tmp_path):
    save_module(nn.Linear(2, 2), tmp_path / "a")
    with pytest.raises(ProblemError, match="holds a tensor 'bias', which this Linear does not have"):
        load_module(nn.Linear(2, 2, bias=False), tmp_path / "a")


@pytest.mark.parametrize("keep", [0, 4, 8, 60, -1])
def test_a_truncated_file_is_one_sentence(tmp_path, keep):
    file = tmp_path / "a"
    save_module(nn.Linear(2, 2), file, note="x")
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(StorageError, match="is no whole safetensors file"):
        load_module(nn.Linear(2, 2), file)


def test_other_files_are_one_sentence(tmp_path):
    (tmp_path / "text").write_text("hello, this is no model at all")
    with pytest.raises(StorageError, match="is no whole safetensors file"):
        load_module(nn.Linear(2, 2), tmp_path / "text")
    with pytest.raises(StorageError, match="does not exist"):
        load_module(nn.Linear(2, 2), tmp_path / "nothing")
    with pytest.raises(StorageError, match="cannot be read"):
        load_module(nn.Linear(2, 2), tmp_path)
    with pytest.raises(StorageError, match="cannot be written"):
        save_module(nn.Linear(2, 2), tmp_path / "no folder" / "a")


def test_notes_of_other_writers_stay_text(tmp_path):
    from safetensors.torch import save_file

    save_file({"weight": torch.ones(1, 1)}, tmp_path / "a", {"format": "pt"})
    module = nn.Linear(1, 1, bias=False)
    assert load_module(module, tmp_path / "a") == {"format": "pt"}
    assert module.weight.item() == 1.0


def test_a_failed_write_leaves_the_old_file(tmp_path):
    file = tmp_path / "a"
    save_module(nn.Linear(2, 2), file, version=1)
    with pytest.raises(ProblemError, match=r"f=.* cannot be stored: give text, numbers"):
        save_module(nn.Linear(2, 2), file, f=len)
    assert read_tensors(file)[1] == {"version": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_modules_without_tensors_or_with_other_state_are_refused(tmp_path):
    class Extra(nn.Linear):
        def get_extra_state(self):
            return {"a": 1}

    with pytest.raises(ProblemError, match="Tanh has no parameters and no buffers"):
        save_module(nn.Tanh(), tmp_path / "a")
    with pytest.raises(ProblemError, match="'_extra_state' is dict, expected a tensor"):
        save_module(Extra(1, 1), tmp_path / "a")


def test_without_the_package_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'moo\[safetensors\]'"):
        save_module(nn.Linear(1, 1), tmp_path / "a")
