"""Models of several modalities as problems: data sets, encoders, losses, `ModelProblem`."""

from __future__ import annotations

from moo.multimodal.classifier import MultimodalClassifier
from moo.multimodal.comparison import MethodComparison, compare_methods
from moo.multimodal.data import DataSet, MultimodalData, Samples, datasets
from moo.multimodal.data.coco import CocoCaptions
from moo.multimodal.data.emoji import Emoji
from moo.multimodal.data.flickr30k import Flickr30k
from moo.multimodal.data.iemocap import IEMOCAP
from moo.multimodal.encoders import Classifier, ImageEncoder, TextEncoder, VectorEncoder
from moo.multimodal.explain import Contributions, modality_contributions
from moo.multimodal.image_text import ImageTextProblem
from moo.multimodal.joint import JointAgainstSeparate, joint_against_separate
from moo.multimodal.layer_conflict import layer_conflict, layer_conflict_over_time
from moo.multimodal.losses import JointLoss, JointOptimizationLoss
from moo.multimodal.model import ImageTextModel, Logits
from moo.multimodal.privacy import fit_private, privacy_front
from moo.multimodal.problem import ModelProblem
from moo.multimodal.robustness import retrained_curve, robustness_curve, with_robust_losses
from moo.multimodal.saving import load_module, save_module
from moo.multimodal.search import WeightSearch, search_rates, search_weights
from moo.multimodal.steering import SteeredModel, steer
from moo.multimodal.streams import fit_stream
from moo.multimodal.tasks import Task

__all__ = [
    "IEMOCAP",
    "Classifier",
    "CocoCaptions",
    "Contributions",
    "DataSet",
    "Emoji",
    "Flickr30k",
    "ImageEncoder",
    "ImageTextModel",
    "ImageTextProblem",
    "JointAgainstSeparate",
    "JointLoss",
    "JointOptimizationLoss",
    "Logits",
    "MethodComparison",
    "ModelProblem",
    "MultimodalClassifier",
    "MultimodalData",
    "Samples",
    "SteeredModel",
    "Task",
    "TextEncoder",
    "VectorEncoder",
    "WeightSearch",
    "compare_methods",
    "datasets",
    "fit_private",
    "fit_stream",
    "joint_against_separate",
    "layer_conflict",
    "layer_conflict_over_time",
    "load_module",
    "modality_contributions",
    "privacy_front",
    "retrained_curve",
    "robustness_curve",
    "save_module",
    "search_rates",
    "search_weights",
    "steer",
    "with_robust_losses",
]
