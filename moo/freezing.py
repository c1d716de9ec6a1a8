"""Objects of dataclasses, arrays, tensors and generators as JSON and arrays, and back, bit by bit.

Only classes of moo and of the modules named by the caller are rebuilt: what a file says is never code.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Collection
from typing import Any

import numpy as np

from moo.errors import StorageError

_PLAIN = (str, int, float, bool, type(None))
_SEQUENCES: dict[str, type] = {"list": list, "tuple": tuple, "set": set, "deque": deque}


class CannotFreeze(TypeError):  # noqa: N818 - a signal: such a state is rebuilt by repeating its run
    """The object holds something that is neither data nor of a known class."""


class Frozen:
    """A tree of JSON values and the arrays it refers to. An object met twice is stored once, so that
    what shared its memory shares it again.

    Args:
        modules: modules beside moo whose objects may be taken apart.
    """

    def __init__(self, modules: Collection[str] = ()) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._modules = set(modules)
        self._seen: dict[int, int] = {}
        self._alive: list[Any] = []  # ids stay unique while the objects live

    def freeze(self, value: Any) -> Any:
        """The JSON form of a value; its arrays are collected.

        Raises:
            CannotFreeze: when something in it cannot be stored.
        """
        if type(value) in _PLAIN:
            return value
        if isinstance(value, np.generic):
            return {"scalar": value.item(), "dtype": value.dtype.str}
        if id(value) in self._seen:
            return {"again": self._seen[id(value)]}
        number = self._seen[id(value)] = len(self._seen)
        self._alive.append(value)
        return {"id": number, **self._taken_apart(value, number)}

    def _taken_apart(self, value: Any, number: int) -> dict[str, Any]:
        if isinstance(value, np.ndarray):
            return {"array": self._store(value, number)}
        if _is_tensor(value):
            dtype = str(value.dtype).removeprefix("torch.")
            return {"tensor": self._store(value.detach().cpu().numpy(), number), "dtype": dtype}
        if isinstance(value, np.random.Generator) and isinstance(value.bit_generator, np.random.PCG64):
            return {"generator": value.bit_generator.state}
        if isinstance(value, BaseException):
            return {"error": str(value)}
        if isinstance(value, dict):
            return {"dict": [[self.freeze(k), self.freeze(v)] for k, v in value.items()]}
        name = type(value).__name__
        if _SEQUENCES.get(name) is type(value):
            items: Any = value
            return {name: self._sequence(list(items), number)}
        cls = type(value)
        named = value._asdict() if _is_named_tuple(cls) else getattr(value, "__dict__", None)
        if not _may_rebuild(cls.__module__, self._modules) or named is None:
            raise CannotFreeze(f"{cls.__module__}.{cls.__qualname__}")
        fields = {name: self.freeze(field) for name, field in named.items()}
        return {"class": f"{cls.__module__}:{cls.__qualname__}", "fields": fields}

    def _sequence(self, items: list[Any], number: int) -> Any:
        """Items one by one; rows of arrays that fit on one another as one array."""
        if len(items) > 1 and all(isinstance(item, np.ndarray) and item.ndim for item in items):
            kinds = {(item.dtype.str, item.shape[1:]) for item in items}
            if len(kinds) == 1:
                return {"stacked": self._store(np.concatenate(items), number), "sizes": [*map(len, items)]}
        return [self.freeze(item) for item in items]

    def _store(self, array: np.ndarray, number: int) -> str:
        if array.dtype.hasobject:
            raise CannotFreeze("an array of objects")
        self.arrays[str(number)] = array
        return str(number)


class Thawed:
    """The objects of a `Frozen`.

    Args:
        arrays: its arrays.
        modules: as there.
        device: where tensors go.
    """

    def __init__(
        self, arrays: dict[str, np.ndarray], modules: Collection[str] = (), device: str = "cpu"
    ) -> None:
        self._arrays = arrays
        self._modules = set(modules)
        self._device = device
        self._made: dict[int, Any] = {}

    def thaw(self, node: Any) -> Any:
        """The value of a JSON form.

        Raises:
            StorageError: when it names a class that is not known.
        """
        if not isinstance(node, dict):
            return node
        if "scalar" in node:
            return np.dtype(node["dtype"]).type(node["scalar"])
        if "again" in node:
            return self._made[node["again"]]
        if "class" in node:
            return self._rebuilt(node)
        value = self._made[node["id"]] = self._put_together(node)
        return value

    def _put_together(self, node: dict[str, Any]) -> Any:
        if "array" in node:
            return self._arrays[node["array"]]
        if "tensor" in node:
            return self._tensor(node)
        if "generator" in node:
            return _generator(node["generator"])
        if "error" in node:
            return RuntimeError(node["error"])
        if "dict" in node:
            return {self.thaw(key): self.thaw(value) for key, value in node["dict"]}
        name = next(name for name in _SEQUENCES if name in node)
        items = node[name]
        if isinstance(items, dict):
            stacked = self._arrays[items["stacked"]]
            return _SEQUENCES[name](np.split(stacked, np.cumsum(items["sizes"])[:-1]))
        return _SEQUENCES[name](self.thaw(item) for item in items)

    def _tensor(self, node: dict[str, Any]) -> Any:
        import torch

        array = self._arrays[node["tensor"]]
        return torch.tensor(array, dtype=getattr(torch, node["dtype"]), device=self._device)

    def _rebuilt(self, node: dict[str, Any]) -> Any:
        module, _, name = node["class"].partition(":")
        if not _may_rebuild(module, self._modules) or module not in sys.modules:
            raise StorageError(f"a checkpoint names the unknown class {node['class']}")
        cls: Any = sys.modules[module]
        for part in name.split("."):
            cls = getattr(cls, part)
        if _is_named_tuple(cls):
            value = cls(**{name: self.thaw(field) for name, field in node["fields"].items()})
            self._made[node["id"]] = value
            return value
        value = self._made[node["id"]] = object.__new__(cls)
        vars(value).update({name: self.thaw(field) for name, field in node["fields"].items()})
        return value


def _may_rebuild(module: str, modules: Collection[str]) -> bool:
    return module.partition(".")[0] == "moo" or module in modules


def _is_named_tuple(cls: type) -> bool:
    return issubclass(cls, tuple) and hasattr(cls, "_fields")


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _generator(state: dict[str, Any]) -> np.random.Generator:
    generator = np.random.Generator(np.random.PCG64())
    generator.bit_generator.state = state
    return generator
