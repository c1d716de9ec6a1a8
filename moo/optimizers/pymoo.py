"""Any pymoo algorithm, under moo's count of cost."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pymoo.core.algorithm import Algorithm
from pymoo.core.evaluator import Evaluator as PymooEvaluator
from pymoo.core.individual import Individual
from pymoo.core.population import Population
from pymoo.core.termination import NoTermination
from pymoo.problems.static import StaticProblem

from moo.errors import OptionError
from moo.evaluation import Evaluation, Evaluator
from moo.optimizers.base import Optimizer, State, require_finite_bounds

if TYPE_CHECKING:
    from moo.problem import Problem

_WORSE = 10.0  # failed rows are told to pymoo as this many spans worse than the worst that succeeded


@dataclass
class PymooState(State):
    """A pymoo algorithm keeps its state to itself; the copy made here belongs to one run."""

    algorithm: Any = field(default=None)
    failed: set[bytes] = field(default_factory=set)  # candidates whose values were made up for pymoo


@dataclass(frozen=True)
class Pymoo(Optimizer[PymooState]):
    """A pymoo algorithm asked and told generation by generation, until the budget is spent or, where it
    was given one, its own termination says so (RVEA needs one, to know its last generation).

    Args:
        algorithm: an algorithm object, for example ``NSGA3(ref_dirs)``; it is copied, so that a run
            leaves it as it was. None is pymoo's NSGA2 at its defaults.

    Failed evaluations reach pymoo as finite values worse than every other: NaN collapses its fronts
    in silence.
    """

    algorithm: Any = None

    def __post_init__(self) -> None:
        if self.algorithm is not None and not isinstance(self.algorithm, Algorithm):
            raise OptionError(
                f"algorithm={self.algorithm!r} is not accepted: give a pymoo algorithm object, e.g. NSGA2()"
            )

    def __repr__(self) -> str:
        return f"Pymoo({type(self.algorithm).__name__ if self.algorithm is not None else 'NSGA2'})"

    def init(self, problem: Problem, rng: np.random.Generator) -> PymooState:
        require_finite_bounds(problem, f"pymoo's {type(self._fresh_algorithm()).__name__}")
        algorithm = self._fresh_algorithm()
        seed = int(rng.integers(2**31))
        termination = algorithm.termination or NoTermination()
        algorithm.setup(problem, termination=termination, seed=seed, verbose=False)
        return PymooState(rng, algorithm=algorithm)

    def _fresh_algorithm(self) -> Any:
        if self.algorithm is not None:
            return copy.deepcopy(self.algorithm)
        from pymoo.algorithms.moo.nsga2 import NSGA2

        return NSGA2()

    def step(self, evaluate: Evaluator, state: PymooState) -> PymooState:
        algorithm = state.algorithm
        asked = algorithm.ask() if algorithm.has_next() else None
        individuals = Population.create(asked) if isinstance(asked, Individual) else asked
        if individuals is None or len(individuals) == 0:
            return replace(state, converged=True)
        fresh = individuals[[i for i, one in enumerate(individuals) if "F" not in one.evaluated]]
        if len(fresh) == 0:  # it asks again for what it knows
            algorithm.tell(infills=asked)
            return replace(state, answer=_population(evaluate.problem, algorithm, state.failed))
        evaluation = evaluate(np.asarray(fresh.get("X"), dtype=float))
        state.failed.update(x.tobytes() for x in evaluation.X[evaluation.status != 0])
        told = StaticProblem(evaluate.problem, **_finite(evaluation))
        PymooEvaluator().eval(told, fresh)
        algorithm.tell(infills=asked)
        return replace(state, answer=_population(evaluate.problem, algorithm, state.failed))


def _finite(evaluation: Evaluation) -> dict[str, np.ndarray]:
    """F, G and H with failed rows replaced by values worse than all others of the batch."""
    parts = {"F": evaluation.F, "G": evaluation.G, "H": evaluation.H}
    failed = evaluation.status != 0
    if not failed.any():
        return parts
    replaced = {}
    for name, part in parts.items():
        good = part[~failed] if (~failed).any() else np.zeros((1, part.shape[1]))
        worst, span = good.max(axis=0), np.ptp(good, axis=0)
        replaced[name] = np.where(failed[:, None], worst + _WORSE * np.maximum(span, 1.0), part)
    return replaced


def _population(problem: Problem, algorithm: Any, failed: set[bytes]) -> Evaluation:
    """The algorithm's population as rows; feasibility is judged by moo's tolerances, and rows with
    made-up values are marked as the failures they are."""
    population = algorithm.pop
    X = problem.repair(np.asarray(population.get("X"), dtype=float))  # pymoo keeps the numbers it drew
    F, G, H = (
        np.asarray(population.get(name), dtype=float).reshape(len(X), width)
        for name, width in (("F", problem.n_obj), ("G", problem.n_ieq_constr), ("H", problem.n_eq_constr))
    )
    bad = np.array([x.tobytes() in failed for x in X], dtype=bool)
    CV = np.where(bad, np.inf, problem.violation(G, H))
    return Evaluation(X, np.where(bad[:, None], np.nan, F), G, H, CV, bad.astype(np.int8))
