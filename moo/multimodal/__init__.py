"""Models of several modalities as problems: data sets, encoders, losses, `ModelProblem`.

A data set is one file in this package with a subclass of `moo.multimodal.data.DataSet` that can be
made without arguments; it is found by its class, not by a list.
"""

from __future__ import annotations

import inspect
import pkgutil
from functools import cache
from importlib import import_module

from moo.multimodal.data import DataSet, MultimodalData, Samples
from moo.multimodal.emoji import Emoji
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


@cache
def _found() -> dict[str, type[DataSet]]:
    found: dict[str, type[DataSet]] = {}
    for entry in pkgutil.iter_modules(__path__, f"{__name__}."):
        for name, member in vars(import_module(entry.name)).items():
            defined_here = inspect.isclass(member) and member.__module__ == entry.name
            if defined_here and issubclass(member, DataSet) and not inspect.isabstract(member):
                found[name] = member
    return dict(sorted(found.items()))


def datasets() -> dict[str, type[DataSet]]:
    """Every data set class of this package by its name, in alphabetical order."""
    return dict(_found())
