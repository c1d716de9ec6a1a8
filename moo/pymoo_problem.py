"""Problems of pymoo, as every optimizer of moo takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymoo.core.problem

from moo.backend import Values
from moo.backend_numpy import NumpyBackend
from moo.errors import ProblemError
from moo.problem import Problem


def as_problem(problem: Any) -> Problem:
    """A moo problem as it is, a pymoo problem wrapped.

    Raises:
        ProblemError: for anything else.
    """
    if isinstance(problem, Problem):
        return problem
    if isinstance(problem, pymoo.core.problem.Problem):
        return PymooProblem(problem)
    if isinstance(problem, type) and issubclass(problem, pymoo.core.problem.Problem):
        raise ProblemError(f"{problem.__name__} is a class, expected an object: {problem.__name__}()")
    raise ProblemError(f"expected a moo.Problem or a pymoo problem, got {type(problem).__name__}")


class PymooProblem(Problem):
    """A pymoo problem; gradients by finite differences.

    Its known front is not asked for: pymoo downloads some of them (DTLZ5-7, OSY, TNK and others).
    """

    def __init__(self, problem: pymoo.core.problem.Problem) -> None:
        if getattr(problem, "vars", None) is not None or problem.n_var < 1:
            raise ProblemError(
                f"{type(problem).__name__} has variables that are no real vector: state n_var, xl and xu"
            )
        self.problem = problem
        super().__init__(
            n_var=problem.n_var,
            n_obj=problem.n_obj,
            n_ieq_constr=problem.n_ieq_constr,
            n_eq_constr=problem.n_eq_constr,
            xl=problem.xl,
            xu=problem.xu,
            backend="numpy",
            title=problem.name(),
        )
        self.backend = PymooBackend()


class PymooBackend(NumpyBackend):
    """One ``evaluate`` of the wrapped pymoo problem gives F, G and H together."""

    def __init__(self) -> None:
        super().__init__(vectorized=True)

    def values(self, problem: Problem, X: np.ndarray, rng: np.random.Generator | None = None) -> Values:
        wrapped: Any = problem
        widths = [problem.n_obj, problem.n_ieq_constr, problem.n_eq_constr]

        def together(rows: np.ndarray) -> np.ndarray:
            out = wrapped.problem.evaluate(rows, return_values_of=["F", "G", "H"], return_as_dictionary=True)
            return np.hstack([out[name] for name in ("F", "G", "H")])

        columns, failed, error = self._call(together, X, sum(widths), f"values of {problem.title}")
        F, G, H = np.split(columns, np.cumsum(widths)[:2], axis=1)
        return Values(F, G, H, failed, error)
