"""Cross-modal transfer: what one modality knows improves the other, where labels are few."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from moo.errors import OptionError, unknown_name
from moo.multimodal.data import DataSet, MultimodalData, Samples
from moo.multimodal.data.emoji import Emoji
from moo.multimodal.encoders import ImageEncoder, TextEncoder, positive
from moo.multimodal.losses import masked_mean
from moo.multimodal.tasks.base import Task
from moo.multimodal.tasks.retrieval import alike, contrastive_loss, paired, require_negatives, unit

MODALITIES = ("image", "text")
_SCALE = 10.0  # of cosines, to logits


class Known(NamedTuple):
    """Class logits (n, n_classes) of both modalities, and their embeddings (n, width)."""

    logits: dict[str, torch.Tensor]
    embeddings: dict[str, torch.Tensor]


class TransferModel(nn.Module):
    """An image and a text encoder into one space, and one classifier of points of that space.

    Args:
        n_words: columns of the text's bag of words.
        n_classes: classes.
        width: columns of the embeddings.
        hidden: units of a layer within each encoder, None for linear encoders.

    Raises:
        OptionError: for a size that is no positive integer.
    """

    def __init__(self, n_words: int, n_classes: int, *, width: int = 32, hidden: int | None = None) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict(
            {
                "image": ImageEncoder(width, hidden=hidden),
                "text": TextEncoder(n_words, width, hidden=hidden),
            }
        )
        self.head = nn.Linear(width, positive("n_classes", n_classes))

    def forward(self, image: torch.Tensor, text: torch.Tensor) -> Known:
        """Images (n, 3, size, size) in [0, 1] and bags of words (n, n_words)."""
        embeddings = {"image": self.encoders["image"](image), "text": self.encoders["text"](text)}
        return Known({name: self.head(values) for name, values in embeddings.items()}, embeddings)


class Transfer(Task):
    """Classify one modality from few labels, with what the other one teaches on rows without labels:
    min (target loss, transfer loss).

    "target loss" is the mean cross entropy, in nats, of the target modality on the labelled training rows.
    "transfer loss" is what ties the modalities: with ``by="labels"`` the cross entropy of the source on its
    own labelled rows plus that of the target on all rows against what the source says of them (distillation,
    Hinton, Vinyals and Dean 2015; what the source says is not trained by it), with ``by="pairs"`` the
    source's cross entropy plus InfoNCE of the pairs, both ways (van den Oord et al. 2018). Weight 1 on the
    target loss is training on the target alone. Reported: "target accuracy" and "source accuracy". On
    held-out splits every row counts.

    Who has few labels for the target as a rule has few for the source, and that is the default: the other
    rows are pairs without a class. With ``source_labels=1`` the class of every row is known, by way of its
    source.

    Measured on `moo.multimodal.Emoji` by ``benchmarks/multimodal/transfer.py`` (10 seeds, 16 settings each):
    with 5, 10, 30 and 100 % of the drawings labelled the target alone has test accuracies of .407, .452,
    .469 and .503. With as many names labelled, transfer by labels adds .000, -.007 [-.016, .001], .025
    [.012, .038] and .004 [-.003, .012]: sure at 30 % alone; by pairs it is much the same. With all names
    labelled, and so every class known, it adds .093, .047 and .030.

    Args:
        data: with "image" (n, 3, size, size) and "text", a bag of words (n, n_words); by default
            `moo.multimodal.Emoji` with 1,024 words.
        target: "image" or "text"; the other one is the source.
        labels: share of the training rows whose target has a label, in each class alike.
        source_labels: share of them whose source has one, with the target's among them; None for as many.
        by: "labels" or "pairs".
        width, hidden: as in `TransferModel`.
        seed: of which rows are labelled.
        batch_size: at least 2; otherwise as in `moo.multimodal.ModelProblem`, but one beyond the training
            samples takes all of them.
        bound, device: as in `moo.multimodal.ModelProblem`.

    Raises:
        ProblemError: for data without an image or a text; as `ModelProblem`.
        OptionError: for unknown names, shares and sizes out of their range, and a batch of less than two.
        MissingExtraError: when the packages of the default data are not installed.
    """

    task_name = "transfer"
    chosen_by = "target accuracy"

    def __init__(
        self,
        data: MultimodalData | DataSet | None = None,
        *,
        target: str = "image",
        labels: float = 0.1,
        source_labels: float | None = None,
        by: str = "labels",
        width: int = 32,
        hidden: int | None = None,
        seed: int = 0,
        batch_size: int | None = 128,
        bound: float | None = 0.3,
        device: str = "cpu",
    ) -> None:
        if target not in MODALITIES:
            raise OptionError(unknown_name("target", str(target), MODALITIES))
        if by not in _TRANSFERS:
            raise OptionError(unknown_name("by", str(by), _TRANSFERS))
        require_negatives(batch_size)
        given = paired(self._loaded(data))
        (source,) = {*MODALITIES} - {target}
        given = _labelled(
            given, {"target": labels, "source": labels if source_labels is None else source_labels}, seed
        )
        n_words = given.samples.modalities["text"].shape[1]
        super().__init__(
            given,
            partial(TransferModel, n_words, len(given.class_names), width=width, hidden=hidden),
            {
                "target loss": partial(_labelled_loss, target, "target"),
                "transfer loss": partial(_TRANSFERS[by], source, target),
            },
            {"target accuracy": partial(_accuracy, target), "source accuracy": partial(_accuracy, source)},
            batch_size=batch_size,
            bound=bound,
            device=device,
        )

    @classmethod
    def default_data(cls) -> DataSet:
        return Emoji(n_words=1024)


def _labelled(data: MultimodalData, shares: dict[str, float], seed: int) -> MultimodalData:
    """With targets "target labelled" and "source labelled" (n,), bool: True throughout the held-out splits,
    in the training split for that share of each class, at least one row."""
    for name, share in shares.items():
        if not isinstance(share, (int, float)) or not 0.0 < share <= 1.0:
            option = "labels" if name == "target" else "source_labels"
            raise OptionError(f"{option}={share!r} is not accepted: give a share above 0, up to 1")
    labels, rng = data.samples.labels.numpy(), np.random.default_rng([seed, 1])
    masks = {name: np.ones(len(labels), dtype=bool) for name in shares}
    train = data.split["train"]
    for label in np.unique(labels[train]):
        rows = rng.permutation(train[labels[train] == label])
        for name, share in shares.items():
            masks[name][rows[max(1, round(share * len(rows))) :]] = False
    known = {f"{name} labelled": torch.from_numpy(mask) for name, mask in masks.items()}
    samples = replace(data.samples, targets={**data.samples.targets, **known})
    return replace(data, samples=samples)


# ------------------------------------------------------------------ losses and metrics


def _labelled_loss(modality: str, role: str, output: Known, samples: Samples) -> torch.Tensor:
    each = functional.cross_entropy(output.logits[modality], samples.labels, reduction="none")
    return masked_mean(each, samples.targets[f"{role} labelled"])


def _by_labels(source: str, target: str, output: Known, samples: Samples) -> torch.Tensor:
    said = output.logits[source].detach().softmax(1)
    taught = -(said * output.logits[target].log_softmax(1)).sum(1).mean()
    return _labelled_loss(source, "source", output, samples) + taught


def _by_pairs(source: str, target: str, output: Known, samples: Samples) -> torch.Tensor:
    same, scale = alike(samples), output.logits[source].new_tensor(_SCALE)
    a, b = unit(output.embeddings[target]), unit(output.embeddings[source])
    pairs = 0.5 * (contrastive_loss(a, b, scale, same) + contrastive_loss(b, a, scale, same))
    return _labelled_loss(source, "source", output, samples) + pairs


_TRANSFERS: dict[str, Callable[..., torch.Tensor]] = {"labels": _by_labels, "pairs": _by_pairs}


def _accuracy(modality: str, output: Known, samples: Samples) -> torch.Tensor:
    return (output.logits[modality].argmax(dim=-1) == samples.labels).to(torch.float32).mean()
