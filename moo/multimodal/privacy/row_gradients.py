"""The gradient of each row by itself, and which parameters belong to which block."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from moo.errors import OptionError, ProblemError
from moo.multimodal.data import Samples
from moo.multimodal.problem import ModelProblem


class _OneRow(Samples):
    """A single row within `torch.func.vmap`, where values cannot be checked; they were, with their batch."""

    def __post_init__(self) -> None:
        return


class RowGradients:
    """Fills ``grad_sample`` (n, *shape) of a module's parameters with the gradients of single rows."""

    def __init__(self, task: ModelProblem, module: nn.Module, weights: torch.Tensor) -> None:
        self.module = module
        self.trained = {name: p for name, p in module.named_parameters() if p.requires_grad}
        losses = list(task.losses.values())

        def of_one_row(parameters: dict[str, torch.Tensor], parts: list[Any]) -> torch.Tensor:
            modalities, labels, present, targets = torch.utils._pytree.tree_map(lambda v: v[None], parts)
            row = _OneRow(modalities, labels, present, targets)
            output = torch.func.functional_call(module, parameters, (), task.inputs(row))
            return (torch.stack([loss(output, row) for loss in losses]) * weights).sum()

        self.of_rows = torch.func.vmap(torch.func.grad(of_one_row), in_dims=(None, 0))

    def fill(self, samples: Samples) -> None:
        """
        Raises:
            ProblemError: when the losses cannot be taken of one row.
        """
        parameters = {name: p.detach() for name, p in self.trained.items()}
        parts = [dict(samples.modalities), samples.labels, dict(samples.present), dict(samples.targets)]
        try:
            found = self.of_rows(parameters, parts) if len(samples) else _none(parameters)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            raise ProblemError(
                f"the losses cannot be taken of one training row by itself: {error}"
            ) from error
        finite = torch.stack([_finite_rows(g) for g in found.values()]).all(0)
        for name, parameter in self.trained.items():
            gradient = found[name]
            keep = finite.reshape(-1, *[1] * (gradient.ndim - 1))
            parameter.grad_sample = torch.where(keep, gradient, 0.0)  # type: ignore[attr-defined]


def _finite_rows(gradient: torch.Tensor) -> torch.Tensor:
    """Which rows (n,) of a gradient (n, ...) are finite."""
    return gradient.reshape(len(gradient), math.prod(gradient.shape[1:])).isfinite().all(1)


def _none(parameters: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Gradients of no rows."""
    return {name: p.new_zeros(0, *p.shape) for name, p in parameters.items()}


def in_blocks(module: nn.Module, blocks: Mapping[str, float]) -> dict[str, list[nn.Parameter]]:
    """The trainable parameters of each block.

    Raises:
        OptionError: when a parameter is in no block, or a block has none.
    """
    found: dict[str, list[nn.Parameter]] = {block: [] for block in blocks}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            fitting = [block for block in blocks if name.startswith(block)]
            if not fitting:
                raise OptionError(
                    f"parameter {name!r} is in none of the blocks {list(blocks)}: give '' for the rest"
                )
            found[max(fitting, key=len)].append(parameter)
    for block, parameters in found.items():
        if not parameters:
            names = [name for name, p in module.named_parameters() if p.requires_grad]
            raise OptionError(f"no parameter is in block {block!r}: their names are {', '.join(names)}")
    return found


def clean(module: nn.Module) -> None:
    """Without what Opacus hangs on parameters."""
    for parameter in module.parameters():
        for name in ("grad_sample", "summed_grad"):
            if hasattr(parameter, name):
                delattr(parameter, name)
