"""Which parameters are behind which losses, read off the autograd graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch.autograd.graph import Node, get_gradient_edge

from moo.errors import ProblemError

Edge: TypeAlias = tuple[Node, int]

_SEVERAL = -1


@dataclass(frozen=True)
class Leaves:
    """Leaf tensors that require a gradient: ``own[i]`` are behind loss i alone, ``several`` behind more
    than one. ``met_features`` tells whether any loss depends on the features; ``nodes`` are all between
    the losses and these leaves."""

    own: list[list[torch.Tensor]]
    several: list[torch.Tensor]
    met_features: bool
    nodes: list[Node]


def edge_of(tensor: torch.Tensor) -> Edge:
    """Where the tensor leaves its graph."""
    edge = get_gradient_edge(tensor)
    return edge.node, edge.output_nr


def leaves_of(losses: Sequence[torch.Tensor], features: Sequence[torch.Tensor] = ()) -> Leaves:
    """The leaves in front of the features, or all where there are none. A node is visited twice at most,
    however many losses there are: what is known to be behind several is not walked again."""
    ends = {edge_of(feature) for feature in features}
    met_features = False
    owner: dict[Node, int] = {}
    for i, loss in enumerate(losses):
        pending: list[Edge] = [edge_of(loss)]
        while pending:
            edge = pending.pop()
            if edge in ends:
                met_features = True
                continue
            node = edge[0]
            before = owner.get(node)
            if before in (i, _SEVERAL):
                continue
            owner[node] = i if before is None else _SEVERAL
            for function, output in node.next_functions:
                if function is not None:
                    pending.append((function, output))
    own: list[list[torch.Tensor]] = [[] for _ in losses]
    several: list[torch.Tensor] = []
    for node, i in owner.items():
        leaf = getattr(node, "variable", None)
        if leaf is not None:
            (several if i == _SEVERAL else own[i]).append(leaf)
    return Leaves(own, several, met_features, list(owner))


def leaves_behind(features: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The leaves behind the features.

    Raises:
        ProblemError: when one of them is computed from another, whose gradient would count twice.
    """
    ends = {edge_of(feature): i for i, feature in enumerate(features)}
    seen: set[Node] = set()
    leaves = []
    pending = [node for node, _ in ends]
    while pending:
        node = pending.pop()
        if node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)
        if leaf is not None:
            leaves.append(leaf)
        for edge in node.next_functions:
            if edge in ends:
                raise ProblemError(
                    f"features[{ends[edge]}] is what another of the features is computed from: give tensors "
                    "none of which is behind another"
                )
            if edge[0] is not None:
                pending.append(edge[0])
    return leaves
