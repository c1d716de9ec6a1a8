"""Inner method of `Scalarizing`: SciPy's SLSQP, one row after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize

from moo.budget import BudgetExhausted
from moo.errors import OptionError
from moo.evaluation import Evaluation, Evaluator
from moo.wanted import Places, Sloped, Slopes

if TYPE_CHECKING:
    from moo.optimizers.scalarizing import ScalarizingState

_ITERATIONS = 200
_TOLERANCE = 1e-9
_LEAST_SCALE = 0.1  # of values of normalised objectives
_FAILED = 1e10  # stands for a value that is not finite, which SLSQP's line search cannot take


@dataclass
class InnerSLSQP:
    """SLSQP (Kraft 1988) with gradients; constraints are its own, variables in unit coordinates."""

    queue: list[int]

    @classmethod
    def start(cls, state: ScalarizingState) -> InnerSLSQP:
        """
        Raises:
            OptionError: where the function is not smooth, or has constraints of its own.
        """
        assert state.functions is not None
        m = len(state.functions.normalization.ideal)
        terms = state.functions.scalarization.terms(np.ones((1, m)), np.ones((1, m)))
        if any(part is not None for part in terms[1:]):
            name = type(state.functions.scalarization).__name__
            raise OptionError(
                f'inner="slsqp" is not accepted for {name}: it is not smooth or has constraints of its own; '
                'give "lbfgs", "adam" or "ga"'
            )
        return cls([int(row) for row in state.rows])

    def step(self, evaluate: Evaluator, state: ScalarizingState) -> bool:
        if self.queue:
            _Solve(evaluate, state, self.queue.pop(0)).run()
        return not self.queue


class _Solve:
    """One row. A point is evaluated once, with all derivatives SLSQP will ask for."""

    def __init__(self, evaluate: Evaluator, state: ScalarizingState, row: int) -> None:
        problem = evaluate.problem
        self.evaluate, self.state, self.row = evaluate, state, row
        bounded = np.isfinite(problem.xl) & np.isfinite(problem.xu)
        self.origin = np.where(bounded, problem.xl, 0.0)
        width = np.where(bounded, problem.xu - problem.xl, 1.0)
        self.width = np.where(width > 0, width, 1.0)
        self.known: tuple[np.ndarray, Evaluation] | None = None
        assert state.answer is not None
        assert state.functions is not None
        self.functions, self.at = state.functions, np.array([row])
        self.start = state.answer.X[row].copy()
        here = self.functions.terms(state.answer.F[row][None], self.at).value
        known = self.functions.normalization.known  # then a start near the ideal point has a value near zero
        self.scale = max(abs(float(here[0])), _LEAST_SCALE if known else 1e-12)
        self.g_scale = np.maximum(np.abs(np.nan_to_num(state.answer.G[row])), 1.0)
        self.h_scale = np.maximum(np.abs(np.nan_to_num(state.answer.H[row])), 1.0)

    def run(self) -> None:
        """Minimise until SLSQP stops or the budget ends; every point seen was considered."""
        problem = self.evaluate.problem
        lower = (problem.xl - self.origin) / self.width
        upper = (problem.xu - self.origin) / self.width
        try:
            minimize(
                self._objective,
                np.clip((self.start - self.origin) / self.width, lower, upper),
                jac=self._gradient,
                bounds=np.column_stack([lower, upper]),
                constraints=self._constraints(),
                method="SLSQP",
                options={"maxiter": _ITERATIONS, "ftol": _TOLERANCE},
            )
        except BudgetExhausted:
            return

    def _at(self, u: np.ndarray) -> Evaluation:
        if self.known is None or not np.array_equal(self.known[0], u):
            problem = self.evaluate.problem
            x = np.clip(self.origin + u * self.width, problem.xl, problem.xu)
            evaluation = self.evaluate(
                x[None],
                scalarize=Sloped(self._weighted),
                constraint_jacobians=problem.n_constr > 0,
            )
            self.state.consider(problem, np.array([self.row]), evaluation)
            self.known = u.copy(), evaluation
        return self.known[1]

    def _weighted(
        self, F: np.ndarray, G: np.ndarray, H: np.ndarray, rows: Places
    ) -> tuple[np.ndarray, Slopes]:
        terms, slopes = self.functions.sloped(F, self.at)
        return terms.value / self.scale, (slopes.smooth / self.scale, None, None)

    def _objective(self, u: np.ndarray) -> float:
        scalar = self._at(u).scalar
        assert scalar is not None
        return float(np.nan_to_num(scalar[0], nan=_FAILED, posinf=_FAILED, neginf=_FAILED))

    def _gradient(self, u: np.ndarray) -> np.ndarray:
        gradient = self._at(u).gradient
        assert gradient is not None
        return np.asarray(np.nan_to_num(gradient[0], nan=0.0, posinf=0.0, neginf=0.0) * self.width)

    def _constraints(self) -> list[dict[str, Any]]:
        """SLSQP's inequalities are satisfied where >= 0, moo's where <= 0."""
        problem = self.evaluate.problem
        constraints = []
        if problem.n_ieq_constr:
            constraints.append(self._constraint("ineq", "G", "dG", -1.0 / self.g_scale))
        if problem.n_eq_constr:
            constraints.append(self._constraint("eq", "H", "dH", 1.0 / self.h_scale))
        return constraints

    def _constraint(self, kind: str, value: str, jacobian: str, factor: np.ndarray) -> dict[str, Any]:
        def of(name: str) -> Callable[[np.ndarray], np.ndarray]:
            return lambda u: np.nan_to_num(getattr(self._at(u), name)[0], nan=_FAILED)

        values, jacobians = of(value), of(jacobian)
        return {
            "type": kind,
            "fun": lambda u: factor * values(u),
            "jac": lambda u: factor[:, None] * jacobians(u) * self.width,
        }
