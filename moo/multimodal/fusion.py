"""Fusion: several modalities' parts of a sample into one vector, as interchangeable modules.

Every fusion is called with the modalities' parts, a tensor (n, width) each by name, and with who is
``present``: bool (n,) by name, for those modalities that some rows lack. A part of an absent modality
never reaches the result, whatever is in it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, TypeAlias

import torch
from torch import nn

from moo.errors import OptionError, unknown_name
from moo.multimodal.encoders import positive

Parts: TypeAlias = Mapping[str, torch.Tensor]
Present: TypeAlias = Mapping[str, torch.Tensor]


class Fusion(nn.Module, ABC):
    """Parts (n, width) of each modality to one vector (n, out_width) a sample.

    Args:
        modalities: their names, in the order that parts are stacked in.
        width: columns of every part.

    Attributes:
        out_width: columns of the result.

    Raises:
        OptionError: without modalities, for a name given twice, or a width that is no positive integer.
    """

    of_logits: ClassVar[bool] = False
    """Whether the parts are the modalities' own class logits instead of their embeddings, and the result
    is the fused logits."""

    def __init__(self, modalities: Sequence[str], width: int) -> None:
        super().__init__()
        self.modalities = tuple(modalities)
        if not self.modalities or len(set(self.modalities)) < len(self.modalities):
            raise OptionError(f"modalities={list(modalities)} is not accepted: give different names")
        self.width = positive("width", width)
        self.out_width = self.width

    def forward(self, parts: Parts, present: Present | None = None) -> torch.Tensor:
        """Parts (n, width) by modality; ``present`` (n,) bool, of the modalities that some rows lack."""
        stacked = torch.stack([parts[name] for name in self.modalities], dim=-2)
        return self.fused(stacked, self._mask(stacked, present or {}))

    @abstractmethod
    def fused(self, parts: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(n, out_width) of stacked parts (n, n_modalities, width) and who is there (n, n_modalities, 1),
        ones and zeros."""

    def _mask(self, stacked: torch.Tensor, present: Present) -> torch.Tensor:
        everywhere = torch.ones(len(stacked), dtype=torch.bool, device=stacked.device)
        columns = [present.get(name, everywhere) for name in self.modalities]
        return torch.stack(columns, dim=-1).to(stacked.dtype)[..., None]


class Concatenation(Fusion):
    """The parts one after another; zeros for an absent one."""

    def __init__(self, modalities: Sequence[str], width: int) -> None:
        super().__init__(modalities, width)
        self.out_width = self.width * len(self.modalities)

    def fused(self, parts: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return (parts * mask).flatten(-2)


class Sum(Fusion):
    """The sum of the parts that are there, scaled up for those that are not: n_modalities times their
    mean; zero where none is."""

    def fused(self, parts: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        there = mask.sum(-2).clamp(min=1.0)
        return (parts * mask).sum(-2) * (len(self.modalities) / there)


class Gated(Fusion):
    """The gated multimodal unit: sum_i z_i * tanh(W_i h_i) with gates z = sigmoid(V_i [h_1 .. h_m])
    (Arevalo et al. 2017; for more than two modalities every one has its gate)."""

    def __init__(self, modalities: Sequence[str], width: int) -> None:
        super().__init__(modalities, width)
        m = len(self.modalities)
        self.contents = nn.ModuleList(nn.Linear(width, width) for _ in range(m))
        self.gates = nn.Linear(m * width, m * width)

    def fused(self, parts: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        known = parts * mask
        gates = self.gates(known.flatten(-2)).sigmoid().reshape(known.shape)
        contents = [layer(part) for layer, part in zip(self.contents, known.unbind(-2), strict=True)]
        fused: torch.Tensor = (mask * gates * torch.stack(contents, dim=-2).tanh()).sum(-2)
        return fused


class Bilinear(Fusion):
    """Low-rank multilinear fusion: sum over r of the product over modalities of W_i^(r) [h_i; 1], of
    any number of modalities (Liu et al. 2018). An absent modality is a factor of one.

    Args:
        modalities, width: as `Fusion`.
        rank: terms of the sum.
    """

    def __init__(self, modalities: Sequence[str], width: int, rank: int = 4) -> None:
        super().__init__(modalities, width)
        self.rank = positive("rank", rank)
        self.factors = nn.ModuleList(nn.Linear(width, width * rank) for _ in self.modalities)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for factor in self.factors:
            assert isinstance(factor, nn.Linear)
            factor.reset_parameters()
            nn.init.ones_(factor.bias)  # near one, so that a product starts near the sum of its factors

    def fused(self, parts: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        factors = [layer(part) for layer, part in zip(self.factors, (parts * mask).unbind(-2), strict=True)]
        there = mask.unbind(-2)
        product = torch.ones_like(factors[0])
        for factor, is_there in zip(factors, there, strict=True):
            product = product * (is_there * factor + (1.0 - is_there))
        return product.reshape(*product.shape[:-1], self.rank, self.width).mean(-2)


class CrossAttention(Fusion):
    """Each modality's part asks, all that are there answer: softmax(Q K^T / sqrt(width)) V with a residual
    connection, then the mean (Vaswani et al. 2017, eq. 1, one head, one token a modality)."""

    def __init__(self, modalities: Sequence[str], width: int) -> None:
        super().__init__(modalities, width)
        self.places = nn.Linear(len(self.modalities), width, bias=False)  # which modality a part is of
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))

    def fused(self, parts: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        tokens = (parts + self.places.weight.T) * mask
        scores = self.query(tokens) @ self.key(tokens).mT / math.sqrt(self.width)
        absent = (mask.mT == 0).expand_as(scores)
        answers = scores.masked_fill(absent, -1e9).softmax(-1) @ self.value(tokens)
        mean: torch.Tensor = ((tokens + answers) * mask).sum(-2) / mask.sum(-2).clamp(min=1.0)
        return mean


class Late(Fusion):
    """The product of the modalities' posteriors, renormalised: the sum of their log-probabilities, as
    logits. No parameters of its own; an absent modality has no say."""

    of_logits = True

    def fused(self, parts: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return (parts.log_softmax(-1) * mask).sum(-2)


FUSIONS: dict[str, type[Fusion]] = {
    fusion.__name__: fusion for fusion in (Bilinear, Concatenation, CrossAttention, Gated, Late, Sum)
}


def fusion_named(fusion: str | Callable[[Sequence[str], int], Fusion]) -> Callable[..., Fusion]:
    """The class of that name, whatever its case and underscores; a factory as it is.

    Raises:
        OptionError: for an unknown name.
    """
    if not isinstance(fusion, str):
        return fusion
    by_plain_name = {name.lower(): found for name, found in FUSIONS.items()}
    found = by_plain_name.get(fusion.replace("_", "").replace("-", "").lower())
    if found is None:
        raise OptionError(unknown_name("fusion", fusion, FUSIONS))
    return found
