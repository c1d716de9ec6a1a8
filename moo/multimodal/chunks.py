"""The same function of many models' parameters, some models at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch.autograd.graph import saved_tensors_hooks

from moo.multimodal.stacked import Parameters, by_rules

OfOne: TypeAlias = Callable[[Parameters], torch.Tensor]  # parameters of one model -> figures (k,)
Unflatten: TypeAlias = Callable[[torch.Tensor], Parameters]  # (..., n_var) -> (..., *shape) each

_BYTES_AT_ONCE = 12 * 2**20  # more at a time is slower: it no longer stays in cache
_LEAST_FITTING = 8  # of models so large that fewer fit, vmap gains nothing
_LEAST_ROWS = 4  # below that it costs more than it saves, whatever the model


def at_once(bytes_of_one: int, n: int) -> int:
    """How many of n models to run together (``benchmarks/many_models.py``). It follows from sizes alone,
    not from a clock: another number of models a batch rounds differently, and the same seed must give
    the same numbers."""
    fitting = _BYTES_AT_ONCE // max(bytes_of_one, 1)
    return fitting if fitting >= _LEAST_FITTING and n >= _LEAST_ROWS else 1


def footprint(of_one: OfOne, parameters: Parameters, given: Iterable[torch.Tensor]) -> int:
    """Bytes of one model: its parameters, and what its backward pass needs that is not in ``given``."""
    sizes: dict[int, int] = {}

    def noted(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    leaves = {name: values.detach().clone().requires_grad_() for name, values in parameters.items()}
    with torch.enable_grad(), saved_tensors_hooks(noted, lambda tensor: tensor):
        figures = of_one(leaves)  # keeps what is noted alive, so that no address is taken twice
    for tensor in (*given, figures):
        sizes.pop(tensor.untyped_storage().data_ptr(), None)
    for tensor in leaves.values():
        noted(tensor)
    return sum(sizes.values())


@dataclass
class Together:
    """What a function of one model is for many: by rules where all of its operations have one, which is
    quickest, and by vmap where not. What vmap refuses, such as random numbers, is refused in any case."""

    has_rules: bool | None = None  # None before the first call

    def __call__(self, of_one: OfOne, parameters: Parameters) -> torch.Tensor:
        """Figures (n, k), of parameters (n, *shape) each."""
        of_many = torch.func.vmap(of_one)
        if self.has_rules is None:
            with torch.no_grad():
                of_many({name: values[:1] for name, values in parameters.items()})
        if self.has_rules is not False:
            try:
                figures = by_rules(of_one, parameters)
                self.has_rules = True
                return figures
            except Exception:  # if it is the function's own, vmap will say so
                self.has_rules = False
        return of_many(parameters)


def in_chunks(
    of_one: OfOne,
    of_many: Callable[[Parameters], torch.Tensor],
    unflatten: Unflatten,
    X: torch.Tensor,
    size: int,
) -> torch.Tensor:
    """Figures (n, k) of the models in the rows of X (n, n_var), ``size`` of them at a time;
    differentiable in X."""
    if size == 1:
        return torch.stack([of_one(unflatten(x)) for x in X.unbind()])
    return torch.cat([of_many(unflatten(rows)) for rows in torch.split(X, size)])
