"""A small network from preferences to decision variables: one model for a whole front."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

from moo.errors import OptionError
from moo.optimizers.descent import Box

if TYPE_CHECKING:
    from moo.result import Result

_SUM = 1e-6  # how far a preference's sum may be from one


@dataclass
class Network:
    """x = base + net(preference), in unit coordinates. ``layers`` are weights and biases by turns, ``base``
    (d,) is learnt too. A last layer of low rank makes it a hypernetwork for models of many parameters."""

    layers: list[torch.Tensor]
    base: torch.Tensor

    @classmethod
    def start(
        cls, n_obj: int, base: torch.Tensor, hidden: int, rank: int | None, rng: np.random.Generator
    ) -> Network:
        """Two hidden layers; the last one starts at next to nothing: every preference begins at the base."""
        sizes = [n_obj, hidden, hidden] + ([] if rank is None else [rank]) + [len(base)]
        layers: list[torch.Tensor] = []
        for into, out in pairwise(sizes):
            last = len(layers) == 2 * (len(sizes) - 2)
            spread = 1e-2 / np.sqrt(into) if last else 1.0 / np.sqrt(into)
            layers += [base.new_tensor(rng.normal(size=(into, out)) * spread), base.new_zeros(out)]
        return cls(layers, base.clone())

    def parameters(self) -> list[torch.Tensor]:
        return [*self.layers, self.base]

    def at(self, P: torch.Tensor) -> torch.Tensor:
        """(k, d) of preferences (k, n_obj), not yet held to the box."""
        value = 2.0 * P - 1.0
        for i in range(0, len(self.layers), 2):
            value = value @ self.layers[i] + self.layers[i + 1]
            if i < len(self.layers) - 2:
                value = torch.tanh(value)
        return self.base + value

    def trained(self) -> Network:
        """The same network on leaves of its own, which collect gradients."""
        leaves = [p.detach().clone().requires_grad_() for p in self.parameters()]
        return Network(leaves[:-1], leaves[-1])

    def arrays(self, box: Box) -> dict[str, np.ndarray]:
        """For `Result.model`."""
        named = {f"layer{i}": layer for i, layer in enumerate(self.layers)} | {"base": self.base}
        bounds = {name: getattr(box, name) for name in ("origin", "width", "xl", "xu", "lower", "upper")}
        return {name: tensor.detach().cpu().numpy() for name, tensor in (named | bounds).items()}


class FrontModel:
    """The model that a run of `moo.ParetoSetLearning` learnt: called with preferences (k, n_obj) on the
    simplex, it gives decision variables (k, n_var) within the bounds, without evaluating anything.

    Args:
        result: of such a run, loaded or fresh.

    Raises:
        OptionError: when the result holds no model.
    """

    def __init__(self, result: Result) -> None:
        if "base" not in result.model:
            raise OptionError(
                f"this result of {result.optimizer_name} holds no model of the front: give one of "
                "ParetoSetLearning that got past its first sample"
            )
        tensors = {name: torch.as_tensor(array) for name, array in result.model.items()}
        layers = [tensors[f"layer{i}"] for i in range(sum(name.startswith("layer") for name in tensors))]
        self._network = Network(layers, tensors["base"])
        self._box = Box(*(tensors[name] for name in ("origin", "width", "xl", "xu", "lower", "upper")))
        self.n_obj = len(layers[0])

    def __call__(self, preferences: object) -> np.ndarray:
        """
        Raises:
            OptionError: for preferences that are not rows of n_obj numbers >= 0 that sum to one.
        """
        try:
            P = np.atleast_2d(np.asarray(preferences, dtype=float))
        except (TypeError, ValueError):
            raise OptionError(f"preferences={preferences!r} are not accepted: give numbers") from None
        sound = P.ndim == 2 and P.shape[1] == self.n_obj and bool((P >= 0).all())
        if not sound or (np.abs(P.sum(axis=1) - 1.0) > _SUM).any():
            raise OptionError(
                f"preferences of shape {P.shape} are not accepted: give (k, {self.n_obj}) numbers >= 0, each "
                "row summing to one"
            )
        U = self._network.at(torch.as_tensor(P, dtype=self._network.base.dtype))
        X = self._box.to_user(U.clamp(self._box.lower, self._box.upper))
        return np.asarray(X.detach().numpy())
