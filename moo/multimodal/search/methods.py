"""How `search_weights` finds its settings: grid, random, Bayesian, NSGA-II."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from moo.loop import solve
from moo.multimodal.search.checks import on_simplex
from moo.multimodal.search.result import validation
from moo.multimodal.search.trainer import Trainer
from moo.optimizers.nsga2 import NSGA2
from moo.optimizers.quiet_optuna import quiet_optuna
from moo.problem import Problem
from moo.weights import random_weights, weight_vectors

_MOST_RATIO = 100.0  # between two weights that "bayesian" and "nsga2" look at


@dataclass(frozen=True)
class Space:
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
class Plan:
    """What the methods are told."""

    space: Space
    n: int
    weights: Any
    n_rates: int
    batch: int
    seed: int


def _grid(plan: Plan, trainer: Trainer) -> None:
    n_obj, k = plan.space.n_obj, plan.n // plan.n_rates
    W = _spread(k, n_obj) if plan.weights is None else on_simplex(plan.weights, n_obj)
    rates = plan.space.rate(np.linspace(0.0, 1.0, plan.n_rates) if plan.n_rates > 1 else np.array([0.5]))
    trainer.train(W.repeat(plan.n_rates, axis=0), np.tile(rates, len(W)))


def _spread(k: int, n_obj: int) -> np.ndarray:
    """Evenly spread weights (k, n_obj), of which the one nearest to equal ones becomes those: a few spread
    ones alone may all lie at the rim."""
    W, equal = weight_vectors(k, n_obj), np.full(n_obj, 1.0 / n_obj)
    if n_obj > 1:
        W[np.abs(W - equal).sum(axis=1).argmin()] = equal
    return W


def _random(plan: Plan, trainer: Trainer) -> None:
    u = np.random.default_rng([plan.seed, 1]).random(plan.n)
    trainer.train(random_weights(plan.n, plan.space.n_obj, plan.seed), plan.space.rate(u))


def _bayesian(plan: Plan, trainer: Trainer) -> None:
    with quiet_optuna() as optuna:
        names = [f"u{i}" for i in range(plan.space.n_obj)]
        unit = {name: optuna.distributions.FloatDistribution(0.0, 1.0) for name in names}
        sampler = optuna.samplers.GPSampler(seed=plan.seed, n_startup_trials=plan.batch)
        direction = "maximize" if trainer.larger else "minimize"
        study = optuna.create_study(direction=direction, sampler=sampler)
        worst = Worst(np.zeros(1), trainer.larger)
        while trainer.n_settings < plan.n:
            trials = [study.ask(unit) for _ in range(min(plan.batch, plan.n - trainer.n_settings))]
            U = np.array([[trial.params[name] for name in names] for trial in trials])
            values = worst.filled(trainer.means(*plan.space.settings(U), [trainer.figure]))
            for trial, value in zip(trials, values[:, 0], strict=True):
                study.tell(trial, float(value))


def _nsga2(plan: Plan, trainer: Trainer) -> None:
    n_obj, worst = plan.space.n_obj, Worst(np.ones(plan.space.n_obj))

    def losses(U: np.ndarray) -> np.ndarray:
        if not len(U):
            return np.empty((0, n_obj))
        return worst.filled(trainer.means(*plan.space.settings(U), validation(trainer.task.names)))

    options: dict[str, Any] = {"backend": "numpy", "vectorized": True, "n_obj": n_obj}
    outer = Problem(losses, xl=np.zeros(n_obj), xu=np.ones(n_obj), **options)
    solve(outer, NSGA2(pop_size=plan.batch, sampling="lhs"), budget=plan.n, seed=plan.seed)


METHODS: dict[str, Callable[[Plan, Trainer], None]] = {
    "grid": _grid,
    "random": _random,
    "bayesian": _bayesian,
    "nsga2": _nsga2,
}


@dataclass
class Worst:
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
