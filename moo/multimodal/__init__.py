"""Models of several modalities as problems: data sets, encoders, losses, `ModelProblem`."""

from __future__ import annotations

from moo.multimodal.data import DataSet, MultimodalData, Samples, datasets
from moo.multimodal.data.emoji import Emoji
from moo.multimodal.encoders import Classifier, ImageEncoder, TextEncoder
from moo.multimodal.image_text import ImageTextProblem
from moo.multimodal.losses import JointLoss, JointOptimizationLoss
from moo.multimodal.model import ImageTextModel, Logits
from moo.multimodal.problem import ModelProblem

__all__ = [
    "Classifier",
    "DataSet",
    "Emoji",
    "ImageEncoder",
    "ImageTextModel",
    "ImageTextProblem",
    "JointLoss",
    "JointOptimizationLoss",
    "Logits",
    "ModelProblem",
    "MultimodalData",
    "Samples",
    "TextEncoder",
    "datasets",
]
