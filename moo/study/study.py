"""What `moo.compare` returns: every cell's result, and the views of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moo.budget import Budget
from moo.errors import OptionError, unknown_name
from moo.result import IMPORTED, Result, Statement
from moo.study import store
from moo.study.cells import Failure, Key
from moo.study.quality import Quality, Scale
from moo.study.timing import Timing

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from moo.problem import Problem
    from moo.study.ranks import Ranks


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
        """All cells, seed by seed, so that a study that is stopped early is still balanced; of imported
        fronts those that are there."""
        every = [(p, o, seed) for seed in self.seeds for p in self.problems for o in self.optimizers]
        imported = self.imported
        return [key for key in every if key[1] not in imported or key in self.results]

    @property
    def missing(self) -> list[Key]:
        """The cells that have no outcome, in the order of `cells`; one that was interrupted, killed or
        took too long is among them."""
        return [key for key in self.cells if not self._has_outcome(key)]

    @property
    def imported(self) -> list[str]:
        """The labels of fronts that were computed elsewhere (`add_front`): no cell of theirs is missing."""
        return [label for label, stated in self.optimizers.items() if stated == IMPORTED]

    @property
    def solvers(self) -> list[str]:
        """The labels of the optimizers that are run here, whose cost is known."""
        return [label for label in self.optimizers if label not in self.imported]

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

    def add_front(
        self,
        problem: str,
        label: str,
        F: np.ndarray,
        X: np.ndarray | None = None,
        *,
        source: str | Path = "",
        verify: Problem | None = None,
    ) -> Result:
        """Add a front that somebody else computed, as a run of ``label``, to stand in the tables and
        figures. Its cost is not known: it is in no runtime, ECDF or curve against cost. Several fronts of one
        label are its runs, in the order in which they are added. Dominated points are left out.

        Args:
            problem: its name in this study.
            label: what the front is called; no optimizer of the study.
            F: objective vectors (n, n_obj), every objective minimised.
            X: the variables (n, n_var), where they are known.
            source: where it came from; kept with a SHA-256 of the values and, of a path, of the file.
            verify: the problem itself: X is evaluated, and must be feasible and give F to within 1e-6 of
                each objective's largest value.

        Raises:
            OptionError: for unknown names, arrays of another shape or with values that are not finite, more
                fronts than the study has seeds, one that is there already, and one that ``verify``
                contradicts.
        """
        from moo.study.external import add_front

        return add_front(self, problem, label, F, X, source=source, verify=verify)

    def forget(self) -> None:
        """Drop what was computed of the cells (scales, indicators, statistics), as they have changed."""
        for name in ("scales", "qualities", "computed"):
            vars(self).pop(name, None)

    # ------------------------------------------------------------------ tables

    def table(
        self, by: str = "answer", *, at: float | None = None, cut: str = "distance", paired: bool = False
    ) -> pd.DataFrame:
        """One row a problem and optimizer; see `moo.study.table.table` for the columns.

        Args:
            by: what ``hypervolume`` and ``p`` are of: "answer" (the optimizer's own, cut to k
                points; the headline) or "archive" (all it ever evaluated, which flatters).
            at: a budget in F-equivalents at which all runs are read, from their logs; None for their end.
            cut: how the k points of an answer are chosen: by "distance" (`moo.indicators.subset`) or by
                greedy "hypervolume" (`moo.indicators.hypervolume_subset`).
            paired: whether runs of the same seed are pairs, for Wilcoxon's signed rank test instead of
                Mann and Whitney's.

        Raises:
            OptionError: for another ``by`` or ``cut``, or an ``at`` that is not positive.
        """
        from moo.study.pairs import View
        from moo.study.table import table

        return table(self, View("hypervolume", by, at, cut, paired))

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

    def __repr__(self) -> str:
        """One line: its results would fill many screens."""
        sizes = f"{len(self.problems)} problems x {len(self.optimizers)} optimizers x {len(self.seeds)} seeds"
        return f"<Study: {sizes}, {len(self.results)} results, {self.status}>"

    def __str__(self) -> str:
        from moo.study.summary import summary

        return summary(self)

    def sentences(self) -> list[str]:
        """For the study one sentence a pair with its best optimizer, and for each problem one sentence on
        who wins, and whether that can be told from chance."""
        from moo.study.sentences import sentences

        return sentences(self)

    # ------------------------------------------------------------------ statistics and targets

    def pairs(
        self,
        indicator: str = "hypervolume",
        by: str = "answer",
        *,
        at: float | None = None,
        cut: str = "distance",
        paired: bool = False,
    ) -> pd.DataFrame:
        """One row a problem and pair of optimizers: medians, p, p after Holm over all rows, A12 with its
        95 % interval, n, verdict (`moo.study.pairs.pair_table`).

        Args:
            indicator: "hypervolume", "igd+", "epsilon" or "r2".
            by, at, cut, paired: as for `table`.

        Raises:
            OptionError: for a name that is not known, or an ``at`` that is not positive.
        """
        from moo.study.pairs import View, pair_table, pairs

        return pair_table(pairs(self, View(indicator, by, at, cut, paired)))

    def ranks(
        self,
        indicator: str = "hypervolume",
        by: str = "answer",
        *,
        at: float | None = None,
        cut: str = "distance",
    ) -> Ranks:
        """Mean ranks over the problems with intervals, Friedman's test and, from eight problems on, the
        critical difference; arguments as for `pairs`."""
        from moo.study.pairs import View
        from moo.study.ranks import ranks

        return ranks(self, View(indicator, by, at, cut))

    def targets(self, targets: int | Sequence[float] = 51) -> pd.DataFrame:
        """One row a problem, optimizer, seed and target: what the run had spent when it reached it
        (`moo.study.targets.table`).

        Args:
            targets: how many gaps to the reference set's hypervolume, relative to it and evenly on a log
                scale from 1 to 1e-5, or the gaps themselves.

        Raises:
            OptionError: for gaps outside (0, 1].
        """
        from moo.study.targets import gaps, table

        return table(self, gaps(targets))

    def ert(self, targets: int | Sequence[float] = 51) -> pd.DataFrame:
        """One row a problem, optimizer and target: the expected running time to it, in F-equivalents
        (`moo.study.targets.ert`); ``targets`` as for `targets`."""
        from moo.study.targets import ert, gaps

        return ert(self, gaps(targets))

    def ecdf(
        self, problem: str | None = None, targets: int | Sequence[float] = 51
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """label -> (costs, shares): the share of all (problem, target) reached once so much was spent, with
        simulated restarts (`moo.study.targets.ecdf`); of all problems or one.

        Raises:
            OptionError: for an unknown problem, or gaps outside (0, 1].
        """
        from moo.study.targets import ecdf, gaps

        return ecdf(self, gaps(targets), list(self.problems) if problem is None else [self.known(problem)])

    def areas(self, problem: str | None = None, targets: int | Sequence[float] = 51) -> pd.DataFrame:
        """One row an optimizer: the area under `ecdf` over the logarithm of the cost up to the budget, with
        its 95 % bootstrap interval (`moo.study.targets.area_table`); arguments as for `ecdf`."""
        from moo.study.targets import area_table, gaps

        chosen = list(self.problems) if problem is None else [self.known(problem)]
        return area_table(self, gaps(targets), chosen)

    def sensitivity(self, c: Sequence[float] | None = None) -> pd.DataFrame:
        """One row a problem, c and optimizer: the ranking when a backward pass costs c F-equivalents, by
        default for c in 0, 1, 2 and the number of objectives (`moo.study.sensitivity`).

        Raises:
            OptionError: for a c that is negative or no number.
        """
        from moo.study.sensitivity import sensitivity, sensitivity_table

        return sensitivity_table(sensitivity(self, c))

    def report(self, path: str | Path) -> Path:
        """Write the study as one HTML file that needs no network; see `moo.study.report`.

        Raises:
            StorageError: when the file cannot be written.
        """
        from moo.study.report import write

        return write(self, path)

    def export(self, format: str, folder: str | Path, *, overwrite: bool = False) -> list[Path]:
        """Write the results as files of another format; see `moo.exchange.export`.

        Raises:
            OptionError, StorageError, MissingExtraError: as there.
        """
        from moo.exchange import export

        return export(self, format, folder, overwrite=overwrite)

    def explore(self, out: str | Path | None = None) -> Path:
        """Write the fronts as an interactive HTML page, ``explore.html`` unless stated; see `moo.explore`.

        Raises:
            StorageError: when no cell has a result, or the file cannot be written.
            MissingExtraError: without plotly.
        """
        from moo.explore import explore

        return explore(self, out)

    def _repr_html_(self) -> str:
        from moo.study.report.notebook import study_html

        return study_html(self)

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

    def plot_attainment(self, problem: str, ax: Axes | None = None) -> Axes:
        """What share of each optimizer's runs attained which region, for two objectives; see
        `moo.plot.attainment`."""
        from moo.study.figures import plot_attainment

        return plot_attainment(self, self.known(problem), ax)

    def plot_ecdf(self, problem: str | None = None, ax: Axes | None = None) -> Axes:
        """What share of all targets is reached within what cost (`ecdf`), on all problems or one."""
        from moo.study.figures import plot_ecdf

        return plot_ecdf(self, list(self.problems) if problem is None else [self.known(problem)], ax)

    def plot_ranks(self, ax: Axes | None = None) -> Axes:
        """Mean ranks over the problems (`ranks`): a critical-difference diagram from eight problems on,
        before that bootstrap intervals."""
        from moo.study.figures import plot_ranks

        return plot_ranks(self, ax)

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
        """Write ``table.csv``, ``runs.csv``, ``pairs.csv`` and ``ert.csv``, and ``metrics.csv`` where there
        are metrics; a table without rows is not written."""
        from moo.study.table import save

        return save(self, Path(folder))

    def save_figures(self, folder: str | Path) -> list[Path]:
        """Write ``front-<problem>.png``, ``convergence-<problem>.png`` and, of two objectives,
        ``attainment-<problem>.png``; ``ecdf.png`` and ``ranks.png`` of the whole study."""
        from moo.study.figures import save

        return save(self, Path(folder))

    # ------------------------------------------------------------------ indicators

    @cached_property
    def computed(self) -> dict[Any, Any]:
        """What was computed of the cells and is kept. Read it when all cells are there."""
        return {}

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
        return self.qualities_at()

    def qualities_at(self, at: float | None = None, cut: str = "distance") -> dict[Key, Quality]:
        """The same when ``at`` F-equivalents were spent, and with another ``cut``, as for `table`."""
        key = ("qualities", at, cut)
        if key not in self.computed:
            self.computed[key] = {
                cell: Quality.of(result, self.scales[cell[0]], self.k, at=at, cut=cut)
                for cell, result in self.results.items()
            }
        return dict(self.computed[key])
