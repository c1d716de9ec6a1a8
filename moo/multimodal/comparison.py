"""Whether any method beats a tuned weighted sum: equal settings, validation chooses, one test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from moo.aggregation import Aggregator, aggregator_named
from moo.errors import OptionError, ProblemError, unknown_name
from moo.multimodal.balancing import OGMGE, EncoderRate, MMPareto, gradient_blending
from moo.multimodal.balancing.base import layout
from moo.multimodal.problem import ModelProblem
from moo.multimodal.search import WeightSearch, search_rates, search_weights
from moo.multimodal.search.checks import criterion
from moo.multimodal.search.result import t_interval
from moo.storage import claim
from moo.study.statistics import LEAST_RUNS, SIGNIFICANT, holm

if TYPE_CHECKING:
    import pandas as pd

BASELINE = "weighted sum"
Search: TypeAlias = Callable[..., WeightSearch]  # (task, n=, steps=, seeds=, learning_rates=, inner=)


@dataclass(frozen=True)
class MethodComparison:
    """What each method reached with as many settings as the others.

    Attributes:
        title: the task's.
        figure: what settings were chosen by, and is tested: "fused accuracy", for example.
        larger: whether more of it is better.
        searches: every method's search, by its name; "weighted sum" is what the others are held against.
        interrupted: whether Ctrl-C ended the comparison.
        unfinished: the search that it ended, by its name; it is in no table.
    """

    title: str
    figure: str
    larger: bool
    searches: Mapping[str, WeightSearch]
    interrupted: bool = False
    unfinished: Mapping[str, WeightSearch] = field(default_factory=dict)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a method: the chosen setting's figure on the validation split, on the test split with its
        95 % interval over seeds, the difference on the test split to the weighted sum, seed by seed, with its
        95 % interval and Holm-adjusted p of the paired t test, and what the search cost in F-equivalents.
        NaN where every setting diverged, and where there are too few seeds; without rows where not even the
        weighted sum was finished."""
        import pandas as pd

        if not self.searches:
            return pd.DataFrame()

        rows = {name: self._row(search) for name, search in self.searches.items()}
        table = pd.DataFrame.from_dict(rows, orient="index")
        table["p"] = holm(table["p"].tolist())
        return table

    @property
    def sentence(self) -> str:
        """What the table says, in a sentence."""
        if not self.searches:
            return f"on {self.title}: interrupted before the weighted sum was finished"
        table = self.table.drop(index=BASELINE)
        sign = 1.0 if self.larger else -1.0
        sure = table[table["p"] < SIGNIFICANT]
        better = sure[sign * sure["difference"] > 0].index.tolist()
        worse = sure[sign * sure["difference"] < 0].index.tolist()
        n_seeds = len(self.searches[BASELINE].tested)
        where = f"on {self.title}, test {self.figure}, {n_seeds} seeds"
        if n_seeds < LEAST_RUNS:
            return f"{where}: fewer than {LEAST_RUNS} tell no method from another"
        first = f"{_listed(better)} beat{_s(better)}" if better else "no method beats"
        second = f"; {_listed(worse)} stay{_s(worse)} behind it" if worse else ""
        return f"{where}: {first} the tuned weighted sum (p < 0.05 after Holm){second}"

    def __str__(self) -> str:
        table = self.table
        if table.empty:
            return self.sentence
        shown = {
            f"validation {self.figure}": table["validation"].map(_shown),
            "test [95 %]": _intervals(table, "test", "low", "high"),
            "less the weighted sum's [95 %]": _intervals(table, "difference", "d low", "d high"),
            "p": table["p"].map(_shown),
            "F-equivalents": table["F-equivalents"].map("{:,.0f}".format),
        }
        return f"{type(table)(shown).to_string()}\n\n{self.sentence}"

    def _row(self, search: WeightSearch) -> dict[str, float]:
        if search.chosen is None:
            names = ("validation", "test", "low", "high", "difference", "d low", "d high", "p")
            return {**dict.fromkeys(names, float("nan")), "F-equivalents": search.cost.total}
        mean, low, high = t_interval(self._tested(search))
        apart = self._tested(search) - self._tested(self.searches[BASELINE])
        difference, d_low, d_high = t_interval(apart)
        return {
            "validation": float(search.settings[f"validation {self.figure}"][search.chosen]),
            "test": mean,
            "low": low,
            "high": high,
            "difference": difference,
            "d low": d_low,
            "d high": d_high,
            "p": _paired_p(apart) if search is not self.searches[BASELINE] else float("nan"),
            "F-equivalents": search.cost.total,
        }

    def _tested(self, search: WeightSearch) -> np.ndarray:
        if search.chosen is None:
            raise ProblemError(f"the weighted sum of {self.title} diverged at every setting: lower the rates")
        return search.tested[f"test {self.figure}"].to_numpy(dtype=float)


def compare_methods(
    task: ModelProblem,
    methods: Sequence[str] | Mapping[str, Search | Aggregator] | None = None,
    *,
    n: int = 32,
    steps: int = 300,
    seeds: int | Sequence[int] = 5,
    learning_rates: Sequence[float] = (1e-3, 1e-1),
    inner: str = "adam",
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> MethodComparison:
    """Give every method n settings and the same steps and seeds, choose each one's setting on the validation
    split, and test the chosen ones once. A weighted sum on a grid of weights and rates is always among them.
    Ctrl-C ends the comparison with the methods that were finished; what the running one has trained is kept
    as ``unfinished``.

    Args:
        task: a `moo.multimodal.tasks.Task`, with splits "validation" and "test".
        methods: names of `METHODS`; or name -> an aggregator, or a function of (task, n=, steps=, seeds=,
            learning_rates=, inner=) that returns a `WeightSearch`; None for all that suit the task.
        n: settings of each method, a multiple of 4 and at least 4 (n_obj + 1); of an aggregator, learning
            rates.
        steps, seeds, learning_rates, inner: as in `search_weights`.
        out: a new or empty folder: each method's search, models included, is written there as it ends, to be
            read by `WeightSearch.load`, and "methods.csv" at last.
        overwrite: the folder may hold files.
        progress: called as each method ends: its name, how many are done, and of how many.

    Raises:
        OptionError: for unknown names and options out of their range.
        ProblemError: for a task without validation or test samples, and for a method that does not suit it.
        StorageError: when ``out`` holds files already, or cannot be written.
    """
    if "test" not in getattr(task, "heldout", {}):
        raise ProblemError(f"{getattr(task, 'title', task)} has no held-out samples 'test' to compare on")
    chosen = {BASELINE: METHODS[BASELINE], **_named(methods, task)}
    folder = None if out is None else claim(out, overwrite=overwrite)
    searches: dict[str, WeightSearch] = {}
    unfinished: dict[str, WeightSearch] = {}
    for name, method in chosen.items():
        search = partial(search_rates, aggregator=method) if isinstance(method, Aggregator) else method
        options: dict[str, Any] = {"learning_rates": learning_rates, "inner": inner}
        try:
            found = search(task, n=n, steps=steps, seeds=seeds, **options)
        except KeyboardInterrupt:  # before it had trained a model of its own
            break
        (unfinished if found.interrupted else searches)[name] = found
        if folder is not None:
            found.save(folder / name.replace(" ", "-").lower(), overwrite=overwrite)
        if found.interrupted:
            break
        if progress is not None:
            progress(name, len(searches), len(chosen))
    figure, larger = criterion(task, None, None)
    figure, interrupted = figure.removeprefix("validation "), len(searches) < len(chosen)
    made = MethodComparison(task.title, figure, larger, searches, interrupted, unfinished)
    if folder is not None:
        made.table.to_csv(folder / "methods.csv", index_label="method")
    return made


# ------------------------------------------------------------------ the methods


def _grid(task: ModelProblem, **options: Any) -> WeightSearch:
    return search_weights(task, "grid", **options)


def _equal_weights(task: ModelProblem, *, n: int, **options: Any) -> WeightSearch:
    return search_weights(task, weights=np.full(task.n_obj, 1.0 / task.n_obj), n_rates=n, **options)


def _blended(task: ModelProblem, *, n: int, steps: int, **options: Any) -> WeightSearch:
    """Its weights are estimated at the geometric mean of the learning rates; that training is not counted."""
    middle = float(np.sqrt(np.prod(options["learning_rates"])))
    weights = gradient_blending(task, steps=steps, learning_rate=middle, inner=options["inner"])
    return search_weights(task, weights=weights, n_rates=n, steps=steps, **options)


def _dropping(task: ModelProblem, **options: Any) -> WeightSearch:
    """The weighted sum, with a modality dropout of 0.3 in training."""
    return _grid(task.with_modality_dropout(0.3), **options)


METHODS: dict[str, Search | Aggregator] = {
    BASELINE: _grid,
    "equal weights": _equal_weights,
    "MGDA": aggregator_named("MGDA"),
    "UPGrad": aggregator_named("UPGrad"),
    "CAGrad": aggregator_named("CAGrad"),
    "FAMO": aggregator_named("FAMO"),
    "Gradient-Blending": _blended,
    "modality dropout": _dropping,
    "OGM-GE": OGMGE(),
    "MMPareto": MMPareto(),
    "encoder rate": EncoderRate(),
}
_OF_MODALITIES = ("Gradient-Blending", "modality dropout", "OGM-GE", "MMPareto", "encoder rate")


def methods_for(task: ModelProblem) -> list[str]:
    """The names of `METHODS` that suit the task: those of modalities need a loss and an encoder for each,
    modality dropout needs minibatches."""
    left_out: tuple[str, ...] = () if task.batch_size is not None else ("modality dropout",)
    try:
        layout(task)
    except ProblemError:
        left_out = _OF_MODALITIES
    return [name for name in METHODS if name not in left_out]


def _named(
    methods: Sequence[str] | Mapping[str, Search | Aggregator] | None, task: ModelProblem
) -> Mapping[str, Search | Aggregator]:
    if isinstance(methods, Mapping):
        return methods
    chosen = methods_for(task) if methods is None else methods
    for name in chosen:
        if name not in METHODS:
            raise OptionError(unknown_name("method", str(name), METHODS))
    return {name: METHODS[name] for name in chosen}


def _shown(value: float) -> str:
    return f"{value:.4f}" if np.isfinite(value) else "-"


def _intervals(table: pd.DataFrame, *columns: str) -> list[str]:
    """A mean and its interval as text, row by row."""
    rows = table[list(columns)].itertuples(index=False)
    return [
        _shown(mean) + (f" [{low:.4f}, {high:.4f}]" if np.isfinite(low) else "") for mean, low, high in rows
    ]


def _paired_p(apart: np.ndarray) -> float:
    """Two-sided p of Student's t test of paired differences; NaN with fewer than five."""
    from scipy.stats import t

    if len(apart) < LEAST_RUNS:
        return float("nan")
    error = apart.std(ddof=1) / np.sqrt(len(apart))
    if error == 0.0:
        return 1.0 if apart.mean() == 0.0 else 0.0
    return float(2.0 * t.sf(abs(apart.mean()) / error, len(apart) - 1))


def _s(names: list[str]) -> str:
    """The ending of the verb."""
    return "s" if len(names) == 1 else ""


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
