"""Gradient-Blending: weights for the losses from how each of them overfits."""

from __future__ import annotations

import numpy as np

from moo.errors import OptionError
from moo.multimodal.problem import ModelProblem
from moo.multimodal.search.checks import checked, is_count, is_seed, require
from moo.multimodal.search.rows import train_rows

_TINY = 1e-12


def gradient_blending(
    task: ModelProblem,
    *,
    steps: int = 300,
    learning_rate: float = 0.01,
    seed: int = 0,
    inner: str = "adam",
) -> np.ndarray:
    """Weights (n_obj,) of the losses, summing to one, in proportion to G_i / O_i^2: what training on loss i
    alone generalises, G_i, over the square of how far it overfits, O_i (Wang, Tran and Feiszli 2020, "What
    makes training multi-modal classification networks hard?", the offline estimate).

    Each loss is trained alone, all of them at once; G_i is by how much its validation loss fell, O_i by how
    much the gap from its training to its validation loss grew. A loss that does not generalise weighs 0.
    `search_weights(task, weights=gradient_blending(task))` then searches the learning rate.

    Args:
        task: with held-out samples "validation".
        steps, learning_rate, inner: of each training, as in `train_rows`.
        seed: of the training.

    Raises:
        OptionError: for options out of their range.
        ProblemError: without validation samples, or when no loss generalises.
    """
    require(is_count(steps), "steps", steps, "an integer of at least 1")
    require(is_seed(seed), "seed", seed, "an integer >= 0")
    require(0.0 < learning_rate < float("inf"), "learning_rate", learning_rate, "a number above zero")
    m = checked(task).n_obj
    before = _losses(task, task.sample(1, np.random.default_rng(np.random.SeedSequence(seed).spawn(2)[0])))
    trained = train_rows(task, np.eye(m), np.full(m, learning_rate), steps, seed, inner)
    if trained.interrupted:  # weights of models that are half trained would be wrong ones
        raise KeyboardInterrupt
    train, validation = _losses(task, trained.X).diagonal(axis1=1, axis2=2) - before[:, 0]
    gained, overfitted = -validation, validation - train
    weights = np.maximum(gained, 0.0) / np.maximum(overfitted**2, _TINY)
    if not np.isfinite(weights).all() or weights.sum() <= 0.0:
        raise OptionError(
            f"no loss of {task.title} fell on the validation samples in {steps} steps at a learning rate of "
            f"{learning_rate:g}: give more steps or another learning rate"
        )
    return np.asarray(weights / weights.sum())


def _losses(task: ModelProblem, X: np.ndarray) -> np.ndarray:
    """The losses (2, n, n_obj) of the rows of X on the training and the validation split."""
    report = task.report(X)
    parts = [[report[f"{part} {name}"] for name in task.names] for part in ("train", "validation")]
    return np.array(parts).transpose(0, 2, 1)
