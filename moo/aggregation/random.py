"""Random weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.base import Context, Weighting, combine
from moo.aggregation.loss_values import softmax
from moo.errors import OptionError, unknown_name

_KINDS = ("normal", "simplex")


@dataclass(frozen=True)
class Random(Weighting):
    """New random weights of sum one at every step (Lin et al. 2022, "Reasonable effectiveness of random
    weighting", algorithm 2): the control that a method which computes its weights has to beat.

    Holds: multiplying all gradients multiplies the direction; the order of the objectives does not matter,
    in distribution; zero where all gradients are. Nothing else does.

    Args:
        kind: "normal", the softmax of standard normal numbers (the paper's first choice), or "simplex",
            uniform on the simplex, its Dirichlet distribution with parameters of one.
    """

    kind: str = "normal"

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise OptionError(unknown_name("kind", str(self.kind), _KINDS))

    def aggregate(self, J: torch.Tensor, context: Context) -> torch.Tensor:
        return combine(
            self.weights(J, context), J, context
        )  # without the Gramian: the sizes are all it takes

    def weights(self, gramian: torch.Tensor, context: Context) -> torch.Tensor:
        n, m = gramian.shape[:2]
        if self.kind == "normal":
            drawn = softmax(context.rng.standard_normal((n, m)))
        else:
            drawn = context.rng.dirichlet([1.0] * m, n)
        return torch.from_numpy(drawn).to(gramian)
