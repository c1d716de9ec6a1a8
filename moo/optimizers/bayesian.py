"""Bayesian optimisation, for objectives so dear that fifty to two hundred evaluations must do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from moo.errors import ProblemError
from moo.evaluation import Evaluation, Evaluator
from moo.optimizers.base import Optimizer, State, require, require_finite_bounds
from moo.optimizers.quiet_optuna import optuna_package, quiet_optuna
from moo.optimizers.random_search import best_of
from moo.optimizers.sampling import as_sampling, first_sample
from moo.variables import Integer, Permutation, Real

if TYPE_CHECKING:
    from moo.problem import Problem


@dataclass
class BayesianState(State):
    """``seen`` is every candidate evaluated so far: all that the model is made from."""

    seen: Evaluation | None = None


@dataclass(frozen=True)
class Bayesian(Optimizer[BayesianState]):
    """Gaussian processes of the objectives and constraints, and the candidate of largest expected
    improvement of the hypervolume (Daulton, Balandat, Bakshy 2020), by Optuna's GPSampler.

    The model is made anew from all that was evaluated before each candidate, so a suggestion takes a
    tenth of a second at first and some seconds after some hundred evaluations. Integers, choices and
    truth values are modelled as such; permutations are refused. A candidate that failed is told as the
    worst that was seen, so that the model keeps away from it.

    Args:
        n_initial: candidates evaluated before the first model.
        max_evaluations: the run ends when so many candidates were evaluated; beyond a few hundred the
            model costs more than it saves.
        sampling: the first candidates: "lhs" (Latin hypercube), "random", "sobol", points (k, n_var) or
            an earlier result, filled up with random ones.
    """

    n_initial: int = 12
    max_evaluations: int = 200
    sampling: Any = "lhs"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sampling", as_sampling(self.sampling))
        for name in ("n_initial", "max_evaluations"):
            value = getattr(self, name)
            require(isinstance(value, int) and value >= 2, name, value, "an integer of at least 2")

    def init(self, problem: Problem, rng: np.random.Generator) -> BayesianState:
        optuna_package()
        require_finite_bounds(problem, "Bayesian")
        _distributions(problem)
        return BayesianState(rng)

    def step(self, evaluate: Evaluator, state: BayesianState) -> BayesianState:
        problem, seen = evaluate.problem, state.seen
        if seen is None:
            X = first_sample(problem, min(self.n_initial, self.max_evaluations), state.rng, self.sampling)
        else:
            X = _suggested(problem, seen, state.rng)
        seen = evaluate.together(seen, X)
        finished = len(seen) >= self.max_evaluations
        return BayesianState(state.rng, best_of(seen), converged=finished, seen=seen)


def _suggested(problem: Problem, seen: Evaluation, rng: np.random.Generator) -> np.ndarray:
    """The next candidate (1, n_var); a random one where the model has nothing to learn from, or asks for
    what is known."""
    seed, fallback = int(rng.integers(2**31)), problem.sample(1, rng)
    good = seen.status == 0
    if good.sum() < 2:
        return fallback
    with quiet_optuna() as optuna:
        sampler = optuna.samplers.GPSampler(
            seed=seed,
            n_startup_trials=1,
            deterministic_objective=True,
            constraints_func=(lambda trial: ())
            if problem.n_constr
            else None,  # they are told with the trials
        )
        study = optuna.create_study(directions=["minimize"] * problem.n_obj, sampler=sampler)
        distributions = _distributions(problem)
        study.add_trials(_trials(problem, seen, good, distributions))
        asked = study.ask(distributions)
    x = np.array([[float(asked.params[name]) for name in distributions]])
    x = problem.repair(np.clip(x, problem.xl, problem.xu))
    return fallback if (x == seen.X).all(axis=1).any() else x


def _trials(problem: Problem, seen: Evaluation, good: np.ndarray, distributions: dict[str, Any]) -> list[Any]:
    """The candidates as Optuna's trials; failed ones have the worst values and violate everything."""
    F = np.where(good[:, None], seen.F, seen.F[good].max(axis=0))
    excess = np.hstack([seen.G - problem.ieq_tolerance, np.abs(seen.H) - problem.eq_tolerance])
    if problem.n_constr:
        excess = np.where(good[:, None], excess, np.abs(excess[good]).max(axis=0))
    create = optuna_package().trial.create_trial
    return [
        create(
            params={n: _native(d, value) for (n, d), value in zip(distributions.items(), x, strict=True)},
            distributions=distributions,
            values=f.tolist(),
            system_attrs={"constraints": c.tolist()} if problem.n_constr else {},
        )
        for x, f, c in zip(seen.X, F, excess, strict=True)
    ]


def _native(distribution: Any, value: float) -> Any:
    return float(value) if type(distribution).__name__ == "FloatDistribution" else int(value)


def _distributions(problem: Problem) -> dict[str, Any]:
    """Optuna's distribution of each column.

    Raises:
        ProblemError: for permutations.
    """
    kinds = optuna_package().distributions
    if problem.variables is None:
        bounds = zip(problem.xl.tolist(), problem.xu.tolist(), strict=True)
        return {f"x{i}": kinds.FloatDistribution(low, high) for i, (low, high) in enumerate(bounds)}
    found: dict[str, Any] = {}
    for name, variable in problem.variables.by_name.items():
        low, high = variable.bounds
        if isinstance(variable, Permutation):
            raise ProblemError(f"Bayesian takes no permutations, and {name} of {problem.title} is one")
        if isinstance(variable, Real):
            found[name] = kinds.FloatDistribution(low, high)
        elif isinstance(variable, Integer):
            found[name] = kinds.IntDistribution(int(low), int(high))
        else:
            found[name] = kinds.CategoricalDistribution(list(range(int(high) + 1)))
    return found
