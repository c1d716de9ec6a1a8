"""What every multimodal data set looks like: named modalities, labels, class names and a split."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from moo.errors import ProblemError, unknown_name

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Samples:
    """Some rows of a data set: what a model is given and what it is judged by.

    Attributes:
        modalities: a tensor (n, ...) for each modality, by the name of the model's argument.
        labels: class indices (n,), int64.
    """

    modalities: Mapping[str, torch.Tensor]
    labels: torch.Tensor

    def __post_init__(self) -> None:
        for name, values in self.modalities.items():
            if len(values) != len(self.labels):
                raise ProblemError(
                    f"modality {name!r} has {len(values)} rows, expected one for each of the "
                    f"{len(self.labels)} labels"
                )

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: np.ndarray) -> Samples:
        """The rows of an index array (k,)."""
        chosen = torch.as_tensor(index, device=self.labels.device)
        return Samples(
            {name: values[chosen] for name, values in self.modalities.items()}, self.labels[chosen]
        )

    def to(self, device: str) -> Samples:
        """The same rows on a device."""
        moved = {name: values.to(device) for name, values in self.modalities.items()}
        return Samples(moved, self.labels.to(device))


@dataclass(frozen=True)
class MultimodalData:
    """A data set with its split.

    Attributes:
        samples: all n rows.
        class_names: what each label stands for.
        split: index arrays "train", "validation" and "test", no row in two of them.
        items: what each row is, for people (n,); may be empty.

    Raises:
        ProblemError: when sizes contradict each other, or a split is missing, empty or overlaps another.
    """

    samples: Samples
    class_names: tuple[str, ...]
    split: Mapping[str, np.ndarray]
    items: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        labels = self.samples.labels
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(self.class_names):
            raise ProblemError(
                f"labels run from {int(labels.min())} to {int(labels.max())}, expected 0 to "
                f"{len(self.class_names) - 1}: one class name a label"
            )
        if self.items and len(self.items) != len(labels):
            raise ProblemError(f"items has {len(self.items)} entries, expected one a row: {len(labels)}")
        _check_split(self.split, len(labels))

    def __len__(self) -> int:
        return len(self.samples)

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


def joined_groups(*keys: list[str]) -> np.ndarray:
    """Group numbers (n,): rows that share any key, directly or through other rows, share a group.

    Each argument lists one key a row; a leak-free split then keeps groups whole.
    """
    n = len(keys[0])
    parent = list(range(n))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for column in keys:
        first: dict[str, int] = {}
        for i, key in enumerate(column):
            parent[root(i)] = root(first.setdefault(key, i))
    return np.array([root(i) for i in range(n)])


def grouped_split(
    labels: np.ndarray, groups: np.ndarray, shares: Mapping[str, float], seed: int
) -> dict[str, np.ndarray]:
    """A random split that keeps groups whole and the classes' shares about equal.

    Args:
        labels: class of each row (n,).
        groups: group of each row (n,); a group of several classes goes by its first row's.
        shares: share of the rows for each split, adding up to 1.
        seed: of the shuffle.
    """
    rng = np.random.default_rng(seed)
    names, ends = list(shares), np.cumsum(list(shares.values()))[:-1]
    firsts, group_of = np.unique(groups, return_index=True)[1], np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(group_of)
    split_of = np.empty(len(firsts), dtype=int)
    for label in np.unique(labels):
        of_class = rng.permutation(np.flatnonzero(labels[firsts] == label))
        middle = np.cumsum(sizes[of_class]) - sizes[of_class] / 2
        split_of[of_class] = np.searchsorted(ends, middle / sizes[of_class].sum())
    return {name: np.flatnonzero(split_of[group_of] == k) for k, name in enumerate(names)}
