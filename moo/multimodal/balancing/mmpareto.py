"""MMPareto: a pair of gradients an encoder, the fused loss's and its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from moo.aggregation import Context
from moo.errors import OptionError
from moo.multimodal.balancing.base import Balancing, Encoder

_NEAREST = 1e-3  # the min-norm point stays this far from either end
_TINY = 1e-12


@dataclass(frozen=True)
class MMPareto(Balancing):
    """At each encoder, of the fused loss's gradient g and its modality's own u: where they do not conflict,
    gamma (g + u); where they do, the min-norm point of their segment, times 2 gamma, and brought to the
    length of g + u in each parameter tensor where it is shorter (Wei and Hu 2024, "MMPareto").
    Everywhere else the plain sum of all losses' gradients.

    Two things to know. Without conflict the step is the plain sum with ``gamma`` times the learning rate at
    the encoders: compare with `EncoderRate`. And the rescaling is unbounded: as the two gradients come to
    oppose each other their min-norm point goes to zero and what is left of it, noise, is blown up.

    Args:
        gamma: as above.

    Raises:
        OptionError: for a gamma that is not above zero.
    """

    gamma: float = 1.5

    def __post_init__(self) -> None:
        if not 0.0 < self.gamma < float("inf"):
            raise OptionError(f"gamma={self.gamma!r} is not accepted: give a number above zero")

    def directions(
        self, J: torch.Tensor, fused: int, encoders: tuple[Encoder, ...], context: Context
    ) -> Iterator[tuple[Encoder, list[torch.Tensor]]]:
        for encoder in encoders:
            pairs = [(J[:, fused, where], J[:, encoder.loss, where]) for where in encoder.tensors]
            share = _share_of_fused(pairs)[:, None]
            yield encoder, [self._of_tensor(g, u, share) for g, u in pairs]

    def _of_tensor(self, g: torch.Tensor, u: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
        d = 2.0 * (share * g + (1.0 - share) * u)
        length = d.norm(dim=1, keepdim=True).clamp_min(_TINY)
        longer: torch.Tensor = ((g + u).norm(dim=1, keepdim=True) / length).clamp_min(1.0)
        return self.gamma * longer * d


def _share_of_fused(pairs: list[tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
    """The weight (n,) of the fused gradient, from the inner products over the whole encoder."""
    gg, uu, gu = (
        torch.stack([(a * b).sum(1) for a, b in products]).sum(0)
        for products in ([(g, g) for g, _ in pairs], [(u, u) for _, u in pairs], pairs)
    )
    # with share s: |s g + (1 - s) u|^2 is least at s = <u, u - g> / |g - u|^2
    nearest = ((uu - gu) / (gg + uu - 2.0 * gu).clamp_min(_TINY)).clamp(_NEAREST, 1.0 - _NEAREST)
    return torch.where(gu > 0, 0.5, nearest)
