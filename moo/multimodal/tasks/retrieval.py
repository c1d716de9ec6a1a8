"""Cross-modal retrieval: find the text of an image among many, and the image of a text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from moo.errors import OptionError, ProblemError, unknown_name
from moo.multimodal.data import DataSet, MultimodalData, Samples
from moo.multimodal.data.emoji import Emoji
from moo.multimodal.encoders import ImageEncoder, TextEncoder
from moo.multimodal.problem import Measure
from moo.multimodal.ranking import median_rank, recall_at
from moo.multimodal.tasks.base import Task, require_modalities

DEPTHS = (1, 5, 10)
_LEAST_POTENTIAL = math.exp(-8.0)  # of opposite points, and where no two rows differ
_SCALE, _LARGEST_SCALE = 1 / 0.07, 100.0  # Radford et al. 2021, section 2.5


class Pairs(NamedTuple):
    """Embeddings (n, width) of unit length of each image and each text, and the scale () that brings
    their cosines to logits: the inverse of the temperature."""

    image: torch.Tensor
    text: torch.Tensor
    scale: torch.Tensor


class PairModel(nn.Module):
    """An image encoder and a text encoder onto one unit sphere, and a learned temperature.

    Args:
        n_words: columns of the text's bag of words.
        width: dimensions of the sphere's space.
        hidden: units of a layer within each encoder, None for linear encoders.
        pixels: colours a side that the image encoder averages to.

    Raises:
        OptionError: for a size that is no positive integer.
    """

    def __init__(self, n_words: int, *, width: int = 32, hidden: int | None = None, pixels: int = 8) -> None:
        super().__init__()
        self.image_encoder = ImageEncoder(width, hidden=hidden, pixels=pixels)
        self.text_encoder = TextEncoder(n_words, width, hidden=hidden)
        self.log_scale = nn.Parameter(torch.zeros(()))  # relative, so that a bound on parameters fits it too

    def forward(self, image: torch.Tensor, text: torch.Tensor) -> Pairs:
        """Images (n, 3, size, size) in [0, 1] and bags of words (n, n_words)."""
        scale = (_SCALE * self.log_scale.exp()).clamp(max=_LARGEST_SCALE)
        return Pairs(unit(self.image_encoder(image)), unit(self.text_encoder(text)), scale)


class Retrieval(Task):
    """Find the text of an image among all others, and the image of a text.

    The objectives are, with ``losses="contrastive"``, the two directions' InfoNCE losses in nats over the
    rows of a minibatch (Radford et al. 2021, figure 3): "image to text loss" and "text to image loss". They
    are nearly aligned, and what an image and a text compete for is a matter of the last tenths of a nat.
    With ``losses="alignment"`` they are the "alignment loss" of pairs and the "uniformity loss" of rows that
    differ, of which such a loss is the sum in the limit of many negatives (Wang and Isola 2020, theorem 1):
    a true conflict, since a model that maps all to one point is perfectly aligned.

    Reported as well, among all rows of a split: recall at 1, 5 and 10 both ways ("image to text R@10"),
    the median rank of the nearest hit, and "mean recall", of all six. A hit shows the same picture or has
    the same wording; equal scores are ordered by chance (`moo.multimodal.ranking`), so that the 28 % of test
    names without a word that training knows earn a guess. Rows without an image or a text are left out.

    Measured on `moo.multimodal.Emoji`, 381 test rows (5 seeds, each with 5 weights of `moo.WeightedSum` for
    4,000 F-equivalents, 5 s on a core; the model chosen on validation; mean +- standard deviation over
    seeds): R@1, 5, 10 are .078 +- .019, .199 +- .006 and .262 +- .008 from image to text, .082, .188 and .256
    from text to image, median ranks 56 and 51 (chance .003, .014, .027 and 191). The alignment losses reach
    R@10 .261 +- .008 and .237 +- .010. How far the two conflict (2 seeds): the contrastive gradients of the
    trained models have cosines of -.14 to .76, .15 to .21 before training, and weights move the losses from
    (2.07, 1.33) to (1.75, 1.80) nats or lower both; the other pair's cosines are -.72 to .04, and the front
    runs from (.001, -.01) by way of (.36, -3.36) to (1.97, -3.55).

    Args:
        data: a `MultimodalData` or `DataSet` with "image" (n, 3, size, size) and "text", a bag of words
            (n, n_words); by default `moo.multimodal.Emoji` with 1,024 words.
        losses: "contrastive" or "alignment".
        width, hidden: as in `PairModel`.
        batch_size: rows that a row is told apart from, at least 2; otherwise as in
            `moo.multimodal.ModelProblem`, but one beyond the training samples takes all of them.
        bound, device: as in `moo.multimodal.ModelProblem`. (A narrow bound generalises better here.)

    Raises:
        ProblemError: for data without an image or a text, or too few rows with both; as `ModelProblem`.
        OptionError: for unknown losses, a batch of less than two, and sizes out of their range.
        MissingExtraError: when the packages of the default data are not installed.
    """

    task_name = "retrieval"
    chosen_by = "mean recall"

    def __init__(
        self,
        data: MultimodalData | DataSet | None = None,
        *,
        losses: str = "contrastive",
        width: int = 32,
        hidden: int | None = None,
        batch_size: int | None = 128,
        bound: float | None = 0.3,
        device: str = "cpu",
    ) -> None:
        if losses not in LOSSES:
            raise OptionError(unknown_name("losses", str(losses), LOSSES))
        require_negatives(batch_size)
        given = paired(self._loaded(data))
        n_words = given.samples.modalities["text"].shape[1]
        super().__init__(
            given,
            partial(PairModel, n_words, width=width, hidden=hidden),
            LOSSES[losses],
            METRICS,
            batch_size=batch_size,
            bound=bound,
            device=device,
        )

    @classmethod
    def default_data(cls) -> DataSet:
        return Emoji(n_words=1024)


def unit(x: torch.Tensor) -> torch.Tensor:
    """Rows (n, width) scaled to length 1."""
    return functional.normalize(x, dim=1)


# ------------------------------------------------------------------ pairs


def paired(data: MultimodalData) -> MultimodalData:
    """The rows of a data set that have an image and a text, with three targets (n,), int64, that are equal
    where rows have the same: "picture" (``groups["image"]``, or the pixels), "caption" (the text as the model
    is given it) and "wording" (the text as it was written, where the data tell).

    Raises:
        ProblemError: without a modality "image" or "text", or when a split has fewer than two such rows.
    """
    require_modalities(data.samples, ("image", "text"))
    modalities = data.samples.modalities
    both = (data.samples.mask("image") & data.samples.mask("text")).cpu().numpy()
    split = {name: rows[both[rows]] for name, rows in data.split.items()}
    for name, rows in split.items():
        if len(rows) < 2:
            raise ProblemError(
                f"the split {name!r} has {len(rows)} rows with an image and a text, expected at least 2"
            )
    groups = data.groups.get("image")
    captions = _numbered(_keys(modalities["text"]))
    targets = {
        "picture": _numbered(_keys(modalities["image"]) if groups is None else groups.tolist()),
        "caption": captions,
        "wording": _numbered(data.texts) if data.texts else captions,
    }
    samples = replace(data.samples, targets={**data.samples.targets, **targets})
    return replace(data, samples=samples, split=split)


def require_negatives(batch_size: int | None) -> None:
    """Raise an `OptionError` for a batch in which no row has another to differ from."""
    if isinstance(batch_size, int) and batch_size < 2:
        raise OptionError(
            f"batch_size={batch_size!r} leaves a contrastive loss nothing to compare with: give an "
            "integer >= 2, or None for all training samples"
        )


def alike(samples: Samples, text: str = "caption") -> torch.Tensor:
    """Which pairs of rows (n, n) show the same picture or have the same text, bool; each row with itself.

    Rows of one "caption" are no negatives of each other, since no model could tell them apart. A hit needs
    the same "wording": other texts that the model is given alike, such as those without a known word, are
    ties, not answers.
    """
    picture, words = samples.targets["picture"], samples.targets[text]
    return (picture[:, None] == picture) | (words[:, None] == words)


def _keys(values: torch.Tensor) -> list[bytes]:
    return [row.tobytes() for row in values.cpu().numpy()]


def _numbered(keys: Iterable[object]) -> torch.Tensor:
    """Numbers (n,) that are equal where the keys are."""
    numbers: dict[object, int] = {}
    return torch.tensor([numbers.setdefault(key, len(numbers)) for key in keys])


# ------------------------------------------------------------------ losses and metrics


def contrastive_loss(
    queries: torch.Tensor, candidates: torch.Tensor, scale: torch.Tensor, same: torch.Tensor
) -> torch.Tensor:
    """InfoNCE () in nats: the cross entropy of finding each query's own candidate among those of the other
    rows (van den Oord et al. 2018, eq. 4); rows that are alike are no negatives of each other.

    Args:
        queries, candidates: (n, width), of unit length; row i of one belongs to row i of the other.
        scale: () of the cosines.
        same: bool (n, n), as `alike`.
    """
    own = torch.eye(len(queries), dtype=torch.bool, device=same.device)
    logits = (scale * queries @ candidates.T).masked_fill(same & ~own, -math.inf)
    return (logits.logsumexp(1) - logits.diagonal()).mean()


def _contrastive(query: str, candidate: str, output: Pairs, samples: Samples) -> torch.Tensor:
    queries, candidates = getattr(output, query), getattr(output, candidate)
    return contrastive_loss(queries, candidates, output.scale, alike(samples))


def _alignment(output: Pairs, samples: Samples) -> torch.Tensor:
    """The mean squared distance of the two embeddings of a row (Wang and Isola 2020, section 4.1)."""
    return (output.image - output.text).square().sum(1).mean()


def _uniformity(output: Pairs, samples: Samples) -> torch.Tensor:
    """The log of the mean Gaussian potential of rows that differ, t = 2 (Wang and Isola 2020, section
    4.1), averaged over both modalities."""
    differ = (~alike(samples)).to(output.image.dtype)
    total = torch.zeros((), device=differ.device)
    for x in (output.image, output.text):
        potential = ((4.0 * (x @ x.T - 1.0)).exp() * differ).sum() / differ.sum().clamp(min=1.0)
        total = total + 0.5 * potential.clamp(min=_LEAST_POTENTIAL).log()
    return total


def _cosines(query: str, candidate: str, output: Pairs) -> torch.Tensor:
    queries, candidates = getattr(output, query), getattr(output, candidate)
    cosines: torch.Tensor = queries @ candidates.T
    return cosines


def _recall(query: str, candidate: str, k: int, output: Pairs, samples: Samples) -> torch.Tensor:
    return recall_at(_cosines(query, candidate, output), alike(samples, "wording"), k)


def _mean_recall(output: Pairs, samples: Samples) -> torch.Tensor:
    recalls = [_recall(*ways, k, output, samples) for ways in _WAYS.values() for k in DEPTHS]
    return torch.stack(recalls).mean()


def _median_rank(query: str, candidate: str, output: Pairs, samples: Samples) -> torch.Tensor:
    return median_rank(_cosines(query, candidate, output), alike(samples, "wording"))


_WAYS = {"image to text": ("image", "text"), "text to image": ("text", "image")}
LOSSES: dict[str, dict[str, Measure]] = {
    "contrastive": {f"{way} loss": partial(_contrastive, *of) for way, of in _WAYS.items()},
    "alignment": {"alignment loss": _alignment, "uniformity loss": _uniformity},
}
METRICS: dict[str, Measure] = {
    **{f"{way} R@{k}": partial(_recall, *of, k) for way, of in _WAYS.items() for k in DEPTHS},
    **{f"{way} median rank": partial(_median_rank, *of) for way, of in _WAYS.items()},
    "mean recall": _mean_recall,
}
