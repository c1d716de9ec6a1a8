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


@pytest.mark.parametrize("name", ["steps", "every", "seeds"])
def test_numbers_are_positive(name):
    with pytest.raises(OptionError, match=f"{name}=0 is not accepted"):
        layer_conflict_over_time(problem(LINEAR), **{name: 0})
