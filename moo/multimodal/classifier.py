"""A classifier of samples with any number of modalities, some of which a row may lack."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import torch
from torch import nn

from moo.errors import OptionError
from moo.multimodal.encoders import positive
from moo.multimodal.fusion import Fusion, Present, fusion_named

FUSED = "fused"
FusionOption: TypeAlias = str | Callable[[Sequence[str], int], Fusion]


class MultimodalClassifier(nn.Module):
    """Class logits from all modalities together, and from each alone.

    modality -> its encoder -> embedding --> fusion -> fused head -> "fused" logits
                                         \\-> the modality's own head -> its logits

    The encoders are what the losses compete for: a modality's own loss trains its encoder for itself, the
    fused loss for what it adds to the others. With fusion "late" the fused logits are the product of the
    posteriors, and there is no fused head. Modalities of one shared head also compete for its rows, a
    prototype a class in one space of embeddings.

    Args:
        encoders: modality -> a module from its tensor (n, ...) to embeddings (n, width): any `nn.Module`.
        width: columns of the embeddings.
        n_classes: classes.
        fusion: the name of a class of `moo.multimodal.fusion`, or a function (modalities, width) -> Fusion.
        shared_head: the modalities' own heads are one and the same.

    Raises:
        OptionError: without encoders, for a modality called "fused" or "present", an unknown fusion, and
            sizes that are no positive integers.
    """

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        width: int,
        n_classes: int,
        *,
        fusion: FusionOption = "concatenation",
        shared_head: bool = False,
    ) -> None:
        super().__init__()
        if not encoders:
            raise OptionError("no encoders were given: give one module for each modality")
        if taken := {FUSED, "present"} & encoders.keys():
            raise OptionError(f"a modality cannot be called {min(taken)!r}: give it another name")
        names = list(encoders)
        positive("width", width), positive("n_classes", n_classes)
        made = fusion_named(fusion)
        of_logits = bool(getattr(made, "of_logits", False))
        self.encoders = nn.ModuleDict(encoders)
        own = nn.Linear(width, n_classes)
        self.heads = nn.ModuleDict(
            {name: own if shared_head else nn.Linear(width, n_classes) for name in names}
        )
        self.fusion = made(names, n_classes if of_logits else width)
        if not self.fusion.of_logits:
            self.heads[FUSED] = nn.Linear(self.fusion.out_width, n_classes)

    def forward(
        self, *, present: Present | None = None, **modalities: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Logits (n, n_classes): "fused", and one entry a modality.

        Args:
            present: bool (n,) by modality, for those that some rows lack.
            modalities: a tensor (n, ...) each.
        """
        embeddings = self.embeddings(**modalities)
        logits = {name: self.heads[name](embedding) for name, embedding in embeddings.items()}
        if self.fusion.of_logits:
            return {FUSED: self.fusion(logits, present), **logits}
        return {FUSED: self.heads[FUSED](self.fusion(embeddings, present)), **logits}

    def embeddings(self, **modalities: torch.Tensor) -> dict[str, torch.Tensor]:
        """Embeddings (n, width) of each modality."""
        return {name: encoder(modalities[name]) for name, encoder in self.encoders.items()}
