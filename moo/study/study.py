"""What `moo.compare` returns: every cell's result, and the views of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moo.budget import Budget
from moo.errors import OptionError, unknown_name
from moo.result import Result, Statement
from moo.study import store
from moo.study.cells import Failure, Key
from moo.study.quality import Quality, Scale
from moo.study.timing import Timing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass
class Study:
    """Problems x optimizers x seeds, each cell solved within the same budget.

    Attributes:
        problems: name -> what is kept of the problem.
        optimizers: label -> repr of the optimizer.
        seeds: the same for every problem and optimizer.
        budget: of each cell.
        k: points to which every answer is cut before it is judged.
        results: (problem, optimizer, seed) -> `Result` of every cell that did not fail; an
            interrupted run is among them, but in no statistic.
        failures: (problem, optimizer, seed) -> `Failure` of every cell that did.
        status: "complete", "interrupted", or "running" (also what a killed study leaves on disk).
        started, ended, provenance, command: what made this study.
        digests: name -> digest of the problem's code and data (`moo.fingerprint`).
        timings: name -> what an evaluation of the problem took; measured where a study is stored.
    """

    problems: dict[str, Statement]
    optimizers: dict[str, str]
    seeds: list[int]
    budget: Budget
    k: int = 50
    results: dict[Key, Result] = field(default_factory=dict)
    failures: dict[Key, Failure] = field(default_factory=dict)
    status: str = "running"
    started: str = ""
    ended: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)
    command: str | None = None
    digests: dict[str, str] = field(default_factory=dict)
    timings: dict[str, Timing] = field(default_factory=dict)

    @property
    def cells(self) -> list[Key]:
        """All cells, seed by seed, so that a study that is stopped early is still balanced."""
        return [(p, o, seed) for seed in self.seeds for p in self.problems for o in self.optimizers]

    @property
    def missing(self) -> list[Key]:
        """The cells that have no outcome, in the order of `cells`; one that was interrupted, killed or
        took too long is among them."""
        return [key for key in self.cells if not self._has_outcome(key)]

    def _has_outcome(self, key: Key) -> bool:
        if key in self.failures:
            return self.failures[key].kind == "error"
        return key in self.results and self.results[key].status != "interrupted"

    def sort(self) -> None:
        """Put results and failures in the order of `cells`, whoever was finished first."""
        for found in (self.results, self.failures):
            ordered = [(key, found.pop(key)) for key in self.cells if key in found]
            found.update(ordered)  # type: ignore[arg-type]

    def runs_of(self, problem: str, optimizer: str) -> dict[int, Result]:
        """seed -> result of the runs that came to their own end."""
        found = {seed: self.results.get((problem, optimizer, seed)) for seed in self.seeds}
        return {seed: r for seed, r in found.items() if r is not None and r.status != "interrupted"}

    # ------------------------------------------------------------------ tables

    def table(self, by: str = "answer") -> pd.DataFrame:
        """One row a problem and optimizer; see `moo.study.table.table` for the columns.

        Args:
            by: what ``hypervolume`` and ``p`` are of: "answer" (the optimizer's own, cut to k
                points; the headline) or "archive" (all it ever evaluated, which flatters).

        Raises:
            OptionError: for another ``by``.
        """
        from moo.study.table import table

        if by not in ("answer", "archive"):
            raise OptionError(unknown_name("view", str(by), ["answer", "archive"]))
        return table(self, by)

    def runs(self) -> pd.DataFrame:
        """One row a cell, failed ones too: status, indicators, cost, error."""
        from moo.study.table import runs

        return runs(self)

    def metrics_table(self) -> pd.DataFrame:
        """Further figures (`Problem.report`): one row a problem, optimizer and metric."""
        from moo.study.table import metrics_table

        return metrics_table(self)

    def to_pandas(self, *, variables: bool = False) -> pd.DataFrame:
        """Long form: one row a point of an answer; problem, optimizer, seed, weights, objectives
        (user's sign), CV, metrics, and with ``variables`` the decision variables."""
        from moo.study.table import points

        return points(self, variables=variables)

    def __str__(self) -> str:
        from moo.study.summary import summary

        return summary(self)

    def sentences(self) -> list[str]:
        """For each problem one sentence on who wins, and whether that can be told from chance."""
        from moo.study.summary import sentences

        return sentences(self)

    # ------------------------------------------------------------------ figures

    def plot(self, problem: str | None = None) -> Figure:
        """Fronts and convergence side by side, a row a problem (or the one that is named).

        Raises:
            OptionError: for an unknown problem.
        """
        from moo.study.figures import plot

        return plot(self, list(self.problems) if problem is None else [self.known(problem)])

    def plot_front(self, problem: str, ax: Axes | None = None) -> Axes:
        """The answer of each optimizer's median run, over the known front."""
        from moo.study.figures import plot_front

        return plot_front(self, self.known(problem), ax)

    def plot_convergence(self, problem: str, ax: Axes | None = None) -> Axes:
        """Hypervolume of the answer against cost: median and quartiles over the seeds."""
        from moo.study.figures import plot_convergence

        return plot_convergence(self, self.known(problem), ax)

    def known(self, problem: str) -> str:
        """
        Raises:
            OptionError: when the study has no problem of this name.
        """
        if problem not in self.problems:
            raise OptionError(unknown_name("problem", str(problem), self.problems))
        return problem

    # ------------------------------------------------------------------ disk

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write ``study.json`` and every cell.

        Raises:
            StorageError: when the folder holds files and ``overwrite`` is false, or cannot be written.
        """
        return store.save(self, folder, overwrite=overwrite)

    @classmethod
    def load(cls, folder: str | Path) -> Study:
        """A study as `save`, or `compare` with ``out``, wrote it; of a killed one the finished cells.

        Raises:
            StorageError: when the folder holds no study, or a torn one.
        """
        return store.load(Path(folder))

    def save_description(self, folder: str | Path) -> None:
        """Write ``study.json`` alone, into a folder that holds the cells already."""
        store.Store(Path(folder), self).save_description(self)

    def save_tables(self, folder: str | Path) -> list[Path]:
        """Write ``table.csv`` and ``runs.csv``, and ``metrics.csv`` where there are metrics."""
        from moo.study.table import save

        return save(self, Path(folder))

    def save_figures(self, folder: str | Path) -> list[Path]:
        """Write ``front-<problem>.png`` and ``convergence-<problem>.png``."""
        from moo.study.figures import save

        return save(self, Path(folder))

    # ------------------------------------------------------------------ indicators

    @cached_property
    def scales(self) -> dict[str, Scale]:
        """How each problem is normalised. Computed once: read it when all cells are there."""
        return {
            name: Scale.of(stated, [r for (problem, _, _), r in self.results.items() if problem == name])
            for name, stated in self.problems.items()
        }

    @cached_property
    def qualities(self) -> dict[Key, Quality]:
        """The indicators of each result. Computed once: read it when all cells are there."""
        return {key: Quality.of(result, self.scales[key[0]], self.k) for key, result in self.results.items()}
