"""What every multimodal data set looks like: named modalities, labels, class names and a split."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from moo.errors import OptionError, ProblemError, unknown_name
from moo.multimodal.data.splits import thinned

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Samples:
    """Some rows of a data set: what a model is given and what it is judged by.

    Attributes:
        modalities: a tensor (n, ...) for each modality, by the name of the model's argument; a row whose
            modality is missing is zero there.
        labels: class indices (n,), int64.
        present: whether a row has a modality (n,), bool, for those modalities that some rows lack.
        targets: what else a row is judged by, a tensor (n, ...) each, for example its valence.
    """

    modalities: Mapping[str, torch.Tensor]
    labels: torch.Tensor
    present: Mapping[str, torch.Tensor] = field(default_factory=dict)
    targets: Mapping[str, torch.Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what in ("modalities", "present", "targets"):
            for name, values in getattr(self, what).items():
                if len(values) != len(self.labels):
                    raise ProblemError(
                        f"{what}[{name!r}] has {len(values)} rows, expected one for each of the "
                        f"{len(self.labels)} labels"
                    )
        for name in self.present:
            if name not in self.modalities:
                raise ProblemError(unknown_name("modality", name, self.modalities))

    def __len__(self) -> int:
        return len(self.labels)

    def mask(self, modality: str) -> torch.Tensor:
        """Whether each row has the modality (n,), bool."""
        everywhere = torch.ones(len(self), dtype=torch.bool, device=self.labels.device)
        return self.present.get(modality, everywhere)

    def take(self, index: np.ndarray) -> Samples:
        """The rows of an index array (k,)."""
        chosen = torch.as_tensor(index, device=self.labels.device)
        return self._each(lambda values: values[chosen])

    def to(self, device: str) -> Samples:
        """The same rows on a device."""
        return self._each(lambda values: values.to(device))

    def _each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Samples:
        parts = [
            {name: change(values) for name, values in part.items()}
            for part in (self.modalities, self.present, self.targets)
        ]
        return Samples(parts[0], change(self.labels), parts[1], parts[2])


@dataclass(frozen=True)
class MultimodalData:
    """A data set with its split.

    Attributes:
        samples: all n rows.
        class_names: what each label stands for.
        split: index arrays "train", "validation" and "test", no row in two of them.
        items: what each row is, for people (n,); may be empty.
        texts: the text of each row as it was written (n,), from which a task makes tokens; may be empty.
        groups: keys (n,) by name of what belongs together, such as "concept", "speaker" or "image"; a split
            that does not leak keeps some of them whole.
        skipped: one sentence a row of the source that could not be used.

    Raises:
        ProblemError: when sizes contradict each other, or a split is missing, empty or overlaps another.
    """

    samples: Samples
    class_names: tuple[str, ...]
    split: Mapping[str, np.ndarray]
    items: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    groups: Mapping[str, np.ndarray] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        labels = self.samples.labels
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(self.class_names):
            raise ProblemError(
                f"labels run from {int(labels.min())} to {int(labels.max())}, expected 0 to "
                f"{len(self.class_names) - 1}: one class name a label"
            )
        for name, there in self.samples.present.items():
            if len(there) and not there.any():
                raise ProblemError(f"modality {name!r} is missing in every row: leave it out")
        listed = {"items": self.items, "texts": self.texts}
        grouped = {f"groups[{name!r}]": keys for name, keys in self.groups.items()}
        for name, entries in {**listed, **grouped}.items():
            if len(entries) not in ((0, len(labels)) if name in listed else (len(labels),)):
                raise ProblemError(f"{name} has {len(entries)} entries, expected one a row: {len(labels)}")
        _check_split(self.split, len(labels))

    def __len__(self) -> int:
        return len(self.samples)

    def thinned(self, n: int, seed: int = 0) -> MultimodalData:
        """The same data with a split of about n rows, for a quick look."""
        return replace(self, split=thinned(self.split, n, seed))

    def part(self, name: str) -> Samples:
        """The rows of one split: "train", "validation" or "test"."""
        if name not in self.split:
            raise ProblemError(unknown_name("split", name, self.split))
        return self.samples.take(self.split[name])


def _check_split(split: Mapping[str, np.ndarray], n: int) -> None:
    for name in SPLITS:
        if name not in split or len(split[name]) == 0:
            raise ProblemError(
                f"the split {name!r} has no rows: expected {', '.join(SPLITS)}, each with some"
            )
    rows = np.concatenate(list(split.values()))
    if rows.min() < 0 or rows.max() >= n:
        raise ProblemError(f"the split names row {rows.max()}, expected rows 0 to {n - 1}")
    if len(np.unique(rows)) < len(rows):
        raise ProblemError("a row is in two splits: expected each in one at most")


class DataSet(ABC):
    """A source of `MultimodalData`; one file each, constructed without arguments or with options."""

    @abstractmethod
    def load(self) -> MultimodalData:
        """The data, read or made; the same options always give the same data."""


def check_integer(name: str, value: object, least: int) -> None:
    """Raises OptionError unless the value is an integer that is not below ``least``."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise OptionError(f"{name}={value!r} is not accepted: give an integer >= {least}")
