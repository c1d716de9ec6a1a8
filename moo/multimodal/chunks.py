"""The same function of many models' parameters, some models at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import torch
from torch.autograd.graph import saved_tensors_hooks

Parameters: TypeAlias = dict[str, torch.Tensor]
OfOne: TypeAlias = Callable[[Parameters], torch.Tensor]  # parameters of one model -> figures (k,)
Unflatten: TypeAlias = Callable[[torch.Tensor], Parameters]  # rows (n, n_var) -> stacked, (n, ...) each

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


def in_chunks(of_one: OfOne, unflatten: Unflatten, X: torch.Tensor, size: int) -> torch.Tensor:
    """Figures (n, k) of the models in the rows of X (n, n_var), ``size`` of them at a time by
    `torch.func.vmap`; differentiable in X, once."""
    figures: torch.Tensor = _InChunks.apply(X, of_one, unflatten, size)  # type: ignore[no-untyped-call]
    return figures


class _InChunks(torch.autograd.Function):
    """A chunk has leaves of its own, and its gradients are written to its rows. Were the chunks slices of
    X on one graph, each of them would bring a gradient of the size of X."""

    @staticmethod
    def forward(ctx: Any, X: torch.Tensor, of_one: OfOne, unflatten: Unflatten, size: int) -> torch.Tensor:
        wanted = ctx.needs_input_grad[0]
        of_many = torch.func.vmap(of_one)
        ctx.chunks, ctx.shape, figures = [], X.shape, []
        for rows in torch.split(X.detach(), size):
            leaves = unflatten(rows)
            if len(rows) == 1:
                leaves = {name: values[0] for name, values in leaves.items()}
            for values in leaves.values():
                values.requires_grad_(wanted)
            with torch.set_grad_enabled(wanted):
                chunk = of_one(leaves)[None] if len(rows) == 1 else of_many(leaves)
            if wanted:
                ctx.chunks.append((chunk, list(leaves.values())))
            figures.append(chunk.detach())
        together = torch.cat(figures)
        if not any(chunk.requires_grad for chunk, _ in ctx.chunks):
            ctx.mark_non_differentiable(together)
        return together

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, slopes: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        gradient = slopes.new_empty(ctx.shape)
        start = 0
        for figures, leaves in ctx.chunks:
            end = start + len(figures)
            parts = torch.autograd.grad(
                figures,
                leaves,
                slopes[start:end],
                retain_graph=True,  # a Jacobian is several passes
                allow_unused=True,
                materialize_grads=True,
            )
            torch.cat([part.reshape(end - start, -1) for part in parts], 1, out=gradient[start:end])
            start = end
        return gradient, None, None, None
