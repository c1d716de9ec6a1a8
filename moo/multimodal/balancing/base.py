"""What the aggregators of this package share: which gradient and which columns are whose."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from moo.aggregation import Aggregator, Context
from moo.errors import ProblemError


@dataclass(frozen=True)
class Encoder:
    """One modality's encoder.

    Attributes:
        modality: its name.
        loss: which objective is the modality's own loss.
        tensors: the columns of each of its parameter tensors.
    """

    modality: str
    loss: int
    tensors: tuple[slice, ...]


class Balancing(Aggregator):
    """The sum of all losses' gradients, except at the encoders, each of which gets a direction of its own.

    Raises:
        ProblemError: when called, for gradients that are of no such task.
    """

    def aggregate(self, J: torch.Tensor, context: Context) -> torch.Tensor:
        fused, encoders = layout(context.problem)
        direction = J.sum(1)
        for encoder, tensors in self.directions(J, fused, encoders, context):
            for where, values in zip(encoder.tensors, tensors, strict=True):
                direction[:, where] = values
        return direction

    @abstractmethod
    def directions(
        self, J: torch.Tensor, fused: int, encoders: tuple[Encoder, ...], context: Context
    ) -> Iterator[tuple[Encoder, list[torch.Tensor]]]:
        """Each encoder with the directions (n, size) of its tensors; ``fused`` is the fused loss's number."""


def layout(problem: Any) -> tuple[int, tuple[Encoder, ...]]:
    """The number of the fused loss, and the encoders.

    Raises:
        ProblemError: when the problem has none.
    """
    names, slices = list(getattr(problem, "names", [])), dict(getattr(problem, "slices", {}))
    encoders = []
    for modality in getattr(getattr(problem, "train", None), "modalities", {}):
        prefix = f"encoders.{modality}."
        tensors = tuple(where for name, where in slices.items() if name.startswith(prefix))
        if tensors and f"{modality} loss" in names:
            encoders.append(Encoder(modality, names.index(f"{modality} loss"), tensors))
    if "fused loss" not in names or len(encoders) < 2:
        title = getattr(problem, "title", "a function")
        raise ProblemError(
            f"the gradients are of {title}: a balancing of modalities is for a task with a 'fused loss', and "
            "a loss and an encoder for each of two modalities, such as ImageText()"
        )
    return names.index("fused loss"), tuple(encoders)
