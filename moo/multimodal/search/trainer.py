"""Trains the settings of a search, keeps every model, and chooses."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from moo.aggregation import Aggregator
from moo.budget import Budget
from moo.multimodal.problem import ModelProblem
from moo.multimodal.search.result import INTERRUPTED, WeightSearch, validation
from moo.multimodal.search.rows import Trained, train_rows
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
        learning rates (k,). After Ctrl-C the models as they were then are kept too, and it goes on."""
        blind = _with_heldout(self.task, "validation")
        first = len(self.rows)
        setting, self.n_settings = self.n_settings, self.n_settings + len(rates)
        for seed in self.seeds:
            trained = train_rows(self.task, rule, rates, self.steps, seed, self.inner)
            self.n_f, self.n_vjp = self.n_f + trained.evaluate.n_f, self.n_vjp + trained.evaluate.n_vjp
            self.X.append(trained.X.astype(np.float32))
            figures = blind.report(trained.X)
            losses = np.array([figures[name] for name in validation(self.task.names)])
            for k, (done, status) in enumerate(_statuses(trained, losses, self.steps)):
                said = {} if isinstance(rule, Aggregator) else _said(self.task.names, rule[k])
                row: dict[str, Any] = {"setting": setting + k, "seed": seed, **said}
                row |= {"learning rate": float(rates[k]), "status": status, "steps": done}
                self.rows.append(row | {name: float(values[k]) for name, values in figures.items()})
            if trained.interrupted:
                raise KeyboardInterrupt
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
            none = "no setting was finished" if found.interrupted else "every setting diverged"
            return replace(found, rule=f"{none} ({what})")
        totals = sound[validation(self.task.names)].sum(axis=1)
        order = np.lexsort((totals, sound[self.figure] * (-1 if self.larger else 1)))
        chosen = int(sound.index[order[0]])
        X = found.X[((found.table.setting == chosen) & (found.table.status == "ok")).to_numpy()]
        return replace(found, chosen=chosen, tested=_tested(self.task, X))


def _statuses(trained: Trained, losses: np.ndarray, steps: int) -> Iterator[tuple[int, str]]:
    """The steps of each model, and what became of it; ``losses`` (n_obj, k) are those on validation."""
    finite = np.isfinite(losses).all(axis=0)
    stopped = np.where(finite, trained.stopped, np.minimum(trained.stopped, steps - 1))
    running = finite & (stopped == trained.stopped.max(initial=0)) & trained.interrupted
    for done, going_on in zip(stopped.tolist(), running, strict=True):
        if done == steps:
            yield done, "ok"
        else:
            yield done, f"{INTERRUPTED if going_on else 'diverged'} at step {done + 1}"


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
