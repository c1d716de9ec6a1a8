import numpy as np
import pytest
import torch
from torch import nn

from moo.errors import OptionError, ProblemError
from moo.multimodal import ModelProblem, Samples
from moo.multimodal.steering import SteeredModel, steer

TARGETS = torch.eye(3)


class Point(nn.Module):
    def __init__(self):
        super().__init__()
        self.theta = nn.Parameter(torch.randn(3))

    def forward(self, x):
        return self.theta + 0.0 * x.sum()


def points(m=2, **options):
    """Squared distances to m corners, whose weighted sum at p is least at the point p itself."""
    samples = Samples({"x": torch.zeros(4, 1)}, torch.zeros(4, dtype=torch.long))
    losses = {f"to {k}": lambda theta, s, k=k: (theta - TARGETS[k]).square().sum() for k in range(m)}
    return ModelProblem(Point, losses, train=samples, heldout={"test": samples}, bound=None, **options)


@pytest.fixture(scope="module")
def steered():
    return steer(points(), steps=400, learning_rate=0.05)


def test_every_preference_has_its_model(steered):
    for p in (0.0, 0.3, 0.5, 1.0):
        expected = p * TARGETS[0] + (1 - p) * TARGETS[1]
        np.testing.assert_allclose(steered.parameters_at(p), expected, atol=0.02)
    np.testing.assert_array_equal(steered.parameters_at(0.3), steered.parameters_at([0.3, 0.7]))


def test_three_losses_are_steered_on_a_triangle():
    model = steer(points(3), steps=400, learning_rate=0.05)
    p = np.array([0.2, 0.5, 0.3])
    np.testing.assert_allclose(model.parameters_at(p), p, atol=0.03)


def test_models_between_the_ends_are_trained_too():
    """Both losses want the parabola theta_1 = theta_0^2, which a chord between its points (1, 1) and (-1, 1)
    leaves: in the middle, at (0, 1), either loss would be 11."""
    samples = Samples({"x": torch.zeros(4, 1)}, torch.zeros(4, dtype=torch.long))
    losses = {
        name: lambda theta, s, to=to: (theta[0] - to) ** 2 + 10 * (theta[1] - theta[0] ** 2) ** 2
        for name, to in (("right", 1.0), ("left", -1.0))
    }
    front = steer(ModelProblem(Point, losses, train=samples), learning_rate=0.05).front(3)
    assert front[["train right", "train left"]].iloc[1].max() < 2.0  # by the ends alone 2.7


def test_a_preference_gives_a_plain_module(steered):
    module = steered.at(0.25)
    assert type(module) is Point
    np.testing.assert_allclose(module.theta.detach(), steered.parameters_at(0.25), rtol=1e-6)
    torch.testing.assert_close(steered(0.25, x=torch.zeros(1)), module(x=torch.zeros(1)))


def test_the_front_is_in_order(steered):
    front = steered.front(5)
    assert front["p to 0"].tolist() == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0])
    assert front["test to 0"].is_monotonic_decreasing
    assert front["test to 1"].is_monotonic_increasing
    np.testing.assert_allclose(front["train to 0"], 2 * (1 - front["p to 0"]) ** 2, atol=0.05)


def test_the_same_seed_gives_the_same_model_and_another_seed_another():
    ends = [steer(points(), steps=5, seed=seed).ends.detach() for seed in (0, 0, 1)]
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])


def test_ends_stay_within_the_bounds(problem):
    model = steer(problem, steps=20, learning_rate=5.0)
    assert model.ends.abs().max() <= 1.5


def test_its_ends_are_its_state(steered):
    assert list(steered.state_dict()) == ["ends"]
    assert len(list(steered.parameters())) == 1


def test_gradients_reach_the_ends_by_their_share():
    model = steer(points(), steps=1)
    model(0.3, x=torch.zeros(1)).sum().backward()
    np.testing.assert_allclose(model.ends.grad, [[0.3] * 3, [0.7] * 3], rtol=1e-6)


def test_a_real_model_called_is_the_module_of_that_preference(problem):
    model = steer(problem, steps=3)
    inputs = problem.heldout["test"].modalities
    for called, plain in zip(model(0.6, **inputs), model.at(0.6)(**inputs), strict=True):
        torch.testing.assert_close(called, plain, rtol=1e-4, atol=1e-5)


def test_ends_of_another_shape_are_refused():
    with pytest.raises(ProblemError, match=r"ends have shape \(2, 2\), expected a model a loss: \(2, 3\)"):
        SteeredModel(points(), np.zeros((2, 2)))


@pytest.mark.parametrize("n", [0, 1, 2.5, "many"])
def test_a_front_has_a_point_for_each_loss_at_least(steered, n):
    with pytest.raises(OptionError, match="is not accepted: give an integer of at least 2"):
        steered.front(n)


@pytest.mark.parametrize(
    "preference",
    [-0.1, 1.1, float("nan"), [0.5, 0.6], [0.2, 0.3, 0.5], [1.5, -0.5], "half", None, [0.1, "x"], {}],
)
def test_preferences_off_the_simplex_are_refused(steered, preference):
    with pytest.raises(OptionError, match="give a number from 0 to 1, the first loss's, or 2 numbers >= 0"):
        steered.at(preference)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps=0"),
        ({"batch": 1}, "batch=1 is not accepted: give an integer of at least 2"),
        ({"learning_rate": 0.0}, "learning_rate=0.0"),
        ({"learning_rate": "fast"}, "learning_rate='fast'"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(OptionError, match=message):
        steer(points(), **options)


def test_anything_but_a_task_is_refused():
    with pytest.raises(ProblemError, match="task is Point, expected a ModelProblem"):
        steer(Point())


def test_one_loss_has_nothing_to_steer():
    with pytest.raises(ProblemError, match="there is nothing to steer"):
        steer(points(1))


def test_divergence_is_one_sentence():
    with pytest.raises(ProblemError, match=r"diverged at step .*: lower learning_rate=1e"):
        steer(points(), steps=50, learning_rate=1e30)
