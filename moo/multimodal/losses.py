"""The joint loss of an image and a text classifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from moo.errors import OptionError

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # logits (n, n_classes), labels (n,) -> ()


class JointLoss(NamedTuple):
    """The weighted value and the two losses it is made of, each a tensor ()."""

    value: torch.Tensor
    image: torch.Tensor
    text: torch.Tensor


class JointOptimizationLoss(nn.Module):
    """lambda1 * image loss + lambda2 * text loss.

    One pair of weights gives one point of the front; `moo.WeightedSum` trains a model for each of many
    pairs at once, and takes the two losses of this module as the objectives.

    Args:
        lambda1, lambda2: weights of the image and the text loss, >= 0 and not both 0.
        image_loss, text_loss: (logits (n, n_classes), labels (n,)) -> (); by default the mean cross
            entropy, in nats.

    Raises:
        OptionError: for weights that are negative, not finite or both zero.
    """

    def __init__(
        self,
        lambda1: float = 0.5,
        lambda2: float = 0.5,
        *,
        image_loss: Loss = functional.cross_entropy,
        text_loss: Loss = functional.cross_entropy,
    ) -> None:
        super().__init__()
        for name, value in (("lambda1", lambda1), ("lambda2", lambda2)):
            if not 0.0 <= value < float("inf"):
                raise OptionError(f"{name}={value!r} is not accepted: give a number >= 0")
        if lambda1 == lambda2 == 0:
            raise OptionError("lambda1 and lambda2 are both 0: give at least one of them a weight")
        self.lambda1, self.lambda2 = float(lambda1), float(lambda2)
        self.image_loss, self.text_loss = image_loss, text_loss

    def forward(
        self, image_logits: torch.Tensor, text_logits: torch.Tensor, labels: torch.Tensor
    ) -> JointLoss:
        """Logits (n, n_classes) of either classifier and class indices (n,)."""
        image, text = self.image_loss(image_logits, labels), self.text_loss(text_logits, labels)
        return JointLoss(self.lambda1 * image + self.lambda2 * text, image, text)

    def extra_repr(self) -> str:
        return f"lambda1={self.lambda1:g}, lambda2={self.lambda2:g}"


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The mean () of the values (n,) where mask (n,) is True; 0, with gradient 0, where it is nowhere."""
    weights = mask.to(values.dtype)
    return (values * weights).sum() / weights.sum().clamp(min=1.0)
