"""Gradients of many tensors as a few long vectors, with which Gramians and weighted sums are formed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

_AT_ONCE = 2**15  # entries; what is taken together then stays in cache, and small tensors cost one call

Row = list[torch.Tensor]  # the pieces of one loss's gradient


@dataclass(frozen=True)
class Pieces:
    """Neighbouring tensors of one dtype and device that are small are joined; a large one is a piece of
    its own, which is not copied."""

    tensors: Sequence[torch.Tensor]
    groups: list[range]

    @classmethod
    def of(cls, tensors: Sequence[torch.Tensor]) -> Pieces:
        groups: list[range] = []
        size = 0
        for k, tensor in enumerate(tensors):
            last = tensors[k - 1]
            alike = tensor.dtype == last.dtype and tensor.device == last.device
            if groups and alike and size + tensor.numel() <= _AT_ONCE:
                groups[-1] = range(groups[-1].start, k + 1)
            else:
                groups.append(range(k, k + 1))
                size = 0
            size += tensor.numel()
        return cls(tensors, groups)

    def joined(self, gradients: Sequence[torch.Tensor | None]) -> Row:
        """One vector a group; None stands for zero."""
        flat = [
            (torch.zeros_like(tensor) if gradient is None else gradient).reshape(-1)
            for tensor, gradient in zip(self.tensors, gradients, strict=True)
        ]
        return [
            torch.cat(flat[group.start : group.stop]) if len(group) > 1 else flat[group.start]
            for group in self.groups
        ]

    def split(self, row: Row) -> list[torch.Tensor]:
        """Back to the shapes of the tensors."""
        parts: list[torch.Tensor] = []
        for group, piece in zip(self.groups, row, strict=True):
            start = 0
            for tensor in self.tensors[group.start : group.stop]:
                end = start + tensor.numel()
                parts.append(piece[start:end].view(tensor.shape))
                start = end
        return parts


def gramian(rows: Sequence[Row], like: torch.Tensor) -> torch.Tensor:
    """Inner products (m, m) of m rows, summed piece by piece, in at least single precision."""
    total = like.new_zeros(len(rows), len(rows))
    products = _products_of_two if len(rows) == 2 else _products
    for vectors in zip(*rows, strict=True):
        for start in range(0, len(vectors[0]), _AT_ONCE):
            parts = [vector[start : start + _AT_ONCE].to(like.dtype) for vector in vectors]
            total += products(parts).to(like.device)
    return total


def _products_of_two(parts: list[torch.Tensor]) -> torch.Tensor:
    """Without the copy that a matrix needs."""
    a, b = parts
    ab = a @ b
    return torch.stack([a @ a, ab, ab, b @ b]).view(2, 2)


def _products(parts: list[torch.Tensor]) -> torch.Tensor:
    block = torch.stack(parts)
    return block @ block.T


def combined(rows: Sequence[Row], weights: Sequence[float]) -> Row:
    """The weighted sum of rows, in new memory."""
    total = [piece * weights[0] for piece in rows[0]]
    for row, weight in zip(rows[1:], weights[1:], strict=True):
        for sum_, piece in zip(total, row, strict=True):
            sum_.add_(piece, alpha=weight)
    return total


def stacked(rows: Sequence[Row], like: torch.Tensor) -> torch.Tensor:
    """The Jacobian (1, m, d). Rows are emptied as they are copied: only one is there twice."""
    J = like.new_empty(1, len(rows), sum(piece.numel() for piece in rows[0]))
    for i, row in enumerate(rows):
        torch.cat([piece.to(like) for piece in row], out=J[0, i])
        row.clear()
    return J
