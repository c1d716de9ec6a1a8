"""Encoders and classifiers that `torch.func.vmap` can train by the hundred: no running statistics, no
random layers, no control flow that depends on the data."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from moo.errors import OptionError


class ImageEncoder(nn.Module):
    """Images (n, 3, size, size) in [0, 1] to embeddings (n, width).

    The image is averaged down to pixels x pixels colours, then linear, or with ``hidden`` units one
    ReLU layer between. On 1,328 emoji more than 8 x 8 colours raise the training accuracy only.

    Raises:
        OptionError: for a width, hidden or pixels that is no positive integer (hidden may be None).
    """

    def __init__(self, width: int, *, hidden: int | None = None, pixels: int = 8) -> None:
        super().__init__()
        self.pixels = positive("pixels", pixels)
        self.layers = _layers(3 * pixels**2, hidden, width)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        small = functional.adaptive_avg_pool2d(image, self.pixels).flatten(1)
        embedding: torch.Tensor = self.layers(2.0 * small - 1.0)
        return embedding


class TextEncoder(nn.Module):
    """Bags of words (n, n_words), rows of length 1, to embeddings (n, width).

    A weighted sum of one vector a word, or with ``hidden`` units one ReLU layer between. (A matrix
    product: `torch.nn.EmbeddingBag` cannot be vmapped over its weights.)

    Raises:
        OptionError: for a number that is no positive integer (hidden may be None).
    """

    scale = 4.0  # brings words to the spread of pixels, so that one learning rate suits both encoders

    def __init__(self, n_words: int, width: int, *, hidden: int | None = None) -> None:
        super().__init__()
        self.layers = _layers(positive("n_words", n_words), hidden, width)

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        embedding: torch.Tensor = self.layers(self.scale * text)
        return embedding


class VectorEncoder(nn.Module):
    """Vectors (n, n_in) of about unit spread to embeddings (n, width): linear, or with ``hidden`` units
    one ReLU layer between.

    Raises:
        OptionError: for a number that is no positive integer (hidden may be None).
    """

    def __init__(self, n_in: int, width: int, *, hidden: int | None = None) -> None:
        super().__init__()
        self.layers = _layers(positive("n_in", n_in), hidden, width)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        embedding: torch.Tensor = self.layers(vectors)
        return embedding


class Classifier(nn.Module):
    """Logits (n, n_classes) of class scores (n, n_classes): a temperature and a bias a class.

    The scores come from class prototypes that several classifiers may share.

    Raises:
        OptionError: for n_classes that is no positive integer.
    """

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.n_classes = positive("n_classes", n_classes)
        self.log_temperature = nn.Parameter(torch.empty(()))
        self.bias = nn.Parameter(torch.empty(n_classes))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.log_temperature)
        nn.init.zeros_(self.bias)

    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        return scores * torch.exp(self.log_temperature) + self.bias


def positive(name: str, value: int) -> int:
    """The value, or one sentence on why it is no size."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise OptionError(f"{name}={value!r} is not accepted: give an integer >= 1")
    return value


def _layers(n_in: int, hidden: int | None, width: int) -> nn.Module:
    positive("width", width)
    if hidden is None:
        return nn.Linear(n_in, width)
    return nn.Sequential(nn.Linear(n_in, positive("hidden", hidden)), nn.ReLU(), nn.Linear(hidden, width))
