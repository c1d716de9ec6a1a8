"""Loss weights and learning rate, searched: many models trained at once, one chosen by validation."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from moo.errors import OptionError, unknown_name
from moo.multimodal.problem import ModelProblem
from moo.multimodal.search.checks import (
    check_inner,
    checked,
    criterion,
    is_count,
    is_seed,
    rate_range,
    require,
    seed_list,
    settings_count,
)
from moo.multimodal.search.methods import METHODS, Plan, Space
from moo.multimodal.search.result import WeightSearch
from moo.multimodal.search.trainer import Trainer


def search_weights(
    task: ModelProblem,
    by: str = "grid",
    *,
    n: int | None = None,
    steps: int = 300,
    weights: Any = None,
    learning_rates: Sequence[float] = (1e-3, 1e-1),
    n_rates: int = 4,
    batch: int = 8,
    seeds: int | Sequence[int] = 1,
    inner: str = "adam",
    chosen_by: str | None = None,
    larger_is_better: bool | None = None,
    seed: int = 0,
) -> WeightSearch:
    """Search the loss weights and the learning rate together, and choose a setting by validation.

    A setting is one weight vector w on the simplex and one learning rate. Its model minimises
    sum_i w_i f_i with a cosine schedule of its learning rate, within the task's bounds.
    Models of many settings are rows of one X and are trained together. A model depends on its setting and
    training seed alone, and methods are comparable at equal ``n``, ``steps`` and ``seeds``. Ctrl-C ends the
    search, and every model trained so far is returned.

    Args:
        task: a `moo.multimodal.tasks.Task`, or any `ModelProblem` with held-out samples "validation" and,
            to be tested on, "test".
        by: "grid" (evenly spread weights, equal ones among them, x learning rates in a geometric row),
            "random" (weights even on the simplex, log-uniform rates), "bayesian" (Optuna's GPSampler on the
            metric of ``chosen_by``, some at a time) or "nsga2" (`moo.NSGA2` on the validation losses). The
            latter two search logarithms of weights and rates, weights being at most 100 to 1.
        n: settings, the same number whatever the method; 32 by default.
        steps: of each model.
        weights: for "grid": weight vectors (k, n_obj), rows summing to one, instead of spread ones; n is then
            k * n_rates.
        learning_rates: the least and the greatest one.
        n_rates: for "grid": how many of them.
        batch: for "bayesian" and "nsga2": settings trained together, an even number; the population.
        seeds: training seeds, or how many (0, 1, ...). One gives the initialisation and the minibatches,
            the same for every setting.
        inner: "adam" or "momentum", see `train_rows`.
        chosen_by, larger_is_better: a loss or metric, and its direction; by default what the task says.
            Losses are better smaller, metrics larger, unless stated.
        seed: of the search itself.

    Raises:
        OptionError: for options out of their range and unknown names.
        ProblemError: for a task that is no `ModelProblem`, or has no validation samples.
        MissingExtraError: for "bayesian" without Optuna.
        EvaluationError: when the losses raise on every model.
    """
    if by not in METHODS:
        raise OptionError(unknown_name("by", str(by), METHODS))
    space = Space(checked(task).n_obj, rate_range(learning_rates))
    for name, value in (("steps", steps), ("n_rates", n_rates), ("batch", batch)):
        require(is_count(value), name, value, "an integer of at least 1")
    require(batch % 2 == 0, "batch", batch, "an even number")
    require(is_seed(seed), "seed", seed, "an integer >= 0")
    check_inner(inner)
    if weights is not None and by != "grid":
        raise OptionError(f"weights= is for by='grid': by={by!r} finds its own")
    plan = Plan(space, settings_count(n, weights, space.n_obj, n_rates, by), weights, n_rates, batch, seed)
    figure, larger = criterion(task, chosen_by, larger_is_better)
    trainer = Trainer(task, steps, seed_list(seeds), figure, larger, inner)
    with suppress(KeyboardInterrupt):  # what was trained is there
        METHODS[by](plan, trainer)
    return trainer.searched(
        f"{by}: {plan.n} settings, {len(trainer.seeds)} seeds, {steps} {inner} steps each"
    )
