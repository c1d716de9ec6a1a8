"""Problems of pymoo give the numbers they give pymoo, rows that fail and derivatives included."""
# ruff: noqa: SIM300 - X is no constant

from __future__ import annotations

import numpy as np
import pytest
from pymoo.core.problem import ElementwiseProblem
from pymoo.core.problem import Problem as PymooProblem
from pymoo.core.variable import Real
from pymoo.problems import get_problem

import moo
from moo.errors import ProblemError
from moo.pymoo_problem import as_problem

LOW, HIGH = [0.1, 0.1, 0.1], [2.0, 2.0, 2.0]
X = np.array([[0.5, 1.5, 0.3], [1.2, 0.4, 1.9], [2.0, 2.0, 0.1]])


class OneByOne(ElementwiseProblem):
    def __init__(self):
        super().__init__(n_var=3, n_obj=2, n_ieq_constr=1, xl=LOW, xu=HIGH)

    def _evaluate(self, x, out, *args, **kwargs):
        out["F"] = [x[0] * x[1] ** 2 + x[2], x[0] / x[1]]
        out["G"] = [x[0] + x[1] ** 2 - 2.0]


@pytest.mark.parametrize("name", ["zdt1", "bnh", "osy", "dtlz2", "g5"])
def test_they_are_taken_as_they_are(name):
    original = get_problem(name)
    problem = as_problem(original)
    rows = problem.sample(6, np.random.default_rng(0))
    out = original.evaluate(rows, return_values_of=["F", "G", "H"], return_as_dictionary=True)
    evaluation = problem.compute(rows)
    for letter in ("F", "G", "H"):
        assert np.array_equal(getattr(evaluation, letter), out[letter])
    assert (problem.n_ieq_constr, problem.n_eq_constr) == (original.n_ieq_constr, original.n_eq_constr)
    assert problem.title == original.name()


def test_one_of_one_x_is_differentiated_by_differences():
    evaluation = as_problem(OneByOne()).compute(X, jacobian=True, constraint_jacobians=True)
    a, b, c = X.T
    of_objectives = np.array([[b**2, 2 * a * b, 1 + 0 * c], [1 / b, -a / b**2, 0 * c]])
    of_constraint = np.array([1 + 0 * a, 2 * b, 0 * c])
    assert evaluation.J == pytest.approx(np.moveaxis(of_objectives, 2, 0), rel=1e-5, abs=1e-5)
    assert evaluation.dG[:, 0] == pytest.approx(of_constraint.T, rel=1e-5, abs=1e-5)


def test_one_that_modifies_x_changes_nothing_but_its_own():
    class Shifty(PymooProblem):
        def __init__(self):
            super().__init__(n_var=3, n_obj=2, xl=LOW, xu=HIGH)

        def _evaluate(self, x, out, *args, **kwargs):
            x -= 1.0
            out["F"] = x[:, :2]

    own = X.copy()
    assert pytest.approx(X[:, :2] - 1.0) == as_problem(Shifty()).compute(own).F
    assert np.array_equal(own, X)


def test_rows_that_raise_are_marked():
    class Picky(PymooProblem):
        def __init__(self):
            super().__init__(n_var=3, n_obj=2, xl=LOW, xu=HIGH)

        def _evaluate(self, x, out, *args, **kwargs):
            if (x[:, 0] > 1.5).any():
                raise ArithmeticError("too far")
            out["F"] = x[:, :2]

    evaluation = as_problem(Picky()).compute(X)
    assert evaluation.status.tolist() == [0, 0, 3]
    assert "'values of Picky' raised ArithmeticError" in str(evaluation.error)


def test_a_moo_problem_is_itself():
    problem = moo.problems.ZDT1()
    assert as_problem(problem) is problem


def test_what_is_no_problem_is_refused():
    class Mixed(PymooProblem):
        def __init__(self):
            super().__init__(vars={"a": Real(bounds=(0, 1))}, n_obj=1)

    with pytest.raises(ProblemError, match=r"ZDT1 is a class, expected an object: ZDT1\(\)"):
        as_problem(type(get_problem("zdt1")))
    with pytest.raises(ProblemError, match=r"expected a moo\.Problem or a pymoo problem, got function"):
        as_problem(as_problem)
    with pytest.raises(ProblemError, match="no real vector"):
        as_problem(Mixed())
