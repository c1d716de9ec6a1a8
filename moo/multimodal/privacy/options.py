"""What `fit_private` and `privacy_front` accept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from moo.errors import OptionError, ProblemError, unknown_name
from moo.multimodal.privacy.account import ACCOUNTANTS, joint_noise, opacus_module
from moo.multimodal.privacy.row_gradients import in_blocks
from moo.multimodal.problem import ModelProblem
from moo.multimodal.search.checks import is_count, require
from moo.weights import given_weights


@dataclass(frozen=True)
class Plan:
    """The options of `fit_private`, checked."""

    noises: dict[str, float]
    clips: dict[str, float]
    weights: torch.Tensor
    steps: int
    batch_size: int
    learning_rate: float
    rate: float
    delta: float
    accountant: str

    @property
    def noise(self) -> float:
        return joint_noise(list(self.noises.values()))


def checked_plan(
    task: Any,
    noise: Any,
    clip: Any,
    weights: Any,
    steps: Any,
    batch_size: Any,
    learning_rate: Any,
    delta: Any,
    accountant: Any,
    seed: Any,
) -> Plan:
    if not isinstance(task, ModelProblem):
        raise ProblemError(
            f"task is {type(task).__name__}, expected a ModelProblem such as ImageTextProblem()"
        )
    n = len(task.train)
    require(is_count(steps), "steps", steps, "an integer of at least 1")
    most = f"an integer from 1 to the {n} training rows"
    require(is_count(batch_size) and batch_size <= n, "batch_size", batch_size, most)
    require(
        _is_number(learning_rate) and learning_rate > 0, "learning_rate", learning_rate, "a number above zero"
    )
    delta = 1.0 / (10 * n) if delta is None else delta
    require(_is_number(delta) and 0 < delta < 1, "delta", delta, "a number above 0 and below 1")
    require(isinstance(seed, int) and seed >= 0, "seed", seed, "an integer >= 0")
    if accountant not in ACCOUNTANTS:
        raise OptionError(unknown_name("accountant", str(accountant), ACCOUNTANTS))
    W = given_weights(np.full(task.n_obj, 1.0 / task.n_obj) if weights is None else weights, task.n_obj)
    require(len(W) == 1, "weights", weights, "one weight vector")
    noises = dict(noise) if isinstance(noise, Mapping) else {"": noise}
    clips = dict(clip) if isinstance(clip, Mapping) else dict.fromkeys(noises, clip)
    if clips.keys() != noises.keys():
        raise OptionError(f"clip has the blocks {list(clips)}, expected those of noise: {list(noises)}")
    for block, value in noises.items():
        require(_is_number(value) and value >= 0, f"noise{_of(block)}", value, "a number >= 0")
    for block, value in clips.items():
        require(_is_number(value) and value > 0, f"clip{_of(block)}", value, "a number above zero")
    opacus_module("opacus.accountants")
    in_blocks(task.module(task.sample(1, np.random.default_rng(0))[0]), noises)
    return Plan(
        noises,
        clips,
        task.to_tensor(W[0]),
        steps,
        batch_size,
        learning_rate,
        batch_size / n,
        delta,
        accountant,
    )


def require_levels(name: str, levels: Any, *, zero: bool) -> None:
    sound = isinstance(levels, Sequence) and len(levels) > 0
    for level in levels if sound else ():
        number = isinstance(level, (int, float)) and not isinstance(level, bool)
        sound = sound and number and (0 <= level < math.inf if zero else level > 0)
    require(sound, name, levels, f"a list of numbers {'>= 0' if zero else 'above zero'}")


def _of(block: str) -> str:
    return f"[{block!r}]" if block else ""


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
