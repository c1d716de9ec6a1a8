"""Loss weights and learning rate, searched: many models trained at once, one chosen by validation."""

from __future__ import annotations

import copy
import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from moo.budget import Budget, BudgetExhausted
from moo.errors import MissingExtraError, OptionError, ProblemError, StorageError, unknown_name
from moo.evaluation import Evaluator
from moo.indicators import nondominated
from moo.loop import solve
from moo.multimodal.problem import ModelProblem
from moo.optimizers.inner_descent import schedule
from moo.optimizers.nsga2 import NSGA2
from moo.problem import Problem
from moo.result import Cost
from moo.storage import claim, read_arrays, read_json, write_arrays, write_json
from moo.weights import given_weights, random_weights, weight_vectors

if TYPE_CHECKING:
    import pandas as pd

_N = 32  # settings, unless stated
_MOST_RATIO = 100.0  # between two weights that "bayesian" and "nsga2" look at
_BETA1, _BETA2, _TINY = 0.9, 0.999, 1e-8  # Adam's, as in the paper


@dataclass(frozen=True)
class WeightSearch:
    """Every model that `search_weights` trained, and the setting that validation chose.

    Attributes:
        X: the parameters (k, n_var) of every model, float32; `ModelProblem.module` makes modules of rows.
        table: one row a model: "setting", "seed", "w <loss>" for each loss, "learning rate", "status" ("ok",
            or "diverged at step 12": X is then where its losses were last finite), "steps", and all
            losses and metrics on the training and validation split.
        chosen: the number of the chosen setting; None when every setting diverged.
        rule: how it was chosen, in words.
        test: losses and metrics of the chosen setting on the test split (rows): "mean" over seeds, and "low"
            and "high" of a 95 % t interval (NaN with one seed). No other model met the test split.
        cost: what training took.
        names: the losses' names.
        by_metric: the validation figure that a setting is chosen by, and whether larger is better.
    """

    X: np.ndarray
    table: pd.DataFrame
    chosen: int | None
    rule: str
    test: pd.DataFrame
    cost: Cost
    names: list[str]
    by_metric: tuple[str, bool]

    @cached_property
    def settings(self) -> pd.DataFrame:
        """One row a setting: its figures' means over seeds, and whether all its models are "ok"."""
        grouped = self.table.drop(columns=["seed", "status"]).groupby("setting", sort=True)
        return grouped.mean().assign(ok=(self.table.status == "ok").groupby(self.table.setting).all())

    @cached_property
    def front(self) -> pd.DataFrame:
        """Of ``settings``, those that no other one beats in all validation losses."""
        sound = self.settings[self.settings.ok]
        return sound.iloc[nondominated(sound[_validation(self.names)].to_numpy())] if len(sound) else sound

    @property
    def row(self) -> int:
        """The row of X of the chosen setting's model that is best on validation, of its seeds.

        Raises:
            ProblemError: when every setting diverged.
        """
        if self.chosen is None:
            raise ProblemError(f"no model was chosen: {self.rule}")
        name, larger = self.by_metric
        values = self.table[name].where(self.table.setting == self.chosen)
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
        tables = {name: getattr(self, name).to_dict("split") for name in ("table", "test")}
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
            for name in ("table", "test"):
                kept[name] = pd.DataFrame(**kept[name])
            kept["cost"], (metric, larger) = Cost(**kept["cost"]), kept["by_metric"]
            found = cls(**{**kept, "X": arrays["X"], "by_metric": (metric, larger)})
        except (KeyError, TypeError, ValueError, AttributeError):
            raise StorageError(f"{folder} holds no weight search") from None
        if len(found.X) != len(found.table):
            raise StorageError(f"{folder} is torn: {len(found.X)} models, {len(found.table)} rows of figures")
        return found


def search_weights(
    task: ModelProblem,
    by: str = "grid",
    *,
    n: int | None = None,
    steps: int = 300,
    weights: Any = None,
    learning_rates: Sequence[float] = (1e-3, 1e-1),
    n_rates: int = 4,
    batch: int = 8,
    seeds: int | Sequence[int] = 1,
    chosen_by: str | None = None,
    larger_is_better: bool | None = None,
    seed: int = 0,
) -> WeightSearch:
    """Search the loss weights and the learning rate together, and choose a setting by validation.

    A setting is one weight vector w on the simplex and one learning rate. Its model minimises
    sum_i w_i f_i by Adam (Kingma and Ba 2015, algorithm 1) with a cosine schedule, within the task's bounds.
    Models of many settings are rows of one X and are trained together. A model depends on its setting and
    training seed alone, and methods are comparable at equal ``n``, ``steps`` and ``seeds``.

    Args:
        task: a `moo.multimodal.tasks.Task`, or any `ModelProblem` with held-out samples "validation" and,
            to be tested on, "test".
        by: "grid" (evenly spread weights x learning rates in a geometric row), "random" (weights even on the
            simplex, log-uniform rates), "bayesian" (Optuna's GPSampler on the metric of ``chosen_by``, some
            at a time) or "nsga2" (`moo.NSGA2` on the validation losses). The latter two search logarithms of
            weights and rates, weights being at most 100 to 1.
        n: settings, the same number whatever the method; 32 by default.
        steps: Adam steps of each model.
        weights: for "grid": weight vectors (k, n_obj), rows summing to one, instead of spread ones; n is then
            k * n_rates.
        learning_rates: the least and the greatest one.
        n_rates: for "grid": how many of them.
        batch: for "bayesian" and "nsga2": settings trained together, an even number; the population.
        seeds: training seeds, or how many (0, 1, ...). One gives the initialisation and the minibatches,
            the same for every setting.
        chosen_by, larger_is_better: a loss or metric, and its direction; by default what the task says.
            Losses are better smaller, metrics larger, unless stated.
        seed: of the search itself.

    Raises:
        OptionError: for options out of their range and unknown names.
        ProblemError: for a task that is no `ModelProblem`, or has no validation samples.
        MissingExtraError: for "bayesian" without Optuna.
        EvaluationError: when the losses raise on every model.
    """
    if by not in _METHODS:
        raise OptionError(unknown_name("by", str(by), _METHODS))
    space = _Space(_checked(task).n_obj, _range(learning_rates))
    for name, value in (("steps", steps), ("n_rates", n_rates), ("batch", batch)):
        _require(_is_count(value), name, value, "an integer of at least 1")
    _require(batch % 2 == 0, "batch", batch, "an even number")
    _require(_is_seed(seed), "seed", seed, "an integer >= 0")
    if weights is not None and by != "grid":
        raise OptionError(f"weights= is for by='grid': by={by!r} finds its own")
    plan = _Plan(space, _count(n, weights, space.n_obj, n_rates, by), weights, n_rates, batch, seed)
    figure, larger = _criterion(task, chosen_by, larger_is_better)
    trainer = _Trainer(task, steps, _seeds(seeds), figure, larger)
    _METHODS[by](plan, trainer)
    return trainer.searched(f"{by}: {plan.n} settings, {len(trainer.seeds)} seeds, {steps} Adam steps each")


# ------------------------------------------------------------------ training


@dataclass
class _Trainer:
    """Trains settings and keeps every model."""

    task: ModelProblem
    steps: int
    seeds: list[int]
    figure: str
    larger: bool
    X: list[np.ndarray] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    n_settings: int = 0
    n_f: int = 0
    n_vjp: int = 0
    began: float = field(default_factory=time.perf_counter)

    def train(self, W: np.ndarray, rates: np.ndarray) -> list[dict[str, Any]]:
        """The table's new rows, of the settings (k, n_obj), (k,), seed by seed."""
        blind = _with_heldout(self.task, "validation")
        first = len(self.rows)
        for seed in self.seeds:
            X, stopped, evaluate = train_rows(self.task, W, rates, self.steps, seed)
            self.n_f, self.n_vjp = self.n_f + evaluate.n_f, self.n_vjp + evaluate.n_vjp
            figures = blind.report(X)
            finite = np.isfinite([figures[name] for name in _validation(self.task.names)]).all(axis=0)
            stopped = np.where(finite, stopped, np.minimum(stopped, self.steps - 1))
            self.X.append(X.astype(np.float32))
            for k in range(len(W)):
                done = int(stopped[k])
                said = {f"w {name}": float(w) for name, w in zip(self.task.names, W[k], strict=True)}
                status = "ok" if done == self.steps else f"diverged at step {done + 1}"
                row: dict[str, Any] = {
                    "setting": self.n_settings + k,
                    "seed": seed,
                    **said,
                    "learning rate": float(rates[k]),
                }
                row |= {"status": status, "steps": done}
                self.rows.append(row | {name: float(values[k]) for name, values in figures.items()})
        self.n_settings += len(W)
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
            test=pd.DataFrame(columns=["mean", "low", "high"], dtype=float),
            cost=Cost(self.n_f, self.n_vjp, time.perf_counter() - self.began, Budget(cost=1).vjp_cost),
            names=list(self.task.names),
            by_metric=(self.figure, self.larger),
        )
        sound = found.settings[found.settings.ok & np.isfinite(found.settings[self.figure])]
        if sound.empty:
            return replace(found, rule=f"every setting diverged ({what})")
        totals = sound[_validation(self.task.names)].sum(axis=1)
        order = np.lexsort((totals, sound[self.figure] * (-1 if self.larger else 1)))
        chosen = int(sound.index[order[0]])
        X = found.X[(found.table.setting == chosen).to_numpy()]
        return replace(found, chosen=chosen, test=_tested(self.task, X))


def train_rows(
    task: ModelProblem, W: np.ndarray, rates: np.ndarray, steps: int, seed: int
) -> tuple[np.ndarray, np.ndarray, Evaluator]:
    """Train one model for each row of W (k, n_obj) and rate (k,), all from the same initialisation and on the
    same minibatches.

    Returns:
        Their parameters (k, n_var), how many steps each took before it diverged (k,), and what was counted.
    """
    for_start, for_minibatches = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    n_f, n_vjp = task.cost_of_row(False, False, True)
    budget = Budget(cost=len(W) * steps * (n_f + Budget(cost=1).vjp_cost * n_vjp))
    evaluate = Evaluator(task, budget, for_minibatches)
    adam = _Adam(task, task.sample(1, for_start).repeat(len(W), axis=0), rates)
    V, stopped = task.to_tensor(W), np.zeros(len(W), dtype=int)
    active = torch.arange(len(W), device=V.device)
    for step in range(steps):
        try:
            made = evaluate(adam.X[active], scalarize=_weighted(V[active]))
        except BudgetExhausted:  # most rows have failed
            break
        assert made.scalar is not None
        assert made.gradient is not None
        good = made.scalar.isfinite() & made.gradient.isfinite().all(1)
        adam.take_back(active[~good])
        active, gradient = active[good], made.gradient[good]
        if not len(active):
            break
        adam.step(active, gradient, schedule(step / steps))
        stopped[active.cpu().numpy()] += 1
    return task.to_array(adam.X), stopped, evaluate


def _weighted(V: torch.Tensor) -> Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]:
    return lambda F, G, H: (F * V).sum(1)


class _Adam:
    """Adam with a learning rate a row, and projection onto the bounds; rows do not influence each other."""

    def __init__(self, task: ModelProblem, X: np.ndarray, rates: np.ndarray) -> None:
        self.xl, self.xu = task.to_tensor(task.xl), task.to_tensor(task.xu)
        self.X, self.rates = task.to_tensor(X), task.to_tensor(rates)[:, None]
        self.before = self.X.clone()
        self.first, self.second = torch.zeros_like(self.X), torch.zeros_like(self.X)
        self.count = 0

    def step(self, rows: torch.Tensor, gradient: torch.Tensor, share: float) -> None:
        """One step of these rows along their gradients (k, n_var), with a share of the learning rate."""
        self.count += 1
        self.before[rows] = self.X[rows]
        self.first[rows] = _BETA1 * self.first[rows] + (1 - _BETA1) * gradient
        self.second[rows] = _BETA2 * self.second[rows] + (1 - _BETA2) * gradient**2
        mean = self.first[rows] / (1 - _BETA1**self.count)
        spread = (self.second[rows] / (1 - _BETA2**self.count)).sqrt() + _TINY
        moved = self.X[rows] - share * self.rates[rows] * mean / spread
        self.X[rows] = moved.clamp(self.xl, self.xu)

    def take_back(self, rows: torch.Tensor) -> None:
        """Undo the last step of these rows."""
        self.X[rows] = self.before[rows]


def _tested(task: ModelProblem, X: np.ndarray) -> pd.DataFrame:
    """Mean and 95 % t interval of the test figures of one setting's models, the rows of X."""
    import pandas as pd
    from scipy.stats import t

    figures = _with_heldout(task, "test").report(X) if "test" in task.heldout else {}
    rows = {}
    for name, values in figures.items():
        if name.startswith("test "):
            mean = float(values.mean())
            deviation = values.std(ddof=1) if len(values) > 1 else math.nan
            half = float(t.ppf(0.975, max(len(values) - 1, 1)) * deviation / math.sqrt(len(values)))
            rows[name] = {"mean": mean, "low": mean - half, "high": mean + half}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "low", "high"], dtype=float)


# ------------------------------------------------------------------ the methods


@dataclass(frozen=True)
class _Space:
    """Points of [0, 1]^n_obj as settings: n_obj - 1 log-ratios of weights to the last one, and a log rate."""

    n_obj: int
    rates: tuple[float, float]

    def settings(self, U: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights (k, n_obj) and learning rates (k,) of U (k, n_obj)."""
        ratios = _MOST_RATIO ** (2.0 * U[:, :-1] - 1.0)
        W = np.column_stack([ratios, np.ones(len(U))])
        return W / W.sum(axis=1, keepdims=True), self.rate(U[:, -1])

    def rate(self, u: np.ndarray) -> np.ndarray:
        low, high = self.rates
        return np.asarray(low * (high / low) ** u)


@dataclass(frozen=True)
class _Plan:
    """What the methods are told."""

    space: _Space
    n: int
    weights: Any
    n_rates: int
    batch: int
    seed: int


def _grid(plan: _Plan, trainer: _Trainer) -> None:
    n_obj, k = plan.space.n_obj, plan.n // plan.n_rates
    W = weight_vectors(k, n_obj) if plan.weights is None else _on_simplex(plan.weights, n_obj)
    rates = plan.space.rate(np.linspace(0.0, 1.0, plan.n_rates) if plan.n_rates > 1 else np.array([0.5]))
    trainer.train(W.repeat(plan.n_rates, axis=0), np.tile(rates, len(W)))


def _random(plan: _Plan, trainer: _Trainer) -> None:
    u = np.random.default_rng([plan.seed, 1]).random(plan.n)
    trainer.train(random_weights(plan.n, plan.space.n_obj, plan.seed), plan.space.rate(u))


def _bayesian(plan: _Plan, trainer: _Trainer) -> None:
    with _optuna() as optuna:
        names = [f"u{i}" for i in range(plan.space.n_obj)]
        unit = {name: optuna.distributions.FloatDistribution(0.0, 1.0) for name in names}
        sampler = optuna.samplers.GPSampler(seed=plan.seed, n_startup_trials=plan.batch)
        direction = "maximize" if trainer.larger else "minimize"
        study = optuna.create_study(direction=direction, sampler=sampler)
        worst = _Worst(np.zeros(1), trainer.larger)
        while trainer.n_settings < plan.n:
            trials = [study.ask(unit) for _ in range(min(plan.batch, plan.n - trainer.n_settings))]
            U = np.array([[trial.params[name] for name in names] for trial in trials])
            values = worst.filled(trainer.means(*plan.space.settings(U), [trainer.figure]))
            for trial, value in zip(trials, values[:, 0], strict=True):
                study.tell(trial, float(value))


def _nsga2(plan: _Plan, trainer: _Trainer) -> None:
    n_obj, worst = plan.space.n_obj, _Worst(np.ones(plan.space.n_obj))

    def losses(U: np.ndarray) -> np.ndarray:
        if not len(U):
            return np.empty((0, n_obj))
        return worst.filled(trainer.means(*plan.space.settings(U), _validation(trainer.task.names)))

    options: dict[str, Any] = {"backend": "numpy", "vectorized": True, "n_obj": n_obj}
    outer = Problem(losses, xl=np.zeros(n_obj), xu=np.ones(n_obj), **options)
    solve(outer, NSGA2(pop_size=plan.batch, sampling="lhs"), budget=plan.n, seed=plan.seed)


_METHODS: dict[str, Callable[[_Plan, _Trainer], None]] = {
    "grid": _grid,
    "random": _random,
    "bayesian": _bayesian,
    "nsga2": _nsga2,
}


@dataclass
class _Worst:
    """Stands in for figures (k, m) of diverged settings, so that a method keeps away from them: the worst
    seen so far. ``values`` (m,) is what it is before any was seen."""

    values: np.ndarray
    larger_is_better: bool = False
    seen: bool = False

    def filled(self, figures: np.ndarray) -> np.ndarray:
        sound = figures[np.isfinite(figures).all(axis=1)]
        if len(sound):
            known = np.vstack([sound, self.values]) if self.seen else sound
            self.values = known.min(axis=0) if self.larger_is_better else known.max(axis=0)
            self.seen = True
        return np.where(np.isfinite(figures).all(axis=1)[:, None], figures, self.values)


@contextmanager
def _optuna() -> Iterator[Any]:
    """Optuna without its log lines and its warnings of experimental parts; its settings are put back."""
    try:
        optuna = import_module("optuna")
    except ImportError:
        raise MissingExtraError("optuna", "bayes") from None
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield optuna
    finally:
        optuna.logging.set_verbosity(level)


# ------------------------------------------------------------------ checks


def _checked(task: object) -> ModelProblem:
    if not isinstance(task, ModelProblem):
        raise ProblemError(
            f"task is {type(task).__name__}, expected a ModelProblem such as ImageTextProblem()"
        )
    if "validation" not in task.heldout:
        raise ProblemError(
            f"{task.title} has no held-out samples 'validation', by which a setting is chosen: "
            "give heldout={'validation': samples, 'test': samples}"
        )
    return task


def _criterion(task: ModelProblem, chosen_by: str | None, larger: bool | None) -> tuple[str, bool]:
    """The validation figure that chooses, and whether larger is better."""
    accepted = [*task.metrics, *task.losses]
    name = chosen_by or getattr(task, "chosen_by", None)
    if name is None:
        raise OptionError(
            f"{task.title} does not say what a setting is chosen by: give chosen_by=, one of {accepted}"
        )
    if name not in accepted:
        raise OptionError(unknown_name("chosen_by", str(name), accepted))
    if larger is None:
        stated = getattr(task, "larger_is_better", None) if name == getattr(task, "chosen_by", None) else None
        larger = name in task.metrics if stated is None else bool(stated)
    return f"validation {name}", larger


def _count(n: Any, weights: Any, n_obj: int, n_rates: int, by: str) -> int:
    """The number of settings.

    Raises:
        OptionError: when it is none, or a grid cannot have as many.
    """
    if weights is not None:
        k = len(_on_simplex(weights, n_obj)) * n_rates
        accepted = f"{k} (the weights times n_rates={n_rates}), or leave it out"
        _require(n is None or n == k, "n", n, accepted)
        return k
    n = _N if n is None else n
    _require(_is_count(n), "n", n, "an integer of at least 1: the number of settings")
    if by == "grid" and (n % n_rates or n < n_obj * n_rates):
        raise OptionError(
            f"n={n} is not accepted with by='grid': give a multiple of n_rates={n_rates}, at least "
            f"{n_obj * n_rates} for {n_obj} losses"
        )
    return int(n)


def _require(holds: bool, name: str, value: object, accepted: str) -> None:
    if not holds:
        raise OptionError(f"{name}={value!r} is not accepted: give {accepted}")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_seed(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _range(rates: Any) -> tuple[float, float]:
    try:
        low, high = (float(rate) for rate in rates)
    except (TypeError, ValueError):
        low = high = math.nan
    accepted = "the least and the greatest rate, (0.001, 0.1) for example, both above zero"
    _require(0.0 < low <= high < math.inf, "learning_rates", rates, accepted)
    return low, high


def _seeds(seeds: Any) -> list[int]:
    listed = list(range(seeds)) if _is_count(seeds) else seeds
    sound = isinstance(listed, Sequence) and bool(listed) and all(_is_seed(s) for s in listed)
    _require(
        sound and len(set(listed)) == len(listed), "seeds", seeds, "how many, or different integers >= 0"
    )
    return list(listed)


def _on_simplex(weights: Any, n_obj: int) -> np.ndarray:
    W = given_weights(weights, n_obj)
    sums = W.sum(axis=1)
    if (off := np.abs(sums - 1.0)).max() > 1e-6:
        k = int(off.argmax())
        raise OptionError(f"weights[{k}] sum to {sums[k]:g}, expected 1: the learning rate is searched apart")
    return W


def _validation(names: Sequence[str]) -> list[str]:
    return [f"validation {name}" for name in names]


def _with_heldout(task: ModelProblem, part: str) -> ModelProblem:
    """The task with one held-out part only, so that nothing else is looked at."""
    limited = copy.copy(task)
    limited.heldout = {part: task.heldout[part]}
    return limited
