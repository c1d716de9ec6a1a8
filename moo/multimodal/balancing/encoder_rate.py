"""EncoderRate: the sum of all losses, with a faster learning rate at the encoders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from moo.aggregation import Context
from moo.errors import OptionError
from moo.multimodal.balancing.base import Balancing, Encoder


@dataclass(frozen=True)
class EncoderRate(Balancing):
    """The plain sum of all gradients, times ``factor`` at the encoders.

    It is the control that `MMPareto` needs: without conflict its step is exactly this one. Adam divides such
    a factor out again; it shows with ``inner="momentum"``.

    Raises:
        OptionError: for a factor that is not above zero.
    """

    factor: float = 1.5

    def __post_init__(self) -> None:
        if not 0.0 < self.factor < float("inf"):
            raise OptionError(f"factor={self.factor!r} is not accepted: give a number above zero")

    def directions(
        self, J: torch.Tensor, fused: int, encoders: tuple[Encoder, ...], context: Context
    ) -> Iterator[tuple[Encoder, list[torch.Tensor]]]:
        for encoder in encoders:
            yield encoder, [self.factor * J[:, :, where].sum(1) for where in encoder.tensors]
