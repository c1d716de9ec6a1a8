"""`ModelProblem` against plain modules, one at a time, trained by plain PyTorch."""

from __future__ import annotations

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import moo
from moo.errors import ProblemError
from moo.multimodal import (
    ImageTextModel,
    ImageTextProblem,
    JointOptimizationLoss,
    Logits,
    ModelProblem,
    Samples,
)
from moo.multimodal.chunks import Running

MODELS = {
    "linear encoders": partial(ImageTextModel, 12, 3),
    "hidden layers": partial(ImageTextModel, 12, 3, width=4, trunk=5, hidden=6, pixels=4),
}


def _one_by_one(problem, X, samples):
    """Losses (n, 2) and their gradients (n, 2, n_var) by plain backward passes."""
    losses, gradients = [], []
    for x in X:
        model = problem.module(x)
        logits = model(**samples.modalities)
        both = [functional.cross_entropy(part, samples.labels) for part in (logits.image, logits.text)]
        losses.append([loss.item() for loss in both])
        rows = []
        for loss in both:
            parts = torch.autograd.grad(
                loss, list(model.parameters()), retain_graph=True, materialize_grads=True
            )
            rows.append(torch.cat([part.reshape(-1) for part in parts]).numpy())
        gradients.append(rows)
    return np.array(losses), np.array(gradients)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
@pytest.mark.parametrize("size", [1, 3, 4], ids=["one row at once", "three rows", "all rows at once"])
def test_losses_and_gradients_are_those_of_plain_modules(data, monkeypatch, model, size):
    monkeypatch.setattr(Running, "at_once", lambda self, n: size)
    problem = ImageTextProblem(data, model=model, batch_size=None)
    X = problem.sample(4, np.random.default_rng(0))
    evaluation = problem.compute(X, jacobian=True)
    losses, gradients = _one_by_one(problem, X, data.part("train"))
    np.testing.assert_allclose(evaluation.F, losses, atol=1e-5)
    np.testing.assert_allclose(evaluation.J, gradients, atol=1e-5)


def test_the_gradient_of_a_weighted_sum_is_that_of_the_joint_loss(data):
    problem = ImageTextProblem(data, batch_size=None)
    X = problem.to_tensor(problem.sample(3, np.random.default_rng(0)))
    W = torch.tensor([[0.1, 0.9], [0.5, 0.5], [0.8, 0.2]])
    evaluation = problem.compute(X, scalarize=lambda F, G, H: (F * W).sum(1))
    train = data.part("train")
    for k, (lambda1, lambda2) in enumerate(W.tolist()):
        model = problem.module(X[k])
        joint = JointOptimizationLoss(lambda1, lambda2)(*model(**train.modalities), train.labels)
        joint.value.backward()
        expected = torch.cat([p.grad.reshape(-1) for p in model.parameters()])
        torch.testing.assert_close(evaluation.gradient[k], expected, atol=1e-5, rtol=1e-4)
        assert evaluation.F[k].tolist() == pytest.approx([joint.image.item(), joint.text.item()], abs=1e-5)
        assert evaluation.scalar[k].item() == pytest.approx(joint.value.item(), abs=1e-5)


# ------------------------------------------------------------------ minibatches


def test_the_generator_alone_decides_the_minibatch(problem):
    X = problem.sample(3, np.random.default_rng(0))
    draw = partial(problem.compute, X)
    first, second = (draw(rng=np.random.default_rng(1)).F for _ in range(2))
    assert np.array_equal(first, second)
    rng = np.random.default_rng(1)
    assert not np.array_equal(draw(rng=rng).F, draw(rng=rng).F)
    gradient = draw(rng=np.random.default_rng(1), jacobian=True)
    np.testing.assert_allclose(gradient.F, first, atol=1e-6)


def test_all_rows_of_a_call_share_the_minibatch_and_no_sample_is_drawn_twice(problem, data):
    x = problem.sample(1, np.random.default_rng(0))
    F = problem.compute(np.repeat(x, 3, axis=0), rng=np.random.default_rng(1)).F
    np.testing.assert_allclose(F, np.repeat(F[:1], 3, axis=0), atol=1e-6)
    index = np.random.default_rng(1).choice(40, 16, replace=False)
    expected, _ = _one_by_one(problem, x, data.part("train").take(index))
    assert F[:1] == pytest.approx(expected, abs=1e-5)


def test_without_a_generator_the_losses_are_those_of_all_training_data(problem, data):
    X = problem.sample(2, np.random.default_rng(0))
    assert problem.stochastic
    np.testing.assert_allclose(
        problem.compute(X).F, _one_by_one(problem, X, data.part("train"))[0], atol=1e-5
    )


def test_without_a_batch_size_the_problem_is_deterministic(data):
    problem = ImageTextProblem(data, batch_size=None)
    X = problem.sample(2, np.random.default_rng(0))
    assert not problem.stochastic
    F = problem.compute(X, rng=np.random.default_rng(1)).F
    assert np.array_equal(F, problem.compute(X, rng=np.random.default_rng(2)).F)


# ------------------------------------------------------------------ initialisations


def test_samples_follow_from_the_generator_and_leave_torchs_alone(problem):
    before = torch.get_rng_state()
    X = problem.sample(5, np.random.default_rng(3))
    assert torch.equal(before, torch.get_rng_state())
    torch.rand(1)
    assert np.array_equal(X, problem.sample(5, np.random.default_rng(3)))
    assert len(np.unique(X, axis=0)) == 5
    assert not np.array_equal(X, problem.sample(5, np.random.default_rng(4)))
    rng = np.random.default_rng(3)
    assert not np.array_equal(problem.sample(5, rng), problem.sample(5, rng))
    assert X.dtype == np.float64
    assert problem.sample(0, np.random.default_rng(0)).shape == (0, problem.n_var)


def test_a_module_and_the_function_that_makes_it_are_initialised_alike(data):
    def make():
        return nn.Sequential(nn.Flatten(), nn.Linear(768, 4), nn.Tanh(), nn.Linear(4, 3))

    train = Samples({"input": data.samples.modalities["image"]}, data.samples.labels)
    losses = {"loss": lambda output, samples: functional.cross_entropy(output, samples.labels)}
    by_function, by_module = (ModelProblem(model, losses, train=train) for model in (make, make()))
    X = by_function.sample(2, np.random.default_rng(0))
    assert X.shape == (2, 768 * 4 + 4 + 4 * 3 + 3)
    reset = by_module.sample(2, np.random.default_rng(0))
    assert np.abs(X).max(axis=1) == pytest.approx(np.abs(reset).max(axis=1), abs=0.1)  # U(-1/2, 1/2)
    assert np.abs(X[0, : 768 * 4]).max() == pytest.approx(768**-0.5, rel=0.02)  # Linear's default
    assert len(np.unique(reset, axis=0)) == 2


def test_samples_are_clipped_to_the_box(data):
    X = ImageTextProblem(data, batch_size=16, bound=0.1).sample(2, np.random.default_rng(0))
    assert np.abs(X).max() == 0.1


# ------------------------------------------------------------------ reports and modules


def test_every_row_is_reported_on_every_split(problem, data):
    X = problem.sample(3, np.random.default_rng(0))
    report = problem.report(X)
    figures = ("image loss", "text loss", "image accuracy", "text accuracy")
    assert set(report) == {f"{part} {name}" for part in ("train", "validation", "test") for name in figures}
    for name, values in report.items():
        assert values.shape == (3,)
        assert values.dtype == np.float64
        assert (values >= 0).all()
        assert (values <= 1).all() or "loss" in name
    train = np.stack([report["train image loss"], report["train text loss"]], axis=1)
    np.testing.assert_allclose(train, problem.compute(X).F, atol=1e-6)
    test = data.part("test")
    for k, x in enumerate(X):
        logits = problem.module(x)(**test.modalities)
        for modality in ("image", "text"):
            right = (getattr(logits, modality).argmax(1) == test.labels).float().mean().item()
            assert report[f"test {modality} accuracy"][k] == pytest.approx(right)


def test_a_module_holds_its_row_and_is_nobody_elses(problem):
    X = problem.sample(2, np.random.default_rng(0))
    F = problem.compute(X).F
    model = problem.module(X[1])
    flat = torch.cat([p.detach().reshape(-1) for p in model.parameters()])
    assert np.array_equal(flat.double().numpy(), X[1])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert np.array_equal(problem.compute(X).F, F)
    assert np.array_equal(problem.module(problem.to_tensor(X[1])).shared[0].weight.numel(), 32)


def test_a_problem_travels_to_another_process(problem):
    X = problem.sample(2, np.random.default_rng(0))
    copy = pickle.loads(pickle.dumps(problem))
    assert np.array_equal(copy.compute(X).F, problem.compute(X).F)
    assert np.array_equal(copy.sample(2, np.random.default_rng(0)), X)


# ------------------------------------------------------------------ the user's own model


class Regression(nn.Module):
    """A slope with a frozen offset and a tied copy of the slope."""

    def __init__(self):
        super().__init__()
        self.slope = nn.Linear(2, 1, bias=False)
        self.tied = self.slope
        self.offset = nn.Parameter(torch.tensor(3.0), requires_grad=False)

    def forward(self, x):
        return self.slope(x)[:, 0] + self.offset


def _regression(**changed):
    generator = torch.Generator().manual_seed(1)
    train = Samples({"x": torch.randn(20, 2, generator=generator)}, torch.arange(20))
    losses = {
        "squared": lambda output, samples: (output - samples.labels).square().mean(),
        "norm": lambda output, samples: output.abs().mean(),
    }
    return ModelProblem(
        **{"model": Regression, "losses": losses, "train": train, "title": "slope", **changed}
    )


def test_any_module_and_losses_can_be_wrapped():
    problem = _regression(bound=None)
    assert (problem.n_var, problem.n_obj, problem.names) == (2, 2, ["squared", "norm"])
    assert not problem.has_bounds()
    X = np.array([[0.5, -1.0], [0.0, 0.0]])
    x, y = problem.train.modalities["x"].numpy(), problem.train.labels.numpy()
    output = X @ x.T + 3.0
    expected = np.stack([((output - y) ** 2).mean(1), np.abs(output).mean(1)], axis=1)
    np.testing.assert_allclose(problem.compute(X).F, expected, rtol=1e-5)
    assert set(problem.report(X)) == {"train squared", "train norm"}


def test_all_three_families_run_on_a_model_problem(problem, data):
    start = problem.compute(problem.sample(20, np.random.default_rng(0))).F
    whole = ImageTextProblem(data, batch_size=None)
    for of, optimizer in (
        (problem, moo.WeightedSum(n=4, learning_rate=0.01, n_samples=4)),
        (problem, moo.GradientDescent(n=4, learning_rate=0.01)),
        (whole, moo.NSGA2(pop_size=8)),
    ):
        result = moo.solve(of, optimizer, budget=1200, seed=0)
        assert np.isfinite(result.F).all()
        assert (result.F.min(axis=0) < start.min(axis=0)).all()
        assert result.metrics["test image accuracy"].shape == (len(result.X),)


def test_weighted_sums_descend_together_and_trade_one_loss_for_the_other(emoji):
    problem = ImageTextProblem(emoji)
    rng = np.random.default_rng(0)
    share = torch.linspace(0.01, 0.99, 5)
    W = torch.stack([share, 1 - share], 1)
    X = problem.to_tensor(np.repeat(problem.sample(1, rng), 5, axis=0))
    before = problem.compute(X).F
    optimizer = torch.optim.Adam([X], lr=0.05)
    for _ in range(250):
        X.grad = problem.compute(X, scalarize=lambda F, G, H: (F * W).sum(1), rng=rng).gradient
        optimizer.step()
        X.clamp_(-1.5, 1.5)
    F = problem.compute(X).F
    assert ((F * W).sum(1) < 0.8 * (before * W).sum(1)).all()
    assert F[0, 0] > F[-1, 0] + 0.05  # the image loss falls as its weight grows
    assert F[0, 1] < F[-1, 1] - 0.05
    report = problem.report(X.numpy())
    assert report["test image accuracy"].max() > 0.38  # the largest class has 0.20
    assert report["test text accuracy"].max() > 0.54


def test_a_hypernetwork_gives_a_model_for_every_preference(emoji):
    """The rows of a model problem are parameters, so that the network of preferences is a hypernetwork."""
    problem = ImageTextProblem(emoji)
    start = problem.compute(problem.sample(4, np.random.default_rng(0))).F
    optimizer = moo.ParetoSetLearning(n=5, batch=8, learning_rate=0.01)
    result = moo.solve(problem, optimizer, budget=15_000, seed=0)
    assert (0.8 * start.mean(axis=0) > result.F).any(axis=1).all()
    order = np.argsort(result.weights[:, 0])
    assert result.F[order[0], 0] < result.F[order[-1], 0]  # preferences are rays: a small part, a small loss
    X = moo.ParetoSetLearning.front_model(result)([[0.5, 0.5]])
    assert np.isfinite(problem.compute(X).F).all()


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"batch_size": 0}, "batch_size=0 is not accepted: give an integer from 1 to the 20"),
        ({"batch_size": 21}, "batch_size=21"),
        ({"batch_size": 2.5}, "batch_size=2.5"),
        ({"batch_size": True}, "batch_size=True"),
        ({"losses": {}}, "losses={} is not accepted: give at least one"),
        ({"losses": {"a": 3}}, "'a' is 3, expected a function"),
        ({"metrics": {"norm": len}}, "'norm' names a loss and a metric"),
        ({"bound": 0.0}, "bound=0.0 is not accepted"),
        ({"bound": float("inf")}, "bound=inf"),
        ({"model": nn.Flatten()}, "Flatten has no trainable parameters"),
        ({"model": 3}, "model=3 is not accepted"),
        ({"model": lambda: 3}, "returned int, expected a torch.nn.Module"),
        ({"model": nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))}, "layer '1' .* running statistics"),
        ({"model": nn.Sequential(nn.Linear(2, 2), nn.Dropout())}, "layer '1' .* random numbers"),
        ({"model": nn.ParameterList([torch.zeros(2)])}, "no reset_parameters"),
    ],
)
def test_a_wrong_statement_is_one_sentence(changed, sentence):
    with pytest.raises(ProblemError, match=sentence) as raised:
        _regression(**changed)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("loss", "sentence"),
    [
        (lambda output, samples: output, "'f' returned shape .20,., expected one number"),
        (lambda output, samples: 1.0, "'f' returned float"),
    ],
)
def test_a_loss_that_is_no_number_is_named(loss, sentence):
    with pytest.raises(ProblemError, match=sentence):
        _regression(losses={"f": loss}).compute(np.zeros((2, 2)))


def test_a_row_of_another_length_is_refused(problem):
    for x in (np.zeros(3), np.zeros((1, problem.n_var))):
        with pytest.raises(ProblemError, match="has shape"):
            problem.module(x)
    with pytest.raises(ProblemError, match="a row is a candidate"):
        problem.report(np.zeros((2, 3)))


def test_logits_name_their_modality():
    assert Logits._fields == ("image", "text")


def test_columns_are_those_of_the_parameters_named(data):
    problem = ImageTextProblem(data, batch_size=None)
    x = np.zeros(problem.n_var)
    columns = problem.columns("text_encoder.")
    x[columns] = 1.0
    for name, parameter in problem.module(x).named_parameters():
        assert (parameter == float(name.startswith("text_encoder."))).all()
    with pytest.raises(ProblemError, match="begins with 'audio': the first is 'image_encoder"):
        problem.columns("audio")
