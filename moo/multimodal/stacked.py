"""One forward pass of K models: each operation once, on all of them.

`torch.func.vmap` does the same for any function. But it takes each operation apart into several and pays
for each of them anew, which is most of the time of small models; here the usual operations of models and
losses have a rule each, a call or two on tensors with one more dimension. What has no rule is left to vmap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

Parameters: TypeAlias = dict[str, Tensor]
Rule: TypeAlias = Callable[..., Any]

_RULES: dict[Callable[..., Any], Rule] = {}


class NoRuleError(Exception):
    """Of an operation that is left to vmap."""


class Stacked(Tensor):
    """A tensor of each of K models. To the code of a model it is the tensor (\\*shape) of one; ``many``
    (K, \\*shape) holds them all. It has no numbers of its own, so that code which does not ask for a rule
    finds nothing to compute with."""

    many: Tensor

    @staticmethod
    def __new__(cls, many: Tensor) -> Stacked:
        stacked = Tensor._make_wrapper_subclass(cls, many.shape[1:], dtype=many.dtype, device=many.device)
        stacked.many = many
        return stacked

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        rule = _RULES.get(func)
        into = kwargs.get("out") is not None or kwargs.get("inplace") or any(arg is True for arg in args)
        if rule is None or into:  # what changes its argument has none either
            raise NoRuleError(getattr(func, "__name__", repr(func)))
        return rule(func, *args, **kwargs)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        raise NoRuleError(str(func))


def by_rules(of_one: Callable[[Parameters], Tensor], parameters: Parameters) -> Tensor:
    """``torch.func.vmap(of_one)(parameters)``, for parameters (K, \\*shape) each: figures (K, k).

    Raises:
        NoRuleError: for an operation without a rule.
    """
    figures = of_one({name: Stacked(values) for name, values in parameters.items()})
    return _spread(figures, len(next(iter(parameters.values()))))


def _rule(names: str, *owners: Any) -> Callable[[Rule], Rule]:
    """For the functions with these names, wherever torch has them."""

    def register(rule: Rule) -> Rule:
        for name in names.split():
            for owner in owners or (torch, Tensor, functional):
                if hasattr(owner, name):
                    _RULES[getattr(owner, name)] = rule
        return rule

    return register


def _rank(x: Tensor) -> int:
    return x.many.ndim - 1 if isinstance(x, Stacked) else x.ndim


def _aligned(x: Any, rank: int) -> Any:
    """With so many dimensions behind that of the models, where it has one."""
    if not isinstance(x, Stacked):
        return x
    many, missing = x.many, rank - _rank(x)
    return many.reshape(len(many), *[1] * missing, *many.shape[1:]) if missing else many


def _spread(x: Tensor, k: int) -> Tensor:
    """(k, *shape), whether it differs between models or not."""
    return x.many if isinstance(x, Stacked) else x.expand(k, *x.shape)


def _how_many(tensors: Iterable[Tensor]) -> int:
    return next(len(x.many) for x in tensors if isinstance(x, Stacked))


def _own(x: Any) -> Tensor:
    """The values of all models, of what must differ between them for a rule to hold."""
    if not isinstance(x, Stacked):
        raise NoRuleError("only a further argument differs between models")
    return x.many


def _behind(dim: Any) -> int:
    """The place of a dimension behind that of the models."""
    if not isinstance(dim, int):
        raise NoRuleError("not one dimension")
    return dim + 1 if dim >= 0 else dim


def _each(results: Any) -> Any:
    return Stacked(results) if isinstance(results, Tensor) else tuple(Stacked(result) for result in results)


def _sizes(given: Sequence[Any]) -> Sequence[Any]:
    """From f(x, 2, 3) or f(x, (2, 3))."""
    return given[0] if given and isinstance(given[0], (tuple, list)) else given


# ------------------------------------------------------------------ what a tensor is


@_rule("size dim numel __len__ is_floating_point", Tensor)
def _metadata(func: Rule, x: Stacked, *args: Any, **kwargs: Any) -> Any:
    with torch._C.DisableTorchFunctionSubclass():
        return func(x, *args, **kwargs)


for _attribute in ("shape", "ndim", "dtype", "device"):
    _RULES[getattr(Tensor, _attribute).__get__] = _metadata


@_rule("zeros_like ones_like full_like new_zeros new_ones new_full")
def _constant(func: Rule, x: Stacked, *args: Any, **kwargs: Any) -> Tensor:
    """The same for all models, so that no model needs one of its own."""
    constant: Tensor = func(x.many[0], *args, **kwargs)
    return constant


# ------------------------------------------------------------------ entry by entry


@_rule(
    "relu relu6 leaky_relu elu selu celu gelu silu mish softplus softsign logsigmoid tanhshrink hardtanh "
    "tanh sigmoid exp expm1 log log1p sqrt rsqrt square abs neg sin cos sign reciprocal erf add sub mul div "
    "true_divide pow maximum minimum where clamp masked_fill eq ne lt le gt ge logical_not logical_and "
    "logical_or clone detach"
)
@_rule(
    "__add__ __radd__ __sub__ __rsub__ __mul__ __rmul__ __truediv__ __rtruediv__ __pow__ __rpow__ __neg__ "
    "__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __and__ __or__ __invert__ contiguous float double long to",
    Tensor,
)
def _elementwise(func: Rule, *args: Any, **kwargs: Any) -> Stacked:
    tensors = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
    rank = max(map(_rank, tensors))
    numbers = any(isinstance(x, Stacked) and x.many.ndim == 1 for x in tensors)
    if numbers and len({x.dtype for x in tensors}) > 1:
        raise NoRuleError("a number does not change the type of a result, a column of numbers does")
    named = {name: _aligned(x, rank) for name, x in kwargs.items()}
    return Stacked(func(*[_aligned(x, rank) for x in args], **named))


@_rule("mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy_with_logits", functional)
def _pointwise_loss(
    func: Rule, output: Tensor, target: Tensor, *, reduction: str = "mean", **kwargs: Any
) -> Stacked:
    if reduction not in ("mean", "sum", "none") or output.shape != target.shape:
        raise NoRuleError("how losses are put together")
    k = _how_many([output, target])
    each = func(_spread(output, k), _spread(target, k), reduction="none", **_plain(kwargs))
    return Stacked(each if reduction == "none" else getattr(each.reshape(k, -1), reduction)(1))


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    if any(isinstance(value, Tensor) for value in options.values()):
        raise NoRuleError("an option is a tensor")
    return options


# ------------------------------------------------------------------ products


@_rule("linear", functional)
def _linear(func: Rule, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Stacked:
    """W x^T: so the gradient of W comes as W lies in memory, and need not be turned round."""
    k = _how_many(t for t in (x, weight, bias) if t is not None)
    inputs, w = _spread(x, k), _spread(weight, k)
    rows = inputs if inputs.ndim == 3 else inputs.reshape(k, -1, inputs.shape[-1])
    if bias is None:
        product = torch.bmm(w, rows.transpose(1, 2))
    else:
        product = torch.baddbmm(_spread(bias, k).unsqueeze(2), w, rows.transpose(1, 2))
    y = product.transpose(1, 2)
    return Stacked(y if rows is inputs else y.reshape(*inputs.shape[:-1], y.shape[2]))


@_rule("matmul __matmul__ __rmatmul__")
def _matmul(func: Rule, a: Tensor, b: Tensor) -> Stacked:
    if min(_rank(a), _rank(b)) < 2:
        raise NoRuleError("a product with a vector")
    rank = max(_rank(a), _rank(b))
    return Stacked(func(_aligned(a, rank), _aligned(b, rank)))


@_rule("layer_norm", functional)
def _layer_norm(
    func: Rule,
    x: Tensor,
    shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Stacked:
    normal: Any = Stacked(func(_own(x), shape, eps=eps))
    scaled = normal if weight is None else normal * weight
    shifted: Stacked = scaled if bias is None else scaled + bias
    return shifted


# ------------------------------------------------------------------ along a dimension


@_rule("sum mean amax amin argmax argmin", torch, Tensor)
def _reduction(func: Rule, x: Tensor, dim: Any = None, **kwargs: Any) -> Stacked:
    many = _own(x)
    if dim is None:
        return Stacked(func(many.reshape(len(many), -1), 1, **kwargs))
    if dim in ((), []):
        raise NoRuleError("no dimension is named")
    dims = [_behind(d) for d in dim] if isinstance(dim, (tuple, list)) else _behind(dim)
    return Stacked(func(many, dims, **kwargs))


@_rule("softmax log_softmax logsumexp cumsum unsqueeze squeeze transpose")
def _along(func: Rule, x: Tensor, *dims: Any, dim: Any = None, **kwargs: Any) -> Stacked:
    places = [_behind(d) for d in (dims if dim is None else (*dims, dim))]
    if not places:
        raise NoRuleError("no dimension is named")
    return Stacked(func(_own(x), *places, **kwargs))


@_rule("normalize", functional)
def _normalize(
    func: Rule, x: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: None = None
) -> Stacked:
    return Stacked(func(_own(x), p, _behind(dim), eps))


@_rule("cross_entropy", functional)
def _cross_entropy(
    func: Rule,
    logits: Tensor,
    target: Tensor,
    weight: None = None,
    size_average: None = None,
    ignore_index: int = -100,
    reduce: None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Stacked:
    """All models' rows one below the other, each with the class of its sample."""
    options = (weight, size_average, reduce)
    known = reduction in ("none", "sum", "mean") and not label_smoothing and _rank(target) == 1
    if not known or any(option is not None for option in options):
        raise NoRuleError("another kind of cross entropy")
    k, n, n_classes = _own(logits).shape
    classes = target.many if isinstance(target, Stacked) else target
    rows, below = _own(logits).reshape(k * n, n_classes), classes.expand(k, n).reshape(-1)
    each = func(rows, below, ignore_index=ignore_index, reduction="none").reshape(k, n)
    if reduction == "none":
        return Stacked(each)
    total = each.sum(1)
    return Stacked(total if reduction == "sum" else total / (classes != ignore_index).sum(-1))


# ------------------------------------------------------------------ another shape


@_rule("flatten")
def _flatten(func: Rule, x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Stacked:
    return Stacked(func(_own(x), _behind(start_dim), _behind(end_dim)))


@_rule("reshape view")
def _reshape(func: Rule, x: Tensor, *shape: Any) -> Stacked:
    many = _own(x)
    return Stacked(many.reshape(len(many), *_sizes(shape)))


@_rule("permute")
def _permute(func: Rule, x: Tensor, *dims: Any) -> Stacked:
    return Stacked(_own(x).permute(0, *[d % _rank(x) + 1 for d in _sizes(dims)]))


@_rule("expand", Tensor)
def _expand(func: Rule, x: Tensor, *sizes: Any) -> Stacked:
    sizes = tuple(_sizes(sizes))
    return Stacked(_aligned(x, len(sizes)).expand(len(_own(x)), *sizes))


@_rule("expand_as", Tensor)
def _expand_as(func: Rule, x: Tensor, other: Tensor) -> Tensor:
    if not isinstance(x, Stacked):
        return x.expand(other.shape)
    return Stacked(_aligned(x, _rank(other)).expand(len(_own(x)), *other.shape))


for _transposed in ("T", "mT"):
    _RULES[getattr(Tensor, _transposed).__get__] = lambda func, x: _along(torch.transpose, x, -2, -1)


@_rule("cat concat stack", torch)
def _together(func: Rule, tensors: Sequence[Tensor], dim: int = 0) -> Stacked:
    k = _how_many(tensors)
    return Stacked(func([_spread(x, k) for x in tensors], _behind(dim)))


@_rule("unbind", torch, Tensor)
def _unbind(func: Rule, x: Tensor, dim: int = 0) -> Any:
    return _each(func(_own(x), _behind(dim)))


@_rule("split chunk", torch, Tensor)
def _split(func: Rule, x: Tensor, sizes: Any, dim: int = 0) -> Any:
    return _each(func(_own(x), sizes, _behind(dim)))


@_rule("__getitem__", Tensor)
def _getitem(func: Rule, x: Tensor, index: Any) -> Stacked:
    places = index if isinstance(index, tuple) else (index,)
    for place in places:
        known = place is None or place is Ellipsis or type(place) in (int, slice, Tensor)
        if not known:
            raise NoRuleError("an index of another kind")
    if sum(type(place) is Tensor for place in places) > 1:
        raise NoRuleError("several tensors as an index")
    return Stacked(func(_own(x), (slice(None), *places)))
