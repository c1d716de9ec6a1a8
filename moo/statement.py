"""The checks behind `moo.Problem(...)`: bounds, names, directions and functions as given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from moo.errors import ProblemError, unknown_name

_DIRECTIONS = {"min": 1.0, "minimize": 1.0, "max": -1.0, "maximize": -1.0}


def functions(given: Any, what: str) -> list[Callable[..., Any]]:
    """A list of callables from one callable, a sequence of them, or None."""
    listed = [] if given is None else [given] if callable(given) else given
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise ProblemError(f"{what}={given!r} is not accepted: give a function or a list of functions")
    for function in listed:
        if not callable(function):
            raise ProblemError(f"{what} holds {function!r}, expected functions only")
    return list(listed)


def bounds(xl: Any, xu: Any, n_var: int | None) -> tuple[np.ndarray, np.ndarray, int]:
    """(xl, xu, n_var) with -inf and inf where a variable is unbounded."""
    if n_var is not None and not (isinstance(n_var, (int, np.integer)) and n_var >= 1):
        raise ProblemError(f"n_var={n_var!r} is not accepted: give an integer >= 1")
    size = n_var or max((len(b) for b in (xl, xu) if _has_length(b)), default=0)
    if size < 1:
        raise ProblemError("the number of decision variables is unknown: give xl and xu, or n_var=")
    lower, upper = _bound(xl, size, -np.inf, "xl"), _bound(xu, size, np.inf, "xu")
    crossed = np.flatnonzero(lower > upper)
    if len(crossed):
        i = int(crossed[0])
        raise ProblemError(f"xl[{i}]={lower[i]:g} is above xu[{i}]={upper[i]:g}: expected xl <= xu")
    return lower, upper, size


def _has_length(bound: Any) -> bool:
    return hasattr(bound, "__len__") and np.ndim(bound) > 0


def _bound(given: Any, size: int, absent: float, name: str) -> np.ndarray:
    values = list(given) if _has_length(given) else [given] * size
    if len(values) != size:
        raise ProblemError(f"{name} has {len(values)} entries, expected n_var={size}")
    try:
        bound = np.array([absent if value is None else value for value in values], dtype=float)
    except (TypeError, ValueError):
        raise ProblemError(
            f"{name}={given!r} is not accepted: give numbers, or None where unbounded"
        ) from None
    if bound.ndim > 1:
        raise ProblemError(f"{name} has shape {bound.shape}, expected ({size},): one number a variable")
    if np.isnan(bound).any():
        raise ProblemError(f"{name}[{int(np.isnan(bound).argmax())}] is NaN: give a number, or None")
    return bound


def objective_names(
    objectives: Any, n_obj: int | None, names: Sequence[str] | None, directions: Sequence[str] | None
) -> list[str]:
    """One name an objective; their number from whatever says it, which must agree."""
    sizes = {
        "objectives": len(objectives) if isinstance(objectives, Sequence) else None,
        "n_obj": n_obj,
        "names": None if names is None else len(names),
        "directions": None if directions is None else len(directions),
    }
    stated = {source: size for source, size in sizes.items() if size is not None}
    if not stated:
        raise ProblemError("one function returns all objectives: say how many with n_obj= or names=")
    if len(set(stated.values())) > 1 or min(stated.values()) < 1:
        said = ", ".join(f"{source} {size}" for source, size in stated.items())
        raise ProblemError(f"the number of objectives is unclear: {said}; expected one number, at least 1")
    given = list(names) if names is not None else _default_names(objectives, next(iter(stated.values())))
    if len(set(given)) < len(given):
        raise ProblemError(f"names={given} repeat: expected one name an objective")
    return given


def _default_names(objectives: Any, n_obj: int) -> list[str]:
    listed = objectives if isinstance(objectives, Sequence) else []
    names = [getattr(f, "__name__", "<lambda>") for f in listed]
    if len(set(names)) < n_obj or "<lambda>" in names:
        return [f"f{i + 1}" for i in range(n_obj)]
    return names


def variable_names(given: Sequence[str] | None, n_var: int) -> list[str]:
    if given is None:
        return [f"x{i + 1}" for i in range(n_var)]
    if len(given) != n_var:
        raise ProblemError(f"var_names has {len(given)} entries, expected n_var={n_var}")
    return list(given)


def directions_sign(directions: Sequence[str] | None, n_obj: int) -> np.ndarray:
    """+1 for a minimised objective, -1 for a maximised one, (n_obj,)."""
    for direction in directions or ():
        if direction not in _DIRECTIONS:
            raise ProblemError(unknown_name("direction", str(direction), _DIRECTIONS))
    return np.array([_DIRECTIONS[d] for d in directions] if directions else [1.0] * n_obj)


class FunctionError(RuntimeError):
    """What a user's function raised, with the function's name."""


def call_named(function: Callable[..., Any], x: Any, name: str) -> Any:
    """Call a user's function on its own copy of x so that what it raises names the function."""
    try:
        return function(_own_copy(x))
    except Exception as error:
        raise named(error, name) from error


def _own_copy(x: Any) -> Any:
    if isinstance(x, dict):
        return {name: v.copy() if isinstance(v, np.ndarray) else v for name, v in x.items()}
    return x.copy() if isinstance(x, np.ndarray) else x.clone()


def check_variables(backend: str | None, vectorized: bool, **others: Any) -> None:
    """
    Raises:
        ProblemError: when something is stated that ``variables=`` says already or does not go with.
    """
    given = [name for name, value in others.items() if value is not None]
    if given:
        raise ProblemError(f"variables= states what {given[0]}= would: give one of them")
    if backend not in (None, "numpy") or vectorized:
        what = f"backend={backend!r}" if backend not in (None, "numpy") else "vectorized=True"
        raise ProblemError(f"variables= does not go with {what}: functions get one dict a candidate")


def named(error: Exception, name: str) -> FunctionError:
    """The error as one that says which function raised it."""
    if isinstance(error, FunctionError):
        return error
    return FunctionError(f"{name!r} raised {type(error).__name__}: {error}")
