"""Small models that say what an image shows and draw what a caption says, for `torch.func.vmap`."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from moo.errors import ProblemError
from moo.multimodal.captions import END, PAD, preceding, shown
from moo.multimodal.encoders import ImageEncoder, positive

_NEAR = 3  # tokens whose order the caption decoder sees
_TOKEN_SCALE = 8.0  # brings token vectors to the spread of an embedded image
_CONTRAST = 4.0  # brings embedded images to the spread at which the trunk bends


class Generated(NamedTuple):
    """Logits (n, length, n_tokens) of each token given the image and the tokens before it, and images
    (n, 3, size, size) in [0, 1] given the tokens."""

    caption: torch.Tensor
    image: torch.Tensor


class CaptionImageModel(nn.Module):
    """Captions of images and images of captions, by way of one joint embedding.

    image  -> ImageEncoder \\                                        / CaptionDecoder -> logits
                             embedding (width) -> shared trunk (tanh)
    tokens -> TokenEncoder /                                        \\ ImageDecoder   -> image

    The trunk serves both directions, and so does the table of token vectors: the text encoder and the
    caption decoder read by it. These are what the two losses can conflict about.

    Args:
        n_tokens: tokens of the vocabulary.
        size: pixels a side of the images drawn.
        width: dimensions of the joint embedding.
        trunk: units of the shared layer.
        hidden: units of the layer within each decoder.
        pixels: colours a side that the image encoder averages to.
        brightness: the mean of all colours in training, which is taken off: of drawings on white, what is
            white would alone settle what the trunk makes of them.

    Raises:
        OptionError: for a size that is no positive integer.
    """

    def __init__(
        self,
        n_tokens: int,
        size: int,
        *,
        width: int = 16,
        trunk: int = 32,
        hidden: int = 64,
        pixels: int = 8,
        brightness: float = 0.5,
    ) -> None:
        super().__init__()
        self.n_tokens, self.size = positive("n_tokens", n_tokens), positive("size", size)
        positive("trunk", trunk)
        self.brightness = brightness
        self.image_encoder = ImageEncoder(width, pixels=pixels)
        self.words = nn.Linear(n_tokens, width, bias=False)  # a column a token
        self.shared = nn.Linear(width, trunk)
        self.caption_decoder = CaptionDecoder(n_tokens, width, trunk, hidden)
        self.image_decoder = ImageDecoder(trunk, hidden, size)

    def forward(self, image: torch.Tensor, tokens: torch.Tensor) -> Generated:
        """Images (n, 3, size, size) in [0, 1] and tokens (n, length), int64; a caption's logits never
        depend on its own token or a later one, an image not on the image."""
        return Generated(self.next_tokens(self.seen(image), tokens), self.drawn(tokens))

    def seen(self, image: torch.Tensor) -> torch.Tensor:
        """What the trunk makes of images: (n, trunk)."""
        return torch.tanh(self.shared(_CONTRAST * self.image_encoder(image - self.brightness + 0.5)))

    def next_tokens(self, seen: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Logits (n, length, n_tokens) at each place, from the tokens before it."""
        before = self._vectors(preceding(tokens))
        logits: torch.Tensor = self.caption_decoder(seen, before)
        return logits

    def drawn(self, tokens: torch.Tensor) -> torch.Tensor:
        """Images (n, 3, size, size) of tokens (n, length)."""
        said = (shown(tokens) & (tokens != END)).to(self.words.weight.dtype)[..., None]
        mean = (self._vectors(tokens) * said).sum(1) / said.sum(1).clamp(min=1.0)
        image: torch.Tensor = self.image_decoder(torch.tanh(self.shared(mean)))
        return image

    @torch.no_grad()
    def greedy(self, image: torch.Tensor, length: int) -> torch.Tensor:
        """The likeliest token again and again: tokens (n, length), `PAD` after the first `END`."""
        seen, n = self.seen(image), len(image)
        tokens = torch.full((n, length), PAD, device=image.device)
        going = torch.ones(n, dtype=torch.bool, device=image.device)
        for i in range(length):
            logits = self.next_tokens(seen, tokens[:, : i + 1])[:, i]
            best = 1 + logits[:, 1:].argmax(dim=1)  # never PAD
            tokens[:, i] = torch.where(going, best, PAD)
            going = going & (best != END)
        return tokens

    def _vectors(self, tokens: torch.Tensor) -> torch.Tensor:
        """One vector (n, length, width) a token, by a matrix product: looking up cannot be vmapped over
        the table."""
        one_hot = functional.one_hot(tokens, self.n_tokens).to(self.words.weight.dtype)
        vectors: torch.Tensor = _TOKEN_SCALE * self.words(one_hot)
        return vectors


class CaptionDecoder(nn.Module):
    """Logits of the next token from the image, the last few tokens in order, and all before as a mean: a
    feed-forward language model (Bengio et al. 2003, section 2) with a condition.

    Args:
        n_tokens: tokens of the vocabulary.
        width: columns of the token vectors.
        trunk: columns of the condition.
        hidden: units of its layer.
    """

    def __init__(self, n_tokens: int, width: int, trunk: int, hidden: int) -> None:
        super().__init__()
        self.inner = nn.Linear(trunk + (_NEAR + 1) * width, positive("hidden", hidden))
        self.outer = nn.Linear(hidden, n_tokens)

    def forward(self, seen: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        """Conditions (n, trunk) and the vectors (n, length, width) of the tokens before each place."""
        length = before.shape[1]
        near = [functional.pad(before, (0, 0, i, 0))[:, :length] for i in range(_NEAR)]
        places = torch.arange(1, length + 1, device=before.device, dtype=before.dtype)
        mean = before.cumsum(1) / places[:, None]
        condition = seen[:, None].expand(-1, length, -1)
        context = torch.cat([condition, mean, *near], dim=-1)
        logits: torch.Tensor = self.outer(functional.relu(self.inner(context)))
        return logits


class ImageDecoder(nn.Module):
    """Images (n, 3, size, size) in [0, 1] from conditions (n, trunk): one ReLU layer, then a logistic
    colour a pixel. Beyond 32 pixels a side it draws 32 and enlarges them, bilinearly.

    Args:
        trunk: columns of the condition.
        hidden: units of its layer.
        size: pixels a side.
    """

    def __init__(self, trunk: int, hidden: int, size: int) -> None:
        super().__init__()
        self.size, self.drawn = size, min(size, 32)
        self.layers = nn.Sequential(nn.Linear(trunk, hidden), nn.ReLU(), nn.Linear(hidden, 3 * self.drawn**2))

    def forward(self, condition: torch.Tensor) -> torch.Tensor:
        image = torch.sigmoid(self.layers(condition)).reshape(-1, 3, self.drawn, self.drawn)
        if self.drawn < self.size:
            image = functional.interpolate(image, self.size, mode="bilinear", align_corners=False)
        return image


def side_of(image: torch.Tensor) -> int:
    """The pixels a side of images (n, 3, size, size).

    Raises:
        ProblemError: for another shape.
    """
    if image.ndim != 4 or image.shape[1] != 3 or image.shape[2] != image.shape[3]:
        raise ProblemError(f"images have shape {tuple(image.shape)}, expected squares: (n, 3, size, size)")
    return int(image.shape[3])
