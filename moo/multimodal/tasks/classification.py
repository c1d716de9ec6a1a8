"""What classification tasks share: any number of modalities, one loss each and one of their fusion."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from moo.errors import OptionError, ProblemError, unknown_name
from moo.multimodal.classifier import FUSED, FusionOption, MultimodalClassifier
from moo.multimodal.data import DataSet, MultimodalData, Samples
from moo.multimodal.encoders import ImageEncoder, TextEncoder, VectorEncoder
from moo.multimodal.losses import masked_mean
from moo.multimodal.tasks.base import Task

if TYPE_CHECKING:
    from moo.result import Result

Encoders = Mapping[str, Callable[[], nn.Module]]


class Classification(Task):
    """Classify a sample from all its modalities together, and from each alone.

    The objectives are mean cross entropies in nats over the rows that have the modality: "fused loss" and
    one a modality, such as "image loss". Reported as well: the accuracy of each, "fused accuracy" for
    example, and its unweighted accuracy (mean recall of the classes there are), "fused UA".

    Args:
        data: a `MultimodalData` or `DataSet`; None for the task's own.
        fusion: as in `moo.multimodal.MultimodalClassifier`.
        width: columns of the embeddings.
        hidden: units of a layer within each encoder, None for linear encoders.
        encoders: modality -> a function making its encoder, a module from its tensor to (n, width), in place
            of the one its shape suggests.
        fused_loss: whether the fused loss is an objective beside the modalities' own.
        shared_head: whether modalities share one head, see `moo.multimodal.MultimodalClassifier`.
        modality_dropout: the probability that a training row loses a modality, each by itself, in every
            minibatch anew; a row that would lose all keeps what it has (Neverova et al. 2016, ModDrop,
            by rows). It needs minibatches.
        batch_size, bound, device: as in `moo.multimodal.ModelProblem`; a batch size beyond the training
            samples takes all of them.

    Raises:
        ProblemError: for features that are not finite, and as `ModelProblem`.
        OptionError: for options out of their range, and encoders of unknown modalities.
        MissingExtraError: when the packages of the default data are not installed.
    """

    chosen_by = "fused accuracy"

    def __init__(
        self,
        data: MultimodalData | DataSet | None = None,
        *,
        fusion: FusionOption = "concatenation",
        width: int = 16,
        hidden: int | None = 32,
        encoders: Encoders | None = None,
        fused_loss: bool = True,
        shared_head: bool = False,
        modality_dropout: float = 0.0,
        batch_size: int | None = 128,
        bound: float | None = 3.0,
        device: str = "cpu",
    ) -> None:
        _check_dropout(modality_dropout, batch_size)
        loaded = self._loaded(data)
        samples = loaded.samples
        _check_finite(samples)
        chosen = {**_default_encoders(samples, width, hidden), **_known(encoders or {}, samples)}

        def model() -> MultimodalClassifier:
            made = {name: make() for name, make in chosen.items()}
            classes = len(loaded.class_names)
            return MultimodalClassifier(made, width, classes, fusion=fusion, shared_head=shared_head)

        heads = [FUSED, *samples.modalities]
        with_loss = heads if fused_loss else heads[1:]
        super().__init__(
            loaded,
            model,
            {f"{head} loss": partial(_loss, head) for head in with_loss},
            {f"{head} {name}": partial(f, head) for name, f in _METRICS.items() for head in heads},
            batch_size=batch_size,
            bound=bound,
            device=device,
        )
        self.modality_dropout = modality_dropout

    def with_modality_dropout(self, rate: float) -> Self:
        """The same task with another rate.

        Raises:
            OptionError: as the constructor.
        """
        _check_dropout(rate, self.batch_size)
        changed = copy.copy(self)
        changed.modality_dropout = rate
        return changed

    def samples_page(
        self, result: Result | np.ndarray, file: str | Path, *, part: str = "test", n: int = 24
    ) -> Path:
        """Write a self-contained HTML page of n samples of a split, spread over it: each sample, its class,
        and which class the models take it for, those with the least training losses and the chosen one.

        Args:
            result: of `moo.solve`, or its X (k, n_var).
            file: where to; a folder that is missing is made.
            part: "train", "validation" or "test".
            n: samples; fewer where the split has fewer.

        Raises:
            ProblemError: without a model, or for n below 1.
            StorageError: when the file cannot be written.
        """
        from moo.multimodal.samples_page import write_classes

        X = result if isinstance(result, np.ndarray) else result.X
        return write_classes(self, X, Path(file), part=part, n=n)

    def write_samples(self, X: np.ndarray, folder: Path) -> list[Path]:
        return [self.samples_page(X, folder / "samples.html")]

    def minibatch(self, rng: np.random.Generator) -> Samples:
        samples = super().minibatch(rng)
        return with_dropout(samples, self.modality_dropout, rng) if self.modality_dropout else samples


def _check_dropout(rate: float, batch_size: int | None) -> None:
    if not 0.0 <= rate < 1.0:
        raise OptionError(f"modality_dropout={rate!r} is not accepted: give 0 to below 1")
    if rate and batch_size is None:
        raise OptionError("modality_dropout is of minibatches: give a batch_size")


def with_dropout(samples: Samples, rate: float, rng: np.random.Generator) -> Samples:
    """The samples with modalities taken from rows by chance; none loses its last."""
    names = list(samples.modalities)
    device = samples.labels.device
    drawn = torch.from_numpy(rng.random((len(samples), len(names))) >= rate).to(device)
    before = torch.stack([samples.mask(name) for name in names], dim=1)
    kept = before & drawn
    kept = torch.where(kept.any(1, keepdim=True), kept, before)
    return replace(samples, present=dict(zip(names, kept.unbind(1), strict=True)))


# ------------------------------------------------------------------ encoders


def _default_encoders(samples: Samples, width: int, hidden: int | None) -> dict[str, Callable[[], nn.Module]]:
    made: dict[str, Callable[[], nn.Module]] = {}
    for name, values in samples.modalities.items():
        if values.ndim == 4:
            made[name] = partial(ImageEncoder, width, hidden=hidden)
        elif values.ndim == 2 and name == "text":
            made[name] = partial(TextEncoder, values.shape[1], width, hidden=hidden)
        elif values.ndim == 2:
            made[name] = partial(VectorEncoder, values.shape[1], width, hidden=hidden)
        else:
            raise ProblemError(
                f"modality {name!r} has shape {tuple(values.shape)}, for which there is no default encoder: "
                f"give encoders={{{name!r}: function making a module}}"
            )
    return made


def _known(encoders: Encoders, samples: Samples) -> Encoders:
    for name, make in encoders.items():
        if name not in samples.modalities:
            raise OptionError(unknown_name("modality", name, samples.modalities))
        if not callable(make) or isinstance(make, nn.Module):
            raise OptionError(f"encoders[{name!r}] is {make!r}: give a function that makes the module")
    return encoders


def _check_finite(samples: Samples) -> None:
    for name, values in samples.modalities.items():
        rows = torch.nonzero(~values.flatten(1).isfinite().all(1))[:, 0]
        if len(rows):
            raise ProblemError(
                f"modality {name!r} has {len(rows)} rows that are not finite, the first is row "
                f"{int(rows[0])}: leave them out, or mark them absent with zeros in their place"
            )


# ------------------------------------------------------------------ losses and metrics


def _mask(head: str, samples: Samples) -> torch.Tensor:
    return torch.ones_like(samples.labels, dtype=torch.bool) if head == FUSED else samples.mask(head)


def _loss(head: str, output: Mapping[str, torch.Tensor], samples: Samples) -> torch.Tensor:
    each = functional.cross_entropy(output[head], samples.labels, reduction="none")
    return masked_mean(each, _mask(head, samples))


def _hits(head: str, output: Mapping[str, torch.Tensor], samples: Samples) -> torch.Tensor:
    return (output[head].argmax(dim=-1) == samples.labels).to(output[head].dtype)


def _accuracy(head: str, output: Mapping[str, torch.Tensor], samples: Samples) -> torch.Tensor:
    return masked_mean(_hits(head, output, samples), _mask(head, samples))


def _unweighted_accuracy(head: str, output: Mapping[str, torch.Tensor], samples: Samples) -> torch.Tensor:
    """Mean recall of the classes that some row is of."""
    hits, there = _hits(head, output, samples), _mask(head, samples).to(output[head].dtype)
    member = functional.one_hot(samples.labels, output[head].shape[-1]).to(hits.dtype) * there[:, None]
    size = member.sum(0)
    recalls = (hits @ member) / size.clamp(min=1.0)
    return masked_mean(recalls, size > 0)


_METRICS: dict[str, Callable[..., torch.Tensor]] = {"accuracy": _accuracy, "UA": _unweighted_accuracy}
