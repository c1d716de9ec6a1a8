"""A digest of what a problem computes: its functions' code, its data, its bounds."""

from __future__ import annotations

import hashlib
import sys
import types
from collections.abc import Iterable, Iterator
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from moo.problem import Problem

_NOT_THE_USERS = ("builtins", "moo", "pymoo", "torch", "numpy")
_DEEPEST = 8  # levels of objects within objects


def code_digest(problem: Problem) -> str:
    """Hexadecimal digest (16 digits) that changes when the code of the objectives or constraints, of the
    functions they call from their own module, or the problem's data change. Comments do not count."""
    digest = hashlib.blake2b(digest_size=8)
    backend = problem.backend
    kept = {name: value for name, value in _stored(problem).items() if value is not backend}
    stated = [type(problem), kept, backend.vectorized, getattr(backend, "jacobian", None)]
    for piece in _pieces_of_all(stated, set(), 0):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(value: Any, seen: set[int], depth: int) -> Iterator[bytes]:
    """Bytes that stand for a value; each object once."""
    if isinstance(value, (str, int, float, bool, bytes, complex, type(None), np.generic)):
        yield repr(value).encode()
        return
    if id(value) in seen or depth > _DEEPEST:
        return
    seen.add(id(value))
    deeper = partial(_pieces_of_all, seen=seen, depth=depth + 1)
    if isinstance(value, np.ndarray):
        yield str((value.dtype, value.shape)).encode()
        if value.dtype.hasobject:
            yield from deeper(value.ravel())
        else:
            yield np.ascontiguousarray(value).tobytes()
    elif (torch := sys.modules.get("torch")) and isinstance(value, torch.Tensor):
        yield from deeper([value.detach().cpu().numpy()])
    elif isinstance(value, types.CodeType):
        yield value.co_code
        yield from deeper([value.co_names, *value.co_consts])
    elif isinstance(value, types.FunctionType):
        yield from deeper([value.__code__, value.__defaults__, value.__kwdefaults__])
        yield from deeper(_reached(value))
    elif isinstance(value, types.MethodType):
        yield from deeper([value.__func__, value.__self__])
    elif isinstance(value, dict):
        yield from deeper([*value, *value.values()])
    elif isinstance(value, (list, tuple, frozenset, set)):
        yield from deeper(sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value)
    elif isinstance(value, type):
        yield value.__qualname__.encode()
        yield from deeper(_own_code(value))
    elif not isinstance(value, types.ModuleType):
        yield from deeper([type(value), _stored(value)])


def _stored(value: Any) -> dict[str, Any]:
    """The attributes of an object, without those it only computed from the others."""
    computed = {n for c in type(value).__mro__ for n, v in vars(c).items() if isinstance(v, cached_property)}
    return {name: kept for name, kept in getattr(value, "__dict__", {}).items() if name not in computed}


def _pieces_of_all(values: Iterable[Any], seen: set[int], depth: int) -> Iterator[bytes]:
    for value in values:
        yield from _pieces(value, seen, depth)


def _reached(function: types.FunctionType) -> list[Any]:
    """What the function's code refers to: its closure, and globals of its module that are data or
    functions of that module."""
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:  # not assigned yet
            continue
    found = [function.__globals__.get(name) for name in function.__code__.co_names]
    own = [v for v in found if getattr(v, "__module__", function.__module__) == function.__module__]
    return cells + [v for v in own if not isinstance(v, types.ModuleType)]


def _own_code(cls: type) -> list[Any]:
    """Functions and data of a class and its bases, without those of moo and the libraries below."""
    own = [c for c in cls.__mro__ if c.__module__.partition(".")[0] not in _NOT_THE_USERS]
    return [v for c in own for name, v in vars(c).items() if not name.startswith("__") or callable(v)]
