"""Trained modules as safetensors files: tensors and text, nothing that could run."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from moo.errors import MissingExtraError, ProblemError, StorageError
from moo.storage import replacing


def save_module(module: nn.Module, file: str | Path, **metadata: Any) -> None:
    """Write the parameters and buffers of a module, with notes on it, as one safetensors file.

    The file appears whole or not at all. A parameter that has several names is stored under its first.

    Args:
        module: for example ``problem.module(x)``, or ``search.module(task)``.
        file: where to; what is there is replaced.
        **metadata: whatever JSON can hold, for example ``weights=[0.3, 0.7]``.

    Raises:
        ProblemError: for a module without tensors or with state that is none, and for metadata that JSON
            cannot hold.
        StorageError: when the file cannot be written.
        MissingExtraError: without safetensors.
    """
    write_tensors(_tensors(module), file, metadata)


def load_module(module: nn.Module, file: str | Path) -> dict[str, Any]:
    """Fill a module of the same architecture from a file of `save_module`; all of it, or nothing.

    Args:
        module: changed in place; its tensors keep their device.
        file: what `save_module` wrote.

    Returns:
        The metadata given to `save_module`.

    Raises:
        ProblemError: when the module has other tensors, by name, shape or dtype.
        StorageError: when the file is missing, truncated or no safetensors file.
        MissingExtraError: without safetensors.
    """
    stored, metadata = read_tensors(file)
    tensors = _tensors(module)
    _require_same(type(module).__name__, tensors, stored, file)
    with torch.no_grad():
        for name, tensor in tensors.items():
            tensor.copy_(stored[name])
    return metadata


def write_tensors(tensors: dict[str, torch.Tensor], file: str | Path, metadata: dict[str, Any]) -> None:
    """Tensors and JSON notes as one safetensors file, written whole or not at all.

    Raises:
        ProblemError: for notes that JSON cannot hold.
        StorageError: when the file cannot be written.
        MissingExtraError: without safetensors.
    """
    on_cpu = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    content = safetensors().save(on_cpu, {name: _json(name, value) for name, value in metadata.items()})
    with replacing(Path(file)) as stream:
        stream.write(content)


def read_tensors(file: str | Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The tensors, on the CPU, and the notes of a safetensors file; notes of other writers that are no
    JSON stay text.

    Raises:
        StorageError: when the file is missing, truncated or no safetensors file.
        MissingExtraError: without safetensors.
    """
    library = safetensors()
    try:
        content = Path(file).read_bytes()
        tensors: dict[str, torch.Tensor] = library.load(content)
    except FileNotFoundError:
        raise StorageError(f"{file} does not exist") from None
    except OSError as error:
        raise StorageError(f"{file} cannot be read: {error.strerror}") from None
    except Exception as error:  # of a class that safetensors keeps in its compiled part
        raise StorageError(f"{file} is no whole safetensors file: {error}") from None
    return tensors, {name: _unjson(text) for name, text in _notes(content).items()}


def _notes(content: bytes) -> dict[str, str]:
    """The ``__metadata__`` of the header, whose length stands in the first eight bytes."""
    length = int.from_bytes(content[:8], "little")
    notes: dict[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    return notes


def _json(name: str, value: Any) -> str:
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        raise ProblemError(
            f"{name}={value!r} cannot be stored: give text, numbers, or lists and dicts of them"
        ) from None


def _unjson(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    """What the module's state consists of, each tensor once."""
    found: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    for name, value in module.state_dict(keep_vars=True).items():
        if not isinstance(value, torch.Tensor):
            raise ProblemError(f"the state {name!r} is {type(value).__name__}, expected a tensor")
        if id(value) not in seen:
            seen.add(id(value))
            found[name] = value
    if not found:
        raise ProblemError(f"{type(module).__name__} has no parameters and no buffers: nothing to store")
    return found


def _require_same(
    what: str, expected: dict[str, torch.Tensor], stored: dict[str, torch.Tensor], file: str | Path
) -> None:
    """
    Raises:
        ProblemError: naming the first tensor that differs.
    """
    if missing := [name for name in expected if name not in stored]:
        raise ProblemError(f"{file} has no tensor {missing[0]!r}, which this {what} expects")
    if extra := [name for name in stored if name not in expected]:
        raise ProblemError(f"{file} holds a tensor {extra[0]!r}, which this {what} does not have")
    for name, tensor in expected.items():
        theirs, mine = (f"{tuple(t.shape)} {t.dtype}" for t in (stored[name], tensor))
        if theirs != mine:
            raise ProblemError(f"{name!r} is {theirs} in {file}, expected {mine} for this {what}")


def safetensors() -> Any:
    """safetensors for torch.

    Raises:
        MissingExtraError: where it is not installed.
    """
    try:
        return import_module("safetensors.torch")
    except ImportError:
        raise MissingExtraError("safetensors", "safetensors") from None
