"""What every task is: a `ModelProblem` over a data set, with the metric that a model is chosen by."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from torch import nn

from moo.errors import ProblemError
from moo.multimodal.data import DataSet, MultimodalData, Samples
from moo.multimodal.problem import Measure, ModelProblem

_QUICK = 400  # rows


class Task(ModelProblem):
    """Several training losses of one model of several modalities, over a data set.

    A subclass is one file in this package. Its constructor takes ``data`` first (`MultimodalData`, a
    `DataSet`, or None for its default), then options that all have defaults, and it is found by its class.

    Attributes:
        data: what it was given, loaded.
    """

    task_name: ClassVar[str]
    """What the command line calls it, for example "image-text"; a base class of tasks has none."""
    chosen_by: ClassVar[str]
    """The metric by whose value on the validation split one model of a front is chosen."""
    larger_is_better: ClassVar[bool] = True
    """Of that metric."""

    def __init__(
        self,
        data: MultimodalData,
        model: Callable[[], nn.Module] | nn.Module,
        losses: Mapping[str, Measure],
        metrics: Mapping[str, Measure],
        *,
        batch_size: int | None,
        **options: Any,
    ) -> None:
        heldout = {part: data.part(part) for part in ("validation", "test")}
        train = data.part("train")
        if isinstance(batch_size, int) and batch_size > len(train):
            batch_size = None  # a default of 128 must not refuse a small data set
        super().__init__(
            model, losses, train=train, heldout=heldout, metrics=metrics, batch_size=batch_size, **options
        )
        self.data = data  # after pymoo has set an attribute of that name

    @classmethod
    @abstractmethod
    def default_data(cls) -> DataSet:
        """The data set a task is on when none is given."""

    @classmethod
    def quick(cls) -> Self:
        """The task on some 400 rows, where a short run takes seconds."""
        subclass: Any = cls  # whose constructor takes the data alone
        task: Self = subclass(cls.default_data().load().thinned(_QUICK))
        return task

    def chosen(self, X: np.ndarray) -> int:
        """Which row of X (n, n_var) is the best on the validation split by ``chosen_by``."""
        values = self.report(X)[f"validation {self.chosen_by}"]
        return int(np.argmax(values) if self.larger_is_better else np.argmin(values))

    def write_samples(self, X: np.ndarray, folder: Path) -> list[Path]:
        """Write what of the models in the rows of X (n, n_var) is best looked at, and return the files; of
        most tasks there is nothing.

        Raises:
            StorageError: when a file cannot be written.
        """
        return []

    @classmethod
    def _loaded(cls, data: MultimodalData | DataSet | None) -> MultimodalData:
        source = cls.default_data() if data is None else data
        return source.load() if isinstance(source, DataSet) else source


def require_modalities(samples: Samples, names: Iterable[str]) -> None:
    """Raise a `ProblemError` for data without one of the modalities."""
    for name in names:
        if name not in samples.modalities:
            raise ProblemError(
                f"the data has no modality {name!r}, which this task needs: it has "
                f"{', '.join(sorted(samples.modalities))}"
            )
