import sys

import numpy as np
import pytest
import torch
from torch import nn

from moo.errors import OptionError, ProblemError
from moo.multimodal import ModelProblem, Samples
from moo.multimodal.layer_conflict import layer_conflict, layer_conflict_over_time, layers_of


class Two(nn.Module):
    """Two layers that losses see as they are."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(2, 1, bias=False), nn.Linear(2, 1, bias=False)

    def forward(self, x):
        return self.a.weight, self.b.weight


def problem(losses):
    samples = Samples({"x": torch.zeros(3, 1)}, torch.zeros(3, dtype=torch.long))
    return ModelProblem(Two, losses, train=samples)


LINEAR = {
    "one": lambda out, samples: out[0].sum() + 3.0 * out[1][0, 0],
    "two": lambda out, samples: -2.0 * out[0].sum() + 4.0 * out[1][0, 1],
    "three": lambda out, samples: out[1][0, 0],
}


def test_each_layer_is_looked_at_by_itself():
    task = problem(LINEAR)
    table = layer_conflict(task, np.zeros((4, task.n_var))).set_index(["layer", "losses"])
    assert table.index.tolist() == [
        ("a", "one, two"),
        ("b", "one, two"),
        ("b", "one, three"),
        ("b", "two, three"),
    ]
    assert table.loc[("a", "one, two")].tolist() == pytest.approx([-1.0, 1.0, 2.0])
    assert table.loc[("b", "one, two")].tolist() == pytest.approx([0.0, 0.0, 4 / 3])
    assert table.loc[("b", "one, three")].tolist() == pytest.approx([1.0, 0.0, 3.0])


def test_layers_can_be_grouped():
    task = problem(LINEAR)
    assert layers_of(task) == ["a.", "b."]
    table = layer_conflict(task, np.zeros(task.n_var), layers=["", "a."])
    cosine = -4.0 / np.sqrt((2 + 9) * (8 + 16))
    assert table["cosine"].tolist()[0] == pytest.approx(cosine)
    assert table["layer"].tolist() == ["", "", "", "a"]


def test_over_time_follows_the_training():
    """|w|^2 against |w - 1|^2: no conflict far away, conflict between the minima, where training ends."""
    losses = {
        "near": lambda out, samples: (out[0] ** 2).sum(),
        "far": lambda out, samples: ((out[0] - 1.0) ** 2).sum(),
    }
    table = layer_conflict_over_time(problem(losses), steps=200, every=100, learning_rate=0.1, seeds=3)
    assert table["step"].tolist() == [0, 100, 200]
    assert table.index.is_unique
    assert table["cosine"].iloc[-1] == pytest.approx(-1.0, abs=1e-3)
    assert table["conflict"].iloc[-1] == 1.0


def test_one_loss_conflicts_with_none():
    task = problem({"one": LINEAR["one"]})
    with pytest.raises(ProblemError, match="has one loss"):
        layer_conflict(task, np.zeros(task.n_var))


def test_unknown_layers_are_named():
    task = problem(LINEAR)
    with pytest.raises(ProblemError, match="no trainable parameter's name begins with 'c'"):
        layer_conflict(task, np.zeros(task.n_var), layers=["c"])


def test_one_prefix_may_stand_alone():
    table = layer_conflict(problem(LINEAR), np.zeros(4), layers="b.")
    assert table["layer"].tolist() == ["b"] * 3


def test_the_last_step_is_looked_at_too():
    table = layer_conflict_over_time(problem(LINEAR), steps=5, every=3, seeds=1, layers=["a."])
    assert table["step"].tolist() == [0, 3, 5]


def test_layers_are_checked_before_any_training(monkeypatch):
    module = sys.modules[layer_conflict.__module__]  # whose name in its package is the function's
    monkeypatch.setattr(module, "train_rows", lambda *a, **k: pytest.fail("trained"))
    for task, layers, message in (
        (problem(LINEAR), ["c"], "begins with 'c'"),
        (problem({"one": LINEAR["one"]}), None, "has one loss"),
        (Two(), None, "task is Two, expected a ModelProblem"),
    ):
        with pytest.raises(ProblemError, match=message):
            layer_conflict_over_time(task, layers=layers)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps=0 is not accepted"),
        ({"every": 0}, "every=0 is not accepted"),
        ({"seeds": 0}, "seeds=0 is not accepted"),
        ({"learning_rate": -1.0}, "learning_rate=-1.0 is not accepted"),
        ({"learning_rate": "fast"}, "learning_rate='fast' is not accepted"),
        ({"inner": "adm"}, "did you mean 'adam'"),
        ({"weights": [0.5, 0.5]}, "weights"),
        ({"weights": [1.0, 1.0, 1.0]}, "sum to 3, expected 1"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(OptionError, match=message):
        layer_conflict_over_time(problem(LINEAR), **options)
