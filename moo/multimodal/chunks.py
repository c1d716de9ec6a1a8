"""The same function of many models' parameters, some models at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch.autograd.graph import saved_tensors_hooks

from moo.multimodal.stacked import Parameters, by_rules

OfOne: TypeAlias = Callable[[Parameters], torch.Tensor]  # parameters of one model -> figures (k,)

_BYTES_AT_ONCE = 12 * 2**20  # more at a time is slower: it no longer stays in cache
_LEAST_FITTING = 8  # of models so large that fewer fit, vmap gains nothing
_LEAST_BY_RULES = 8  # rules still do: their matrix products are quicker together
_LEAST_ROWS = 4  # below that it costs more than it saves, whatever the model


@dataclass
class Running:
    """How a function of one model is run on many: by rules where all of its operations have one, which is
    quickest, by vmap where not, and one by one where models are large or few."""

    bytes_of_one: int
    has_rules: bool

    @classmethod
    def tried(cls, of_one: OfOne, parameters: Parameters, given: Iterable[torch.Tensor]) -> Running:
        """Found out on the parameters of one model; ``given`` is in memory anyway."""
        return cls(footprint(of_one, parameters, given), _has_rules(of_one, parameters))

    def at_once(self, n: int) -> int:
        """How many of n models to run together (``benchmarks/many_models.py``). It follows from sizes alone,
        not from a clock: another number of models a batch rounds differently, and the same seed must give
        the same numbers."""
        fitting = _BYTES_AT_ONCE // max(self.bytes_of_one, 1)
        if n < _LEAST_ROWS or (fitting < _LEAST_FITTING and not self.has_rules):
            return 1
        parts = -(-n // max(fitting, _LEAST_BY_RULES))
        return -(-n // parts)

    def of_many(self, of_one: OfOne, parameters: Parameters) -> torch.Tensor:
        """Figures (n, k), of parameters (n, *shape) each."""
        if self.has_rules:
            try:
                return by_rules(of_one, parameters)
            except Exception:  # if it is the function's own, vmap will say so
                self.has_rules = False
        return torch.func.vmap(of_one)(parameters)


def _has_rules(of_one: OfOne, parameters: Parameters) -> bool:
    """Whether it has, on one model. What vmap refuses, such as random numbers, has none."""
    single = {name: values.detach()[None] for name, values in parameters.items()}
    try:
        with torch.no_grad():
            torch.func.vmap(of_one)(single)
            by_rules(of_one, single)
    except Exception:  # if it is the function's own, it will be raised again
        return False
    return True


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


def unflatten(X: torch.Tensor, shapes: Mapping[str, torch.Size]) -> Parameters:
    """Parameters (..., *shape) of the models X (..., n_var), in the order of the shapes."""
    parts = X.split_with_sizes([shape.numel() for shape in shapes.values()], dim=-1)
    return {
        name: part.reshape((*X.shape[:-1], *shape))
        for (name, shape), part in zip(shapes.items(), parts, strict=True)
    }


def unflatten_each(X: torch.Tensor, shapes: Mapping[str, torch.Size]) -> list[Parameters]:
    """The same of each model of X (n, n_var). All are parts of one array, whose gradient is put together
    once, not first for each model and then for all."""
    sizes = [shape.numel() for shape in shapes.values()]
    parts = iter(X.reshape(-1).split_with_sizes(sizes * len(X)))
    return [{name: next(parts).view(shape) for name, shape in shapes.items()} for _ in X]


def in_chunks(
    of_one: OfOne, running: Running, shapes: Mapping[str, torch.Size], X: torch.Tensor
) -> torch.Tensor:
    """Figures (n, k) of the models in the rows of X (n, n_var), as many at a time as they are best run;
    differentiable in X."""
    size = running.at_once(len(X))
    if size == 1:
        return torch.stack([of_one(parameters) for parameters in unflatten_each(X, shapes)])
    if size == len(X):
        return running.of_many(of_one, unflatten(X, shapes))
    return torch.cat([running.of_many(of_one, unflatten(rows, shapes)) for rows in torch.split(X, size)])
