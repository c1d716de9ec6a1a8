import numpy as np
import pytest
import torch
from torch import nn

from moo.errors import OptionError
from moo.multimodal.classifier import MultimodalClassifier
from moo.multimodal.fusion import FUSIONS
from moo.multimodal.tasks.image_text import ImageText


def classifier(**options):
    torch.manual_seed(0)
    encoders = {"a": nn.Linear(3, 4), "b": nn.Linear(5, 4)}
    return MultimodalClassifier(encoders, 4, 6, **options).requires_grad_(False)


INPUTS = {"a": torch.randn(7, 3), "b": torch.randn(7, 5)}


class TestMultimodalClassifier:
    @pytest.mark.parametrize("fusion", FUSIONS)
    def test_gives_logits_of_all_and_of_each(self, fusion):
        logits = classifier(fusion=fusion)(**INPUTS)
        assert {name: tuple(values.shape) for name, values in logits.items()} == {
            "fused": (7, 6),
            "a": (7, 6),
            "b": (7, 6),
        }

    @pytest.mark.parametrize("fusion", FUSIONS)
    def test_an_absent_modality_does_not_change_the_fused_logits(self, fusion):
        model, present = classifier(fusion=fusion), {"b": torch.zeros(7, dtype=torch.bool)}
        other = model(present=present, a=INPUTS["a"], b=100.0 * INPUTS["b"])
        assert torch.equal(model(present=present, **INPUTS)["fused"], other["fused"])

    def test_a_modality_has_its_logits_from_its_own_input(self):
        model = classifier()
        changed = model(a=INPUTS["a"], b=INPUTS["b"] + 1.0)
        assert torch.equal(model(**INPUTS)["a"], changed["a"])
        assert not torch.equal(model(**INPUTS)["b"], changed["b"])

    def test_late_fusion_has_no_head(self):
        assert list(classifier(fusion="late").heads) == ["a", "b"]

    def test_a_shared_head_is_left_as_it_was(self, data):
        task = ImageText(data, hidden=None, width=3, shared_head=True)
        before = dict(task._template.named_parameters(remove_duplicate=False))
        X = task.sample(16, np.random.default_rng(0))
        together = task.report(X)
        after = dict(task._template.named_parameters(remove_duplicate=False))
        assert all(after[name] is parameter for name, parameter in before.items())
        alone = task.report(X[3:4])
        for name, values in alone.items():
            assert together[name][3] == pytest.approx(values[0], abs=1e-5)
        task.module(X[3])

    def test_a_shared_head_is_one_layer(self):
        model = classifier(shared_head=True)
        assert model.heads["a"] is model.heads["b"]
        assert model.heads["a"] is not model.heads["fused"]

    def test_without_encoders_is_refused(self):
        with pytest.raises(OptionError, match="no encoders were given"):
            MultimodalClassifier({}, 4, 6)

    @pytest.mark.parametrize("name", ["fused", "present"])
    def test_reserved_names_are_refused(self, name):
        with pytest.raises(OptionError, match=f"cannot be called '{name}'"):
            MultimodalClassifier({name: nn.Linear(3, 4)}, 4, 6)

    @pytest.mark.parametrize("sizes", [(0, 6), (4, 0)])
    def test_sizes_are_positive(self, sizes):
        with pytest.raises(OptionError, match="give an integer >= 1"):
            MultimodalClassifier({"a": nn.Linear(3, 4)}, *sizes)
