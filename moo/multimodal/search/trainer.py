"""Trains the settings of a search, keeps every model, and chooses."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from moo.aggregation import Aggregator
from moo.budget import Budget
from moo.multimodal.problem import ModelProblem
from moo.multimodal.search.result import WeightSearch, validation
from moo.multimodal.search.rows import train_rows
from moo.result import Cost

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Trainer:
    """Trains settings and keeps every model."""

    task: ModelProblem
    steps: int
    seeds: list[int]
    figure: str
    larger: bool
    inner: str = "adam"
    X: list[np.ndarray] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    n_settings: int = 0
    n_f: int = 0
    n_vjp: int = 0
    began: float = field(default_factory=time.perf_counter)

    def train(self, rule: np.ndarray | Aggregator, rates: np.ndarray) -> list[dict[str, Any]]:
        """The table's new rows, seed by seed, of the settings: weights (k, n_obj) or an aggregator, and
        learning rates (k,)."""
        blind = _with_heldout(self.task, "validation")
        first = len(self.rows)
        for seed in self.seeds:
            X, stopped, evaluate = train_rows(self.task, rule, rates, self.steps, seed, self.inner)
            self.n_f, self.n_vjp = self.n_f + evaluate.n_f, self.n_vjp + evaluate.n_vjp
            figures = blind.report(X)
            finite = np.isfinite([figures[name] for name in validation(self.task.names)]).all(axis=0)
            stopped = np.where(finite, stopped, np.minimum(stopped, self.steps - 1))
            self.X.append(X.astype(np.float32))
            for k in range(len(rates)):
                done = int(stopped[k])
                said = {} if isinstance(rule, Aggregator) else _said(self.task.names, rule[k])
                status = "ok" if done == self.steps else f"diverged at step {done + 1}"
                row: dict[str, Any] = {
                    "setting": self.n_settings + k,
                    "seed": seed,
                    **said,
                    "learning rate": float(rates[k]),
                }
                row |= {"status": status, "steps": done}
                self.rows.append(row | {name: float(values[k]) for name, values in figures.items()})
        self.n_settings += len(rates)
        return self.rows[first:]

    def means(self, W: np.ndarray, rates: np.ndarray, names: list[str]) -> np.ndarray:
        """Train, and return means over seeds (k, len(names)); NaN where a model diverged."""
        rows = self.train(W, rates)
        values = [[row[name] if row["status"] == "ok" else math.nan for name in names] for row in rows]
        return np.asarray(np.reshape(values, (len(self.seeds), len(W), len(names))).mean(axis=0))

    def searched(self, what: str) -> WeightSearch:
        """The outcome, with the chosen setting tested."""
        import pandas as pd

        sign = "largest" if self.larger else "smallest"
        rule = f"the setting of {sign} mean {self.figure}, of equal ones that of least total validation loss"
        found = WeightSearch(
            X=np.concatenate(self.X),
            table=pd.DataFrame(self.rows),
            chosen=None,
            rule=f"{rule} ({what})",
            tested=pd.DataFrame(),
            cost=Cost(self.n_f, self.n_vjp, time.perf_counter() - self.began, Budget(cost=1).vjp_cost),
            names=list(self.task.names),
            by_metric=(self.figure, self.larger),
        )
        sound = found.settings[found.settings.ok & np.isfinite(found.settings[self.figure])]
        if sound.empty:
            return replace(found, rule=f"every setting diverged ({what})")
        totals = sound[validation(self.task.names)].sum(axis=1)
        order = np.lexsort((totals, sound[self.figure] * (-1 if self.larger else 1)))
        chosen = int(sound.index[order[0]])
        X = found.X[(found.table.setting == chosen).to_numpy()]
        return replace(found, chosen=chosen, tested=_tested(self.task, X))


def _said(names: Sequence[str], weights: np.ndarray) -> dict[str, float]:
    return {f"w {name}": float(w) for name, w in zip(names, weights, strict=True)}


def _tested(task: ModelProblem, X: np.ndarray) -> pd.DataFrame:
    """The test figures of one setting's models, the rows of X; one row each."""
    import pandas as pd

    figures = _with_heldout(task, "test").report(X) if "test" in task.heldout else {}
    return pd.DataFrame({name: values for name, values in figures.items() if name.startswith("test ")})


def _with_heldout(task: ModelProblem, part: str) -> ModelProblem:
    """The task with one held-out part only, so that nothing else is looked at."""
    limited = copy.copy(task)
    limited.heldout = {part: task.heldout[part]}
    return limited
