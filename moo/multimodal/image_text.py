"""The image-text classification problem: two losses that compete for shared parameters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from moo.multimodal.data import SPLITS, DataSet, MultimodalData, Samples
from moo.multimodal.data.emoji import Emoji
from moo.multimodal.losses import JointOptimizationLoss, Loss
from moo.multimodal.model import ImageTextModel, Logits
from moo.multimodal.problem import ModelProblem


class ImageTextProblem(ModelProblem):
    """min (image loss, text loss): classify images and texts with encoders that share a trunk.

    The objectives are the two losses of a `JointOptimizationLoss` over the training split; its weights
    are left to the optimizer, which is what `moo.WeightedSum` sweeps. Reported for every row: both
    losses and both accuracies on the training, validation and test split.

    Args:
        data: with modalities "image" and "text"; by default `moo.multimodal.Emoji`.
        model: builds the model: ``forward(image, text)`` returning `Logits`; by default
            `ImageTextModel` at its default size.
        loss: whose image and text loss to take; by default mean cross entropies, in nats.
        batch_size, bound, device: as in `ModelProblem`.

    Raises:
        ProblemError: as `ModelProblem`.
        MissingExtraError: when the default data's packages are not installed.
    """

    def __init__(
        self,
        data: MultimodalData | DataSet | None = None,
        *,
        model: Callable[[], nn.Module] | None = None,
        loss: JointOptimizationLoss | None = None,
        batch_size: int | None = 128,
        bound: float | None = 1.5,
        device: str = "cpu",
    ) -> None:
        source = Emoji() if data is None else data
        loaded = source.load() if isinstance(source, DataSet) else source
        loss = loss or JointOptimizationLoss()
        train, *heldout = (loaded.part(name) for name in SPLITS)
        super().__init__(
            model or _default_model(train, len(loaded.class_names)),
            {
                "image loss": partial(_loss, "image", loss.image_loss),
                "text loss": partial(_loss, "text", loss.text_loss),
            },
            train=train,
            heldout=dict(zip(SPLITS[1:], heldout, strict=True)),
            metrics={f"{modality} accuracy": partial(_accuracy, modality) for modality in ("image", "text")},
            batch_size=batch_size,
            bound=bound,
            device=device,
        )
        self.data = loaded  # after pymoo has set an attribute of that name


def _default_model(train: Samples, n_classes: int) -> Callable[[], nn.Module]:
    return partial(ImageTextModel, train.modalities["text"].shape[1], n_classes)


def _loss(modality: str, loss: Loss, output: Logits, samples: Samples) -> torch.Tensor:
    return loss(getattr(output, modality), samples.labels)


def _accuracy(modality: str, output: Logits, samples: Samples) -> torch.Tensor:
    logits: torch.Tensor = getattr(output, modality)
    return (logits.argmax(dim=-1) == samples.labels).float().mean()
