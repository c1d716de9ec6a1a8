"""Multimodal anomaly detection: pairs that do not belong together, are damaged, or of a class never seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from moo.arrays import Array
from moo.errors import OptionError, ProblemError, unknown_name
from moo.multimodal.data import DataSet, MultimodalData, Samples
from moo.multimodal.data.emoji import Emoji
from moo.multimodal.encoders import ImageEncoder, TextEncoder, positive
from moo.multimodal.losses import masked_mean
from moo.multimodal.problem import Measure
from moo.multimodal.ranking import auroc
from moo.multimodal.search.checks import is_seed, require
from moo.multimodal.tasks.base import Task
from moo.multimodal.tasks.retrieval import alike, contrastive_loss, paired, require_negatives, unit

KINDS = ("normal", "mismatched", "within-class", "corrupted", "novel")
"""What a row's target "kind" counts."""
PARTS = ("image", "text", "matching")
_NORMAL, _MISMATCHED, _WITHIN, _CORRUPTED, _NOVEL = range(len(KINDS))
_HELDOUT = ("validation", "test")
_SCALE = 1 / 0.07  # Radford et al. 2021, section 2.5
_NOVEL_EMOJI = "Flags"


class Seen(NamedTuple):
    """What a model makes of pairs.

    Attributes:
        image, text: embeddings (n, width) of unit length.
        scale: () that brings their cosines to logits.
        image_error: mean squared error (n,) of the colours, in [-1, 1], as rebuilt from the joint bottleneck.
        text_error: 1 - cosine (n,) of the bag of words and the one rebuilt from it; 1 where there are no
        words.
    """

    image: torch.Tensor
    text: torch.Tensor
    scale: torch.Tensor
    image_error: torch.Tensor
    text_error: torch.Tensor


class PairAutoencoder(nn.Module):
    """Two encoders, whose embeddings are compared, and squeezed through one bottleneck to rebuild both.

    Args:
        n_words: columns of the text's bag of words.
        width: dimensions of an embedding.
        bottleneck: dimensions through which both modalities are rebuilt.
        hidden: units of a layer within each encoder, None for linear encoders.
        pixels: colours a side of the image that is encoded and rebuilt.

    Raises:
        OptionError: for a size that is no positive integer.
    """

    def __init__(
        self,
        n_words: int,
        *,
        width: int = 32,
        bottleneck: int = 32,
        hidden: int | None = None,
        pixels: int = 8,
    ) -> None:
        super().__init__()
        self.pixels = pixels
        self.image_encoder = ImageEncoder(width, hidden=hidden, pixels=pixels)
        self.text_encoder = TextEncoder(n_words, width, hidden=hidden)
        self.squeeze = nn.Linear(2 * width, positive("bottleneck", bottleneck))
        self.image_decoder = nn.Linear(bottleneck, 3 * pixels**2)
        self.text_decoder = nn.Linear(bottleneck, n_words)
        self.log_scale = nn.Parameter(torch.zeros(()))  # relative, so that a bound on parameters fits it too

    def forward(self, image: torch.Tensor, text: torch.Tensor) -> Seen:
        """Images (n, 3, size, size) in [0, 1] and bags of words (n, n_words), rows of length 1 or 0."""
        seen, read = self.image_encoder(image), self.text_encoder(text)
        joint = self.squeeze(torch.cat([seen, read], dim=1))
        colours = 2.0 * functional.adaptive_avg_pool2d(image, self.pixels).flatten(1) - 1.0
        return Seen(
            unit(seen),
            unit(read),
            _SCALE * self.log_scale.exp(),
            (self.image_decoder(joint) - colours).square().mean(1),
            1.0 - (unit(self.text_decoder(joint)) * text).sum(1),
        )


class Anomaly(Task):
    """Tell pairs of an image and a text that are as in training from pairs that are not.

    The objectives, over normal pairs alone: "image loss" and "text loss", the errors of rebuilding either
    from one bottleneck that both share (see `Seen`), and "matching loss", the mean of both directions'
    InfoNCE in nats (van den Oord et al. 2018, eq. 4). A row's score is the mean of the standard scores, over
    the rows that are scored together, of three parts: the log of the image error, the text error, and the
    cosine distance of the two embeddings.

    The validation and the test split are given anomalies, made once from ``anomaly_seed``: "mismatched"
    (each normal row's text replaced by another row's), "within-class" (by another's of the same class),
    "corrupted" (noise on the image), and "novel", the rows of a class that training is not shown. Reported
    as well, on these splits: the area under the ROC curve of each kind against the normal rows
    ("mismatched AUROC"), their mean, "mean AUROC", and for the two kinds of wrong pairs that of the cosine
    distance alone ("mismatched matching AUROC"). No anomaly is trained on.

    Measured on `moo.multimodal.Emoji` (5 seeds, each with 6 weights of `moo.WeightedSum` for 8,000
    F-equivalents, 17 s on a core; the model chosen on validation; test AUROC, mean +- standard deviation
    over seeds). With "Flags" novel, 327 normal test rows and 54 flags: mismatched .722 +- .005, within-class
    .663 +- .006, corrupted .742 +- .008, novel .952 +- .013 (an easy novelty: flags are drawn and named
    alike, and their words are in the vocabulary). One score for all kinds has its price: by the cosine
    distance alone wrong pairs are told at .768 and .744 (with no novel class, on all 381 test rows, .794
    +- .004 and .728 +- .005), by the image error alone corrupted ones at about .95 (1 seed). On four drawings
    of each emoji and richer features the similarity of ridge canonical correlations has .870 and .698 on
    wrong pairs. Weights matter: the 6 models of one seed have mean AUROC of
    .63 to .775.

    Args:
        data: a `MultimodalData` or `DataSet` with "image" (n, 3, size, size) and "text", a bag of words
            (n, n_words); by default `moo.multimodal.Emoji` with 1,024 words.
        novel: name of a class to keep from training, None for none; of the default data it is "Flags".
        noise: standard deviation of the Gaussian noise on corrupted images, which are clipped to [0, 1].
        anomaly_seed: of the anomalies.
        width, bottleneck, hidden: as in `PairAutoencoder`.
        batch_size: rows that a row is told apart from, at least 2; otherwise as in
            `moo.multimodal.ModelProblem`, but one beyond the training samples takes all of them.
        bound, device: as in `moo.multimodal.ModelProblem`.

    Raises:
        ProblemError: for data without an image or a text, or too few rows with both, also once the novel
            class is left out; as `ModelProblem`.
        OptionError: for an unknown class, a batch of less than two, and numbers out of their range.
        MissingExtraError: when the packages of the default data are not installed.
    """

    task_name = "anomaly"
    chosen_by = "mean AUROC"

    def __init__(
        self,
        data: MultimodalData | DataSet | None = None,
        *,
        novel: str | None = None,
        noise: float = 0.3,
        anomaly_seed: int = 0,
        width: int = 32,
        bottleneck: int = 32,
        hidden: int | None = None,
        batch_size: int | None = 128,
        bound: float | None = 0.3,
        device: str = "cpu",
    ) -> None:
        require_negatives(batch_size)
        held_out = _NOVEL_EMOJI if data is None and novel is None else novel
        given = with_anomalies(self._loaded(data), novel=held_out, noise=noise, seed=anomaly_seed)
        n_words = given.samples.modalities["text"].shape[1]
        super().__init__(
            given,
            partial(PairAutoencoder, n_words, width=width, bottleneck=bottleneck, hidden=hidden),
            {
                "image loss": partial(_rebuilding_loss, "image_error"),
                "text loss": partial(_rebuilding_loss, "text_error"),
                "matching loss": _matching_loss,
            },
            _metrics(given),
            batch_size=batch_size,
            bound=bound,
            device=device,
        )

    @classmethod
    def default_data(cls) -> DataSet:
        return Emoji(n_words=1024)

    def report(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """As `ModelProblem.report`, without AUROC on training samples, of which none is an anomaly."""
        reported = super().report(X)
        if (self.train.targets["kind"] != _NORMAL).any():
            return reported
        return {name: v for name, v in reported.items() if name.removeprefix("train ") not in self.metrics}

    def scores(self, x: Array, samples: Samples) -> dict[str, np.ndarray]:
        """How anomalous the model in one row x (n_var,) finds each of the samples, (n,) by name: "image",
        "text" and "matching", standard scores over these samples, and "score", their mean.

        Raises:
            ProblemError: for x of another shape.
        """
        with torch.no_grad():
            parts = _parts(self.module(x).to(self.device)(**self.inputs(samples.to(str(self.device)))))
        named = dict(zip((*PARTS, "score"), [*parts, parts.mean(0)], strict=True))
        return {name: self.to_array(values) for name, values in named.items()}


# ------------------------------------------------------------------ anomalies


@dataclass(frozen=True)
class _Made:
    """Rows to add: whose image and whose text each has, and of which kind it is, (k,) all."""

    image: np.ndarray
    text: np.ndarray
    kind: np.ndarray


def with_anomalies(
    data: MultimodalData, *, novel: str | None = None, noise: float = 0.3, seed: int = 0
) -> MultimodalData:
    """The pairs of the data and, in the validation and the test split, anomalies made of them, with a target
    "kind" (n,), int64, that counts `KINDS`. Rows of the class ``novel`` leave the training split. A row
    has no partner, and so no mismatched copy, where no other row of its split differs from it.

    Raises:
        ProblemError: as `paired`, also once the novel class is left out.
        OptionError: for an unknown class, negative noise and a seed that is no integer >= 0.
    """
    require(is_seed(seed), "anomaly_seed", seed, "an integer >= 0")
    number = isinstance(noise, int | float) and not isinstance(noise, bool)
    require(number and 0.0 < noise < float("inf"), "noise", noise, "a number above zero")
    pairs = paired(data)
    kind = np.where(pairs.samples.labels.cpu().numpy() == _label(data, novel), _NOVEL, _NORMAL)
    normal = _normal_rows(pairs, kind, novel)
    rng = np.random.default_rng(seed)
    made = [_anomalies(pairs, normal[part], rng) for part in _HELDOUT]
    n, ends = len(data), len(data) + np.cumsum([len(new.kind) for new in made])
    added = dict(zip(_HELDOUT, np.split(np.arange(n, ends[-1]), [ends[0] - n]), strict=True))
    split = {part: np.concatenate([pairs.split[part], rows]) for part, rows in added.items()}
    extended = _extended(pairs, [_Made(np.arange(n), np.arange(n), kind), *made], noise, rng)
    return MultimodalData(extended, data.class_names, {"train": normal["train"], **split})


def _label(data: MultimodalData, novel: str | None) -> int:
    """The label of the class, -1 for none."""
    if novel is None:
        return -1
    if novel not in data.class_names:
        raise OptionError(unknown_name("class", str(novel), data.class_names))
    return data.class_names.index(novel)


def _normal_rows(data: MultimodalData, kind: np.ndarray, novel: str | None) -> dict[str, np.ndarray]:
    normal = {part: rows[kind[rows] == _NORMAL] for part, rows in data.split.items()}
    for part, rows in normal.items():
        if len(rows) < 2:
            raise ProblemError(
                f"the split {part!r} has {len(rows)} pairs that are not of class {novel!r}, "
                "expected at least 2"
            )
    return normal


def _anomalies(data: MultimodalData, rows: np.ndarray, rng: np.random.Generator) -> _Made:
    """One anomaly of each kind but "novel" for each of the rows that has a partner."""
    samples = data.samples.take(rows)
    differ = (~alike(samples)).cpu().numpy()
    labels = samples.labels.cpu().numpy()
    swaps = {_MISMATCHED: differ, _WITHIN: differ & (labels[:, None] == labels)}
    made = [_swapped(rows, partners, kind, rng) for kind, partners in swaps.items()]
    made.append(_Made(rows, rows, np.full(len(rows), _CORRUPTED)))
    return _Made(*(np.concatenate([getattr(m, name) for m in made]) for name in ("image", "text", "kind")))


def _swapped(rows: np.ndarray, partners: np.ndarray, kind: int, rng: np.random.Generator) -> _Made:
    """The rows with the text of another, drawn from those that ``partners`` (k, k) allows each."""
    some = np.flatnonzero(partners.any(1))
    text = np.array([rng.choice(np.flatnonzero(partners[i])) for i in some], dtype=int)
    return _Made(rows[some], rows[text], np.full(len(some), kind))


def _extended(data: MultimodalData, made: Sequence[_Made], noise: float, rng: np.random.Generator) -> Samples:
    """Samples of which each row has an image, a text and a kind, corrupted where its kind says so."""
    device = data.samples.labels.device
    image, text, kind = (
        torch.as_tensor(np.concatenate([getattr(m, name) for m in made]), device=device)
        for name in ("image", "text", "kind")
    )
    images, targets = data.samples.modalities["image"][image], data.samples.targets
    corrupted = torch.nonzero(kind == _CORRUPTED)[:, 0]
    drawn = torch.as_tensor(rng.standard_normal((len(corrupted), *images.shape[1:])), device=device)
    images[corrupted] = (images[corrupted] + noise * drawn.to(images.dtype)).clamp(0.0, 1.0)
    return Samples(
        {"image": images, "text": data.samples.modalities["text"][text]},
        data.samples.labels[image],
        targets={"picture": targets["picture"][image], "caption": targets["caption"][text], "kind": kind},
    )


# ------------------------------------------------------------------ losses and metrics


def _rebuilding_loss(error: str, output: Seen, samples: Samples) -> torch.Tensor:
    return masked_mean(getattr(output, error), samples.targets["kind"] == _NORMAL)


def _matching_loss(output: Seen, samples: Samples) -> torch.Tensor:
    rows = torch.nonzero(samples.targets["kind"] == _NORMAL)[:, 0]
    targets = {name: values[rows] for name, values in samples.targets.items()}
    same = alike(replace(samples, modalities={}, labels=samples.labels[rows], present={}, targets=targets))
    image, text = output.image[rows], output.text[rows]
    ways = [(image, text), (text, image)]
    return torch.stack([contrastive_loss(*way, output.scale, same) for way in ways]).mean()


def _parts(output: Seen) -> torch.Tensor:
    """Standard scores (3, n) of the rows, in the order of `PARTS`; zero where all rows are equal."""
    raw = torch.stack(
        [output.image_error.clamp(min=1e-12).log(), output.text_error, -(output.image * output.text).sum(1)]
    )
    return (raw - raw.mean(1, keepdim=True)) / raw.std(1, keepdim=True, correction=0).clamp(min=1e-6)


def _auroc(kind: int, part: str | None, output: Seen, samples: Samples) -> torch.Tensor:
    """Of one kind against normal rows, by one part of the score or by all; NaN without rows of it."""
    kinds, parts = samples.targets["kind"], _parts(output)
    rows = torch.nonzero((kinds == _NORMAL) | (kinds == kind))[:, 0]
    if not (kinds == kind).any():
        return torch.full((), torch.nan, device=kinds.device)
    values = parts.mean(0) if part is None else parts[PARTS.index(part)]
    return auroc(values[rows], kinds[rows] == kind)


def _mean_auroc(kinds: Sequence[int], output: Seen, samples: Samples) -> torch.Tensor:
    return torch.stack([_auroc(kind, None, output, samples) for kind in kinds]).mean()


def _metrics(data: MultimodalData) -> dict[str, Measure]:
    """AUROC of the kinds that both held-out splits have."""
    there = [set(data.part(part).targets["kind"].tolist()) for part in _HELDOUT]
    kinds = sorted(set.intersection(*there) - {_NORMAL})
    wrong = [kind for kind in kinds if kind in (_MISMATCHED, _WITHIN)]
    return {
        **{f"{KINDS[kind]} AUROC": partial(_auroc, kind, None) for kind in kinds},
        "mean AUROC": partial(_mean_auroc, kinds),
        **{f"{KINDS[kind]} matching AUROC": partial(_auroc, kind, "matching") for kind in wrong},
    }
