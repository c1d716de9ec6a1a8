"""Image-text classification: the losses of the image, of the text and of both together."""

from __future__ import annotations

from moo.multimodal.data import DataSet
from moo.multimodal.data.emoji import Emoji
from moo.multimodal.tasks.classification import Classification


class ImageText(Classification):
    """Classify an emoji by its drawing and its name: min (fused loss, image loss, text loss).

    Options, objectives and metrics are those of `Classification`. `moo.multimodal.ImageTextProblem` is the
    smaller problem of two losses that share a trunk.
    """

    task_name = "image-text"

    @classmethod
    def default_data(cls) -> DataSet:
        return Emoji()
