"""What a run returns: the optimizer's answer, everything it saw, and what that cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moo import html, indicators, storage
from moo.archive import Archive
from moo.constraints import Constraint, Standing, sentences, standings
from moo.errors import StorageError
from moo.variables import variables_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_COLUMN = {"weights": "w", "normalised weights": "weight", "rays": "ray", "epsilons": "epsilon"}
_ARRAYS = ("X", "F", "G", "H", "CV")


@dataclass(frozen=True)
class Cost:
    """What was spent: objective-vector evaluations, backward passes, wall-clock seconds."""

    n_f: int
    n_vjp: int
    seconds: float
    vjp_cost: float
    n_cached: int = 0  # candidates answered from the cache, at no cost

    @property
    def total(self) -> float:
        """F-equivalents: n_f + vjp_cost * n_vjp."""
        return self.n_f + self.vjp_cost * self.n_vjp


IMPORTED = "imported"  # the status of a front that was computed elsewhere


@dataclass(frozen=True)
class Statement:
    """What a result keeps of its problem, so that it can be read without the problem's code."""

    title: str
    names: list[str]
    var_names: list[str]
    sign: list[float]
    ideal: list[float] | None = None
    nadir: list[float] | None = None
    front: list[list[float]] | None = None
    constraints: list[Constraint] = field(default_factory=list)
    variables: dict[str, Any] | None = None  # `moo.variables.Variables.described`
    reference_set: dict[str, str] | None = None  # name, version and sha256 of a front that is stored

    def __post_init__(self) -> None:
        stated = [c if isinstance(c, Constraint) else Constraint(**c) for c in self.constraints]  # of JSON
        object.__setattr__(self, "constraints", stated)


@dataclass
class History:
    """The optimizer's own answer as the run went on: one snapshot an entry.

    ``size[i]`` rows of ``F`` belong to snapshot i; only feasible rows are kept.
    """

    cost: list[float] = field(default_factory=list)
    n_f: list[int] = field(default_factory=list)
    n_vjp: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    fronts: list[np.ndarray] = field(default_factory=list)

    def to_arrays(self, n_obj: int) -> dict[str, np.ndarray]:
        """Flat arrays for storage."""
        named = {f"history_{n}": np.array(getattr(self, n)) for n in ("cost", "n_f", "n_vjp", "seconds")}
        named["history_size"] = np.array([len(F) for F in self.fronts], dtype=int)
        named["history_F"] = np.concatenate(self.fronts) if self.fronts else np.empty((0, n_obj))
        return named

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> History:
        fronts = np.split(arrays["history_F"], np.cumsum(arrays["history_size"])[:-1])
        lists: dict[str, Any] = {
            n: arrays[f"history_{n}"].tolist() for n in ("cost", "n_f", "n_vjp", "seconds")
        }
        return cls(**lists, fronts=fronts if len(arrays["history_size"]) else [])


@dataclass
class Result:
    """The outcome of `moo.solve`.

    Attributes:
        X, F, G, H, CV: the optimizer's own answer, (n, ...) float64 arrays, F in minimised form.
            Feasible and mutually non-dominated; the least violating candidate where nothing feasible
            was found; one row a weight vector, dominated or not, where there are weight vectors.
        weights: the preferences (n, n_obj) of the rows, for methods that have them.
        preference: what those are: "weights" on the objectives as stated or, of `moo.Scalarized`,
            "normalised weights", "rays" or "epsilons".
        metrics: further figures of the rows, (n,) each (`Problem.report`).
        archive: every non-dominated feasible point of the run, filtered when it is first asked for
            (``archive_X``, ``archive_F``).
        log: F, CV and cost of every row evaluated, in order.
        history: the answer as the run went on.
        diagnostics: how the objectives' gradients stood to each other as the run went on, for methods
            that follow them (`moo.optimizers.diagnostics`); arrays by name.
        model: the parameters of what a run learnt of the whole front, for methods that learn one
            (`moo.ParetoSetLearning`); arrays by name.
        cost: what the run spent.
        statuses: how many rows ended ok, nan, inf, error, ...
        status: "budget spent", "converged", "interrupted", "stalled", "too many
            failures", "failed", "running" (`moo.AskTell`), or "imported": somebody else's front, of
            which neither cost nor history is known, and X is NaN where it was not given.
        room: the most room to each inequality that was seen (n_ieq_constr,), in its own units.
        problem: names, signs and known front of the problem.
        optimizer, seed, started, ended, provenance: what made this result.
    """

    X: np.ndarray
    F: np.ndarray
    G: np.ndarray
    H: np.ndarray
    CV: np.ndarray
    weights: np.ndarray | None
    metrics: dict[str, np.ndarray]
    archive: Archive
    log: dict[str, np.ndarray]
    history: History
    cost: Cost
    statuses: dict[str, int]
    status: str
    problem: Statement
    optimizer: str
    seed: int
    room: np.ndarray = field(default_factory=lambda: np.empty(0))
    diagnostics: dict[str, np.ndarray] = field(default_factory=dict)
    model: dict[str, np.ndarray] = field(default_factory=dict)
    preference: str = "weights"
    started: str = ""
    ended: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def feasible(self) -> bool:
        """Whether every row of the answer satisfies the constraints within their tolerances."""
        return bool(len(self.CV)) and bool((self.CV <= 0).all())

    @cached_property
    def _archived(self) -> tuple[np.ndarray, np.ndarray]:
        points = self.archive.points()
        if points is None:
            return np.empty((0, self.X.shape[1])), np.empty((0, self.F.shape[1]))
        return points[0][:, : self.X.shape[1]], points[1]  # constraint values stand behind the variables

    @property
    def archive_X(self) -> np.ndarray:
        """Decision variables of the archive (k, n_var), in the order in which they were found."""
        return self._archived[0]

    @property
    def archive_F(self) -> np.ndarray:
        """Objective vectors of the archive (k, n_obj), minimised form."""
        return self._archived[1]

    @property
    def weighted(self) -> np.ndarray | None:
        """sum_i w_i f_i(x) of each row, in the user's own units and the minimised form (n,); None where
        the rows have no weights on the objectives as stated."""
        if self.weights is None or self.preference != "weights":
            return None
        return np.asarray((self.weights * self.F).sum(axis=1))

    @property
    def values(self) -> np.ndarray:
        """F with the user's sign: maximised objectives as they were stated (n, n_obj)."""
        return np.asarray(self.F * np.array(self.problem.sign))

    @cached_property
    def _scale(self) -> tuple[np.ndarray, np.ndarray]:
        if self.problem.ideal is not None and self.problem.nadir is not None:
            return np.array(self.problem.ideal), np.array(self.problem.nadir)
        seen = self.archive_F if len(self.archive_F) else self.F
        if len(seen) == 0:
            return np.zeros(len(self.problem.names)), np.ones(len(self.problem.names))
        return seen.min(axis=0), seen.max(axis=0)

    @property
    def variables(self) -> list[dict[str, Any]]:
        """The candidates of the answer as their values by the variables' names."""
        if self.problem.variables is None:
            return [dict(zip(self.problem.var_names, x, strict=True)) for x in self.X.tolist()]
        stated = variables_of(self.problem.variables)
        return [stated.decode(x) for x in self.X]

    def candidate(self, row: int) -> dict[str, Any]:
        """The values of one row of the answer by the variables' names."""
        if self.problem.variables is None:
            return dict(zip(self.problem.var_names, self.X[row].tolist(), strict=True))
        return variables_of(self.problem.variables).decode(self.X[row])

    def constraints(self) -> pd.DataFrame:
        """One row a constraint: its name, at how many rows of the answer it ``binds``, the least
        ``slack`` it leaves, and by how much the least violating row misses it (`moo.constraints`)."""
        import pandas as pd

        rows = [
            {"constraint": f"{s.constraint.name} {s.constraint.kind}", "binds": s.binds}
            | {"slack": s.slack, "miss": s.miss}
            for s in self._standings()
        ]
        return pd.DataFrame(rows, columns=["constraint", "binds", "slack", "miss"])

    def _standings(self) -> list[Standing]:
        return standings(self.problem.constraints, self.G, self.H, self.CV, self.room)

    def hypervolume(self, ref: Any = None, *, archive: bool = False) -> float:
        """Hypervolume of the feasible answer, or of the archive.

        Args:
            ref: reference point (n_obj,) in the minimised form and the user's units. Without it, F is
                normalised by the problem's known ideal and nadir point and the reference point is
                `moo.indicators.reference_point`; where the problem has no known front, by the range
                of this run's own archive, so that values of two runs do not compare.
        """
        F = self.archive_F if archive else self.F[self.CV <= 0]
        if ref is not None:
            return indicators.hypervolume(F, np.asarray(ref, dtype=float))
        return indicators.hypervolume(
            indicators.normalise(F, *self._scale), indicators.reference_point(F.shape[1])
        )

    def to_pandas(self) -> pd.DataFrame:
        """One row a candidate: weights, objectives (user's sign), violation, metrics, variables.

        A name that is taken already, of a variable called like an objective say, gets a prime.
        """
        import pandas as pd

        columns: list[tuple[str, Any]] = []
        if self.weights is not None:
            letter = _COLUMN[self.preference]
            columns += [
                (f"{letter}[{n}]", w) for n, w in zip(self.problem.names, self.weights.T, strict=True)
            ]
        if self.weighted is not None:
            columns.append(("weighted sum", self.weighted))
        columns += zip(self.problem.names, self.values.T, strict=True)
        columns += [("CV", self.CV), *self.metrics.items()]
        columns += self._variable_columns()
        named: dict[str, Any] = {}
        for name, values in columns:
            while name in named:
                name += "'"
            named[name] = values
        return pd.DataFrame(named)

    def _variable_columns(self) -> list[tuple[str, Any]]:
        """A column a variable, with the user's values."""
        if self.problem.variables is None:
            return list(zip(self.problem.var_names, self.X.T, strict=True))
        decoded = self.variables
        return [(name, [values[name] for values in decoded]) for name in self.problem.variables]

    def plot(self, ax: Axes | None = None) -> Axes:
        """The front in objective space; see `moo.plot.front`."""
        from moo.plot import front

        return front({self.optimizer_name: self}, ax=ax)

    def explore(self, out: str | Path | None = None) -> Path:
        """Write the front as an interactive HTML page, ``explore.html`` unless stated; see `moo.explore`.

        Raises:
            StorageError: when there is nothing to show, or the file cannot be written.
            MissingExtraError: without plotly.
        """
        from moo.explore import explore

        return explore(self, out)

    @property
    def optimizer_name(self) -> str:
        return self.optimizer.partition("(")[0]

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write ``result.json`` and ``arrays.npz`` into the folder.

        Raises:
            StorageError: when the folder holds files and ``overwrite`` is false, or cannot be written.
        """
        path = storage.claim(folder, overwrite=overwrite)
        arrays = {name: getattr(self, name) for name in (*_ARRAYS, "archive_X", "archive_F", "room")}
        arrays |= {f"log_{name}": values for name, values in self.log.items()}
        arrays |= {f"metric_{name}": values for name, values in self.metrics.items()}
        for named in ("diagnostics", "model"):
            arrays |= {f"{named}_{name}": values for name, values in getattr(self, named).items()}
        arrays |= self.history.to_arrays(self.F.shape[1])
        if self.weights is not None:
            arrays["weights"] = self.weights
        storage.write_arrays(path / "arrays.npz", arrays)
        described = (
            "statuses",
            "status",
            "preference",
            "optimizer",
            "seed",
            "started",
            "ended",
            "provenance",
        )
        content = {name: getattr(self, name) for name in described}
        content |= {"cost": asdict(self.cost), "problem": asdict(self.problem)}
        storage.write_json(path / "result.json", content)
        return path

    @classmethod
    def load(cls, folder: str | Path) -> Result:
        """
        Raises:
            StorageError: when the folder holds no result.
        """
        path = Path(folder)
        try:
            return cls._of(storage.read_json(path / "result.json"), storage.read_arrays(path / "arrays.npz"))
        except (KeyError, TypeError, AttributeError) as error:
            raise StorageError(f"{path} holds no result that this version reads: {error}") from error

    @classmethod
    def _of(cls, content: dict[str, Any], arrays: dict[str, np.ndarray]) -> Result:
        """From what `save` wrote."""
        content["cost"] = Cost(**content["cost"])
        content["problem"] = Statement(**content["problem"])

        def prefixed(prefix: str) -> dict[str, np.ndarray]:
            return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}

        content |= {name: arrays[name] for name in _ARRAYS}
        return cls(
            archive=Archive.of(arrays["archive_X"], arrays["archive_F"]),
            weights=arrays.get("weights"),
            room=arrays.get("room", np.zeros(arrays["G"].shape[1])),
            metrics=prefixed("metric_"),
            log=prefixed("log_"),
            diagnostics=prefixed("diagnostics_"),
            model=prefixed("model_"),
            history=History.from_arrays(arrays),
            **content,
        )

    def __str__(self) -> str:
        cached = f", {self.cost.n_cached:,} more from the cache" if self.cost.n_cached else ""
        lines = [
            f"{self.problem.title} by {self.optimizer}, seed {self.seed}: {self.status}",
            f"  cost {self.cost.total:,.0f} F-equivalents (n_f {self.cost.n_f:,}, n_vjp "
            f"{self.cost.n_vjp:,}, {self.cost.seconds:.2f} s{cached})",
            f"  {len(self.F)} points{'' if self.feasible else ', constraints NOT satisfied'}; "
            f"archive {len(self.archive_F)}; hypervolume {self.hypervolume():.4f}",
        ]
        failed = {name: count for name, count in self.statuses.items() if count and name != "ok"}
        if failed:
            lines.append("  failed evaluations: " + ", ".join(f"{c} {n}" for n, c in failed.items()))
        if len(self.F) == 1:
            lines += self._point()
        lines += [f"  {line}" for line in sentences(self._standings(), len(self.F), self.feasible)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        """One line: its arrays would fill a screen."""
        return (
            f"<Result: {self.problem.title} by {self.optimizer_name}, seed {self.seed}, "
            f"{len(self.F)} points, {self.status}>"
        )

    def _repr_html_(self) -> str:
        return html.result_html(self)

    def _point(self) -> list[str]:
        """x*, each f_i(x*), the weighted value, and whether the constraints hold."""
        values = list(self.variables[0].items())
        shown = [f"{n} = {v:.6g}" if isinstance(v, float) else f"{n} = {v}" for n, v in values[:12]]
        more = f", ... ({len(values)} in all)" if len(values) > len(shown) else ""
        lines = [f"  x*: {', '.join(shown)}{more}"]
        lines += [f"  {n}(x*) = {v:.6g}" for n, v in zip(self.problem.names, self.values[0], strict=True)]
        if self.weighted is not None:
            lines.append(f"  sum_i w_i f_i(x*) = {self.weighted[0]:.6g}")
        if self.G.shape[1] + self.H.shape[1]:
            held = "hold" if self.feasible else f"are violated by {self.CV[0]:.3g}"
            lines.append(f"  constraints {held}")
        return lines
