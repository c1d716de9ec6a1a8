"""One training step on several losses, for PyTorch loops of one's own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch.autograd.graph import Node

from moo.aggregation.base import Aggregator, Context, LossWeighting, Weighting
from moo.errors import OptionError, ProblemError
from moo.training.leaves import Leaves, leaves_behind, leaves_of
from moo.training.linear_layers import LinearLayer, layers_worth_it
from moo.training.pieces import Pieces, Row, combined, gramian, stacked


def backward(
    losses: Sequence[torch.Tensor],
    aggregator: Aggregator,
    *,
    shared: Iterable[torch.Tensor] | None = None,
    features: torch.Tensor | Sequence[torch.Tensor] | None = None,
    context: Context | None = None,
) -> torch.Tensor | None:
    """Fill ``.grad`` of all parameters behind m scalar losses, instead of ``sum(losses).backward()``.

    A parameter behind several losses gets the aggregate of their gradients; one behind a single loss
    (of a head, say) gets that loss's own gradient, unweighted. A gradient that is there already is added
    to. The graph is freed.

    A weighting costs m backward passes and keeps m gradients of the shared parameters meanwhile: m * d *
    4 bytes for d of them in float32, 32 MB for 8 losses and a million. Of linear layers with more inputs
    than rows it needs less: see `moo.training.linear_layers`. An aggregator that needs the Jacobian itself
    keeps that, as large as the gradients. Weights from losses alone (`LossWeighting`) cost one backward
    pass.

    With ``features`` the shared trunk is passed once: weights are those of the losses' gradients at the
    features, which stand for those of the trunk's parameters. This is MGDA-UB (Sener and Koltun 2018,
    "Multi-task learning as multi-objective optimization", section 3.3) for any aggregator, and an
    *approximation*: the weights are others. For a `LossWeighting`, which looks at no gradient, nothing
    changes.

    Args:
        losses: m tensors () on the autograd graph.
        aggregator: an object of `moo.aggregation`.
        shared: the parameters whose gradients are aggregated; by default all that are behind more than one
            loss, or behind the only one. Those of them that are not given get the same weights.
        features: the tensor or tensors at which the shared trunk ends.
        context: one and the same at every step, for aggregators that remember or draw. Its losses and
            weights are replaced. Without one, random numbers follow torch's global generator.

    Returns:
        The weights (m,), without gradient; None for an aggregator that has none.

    Raises:
        ProblemError: for a loss that is no scalar or off the graph, when no loss depends on a shared
            parameter or on the features, and for a loss, weight or gradient that is not finite. All
            gradients are then as they were.
        OptionError: for arguments that are not what they must be, and when an aggregator that remembers is
            given no context.
    """
    losses = _checked_losses(losses)
    if not isinstance(aggregator, Aggregator):
        raise OptionError(
            f"aggregator={aggregator!r} is not accepted: give an object of moo.aggregation, such as MGDA()"
        )
    if shared is not None and features is not None:
        raise OptionError("shared= and features= were both given: give one of them")
    given, at = _checked_leaves(shared), _checked_features(features, aggregator)
    leaves = leaves_of(losses, at or ())
    parts = _parts(leaves, given, at)
    if isinstance(aggregator, Weighting) and at is None:
        parts = parts.without_gradients(leaves.nodes)
    step = _Step(losses, parts, aggregator, _fresh_context() if context is None else context)
    step.context.losses = _values(losses)
    gradients = step.by_losses() if isinstance(aggregator, LossWeighting) else step.by_gradients()
    _require_finite(gradients, parts.own)
    if context is None and step.context.memory:
        raise OptionError(
            f"{type(aggregator).__name__} remembers earlier steps: give context=, the same "
            "moo.aggregation.Context() at every step"
        )
    _fill(gradients)
    return None if step.context.weights is None else step.context.weights[0]


@dataclass(frozen=True)
class _Parts:
    """The tensors that gradients are taken at; all but the features are leaves.

    Attributes:
        measured: their gradients are aggregated: the shared leaves, or the features.
        beside: get the same weights. With features, those that losses also reach without them.
        own: of loss i alone.
        trunk: behind the features alone; None without features.
        layers: linear layers whose leaves are aggregated too, but whose gradients are not formed.
    """

    measured: list[torch.Tensor]
    beside: list[torch.Tensor]
    own: list[list[torch.Tensor]]
    trunk: list[torch.Tensor] | None
    layers: list[LinearLayer] = field(default_factory=list)

    def without_gradients(self, nodes: Sequence[Node]) -> _Parts:
        """The same, with inner products of linear layers' gradients taken another way where that pays."""
        layers = layers_worth_it(nodes, self.measured, len(self.own))
        (measured,) = _without([self.measured], {leaf for layer in layers for leaf in layer.leaves})
        return replace(self, measured=measured, layers=layers)


_Gradients = list[tuple[torch.Tensor, torch.Tensor]]  # leaf, its gradient


@dataclass(frozen=True)
class _Step:
    losses: Sequence[torch.Tensor]
    parts: _Parts
    aggregator: Aggregator
    context: Context

    def by_losses(self) -> _Gradients:
        """A pass through each head to its own leaves, then one through everything to the others."""
        assert isinstance(self.aggregator, LossWeighting)
        assert self.context.losses is not None
        self.context.weights = self.aggregator.weights(self.context.losses, self.context)
        weights = self._weights()
        found: _Gradients = []
        for loss, leaves in zip(self.losses, self.parts.own, strict=True):
            if leaves:
                gradients = torch.autograd.grad(loss, leaves, retain_graph=True, allow_unused=True)
                found.extend(_reached(leaves, gradients))
        return found + self._weighted([*self.parts.measured, *self.parts.beside], weights)

    def by_gradients(self) -> _Gradients:
        """A pass from each loss, then those that need to know the weights."""
        parts = self.parts
        pieces = Pieces.of(parts.measured)
        rows: list[Row] = []
        slopes: list[Sequence[torch.Tensor | None]] = []
        found: _Gradients = []
        for i, (loss, own) in enumerate(zip(self.losses, parts.own, strict=True)):
            at: list[Any] = [*own, *parts.measured, *(layer.output for layer in parts.layers)]
            gradients = torch.autograd.grad(
                loss,
                at,
                retain_graph=bool(parts.beside) or parts.trunk is not None or i < len(self.losses) - 1,
                allow_unused=True,
            )
            k, j = len(own), len(own) + len(parts.measured)
            found.extend(_reached(own, gradients[:k]))
            rows.append(pieces.joined(gradients[k:j]))
            slopes.append(gradients[j:])
        direction = pieces.split(self._direction(rows, slopes))
        for layer, of_layer in zip(parts.layers, zip(*slopes, strict=True), strict=True):
            found.extend(zip(layer.leaves, layer.weighted(of_layer, self._weights()), strict=True))
        if parts.beside:
            found.extend(self._weighted(parts.beside, self._weights(), retain_graph=parts.trunk is not None))
        if parts.trunk is None:
            return [*found, *zip(parts.measured, direction, strict=True)]
        if parts.trunk:
            gradients = torch.autograd.grad(parts.measured, parts.trunk, direction, allow_unused=True)
            found.extend(_reached(parts.trunk, gradients))
        return found

    def _weighted(
        self, leaves: list[torch.Tensor], weights: list[float], retain_graph: bool = False
    ) -> _Gradients:
        """The gradients of the weighted sum of the losses, by one pass."""
        scales = [torch.full_like(loss, weight) for loss, weight in zip(self.losses, weights, strict=True)]
        gradients = torch.autograd.grad(
            self.losses, leaves, scales, retain_graph=retain_graph, allow_unused=True
        )
        return _reached(leaves, gradients)

    def _direction(self, rows: list[Row], slopes: list[Sequence[torch.Tensor | None]]) -> Row:
        """What the aggregator makes of the gradients."""
        like = self._accumulator()
        if isinstance(self.aggregator, Weighting):
            products = gramian(rows, like)
            for layer, of_layer in zip(self.parts.layers, zip(*slopes, strict=True), strict=True):
                products += layer.products(of_layer).to(products)
            self._require_finite_rows(products.diagonal())
            self.context.weights = self.aggregator.weights(products[None], self.context)
            return combined(rows, self._weights())
        pieces = rows[0].copy()
        J = stacked(rows, like)
        self._require_finite_rows(J[0].sum(1))
        self.context.weights = None
        direction = self.aggregator(J, self.context)[0]
        sections = torch.split(direction, [len(piece) for piece in pieces])
        return [section.to(piece) for section, piece in zip(sections, pieces, strict=True)]

    def _accumulator(self) -> torch.Tensor:
        """An empty tensor of the dtype and on the device that Gramians and Jacobians have."""
        leaves = [*self.parts.measured, *(leaf for layer in self.parts.layers for leaf in layer.leaves)]
        dtype = reduce(torch.promote_types, (leaf.dtype for leaf in leaves), torch.float32)
        return torch.empty(0, dtype=dtype, device=self.losses[0].device)

    def _require_finite_rows(self, figures: torch.Tensor) -> None:
        for i, figure in enumerate(figures.tolist()):
            if not math.isfinite(figure):
                where = "" if self.parts.trunk is None else "at the features "
                raise ProblemError(f"the gradient of losses[{i}] {where}is not finite: no .grad was changed")

    def _weights(self) -> list[float]:
        name = type(self.aggregator).__name__
        if self.context.weights is None:
            raise OptionError(
                f"{name} has no weights, but several losses reach parameters that it was not given: "
                "leave out shared= and features=, or choose an aggregator with weights"
            )
        weights: list[float] = self.context.weights[0].tolist()
        for i, weight in enumerate(weights):
            if not math.isfinite(weight):
                raise ProblemError(f"{name} gave losses[{i}] the weight {weight}: no .grad was changed")
        return weights


def _checked_losses(losses: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    if isinstance(losses, torch.Tensor):
        raise ProblemError(
            f"losses is one tensor of shape {tuple(losses.shape)}: give a list of tensors (), one a loss"
        )
    losses = list(losses)
    if not losses:
        raise ProblemError("losses is empty: give at least one tensor ()")
    for i, loss in enumerate(losses):
        if not isinstance(loss, torch.Tensor) or loss.ndim != 0:
            is_tensor = isinstance(loss, torch.Tensor)
            got = f"has shape {tuple(loss.shape)}" if is_tensor else f"is {type(loss).__name__}"
            raise ProblemError(f"losses[{i}] {got}, expected one number: a tensor of shape ()")
        if not loss.requires_grad:
            raise ProblemError(
                f"losses[{i}] is off the autograd graph, so it has no gradient: compute it from the "
                "parameters with torch functions (no float(), .item(), .detach() or numpy)"
            )
    return losses


def _values(losses: Sequence[torch.Tensor]) -> torch.Tensor:
    """The losses (1, m), in at least single precision."""
    dtype = reduce(torch.promote_types, (loss.dtype for loss in losses), torch.float32)
    values = torch.stack([loss.detach().to(losses[0].device, dtype) for loss in losses])
    for i, value in enumerate(values.tolist()):
        if not math.isfinite(value):
            raise ProblemError(f"losses[{i}] is {value}: no .grad was changed")
    return values[None]


def _checked_leaves(shared: Iterable[torch.Tensor] | None) -> list[torch.Tensor] | None:
    """The shared parameters that are not frozen, each once."""
    if shared is None:
        return None
    listed = [shared] if isinstance(shared, torch.Tensor) else list(shared)
    for parameter in listed:
        if not isinstance(parameter, torch.Tensor) or not parameter.is_leaf:
            what = "a tensor that was computed" if isinstance(parameter, torch.Tensor) else repr(parameter)
            raise OptionError(f"shared= holds {what}: give parameters, module.parameters() for example")
    return [parameter for parameter in dict.fromkeys(listed) if parameter.requires_grad]


def _checked_features(
    features: torch.Tensor | Sequence[torch.Tensor] | None, aggregator: Aggregator
) -> list[torch.Tensor] | None:
    if features is None:
        return None
    listed = [features] if isinstance(features, torch.Tensor) else list(features)
    for i, feature in enumerate(listed):
        if not isinstance(feature, torch.Tensor) or not feature.requires_grad:
            raise OptionError(
                f"features[{i}] is no tensor on the autograd graph: give what the shared trunk returns"
            )
    return None if isinstance(aggregator, LossWeighting) else listed


def _parts(
    leaves: Leaves,
    shared: list[torch.Tensor] | None,
    features: list[torch.Tensor] | None,
) -> _Parts:
    """
    Raises:
        ProblemError: when there is nothing to aggregate.
    """
    if features is not None:
        if not leaves.met_features:
            raise ProblemError("no loss depends on the features: give what the shared trunk returns")
        trunk = leaves_behind(features)
        behind = set(trunk)
        bypassed = [leaf for own in leaves.own for leaf in own if leaf in behind]
        beside = [*leaves.several, *bypassed]
        (trunk,) = _without([trunk], set(beside))
        return _Parts(features, beside, _without(leaves.own, behind), trunk)
    if shared is not None:
        reached = {leaf for found in (leaves.several, *leaves.own) for leaf in found}
        measured = [leaf for leaf in shared if leaf in reached]
        if not measured:
            raise ProblemError("no loss depends on any of the parameters in shared= that are not frozen")
        beside, *own = _without([leaves.several, *leaves.own], set(measured))
        return _Parts(measured, beside, own, None)
    if len(leaves.own) == 1:
        return _Parts(leaves.own[0], [], [[]], None)
    if not leaves.several:
        raise ProblemError(
            "no parameter is behind more than one loss, so there is nothing to aggregate: give losses that "
            "share a model"
        )
    return _Parts(leaves.several, [], leaves.own, None)


def _without(lists: list[list[torch.Tensor]], unwanted: set[torch.Tensor]) -> list[list[torch.Tensor]]:
    return [[leaf for leaf in leaves if leaf not in unwanted] for leaves in lists]


def _fresh_context() -> Context:
    return Context(rng=np.random.default_rng(int(torch.randint(2**62, ()))))


def _reached(leaves: Sequence[torch.Tensor], gradients: Sequence[torch.Tensor | None]) -> _Gradients:
    """The leaves that have a gradient, with it."""
    return [(leaf, g) for leaf, g in zip(leaves, gradients, strict=True) if g is not None]


def _require_finite(gradients: _Gradients, own: list[list[torch.Tensor]]) -> None:
    """
    Raises:
        ProblemError: naming the first gradient that is not finite.
    """
    sums = [gradient.sum() for _, gradient in gradients]
    if not sums or torch.stack([figure.to(sums[0]) for figure in sums]).sum().isfinite():
        return
    owner = {leaf: i for i, leaves in enumerate(own) for leaf in leaves}
    for leaf, gradient in gradients:
        if not gradient.isfinite().all():
            of = f"of losses[{owner[leaf]}]" if leaf in owner else "of the losses together"
            raise ProblemError(
                f"the gradient {of} with respect to a parameter of shape {tuple(leaf.shape)} is not finite: "
                "no .grad was changed"
            )


def _fill(gradients: _Gradients) -> None:
    """Add to what is there; else hand the gradient over, if its memory is its own and laid out as the
    leaf's is: autograd may give one tensor to two leaves, or an expanded one."""
    handed_over = set()
    for leaf, gradient in gradients:
        if leaf.grad is not None:
            leaf.grad.add_(gradient)
            continue
        if gradient.stride() != leaf.stride() or gradient.data_ptr() in handed_over:
            gradient = torch.empty_like(leaf, requires_grad=False).copy_(gradient)
        handed_over.add(gradient.data_ptr())
        leaf.grad = gradient
