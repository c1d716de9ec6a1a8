"""Encoders, classifiers and the joint loss by themselves."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from moo.errors import OptionError
from moo.multimodal import Classifier, ImageEncoder, ImageTextModel, JointOptimizationLoss, TextEncoder


@pytest.mark.parametrize("hidden", [None, 5])
@pytest.mark.parametrize("size", [16, 32])
def test_encoders_meet_in_one_embedding(hidden, size):
    image, text = torch.rand(4, 3, size, size), torch.rand(4, 10)
    assert ImageEncoder(3, hidden=hidden)(image).shape == (4, 3)
    assert TextEncoder(10, 3, hidden=hidden)(text).shape == (4, 3)


def test_the_image_encoder_sees_averaged_colours():
    fine = torch.rand(2, 3, 16, 16)
    coarse = functional.avg_pool2d(fine, 2).repeat_interleave(2, 2).repeat_interleave(2, 3)
    encoder = ImageEncoder(3)
    torch.testing.assert_close(encoder(fine), encoder(coarse))


def test_a_new_classifier_passes_scores_on():
    scores = torch.randn(4, 3)
    assert torch.equal(Classifier(3)(scores), scores)


def test_each_modality_reaches_its_own_logits_and_the_shared_trunk():
    model = ImageTextModel(10, 3)
    image, text = model(torch.rand(4, 3, 16, 16), torch.rand(4, 10))
    assert image.shape == text.shape == (4, 3)
    text.sum().backward()
    assert model.image_encoder.layers.weight.grad is None
    assert model.image_classifier.bias.grad is None
    assert all(p.grad.abs().sum() > 0 for p in model.shared.parameters())


@pytest.mark.parametrize(
    "make",
    [
        lambda: ImageEncoder(0),
        lambda: ImageEncoder(2, pixels=0),
        lambda: ImageEncoder(2, hidden=-1),
        lambda: TextEncoder(0, 2),
        lambda: Classifier(1.5),
        lambda: ImageTextModel(10, 3, trunk=0),
        lambda: ImageTextModel(10, 3, width=True),
    ],
)
def test_sizes_must_be_positive_integers(make):
    with pytest.raises(OptionError, match="is not accepted: give an integer >= 1"):
        make()


def test_the_joint_loss_weighs_two_cross_entropies():
    image, text, labels = torch.randn(5, 3), torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])
    joint = JointOptimizationLoss(0.25, 2.0)
    value, image_loss, text_loss = joint(image, text, labels)
    torch.testing.assert_close(image_loss, functional.cross_entropy(image, labels))
    torch.testing.assert_close(text_loss, functional.cross_entropy(text, labels))
    torch.testing.assert_close(value, 0.25 * image_loss + 2.0 * text_loss)
    assert repr(joint) == "JointOptimizationLoss(lambda1=0.25, lambda2=2)"


def test_the_losses_can_be_replaced():
    joint = JointOptimizationLoss(image_loss=lambda logits, labels: logits.sum())
    assert joint(torch.ones(2, 3), torch.zeros(2, 3), torch.tensor([0, 1])).image == 6.0


@pytest.mark.parametrize("weights", [(-1.0, 1.0), (1.0, float("nan")), (float("inf"), 1.0), (0.0, 0.0)])
def test_weights_that_weigh_nothing_are_refused(weights):
    with pytest.raises(OptionError, match="lambda"):
        JointOptimizationLoss(*weights)
