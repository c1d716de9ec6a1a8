import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from moo.errors import OptionError, ProblemError
from moo.multimodal import ImageTextProblem
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
        from dataclasses import replace

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

    def test_a_model_that_needs_all_modalities_is_refused(self, data):
        task = ImageTextProblem(data, batch_size=16)
        with pytest.raises(ProblemError, match="ImageTextModel cannot be asked without a modality"):
            modality_contributions(task, task.sample(1, np.random.default_rng(0))[0])

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"head": "fusd"}, ProblemError, "no head 'fusd': it gives fused, image, text"),
            ({"target": "labl"}, OptionError, "did you mean 'label'"),
            ({"value": "logit"}, OptionError, "unknown value 'logit'"),
        ],
    )
    def test_unknown_names(self, task, x, options, error, message):
        with pytest.raises(error, match=message):
            modality_contributions(task, x, **options)
