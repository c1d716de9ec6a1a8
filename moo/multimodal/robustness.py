"""What corrupted data do to trained models, to training, and robustness as an objective of its own.

A corruption is a function ``(data, *, parts) -> data``, such as ``partial(with_noise, modality="image",
scale=1.0)`` of `moo.multimodal.corruption`; it corrupts the splits named by ``parts`` and no others. Curves
take one for each level: ``lambda scale: partial(with_noise, modality="image", scale=scale)``.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, Self, TypeAlias

import numpy as np
import torch

from moo.arrays import Array
from moo.budget import Budget
from moo.errors import OptionError, ProblemError, unknown_name
from moo.loop import solve
from moo.multimodal.data import SPLITS, MultimodalData, Samples
from moo.multimodal.problem import ModelProblem
from moo.multimodal.search.result import t_interval
from moo.optimizers.base import Optimizer
from moo.result import Result

if TYPE_CHECKING:
    import pandas as pd


class Corruption(Protocol):
    """Data to data, corrupted in the splits named by ``parts``."""

    def __call__(self, data: MultimodalData, /, *, parts: Sequence[str]) -> MultimodalData: ...


Levels: TypeAlias = Callable[[float], Corruption]


# ------------------------------------------------------------------ curves


def robustness_curve(
    task: ModelProblem,
    X: np.ndarray,
    corruption: Levels,
    levels: Sequence[float],
    *,
    part: str = "test",
) -> pd.DataFrame:
    """Losses and metrics of trained models on held-out samples that grow worse.

    Args:
        task: what the models were trained on, with the ``data`` that it was made of.
        X: models, (n, n_var), or one of them, (n_var,).
        corruption: level -> the corruption at that level.
        levels: for example 0 to 2 standard deviations of noise.
        part: the split that is corrupted and measured.

    Returns:
        A row for each level and model: "level", "model" (the row of X), and a column for each loss and
        metric, such as "fused accuracy".

    Raises:
        ProblemError: for a task without data, and X of another shape.
        OptionError: for an unknown split, no levels, and corruptions that are no functions.
    """
    import pandas as pd

    data = _data_of(task)
    if part not in data.split:
        raise OptionError(unknown_name("split", part, data.split))
    models, rows = np.atleast_2d(X), []
    for level in _checked(levels):
        corrupted = _corrupted(data, _at(corruption, level), (part,))
        figures = measured(task, models, corrupted.part(part))
        columns = {"level": np.full(len(models), level), "model": np.arange(len(models))}
        rows.append(pd.DataFrame({**columns, **figures}))
    return pd.concat(rows, ignore_index=True)


def measured(task: ModelProblem, X: np.ndarray, samples: Samples) -> dict[str, np.ndarray]:
    """Every loss and metric of the models in the rows of X (n, n_var) on any samples, (n,) each by name.

    Raises:
        ProblemError: for X of another shape.
    """
    plain = task.task if isinstance(task, RobustTask) else task
    reported = _with_samples(plain, samples, {}).report(X)
    return {name.removeprefix("train "): values for name, values in reported.items()}


def retrained_curve(
    build: Callable[[MultimodalData], ModelProblem],
    data: MultimodalData,
    corruption: Levels,
    levels: Sequence[float],
    *,
    optimizer: Optimizer[Any],
    budget: Budget | float,
    seeds: int | Sequence[int] = 5,
    chosen_by: str | None = None,
) -> pd.DataFrame:
    """Losses and metrics on clean test samples of models trained on data that grow worse.

    Only the training split is corrupted. Of the models that a run ends with, the one is measured that does
    best on the clean validation split.

    Args:
        build: makes the task of some data, for example the class of a task.
        data: clean.
        corruption: level -> the corruption at that level.
        levels: for example 0 to 0.4 of the labels.
        optimizer, budget: as in `moo.solve`.
        seeds: of the runs: how many (0 .. seeds - 1), or a list. The corruption is the same for all of them.
        chosen_by: the loss or metric that one model of a run is chosen by; by default the task's own.

    Returns:
        A row for each level and each loss and metric: "level", "figure", "mean" over the seeds, "low" and
        "high" (the 95 % interval of the mean by Student's t; NaN for one seed) and "n", the seeds.

    Raises:
        OptionError: for no levels, no seeds, corruptions that are no functions, and an unknown or missing
            ``chosen_by``.
    """
    import pandas as pd

    runs = _seeds(seeds)
    rows: list[dict[str, Any]] = []
    for level in _checked(levels):
        task = build(_corrupted(data, _at(corruption, level), ("train",)))
        criterion = _Criterion.of(task, chosen_by)
        tested = [criterion.tested(solve(task, optimizer, budget=budget, seed=seed)) for seed in runs]
        for figure in tested[0]:
            values = np.array([one[figure] for one in tested])
            rows.append({"level": level, "figure": figure, **_interval(values)})
    return pd.DataFrame(rows)


# ------------------------------------------------------------------ objectives


class RobustTask(ModelProblem):
    """A task's losses on its training samples and, as further objectives, on the same samples corrupted.

    min (f_1(x; D), ..., f_m(x; D), f_j(x; c_1(D)), f_j(x; c_2(D)), ...). A step draws its minibatch once:
    each corrupted loss is of the rows that the clean losses are of, with whatever the task draws besides,
    such as modality dropout. A corruption costs one more pass through the model. It is made once, not anew
    in each step, so a model can learn its noise by heart. On 1,330 emoji a fused loss with noise on the
    texts (scale 1) as one of two equal objectives left the test accuracy under such noise as it was: 0.48,
    three seeds. Reported are the task's figures, and, of each corruption on each split, the losses of ``of``
    and all metrics, such as "test noisy image fused accuracy".

    Args:
        task: with the ``data`` that it was made of.
        corruptions: name -> corruption; it must keep the rows of each split, as `with_imbalance` does not.
        of: the losses that are also taken on corrupted samples: one, several, or None for all.

    Attributes:
        task: as given.
        data: clean.

    Raises:
        ProblemError: for a task without data, and a corruption that changes which rows a split has.
        OptionError: for an unknown loss, no corruptions, and corruptions that are no functions.
    """

    def __init__(
        self,
        task: ModelProblem,
        corruptions: Mapping[str, Corruption],
        *,
        of: str | Sequence[str] | None = None,
    ) -> None:
        data = _data_of(task)
        chosen = _chosen_losses(task, of)
        if not isinstance(corruptions, Mapping) or not corruptions:
            raise OptionError(f"corruptions={corruptions!r} is not accepted: give {{name: corruption}}")
        self._twins = {name: _twin(task, data, name, c, chosen) for name, c in corruptions.items()}
        upper = float(task.xu[0])
        robust = {f"{name} {loss}": _only_within for name in corruptions for loss in chosen}
        super().__init__(
            task._model,
            {**task.losses, **robust},
            train=task.train,
            heldout=task.heldout,
            metrics=task.metrics,
            batch_size=task.batch_size,
            bound=upper if np.isfinite(upper) else None,
            device=task.device,
            title=f"{task.title}, robust",
        )
        self.task = task
        self.data = data  # after pymoo has set an attribute of that name
        self.chosen_by = getattr(task, "chosen_by", None)
        self.larger_is_better = getattr(task, "larger_is_better", True)

    def objectives(self, x: Array, rng: np.random.Generator | None = None) -> torch.Tensor:
        """The losses (n, n_obj) of the rows of x (n, n_var), clean ones first, all on the same rows."""
        draws = [copy.deepcopy(rng) for _ in self._twins]
        clean = self.task.objectives(x, rng)
        pairs = zip(self._twins.values(), draws, strict=True)
        return torch.cat([clean, *(twin.objectives(x, draw) for twin, draw in pairs)], dim=1)

    def minibatch(self, rng: np.random.Generator) -> Samples:
        return self.task.minibatch(rng)

    def rows_at_once(self, n: int) -> int:
        return self.task.rows_at_once(n)

    def report(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """What the task reports, and as much of each corruption, on every split."""
        reported = self.task.report(X)
        for name, twin in self._twins.items():
            for figure, values in twin.report(X).items():
                part, _, rest = figure.partition(" ")
                reported[f"{part} {name} {rest}"] = values
        return reported


def with_robust_losses(
    task: ModelProblem, corruptions: Mapping[str, Corruption], *, of: str | Sequence[str] | None = None
) -> RobustTask:
    """The task with losses on corrupted training samples as further objectives, see `RobustTask`:
    ``with_robust_losses(task, {"noisy image": partial(with_noise, modality="image", scale=1.0)},
    of="fused loss")``."""
    return RobustTask(task, corruptions, of=of)


# ------------------------------------------------------------------ tasks


def _data_of(task: ModelProblem) -> MultimodalData:
    data = getattr(task, "data", None)
    if not isinstance(data, MultimodalData):
        raise ProblemError(
            f"{type(task).__name__} has no data to corrupt: give a task made of MultimodalData, such as "
            "ImageTextProblem()"
        )
    return data


def _with_samples(task: ModelProblem, train: Samples, heldout: Mapping[str, Samples]) -> ModelProblem:
    """The same task on other samples."""
    twin = copy.copy(task)
    twin.train = train.to(task.device)
    twin.heldout = {part: samples.to(task.device) for part, samples in heldout.items()}
    return twin


def _twin(
    task: ModelProblem, data: MultimodalData, name: str, corruption: Corruption, losses: Sequence[str]
) -> ModelProblem:
    """The task on the same rows, corrupted, with those of its losses."""
    corrupted = _corrupted(data, corruption, SPLITS)
    for part in SPLITS:
        if not np.array_equal(corrupted.split[part], data.split[part]):
            raise ProblemError(
                f"corruption {name!r} changes which rows the split {part!r} has: a loss on corrupted samples "
                "needs the same rows"
            )
    heldout = {part: corrupted.part(part) for part in task.heldout}
    twin = _with_samples(task, corrupted.part("train"), heldout)
    twin.losses = {loss: task.losses[loss] for loss in losses}
    return twin


def _chosen_losses(task: ModelProblem, of: str | Sequence[str] | None) -> list[str]:
    names = list(task.losses) if of is None else [of] if isinstance(of, str) else list(of)
    for name in names:
        if name not in task.losses:
            raise OptionError(unknown_name("loss", str(name), task.losses))
    if not names:
        raise OptionError("of=[] names no loss: give at least one, or None for all")
    return names


def _only_within(output: object, samples: Samples) -> NoReturn:
    raise ProblemError(
        "a loss on corrupted samples needs a second pass through the model: solve the task as a whole with "
        "moo.solve, or take the losses of its attribute task"
    )


def _at(corruption: Levels, level: float) -> Corruption:
    if not _takes(corruption, level):
        raise OptionError(
            f"corruption={corruption!r} does not make a corruption of a level: give a function, for example "
            "lambda scale: partial(with_noise, modality='image', scale=scale)"
        )
    return corruption(level)


def _corrupted(data: MultimodalData, corruption: Corruption, parts: Sequence[str]) -> MultimodalData:
    made = corruption(data, parts=parts) if _takes(corruption, data, parts=parts) else None
    if not isinstance(made, MultimodalData):
        raise OptionError(
            f"{corruption!r} is no corruption: give a function (data, *, parts) -> data, for example "
            "partial(with_noise, modality='image', scale=1.0)"
        )
    return made


def _takes(function: object, *given: object, **named: object) -> bool:
    """Whether a function can be called with these arguments."""
    if not callable(function):
        return False
    try:
        inspect.signature(function).bind(*given, **named)
    except TypeError:
        return False
    return True


# ------------------------------------------------------------------ figures


@dataclass(frozen=True)
class _Criterion:
    """By what one model of a run is chosen."""

    name: str
    sign: float  # of the larger being the better

    @classmethod
    def of(cls, task: ModelProblem, given: str | None) -> Self:
        name = given or getattr(task, "chosen_by", None)
        accepted = {**task.losses, **task.metrics}
        if name is None:
            raise OptionError(
                f"{task.title} has no metric of its own to choose a model by: give chosen_by=, one of "
                f"{', '.join(accepted)}"
            )
        if name not in accepted:
            raise OptionError(unknown_name("chosen_by", name, accepted))
        larger = name in task.metrics and getattr(task, "larger_is_better", True)
        return cls(name, 1.0 if larger else -1.0)

    def tested(self, result: Result) -> dict[str, float]:
        """The figures on the test split of the chosen model."""
        best = int(np.argmax(self.sign * result.metrics[f"validation {self.name}"]))
        return {
            name.removeprefix("test "): float(values[best])
            for name, values in result.metrics.items()
            if name.startswith("test ")
        }


def _interval(values: np.ndarray) -> dict[str, float]:
    mean, low, high = t_interval(values)
    return {"mean": mean, "low": low, "high": high, "n": len(values)}


def _checked(levels: Sequence[float]) -> list[float]:
    given = levels if np.iterable(levels) and not isinstance(levels, str) else ()
    numbers = [float(level) for level in given if isinstance(level, (int, float, np.integer, np.floating))]
    if not numbers or len(numbers) < len(given):
        raise OptionError(f"levels={levels!r} is not accepted: give a list of numbers, at least one")
    return numbers


def _seeds(seeds: int | Sequence[int]) -> list[int]:
    given = range(seeds) if isinstance(seeds, int) else seeds
    if not np.iterable(given) or len(given) == 0:
        raise OptionError(f"seeds={seeds!r} is not accepted: give how many (at least 1), or a list of seeds")
    return list(given)
