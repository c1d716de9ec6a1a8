"""What a search found: every model, the front, and the choice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from moo.errors import ProblemError, StorageError
from moo.indicators import nondominated
from moo.multimodal.problem import ModelProblem
from moo.result import Cost
from moo.storage import claim, read_arrays, read_json, write_arrays, write_json

if TYPE_CHECKING:
    import pandas as pd


INTERRUPTED = "interrupted"  # what the status of a model begins with that Ctrl-C stopped


@dataclass(frozen=True)
class WeightSearch:
    """Every model that `search_weights` trained, and the setting that validation chose.

    Attributes:
        X: the parameters (k, n_var) of every model, float32; `ModelProblem.module` makes modules of rows.
        table: one row a model: "setting", "seed", "w <loss>" for each loss, "learning rate", "status" ("ok",
            or "diverged at step 12": X is then where its losses were last finite; or "interrupted at step
            12", by Ctrl-C), "steps", and all losses and metrics on the training and validation split.
        chosen: the number of the chosen setting; None when every setting diverged or none was finished.
        rule: how it was chosen, in words.
        tested: losses and metrics of the chosen setting's models on the test split: one row a seed, no
            columns without such a split. No other model met the test split.
        cost: what training took.
        names: the losses' names.
        by_metric: the validation figure that a setting is chosen by, and whether larger is better.
    """

    X: np.ndarray
    table: pd.DataFrame
    chosen: int | None
    rule: str
    tested: pd.DataFrame
    cost: Cost
    names: list[str]
    by_metric: tuple[str, bool]

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the search."""
        return bool(self._stopped.any())

    @property
    def _stopped(self) -> pd.Series[bool]:
        return self.table.status.str.startswith(INTERRUPTED)

    @cached_property
    def settings(self) -> pd.DataFrame:
        """One row a setting: its figures' means over seeds, and whether all its models are "ok". Models that
        were interrupted are left out."""
        ended = self.table[~self._stopped]
        grouped = ended.drop(columns=["seed", "status"]).groupby("setting", sort=True)
        return grouped.mean().assign(ok=(ended.status == "ok").groupby(ended.setting).all())

    @cached_property
    def front(self) -> pd.DataFrame:
        """Of ``settings``, those that no other one beats in all validation losses."""
        sound = self.settings[self.settings.ok]
        return sound.iloc[nondominated(sound[validation(self.names)].to_numpy())] if len(sound) else sound

    @cached_property
    def test(self) -> pd.DataFrame:
        """The figures of ``tested`` (rows): "mean" over seeds, and "low" and "high" of a 95 % t interval, NaN
        with one seed."""
        import pandas as pd

        rows = {name: t_interval(self.tested[name].to_numpy()) for name in self.tested}
        return pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "low", "high"], dtype=float)

    @property
    def row(self) -> int:
        """The row of X of the chosen setting's model that is best on validation, of its seeds.

        Raises:
            ProblemError: when every setting diverged, or none was finished.
        """
        if self.chosen is None:
            raise ProblemError(f"no model was chosen: {self.rule}")
        name, larger = self.by_metric
        values = self.table[name].where((self.table.setting == self.chosen) & ~self._stopped)
        return int(values.argmax() if larger else values.argmin())

    def module(self, task: ModelProblem) -> nn.Module:
        """The chosen model as a plain module.

        Raises:
            ProblemError: when every setting diverged, or the task is not the one searched on.
        """
        return task.module(self.X[self.row])

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write everything to a folder: arrays and JSON.

        Raises:
            StorageError: when it holds files already, or cannot be written.
        """
        path = claim(folder, overwrite=overwrite)
        write_arrays(path / "models.npz", {"X": self.X})
        kept = {name: getattr(self, name) for name in ("chosen", "rule", "names", "by_metric")}
        tables = {name: getattr(self, name).to_dict("split") for name in ("table", "tested")}
        write_json(path / "search.json", {**kept, **tables, "cost": asdict(self.cost)})

    @classmethod
    def load(cls, folder: str | Path) -> WeightSearch:
        """What `save` wrote.

        Raises:
            StorageError: when it is not there, torn, or something else.
        """
        import pandas as pd

        kept, arrays = read_json(Path(folder) / "search.json"), read_arrays(Path(folder) / "models.npz")
        try:
            for name in ("table", "tested"):
                kept[name] = pd.DataFrame(**kept[name])
            kept["cost"], (metric, larger) = Cost(**kept["cost"]), kept["by_metric"]
            found = cls(**{**kept, "X": arrays["X"], "by_metric": (metric, larger)})
        except (KeyError, TypeError, ValueError, AttributeError):
            raise StorageError(f"{folder} holds no weight search") from None
        if len(found.X) != len(found.table):
            raise StorageError(f"{folder} is torn: {len(found.X)} models, {len(found.table)} rows of figures")
        return found


def t_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean of the values (k,), and the ends of its 95 % interval by Student's t; NaN ends for k = 1."""
    from scipy.stats import t

    mean, k = float(values.mean()), len(values)
    if k < 2:
        return mean, math.nan, math.nan
    half = float(t.ppf(0.975, k - 1) * values.std(ddof=1) / math.sqrt(k))
    return mean, mean - half, mean + half


def validation(names: Sequence[str]) -> list[str]:
    """What a report calls these losses on the validation split."""
    return [f"validation {name}" for name in names]
