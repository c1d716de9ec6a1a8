"""Inner products of gradients of linear layers, without the gradients.

A layer y = x W^T + b that is used once has the gradients D_i^T x and D_i^T 1, where D_i is the gradient of
loss i at y (rows, out) and x (rows, in) its input. So <g_i, g_j> = <D_i, (x x^T + 1 1^T) D_j>, which costs
less than D_i^T x where there are fewer rows than inputs, and D_i is kept instead of a matrix (out, in). The
weighted sum of the gradients is that of the D_i, times x. Goodfellow (2015, "Efficient per-example gradient
computations") has the same for the lengths of examples' gradients.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.graph import GradientEdge, Node

_LEAST = 2**14  # entries of a weight; a smaller one costs its calls, not its arithmetic
_MOVED = 128  # multiplications in the time that a number takes to memory and back (benchmarks/step_cost.py)

Slopes = Sequence[torch.Tensor | None]  # the losses' gradients at a layer's output (rows, out); None is zero


@dataclass(frozen=True)
class LinearLayer:
    """One use of a weight and, where it is among the leaves that count, a bias."""

    output: GradientEdge
    x: torch.Tensor
    leaves: list[torch.Tensor]

    def products(self, slopes: Slopes) -> torch.Tensor:
        """Inner products (m, m) of the gradients."""
        mixing = self.x @ self.x.T
        if len(self.leaves) == 2:
            mixing += 1.0
        products = self.x.new_zeros(len(slopes), len(slopes))
        flat = [None if slope is None else slope.reshape(-1) for slope in slopes]
        for j, slope in enumerate(slopes):
            if slope is not None:
                mixed = (mixing @ slope).view(-1)
                for i, other in enumerate(flat[: j + 1]):
                    if other is not None:
                        products[i, j] = other @ mixed
        return products + products.triu(1).T

    def weighted(self, slopes: Slopes, weights: Sequence[float]) -> list[torch.Tensor]:
        """The weighted sum of the gradients of each leaf."""
        total = self.x.new_zeros(len(self.x), len(self.leaves[0]))
        for slope, weight in zip(slopes, weights, strict=True):
            if slope is not None:
                total.add_(slope, alpha=weight)
        gradients = [total.T @ self.x, total.sum(0)]
        return gradients[: len(self.leaves)]


def layers_worth_it(nodes: Sequence[Node], leaves: Sequence[torch.Tensor], m: int) -> list[LinearLayer]:
    """The linear layers for which m losses' gradients cost more than their inner products."""
    if max(leaf.numel() for leaf in leaves) < _LEAST:
        return []
    found = []
    for layer in _layers(nodes, set(leaves)):
        (rows, n_in), n_out = layer.x.shape, len(layer.leaves[0])
        gradients = (m - 1) * (rows + _MOVED) * n_in * n_out
        if n_in * n_out >= _LEAST and gradients > rows**2 * (m * n_out + n_in):
            found.append(layer)
    return found


def _layers(nodes: Sequence[Node], leaves: set[torch.Tensor]) -> list[LinearLayer]:
    uses = Counter(function for node in nodes for function, _ in node.next_functions)
    found = []
    for node in nodes:
        bias, transposed, x = _read(node)
        if x is None or transposed is None or transposed.name() != "TBackward0" or uses[transposed] != 1:
            continue
        weight = _leaf(transposed.next_functions[0][0], uses, leaves)
        if weight is None or x.dtype not in (torch.float32, torch.float64):
            continue
        own_bias = _leaf(bias, uses, leaves)
        counted = [weight] if own_bias is None or own_bias.ndim != 1 else [weight, own_bias]
        found.append(LinearLayer(GradientEdge(node, 0), x.detach(), counted))
    return found


def _read(node: Any) -> tuple[Node | None, Node | None, torch.Tensor | None]:
    """Where a product's bias and its transposed weight come from, and its input, if it is one."""
    functions = [function for function, _ in node.next_functions]
    if node.name() == "AddmmBackward0" and node._saved_alpha == node._saved_beta == 1:
        return functions[0], functions[2], node._saved_mat1
    if node.name() == "MmBackward0":
        return None, functions[1], node._saved_self
    return None, None, None


def _leaf(
    function: Node | None, uses: Counter[Node | None], leaves: set[torch.Tensor]
) -> torch.Tensor | None:
    """The leaf that this node stands for, if it counts, is used once and has no hooks, which would be
    called for gradients that are not formed."""
    leaf: torch.Tensor | None = getattr(function, "variable", None)
    alone = leaf is not None and leaf in leaves and uses[function] == 1 and not leaf._backward_hooks
    return leaf if alone else None
