from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from moo.errors import OptionError, ProblemError
from moo.multimodal import ImageTextProblem, ModelProblem, Samples
from moo.multimodal.explain import modality_contributions, shapley_values
from moo.multimodal.tasks.image_text import ImageText

games = st.integers(1, 5).flatmap(
    lambda m: st.lists(st.floats(-10, 10), min_size=2**m, max_size=2**m).map(lambda v: (m, np.array(v)))
)


def worth_of(values):
    """A game whose coalition with bits b is worth values[b]."""
    return lambda there: np.array([values[int(there @ (1 << np.arange(len(there))))]])


class TestShapleyValues:
    def test_the_glove_game(self):
        """One left glove, two right ones: 2/3 and 1/6 each (a textbook case)."""
        pairs = shapley_values(lambda there: np.array([float(there[0] and (there[1] or there[2]))]), 3)
        np.testing.assert_allclose(pairs, [[2 / 3, 1 / 6, 1 / 6]])

    @given(games)
    def test_efficiency(self, game):
        m, values = game
        assert shapley_values(worth_of(values), m).sum() == pytest.approx(values[-1] - values[0], abs=1e-9)

    @given(games, st.floats(-3, 3))
    def test_linearity(self, game, factor):
        m, values = game
        other = values[::-1]
        both = shapley_values(worth_of(values + factor * other), m)
        apart = shapley_values(worth_of(values), m) + factor * shapley_values(worth_of(other), m)
        np.testing.assert_allclose(both, apart, atol=1e-9)

    @given(games)
    def test_a_dummy_gets_what_it_brings_alone(self, game):
        m, values = game
        value = worth_of(values)
        with_dummy = shapley_values(lambda there: value(there[:-1]) + 2.5 * there[-1], m + 1)
        assert with_dummy[0, -1] == pytest.approx(2.5)
        np.testing.assert_allclose(with_dummy[0, :-1], shapley_values(value, m)[0], atol=1e-9)

    @given(games)
    def test_players_that_are_alike_get_the_same(self, game):
        m, values = game
        value = worth_of(values)

        def twins(there):  # the last two are worth the game's last player, whoever of them comes
            return value(np.append(there[:-2], there[-2] or there[-1]))

        shapley = shapley_values(twins, m + 1)
        assert shapley[0, -1] == pytest.approx(shapley[0, -2], abs=1e-9)

    @pytest.mark.parametrize("m", [0, 13])
    def test_refuses_too_many_players(self, m):
        with pytest.raises(OptionError, match="give 1 to 12 players"):
            shapley_values(lambda there: np.zeros(1), m)


@pytest.fixture(scope="module")
def task(data):
    return ImageText(data, hidden=None, width=3, batch_size=16)


@pytest.fixture(scope="module")
def x(task):
    return task.sample(1, np.random.default_rng(0))[0]


class TestModalityContributions:
    def test_sum_to_what_the_modalities_change(self, task, x):
        found = modality_contributions(task, x)
        np.testing.assert_allclose(found.values.sum(1), found.full - found.nothing, atol=1e-9)
        probabilities = task.module(x)(**task.heldout["test"].modalities)["fused"].softmax(1)
        np.testing.assert_allclose(found.full, probabilities.max(1).values.detach(), rtol=1e-5)

    def test_of_two_modalities_are_the_closed_form(self, task, x):
        found = modality_contributions(task, x, target="label", value="log probability")
        model, test = task.module(x), task.heldout["test"]

        def log(image, text):
            there = {n: torch.full((len(test),), f) for n, f in (("image", image), ("text", text))}
            with torch.no_grad():
                logits = model(present=there, **test.modalities)["fused"]
            return logits.log_softmax(1)[torch.arange(len(test)), test.labels].double().numpy()

        both, image, text, none = log(True, True), log(True, False), log(False, True), log(False, False)
        expected = np.column_stack([both - text + image - none, both - image + text - none]) / 2
        np.testing.assert_allclose(found.values, expected, atol=1e-9)

    def test_a_modality_that_a_sample_lacks_adds_nothing(self, task, x):
        test = task.heldout["test"]
        absent = torch.arange(len(test)) % 2 == 0
        found = modality_contributions(task, x, replace(test, present={"text": absent}))
        assert (found.values[~absent.numpy(), 1] == 0).all()
        assert (found.values[absent.numpy(), 1] != 0).any()

    def test_a_head_of_one_modality_owes_it_nothing_by_the_others(self, task, x):
        found = modality_contributions(task, x, head="image")
        assert (found.values == 0).all()  # its logits do not ask who is present

    def test_summaries(self, task, x):
        found = modality_contributions(task, x, task.train)
        assert found.summary["share"].sum() == pytest.approx(1.0)
        assert found.by_class.columns.tolist() == ["image", "text"]
        rows = found.classes == found.by_class.index[0]
        np.testing.assert_allclose(found.by_class.iloc[0], found.values[rows].mean(0))

    def test_labels_beyond_the_classes_are_refused(self, task, x):
        test = task.heldout["test"]
        with pytest.raises(ProblemError, match="labels go up to 7, but the head has 3 classes"):
            modality_contributions(task, x, replace(test, labels=test.labels * 0 + 7), target="label")

    def test_no_samples_are_refused(self, task, x):
        with pytest.raises(ProblemError, match="give at least one to explain"):
            modality_contributions(task, x, task.train.take(np.arange(0)))

    def test_other_modalities_are_refused(self, task, x):
        image = Samples({"image": task.train.modalities["image"]}, task.train.labels)
        with pytest.raises(ProblemError, match="the samples have modalities image; expected those of"):
            modality_contributions(task, x, image)

    def test_anything_but_a_task_is_refused(self, x):
        with pytest.raises(ProblemError, match="task is Linear, expected a ModelProblem"):
            modality_contributions(nn.Linear(1, 1), x)

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"head": "fusd"}, ProblemError, "no head 'fusd': it gives fused, image, text"),
            ({"target": "labl"}, OptionError, "did you mean 'label'"),
            ({"value": "logits"}, OptionError, "did you mean 'logit'"),
            ({"absent": "zero"}, OptionError, "did you mean 'zeros'"),
        ],
    )
    def test_unknown_names(self, task, x, options, error, message):
        with pytest.raises(error, match=message):
            modality_contributions(task, x, **options)


class Additive(nn.Module):
    """Logits that are a sum over modalities; it cannot be told that one is absent."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(2, 3), nn.Linear(4, 3)

    def forward(self, one, two):
        return self.one(one) + self.two(two)


def additive(present=None, dtype=torch.float32):
    draw = torch.Generator().manual_seed(0)
    modalities = {
        "one": torch.randn(10, 2, generator=draw),
        "two": (9 * torch.rand(10, 4, generator=draw)).to(dtype),
    }
    train = Samples(modalities, torch.arange(10) % 3, present or {})
    return ModelProblem(Additive, {"loss": lambda o, s: functional.cross_entropy(o, s.labels)}, train=train)


class TestBaselines:
    @pytest.mark.parametrize("absent", ["mean", "zeros"])
    def test_of_a_sum_are_its_terms_less_the_baselines(self, absent):
        """Linearity: w_i^T (x_i - baseline_i), whatever the other modalities are."""
        task = additive()
        x = task.sample(1, np.random.default_rng(0))[0]
        found = modality_contributions(task, x, task.train, value="logit", absent=absent)
        model = task.module(x)
        for k, (name, tensor) in enumerate(task.train.modalities.items()):
            less = tensor - (tensor.mean(0) if absent == "mean" else 0.0)
            terms = (less @ getattr(model, name).weight.T)[np.arange(10), found.classes]
            np.testing.assert_allclose(found.values[:, k], terms.detach(), atol=1e-5)

    def test_the_mean_is_the_default_and_of_those_that_have_the_modality(self):
        there = torch.arange(10) >= 4
        task = additive(present={"one": there})
        x = task.sample(1, np.random.default_rng(0))[0]
        found = modality_contributions(task, x, task.train, value="logit")
        assert (found.values[~there.numpy(), 0] == 0).all()
        less = task.train.modalities["one"] - task.train.modalities["one"][there].mean(0)
        terms = (less @ task.module(x).one.weight.T)[np.arange(10), found.classes].detach().numpy()
        np.testing.assert_allclose(found.values[4:, 0], terms[4:], atol=1e-5)

    def test_a_head_owes_nothing_to_the_other_modality(self, data):
        task = ImageTextProblem(data, batch_size=16)
        x = task.sample(1, np.random.default_rng(0))[0]
        found = modality_contributions(task, x, head="text")
        assert (found.values[:, 0] == 0).all()
        np.testing.assert_allclose(found.values[:, 1], found.full - found.nothing)
        assert np.abs(found.values[:, 1]).max() > 0

    def test_replace_what_a_model_could_be_told(self, task, x):
        told, shown = (modality_contributions(task, x, absent=how) for how in (None, "mean"))
        np.testing.assert_allclose(told.full, shown.full)
        assert not np.allclose(told.nothing, shown.nothing)
        by_image = modality_contributions(task, x, head="image", absent="mean").values
        assert (by_image[:, 1] == 0).all()
        assert np.abs(by_image[:, 0]).max() > 0

    def test_whole_numbers_have_no_mean(self):
        task = additive(dtype=torch.int64)
        x = task.sample(1, np.random.default_rng(0))[0]
        with pytest.raises(ProblemError, match=r"modality 'two' holds no floats.*give absent='zeros'"):
            modality_contributions(task, x, task.train)

    def test_a_model_that_cannot_be_told_is_refused(self):
        task = additive()
        x = task.sample(1, np.random.default_rng(0))[0]
        with pytest.raises(ProblemError, match=r"its forward has no present=; give absent='mean'"):
            modality_contributions(task, x, task.train, absent="present")

    def test_samples_are_asked_for_where_there_is_no_test_split(self):
        task = additive()
        with pytest.raises(ProblemError, match="no held-out samples 'test': give samples="):
            modality_contributions(task, task.sample(1, np.random.default_rng(0))[0])
