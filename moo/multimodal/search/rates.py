"""The learning rate of an aggregator's training, searched as `search_weights` searches."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from moo.aggregation import Aggregator, aggregator_named
from moo.errors import OptionError
from moo.multimodal.problem import ModelProblem
from moo.multimodal.search.checks import (
    check_inner,
    checked,
    criterion,
    is_count,
    rate_range,
    require,
    seed_list,
)
from moo.multimodal.search.result import WeightSearch
from moo.multimodal.search.trainer import Trainer


def search_rates(
    task: ModelProblem,
    aggregator: Any,
    *,
    n: int = 32,
    steps: int = 300,
    learning_rates: Sequence[float] = (1e-3, 1e-1),
    seeds: int | Sequence[int] = 1,
    inner: str = "adam",
    chosen_by: str | None = None,
    larger_is_better: bool | None = None,
) -> WeightSearch:
    """Train with an aggregator at n learning rates, and choose one by validation: what `search_weights`
    is for weighted sums, at the same number of settings.

    Args:
        task: as in `search_weights`.
        aggregator: an object of `moo.aggregation` or `moo.multimodal.balancing`, or the class name of one of
            the former.
        n: settings: learning rates in a geometric row.
        steps, learning_rates, seeds, inner, chosen_by, larger_is_better: as in `search_weights`.

    Returns:
        As `search_weights`; its tables have no columns of weights.

    Raises:
        OptionError: for options out of their range and unknown names.
        ProblemError: for a task that is no `ModelProblem`, or has no validation samples.
        EvaluationError: when the losses raise on every model.
    """
    low, high = rate_range(learning_rates)
    for name, value in (("n", n), ("steps", steps)):
        require(is_count(value), name, value, "an integer of at least 1")
    check_inner(inner)
    chosen = aggregator_named(aggregator) if isinstance(aggregator, str) else aggregator
    if not isinstance(chosen, Aggregator):
        raise OptionError(f"aggregator={aggregator!r} is not accepted: give an object of moo.aggregation")
    figure, larger = criterion(checked(task), chosen_by, larger_is_better)
    trainer = Trainer(task, steps, seed_list(seeds), figure, larger, inner)
    with suppress(KeyboardInterrupt):  # what was trained is there
        trainer.train(chosen, np.geomspace(low, high, n) if n > 1 else np.array([(low * high) ** 0.5]))
    what = f"{chosen}: {n} learning rates, {len(trainer.seeds)} seeds, {steps} {inner} steps each"
    return trainer.searched(what)
