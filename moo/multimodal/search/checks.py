"""What `search_weights` and `search_rates` accept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from moo.errors import OptionError, ProblemError, unknown_name
from moo.multimodal.problem import ModelProblem
from moo.multimodal.search.rows import INNER
from moo.weights import given_weights

_N = 32  # settings, unless stated


def checked(task: object) -> ModelProblem:
    if not isinstance(task, ModelProblem):
        raise ProblemError(
            f"task is {type(task).__name__}, expected a ModelProblem such as ImageTextProblem()"
        )
    if "validation" not in task.heldout:
        raise ProblemError(
            f"{task.title} has no held-out samples 'validation', by which a setting is chosen: "
            "give heldout={'validation': samples, 'test': samples}"
        )
    return task


def criterion(task: ModelProblem, chosen_by: str | None, larger: bool | None) -> tuple[str, bool]:
    """The validation figure that chooses, and whether larger is better."""
    accepted = [*task.metrics, *task.losses]
    name = chosen_by or getattr(task, "chosen_by", None)
    if name is None:
        raise OptionError(
            f"{task.title} does not say what a setting is chosen by: give chosen_by=, one of {accepted}"
        )
    if name not in accepted:
        raise OptionError(unknown_name("chosen_by", str(name), accepted))
    if larger is None:
        stated = getattr(task, "larger_is_better", None) if name == getattr(task, "chosen_by", None) else None
        larger = name in task.metrics if stated is None else bool(stated)
    return f"validation {name}", larger


def settings_count(n: Any, weights: Any, n_obj: int, n_rates: int, by: str) -> int:
    """The number of settings.

    Raises:
        OptionError: when it is none, or a grid cannot have as many.
    """
    if weights is not None:
        k = len(on_simplex(weights, n_obj)) * n_rates
        accepted = f"{k} (the weights times n_rates={n_rates}), or leave it out"
        require(n is None or n == k, "n", n, accepted)
        return k
    least = (n_obj + 1) * n_rates if n_obj > 1 else n_rates  # the corners alone train no loss with another
    n = max(_N, least if by == "grid" else 0) if n is None else n
    require(is_count(n), "n", n, "an integer of at least 1: the number of settings")
    if by == "grid" and (n % n_rates or n < least):
        raise OptionError(
            f"n={n} is not accepted with by='grid': give a multiple of n_rates={n_rates}, at least "
            f"{least} for {n_obj} losses"
        )
    return int(n)


def check_inner(inner: str) -> None:
    if inner not in INNER:
        raise OptionError(unknown_name("inner method", str(inner), INNER))


def require(holds: bool, name: str, value: object, accepted: str) -> None:
    if not holds:
        raise OptionError(f"{name}={value!r} is not accepted: give {accepted}")


def is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def is_seed(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def rate_range(rates: Any) -> tuple[float, float]:
    try:
        low, high = (float(rate) for rate in rates)
    except (TypeError, ValueError):
        low = high = math.nan
    accepted = "the least and the greatest rate, (0.001, 0.1) for example, both above zero"
    require(0.0 < low <= high < math.inf, "learning_rates", rates, accepted)
    return low, high


def seed_list(seeds: Any) -> list[int]:
    listed = list(range(seeds)) if is_count(seeds) else seeds
    sound = isinstance(listed, Sequence) and bool(listed) and all(is_seed(s) for s in listed)
    require(sound and len(set(listed)) == len(listed), "seeds", seeds, "how many, or different integers >= 0")
    return list(listed)


def on_simplex(weights: Any, n_obj: int) -> np.ndarray:
    W = given_weights(weights, n_obj)
    sums = W.sum(axis=1)
    if (off := np.abs(sums - 1.0)).max() > 1e-6:
        k = int(off.argmax())
        raise OptionError(f"weights[{k}] sum to {sums[k]:g}, expected 1: the learning rate is searched apart")
    return W
