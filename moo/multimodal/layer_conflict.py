"""Where in a model the losses' gradients conflict, layer by layer, and when."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from moo.errors import ProblemError
from moo.multimodal.problem import ModelProblem
from moo.multimodal.search.checks import check_inner, is_count, on_simplex, require
from moo.multimodal.search.rows import train_rows

if TYPE_CHECKING:
    import pandas as pd

_TINY = 1e-30


def layers_of(task: ModelProblem) -> list[str]:
    """Prefixes of the names of each layer's trainable parameters, "encoders.image.layers.0." for example."""
    return list(dict.fromkeys(name.rpartition(".")[0] + "." * ("." in name) for name in task.slices))


def layer_conflict(task: ModelProblem, X: np.ndarray, layers: Sequence[str] | None = None) -> pd.DataFrame:
    """How the losses' gradients over all training samples stand to each other in each layer.

    Args:
        task: with two losses or more.
        X: models, (n, n_var), or one, (n_var,).
        layers: prefixes of parameters' names; by default `layers_of`.

    Returns:
        A row for each layer and pair of losses that both depend on it: "layer", "losses" ("image loss, text
        loss"), over the models the mean "cosine" of their gradients and the share in "conflict" (cosine below
        zero), and the median "norm ratio", the longer over the shorter.

    Raises:
        ProblemError: for a single loss, and where no parameter's name begins with a prefix.
    """
    import pandas as pd

    prefixes = _prefixes(task, layers)
    J = np.asarray(task.compute(np.atleast_2d(X), jacobian=True).J, dtype=float)
    rows: list[dict[str, Any]] = []
    for layer in prefixes:
        part = J[:, :, task.columns(layer)]
        for i, j in combinations(range(task.n_obj), 2):
            found = _pair(part[:, i], part[:, j])
            if found is not None:
                rows.append(
                    {"layer": layer.rstrip("."), "losses": f"{task.names[i]}, {task.names[j]}", **found}
                )
    return pd.DataFrame(rows, columns=["layer", "losses", "cosine", "conflict", "norm ratio"])


def layer_conflict_over_time(
    task: ModelProblem,
    *,
    weights: Sequence[float] | None = None,
    steps: int = 300,
    every: int = 30,
    learning_rate: float = 0.01,
    seeds: int = 4,
    layers: Sequence[str] | None = None,
    inner: str = "adam",
) -> pd.DataFrame:
    """`layer_conflict` in the course of a training with fixed weights: before the first step, after every so
    many, and at the end.

    Args:
        task, layers: as `layer_conflict`.
        weights: of the losses (n_obj,), summing to one; equal by default.
        steps, learning_rate, inner: as in `moo.multimodal.search_weights`.
        every: steps between two looks; a look costs n_obj passes over all training samples and model.
        seeds: trainings, whose figures are averaged.

    Returns:
        As `layer_conflict`, with a column "step".

    Raises:
        OptionError: for options out of their range.
        ProblemError: as `layer_conflict`.
    """
    import pandas as pd

    for name, value in (("steps", steps), ("every", every), ("seeds", seeds)):
        require(is_count(value), name, value, "an integer of at least 1")
    rate_sound = isinstance(learning_rate, Real) and 0.0 < learning_rate < float("inf")
    require(rate_sound, "learning_rate", learning_rate, "a number above zero")
    check_inner(inner)
    prefixes = _prefixes(task, layers)
    W = on_simplex([[1.0 / task.n_obj] * task.n_obj if weights is None else weights], task.n_obj)
    seen: dict[int, list[np.ndarray]] = {}

    def look(step: int, X: torch.Tensor) -> None:
        if step % every == 0 or step == steps:
            seen.setdefault(step, []).append(task.to_array(X).copy())

    for seed in range(seeds):
        if train_rows(task, W, np.array([learning_rate]), steps, seed, inner, watch=look).interrupted:
            break
    tables = [layer_conflict(task, np.concatenate(models), prefixes) for models in seen.values()]
    at_steps = [table.assign(step=step) for step, table in zip(seen, tables, strict=True)]
    return pd.concat(at_steps, ignore_index=True)


def _prefixes(task: ModelProblem, layers: Sequence[str] | None) -> list[str]:
    """The layers' prefixes, each of which some parameter's name begins with."""
    if not isinstance(task, ModelProblem):
        raise ProblemError(f"task is {type(task).__name__}, expected a ModelProblem")
    if task.n_obj < 2:
        raise ProblemError(f"{task.title} has one loss, whose gradient conflicts with none")
    if layers is None:
        return layers_of(task)
    prefixes = [layers] if isinstance(layers, str) else list(layers)
    for prefix in prefixes:
        task.columns(prefix)
    return prefixes


def _pair(a: np.ndarray, b: np.ndarray) -> dict[str, float] | None:
    """Figures of two gradients (n, size) each; None where one of them is zero throughout."""
    lengths = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    shorter, longer = np.minimum(*lengths), np.maximum(*lengths)
    sound = shorter > _TINY
    if not sound.any():
        return None
    cosine = (a * b).sum(axis=1)[sound] / (shorter * longer)[sound]
    ratio = float(np.median(longer[sound] / shorter[sound]))
    return {"cosine": float(cosine.mean()), "conflict": float((cosine < 0).mean()), "norm ratio": ratio}
