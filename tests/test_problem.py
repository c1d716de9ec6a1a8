"""The problem: every way to state one gives the same numbers, and pymoo takes it unchanged."""
# ruff: noqa: SIM300 - X and F are no constants

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.optimize import minimize

import moo
from moo.errors import EvaluationError, ProblemError

LOW, HIGH = [0.1, 0.1, 0.1], [2.0, 2.0, 2.0]


# The same two objectives, two inequalities and one equality, stated in every way there is.


def product(x):
    return x[0] * x[1] ** 2 + x[2]


def ratio(x):
    return x[0] / x[1] - x[2] ** 3


def below(x):
    return x[0] + x[1] - 2.0


def above(x):
    return 0.5 - x[2] * x[0]


def level(x):
    return x[0] - x[1] * x[2]


def all_at_once(x):
    return [product(x), ratio(x)]


def batch(function):
    """The same function of a batch X (n, 3)."""
    return lambda X: function(X.T)


class Subclassed(moo.Problem):
    def __init__(self, **options):
        super().__init__(xl=LOW, xu=HIGH, n_obj=2, n_ieq_constr=2, n_eq_constr=1, **options)

    def objectives(self, x):
        return product(x), ratio(x)

    def inequality(self, x):
        return below(x), above(x)

    def equality(self, x):
        return level(x)


class SubclassedInBatches(Subclassed):
    def objectives(self, x):
        columns = product(x.T), ratio(x.T)
        return np.column_stack(columns) if isinstance(x, np.ndarray) else torch.stack(columns, 1)

    def inequality(self, x):
        return [below(x.T), above(x.T)]

    def equality(self, x):
        return level(x.T)


def jacobian(x):
    return [[x[1] ** 2, 2 * x[0] * x[1], 1.0], [1 / x[1], -x[0] / x[1] ** 2, -3 * x[2] ** 2]]


def jacobian_of_batch(X):
    return np.array([jacobian(x) for x in X])


def vjp(x, w):
    return np.asarray(w) @ np.array(jacobian(x))


def constraint_jacobian(x):
    return [[1.0, 1.0, 0.0], [-x[2], 0.0, -x[0]], [1.0, -x[2], -x[1]]]


def constraint_jacobian_of_batch(X):
    return np.array([constraint_jacobian(x) for x in X])


def vjp_of_batch(X, W):
    return np.array([vjp(x, w) for x, w in zip(X, W, strict=True)])


def in_functions(**options):
    return moo.Problem(
        [product, ratio], xl=LOW, xu=HIGH, inequality=[below, above], equality=[level], **options
    )


def in_one_function(**options):
    return moo.Problem(
        all_at_once, n_obj=2, xl=LOW, xu=HIGH, inequality=(below, above), equality=level, **options
    )


def in_batches(**options):
    return moo.Problem(
        [batch(product), batch(ratio)],
        xl=LOW,
        xu=HIGH,
        inequality=[batch(below), batch(above)],
        equality=[batch(level)],
        vectorized=True,
        **options,
    )


STATEMENTS = {
    "torch functions": in_functions(),
    "torch, one function": in_one_function(),
    "torch, batches": in_batches(),
    "torch, subclass": Subclassed(),
    "torch, subclass in batches": SubclassedInBatches(vectorized=True),
    "numpy functions": in_functions(backend="numpy"),
    "numpy, one function": in_one_function(backend="numpy"),
    "numpy, batches": in_batches(backend="numpy"),
    "numpy, subclass": Subclassed(backend="numpy"),
    "numpy, subclass in batches": SubclassedInBatches(backend="numpy", vectorized=True),
    "numpy, jacobian": in_functions(backend="numpy", jacobian=jacobian),
    "numpy, jacobian of batches": in_batches(backend="numpy", jacobian=jacobian_of_batch),
    "numpy, vjp": in_functions(backend="numpy", vjp=vjp),
    "numpy, vjp of batches": in_batches(backend="numpy", vjp=vjp_of_batch),
    "numpy, both": in_functions(backend="numpy", vjp=vjp, jacobian=jacobian),
    "numpy, constraints": in_functions(backend="numpy", constraint_jacobian=constraint_jacobian),
    "numpy, all of batches": in_batches(
        backend="numpy", vjp=vjp_of_batch, constraint_jacobian=constraint_jacobian_of_batch
    ),
}


def inside(n, seed=0):
    return np.random.default_rng(seed).uniform(LOW, HIGH, (n, 3))


X = inside(7)
F = np.column_stack([product(X.T), ratio(X.T)])
G = np.column_stack([below(X.T), above(X.T)])
H = level(X.T)[:, None]
J = jacobian_of_batch(X)
DG = np.array([[[1.0, 1.0, 0.0], [-c, 0.0, -a]] for a, _, c in X])
DH = np.array([[[1.0, -c, -b]] for _, b, c in X])


@pytest.mark.parametrize("problem", STATEMENTS.values(), ids=STATEMENTS)
@pytest.mark.parametrize("kind", [np.array, torch.as_tensor], ids=["array", "tensor"])
def test_every_statement_gives_the_same_values_and_derivatives(problem, kind):
    given = kind(X)
    evaluation = problem.compute(given, jacobian=True, constraint_jacobians=True)
    expected = {"F": F, "G": G, "H": H, "J": J, "dG": DG, "dH": DH}
    for name, value in expected.items():
        answer = getattr(evaluation, name)
        assert type(answer) is type(given)
        assert np.asarray(answer) == pytest.approx(value, rel=1e-6, abs=1e-6), name
    assert np.asarray(evaluation.F) == pytest.approx(F, rel=1e-14)
    assert not evaluation.status.any()


@pytest.mark.parametrize("problem", STATEMENTS.values(), ids=STATEMENTS)
def test_the_gradient_of_a_scalarization_is_the_chain_rule(problem):
    def scalarize(F, G, H):
        return (F**2).sum(1) + 3.0 * G[:, 0] + H[:, 0] ** 2

    evaluation = problem.compute(X, scalarize=scalarize)
    gradient = np.einsum("ni,nij->nj", 2 * F, J) + 3.0 * DG[:, 0] + 2 * H * DH[:, 0]
    assert evaluation.scalar == pytest.approx((F**2).sum(axis=1) + 3.0 * G[:, 0] + H[:, 0] ** 2)
    assert evaluation.gradient == pytest.approx(gradient, rel=1e-5, abs=1e-5)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 6))
def test_autograd_and_differences_agree_on_any_batch(seed, n):
    X = inside(n, seed)
    by_autograd = STATEMENTS["torch functions"].compute(X, jacobian=True, constraint_jacobians=True)
    by_differences = STATEMENTS["numpy, batches"].compute(X, jacobian=True, constraint_jacobians=True)
    for name, width in (("J", 2), ("dG", 2), ("dH", 1)):
        a, b = getattr(by_autograd, name), getattr(by_differences, name)
        assert a.shape == b.shape == (n, width, 3)
        assert a == pytest.approx(b, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_no_row_changes_another(backend):
    problem = in_functions(backend=backend)
    together = problem.compute(X, jacobian=True)
    for i in range(len(X)):
        alone = problem.compute(X[i : i + 1], jacobian=True)
        assert np.array_equal(alone.F[0], together.F[i])
        assert np.array_equal(alone.J[0], together.J[i])


@pytest.mark.parametrize("problem", STATEMENTS.values(), ids=STATEMENTS)
def test_no_rows_give_no_values(problem):
    evaluation = problem.compute(np.empty((0, 3)), jacobian=True, constraint_jacobians=True)
    assert evaluation.F.shape == (0, 2)
    assert evaluation.G.shape == (0, 2)
    assert evaluation.CV.shape == (0,)
    assert evaluation.J.shape == (0, 2, 3)


def test_differences_stay_inside_the_box():
    seen = []

    def logarithm(x):
        seen.append(float(x[0]))
        return np.log(1.5 - x[0])

    problem = moo.Problem([logarithm, logarithm], names=["a", "b"], xl=[0.0], xu=[1.0], backend="numpy")
    J = problem.compute(np.array([[1.0], [0.0]]), jacobian=True).J
    assert J[:, 0, 0] == pytest.approx([-2.0, -1 / 1.5], rel=1e-6)
    assert max(seen) <= 1.0


def test_either_kind_of_problem_computes_on_arrays_and_tensors():
    problem = moo.problems.ZDT1()
    X = problem.sample(5, np.random.default_rng(0))
    assert problem.compute(X).F == pytest.approx(problem.compute(torch.as_tensor(X)).F.numpy(), rel=1e-14)


# ---------------------------------------------------------------------- directions, names, bounds


@pytest.mark.parametrize("backend", ["torch", "numpy"])
@pytest.mark.parametrize("word", ["max", "maximize"])
def test_a_maximised_objective_has_its_sign_turned_in_values_and_derivatives(backend, word):
    problem = in_functions(backend=backend, directions=["min", word])
    evaluation = problem.compute(X, jacobian=True, scalarize=lambda F, G, H: F[:, 1])
    assert evaluation.F == pytest.approx(F * [1, -1])
    assert evaluation.J == pytest.approx(J * [[1], [-1]], rel=1e-5, abs=1e-5)
    assert evaluation.gradient == pytest.approx(-J[:, 1], rel=1e-5, abs=1e-5)
    assert problem.sign.tolist() == [1.0, -1.0]


def test_a_given_jacobian_is_of_the_objectives_as_stated():
    for derivatives in ({"jacobian": jacobian}, {"vjp": vjp}):
        problem = in_functions(backend="numpy", **derivatives, directions=["max", "min"])
        assert problem.compute(X, jacobian=True).J == pytest.approx(J * [[-1], [1]])


@pytest.mark.parametrize(
    "optimizer", [moo.NSGA2(pop_size=20), moo.WeightedSum(n=5), moo.GradientDescent(n=5)]
)
def test_maximising_is_minimising_the_negative(optimizer):
    def gain(x):
        return 1.0 - ((x - 0.5) ** 2).sum()

    def cost(x):
        return (x**2).sum()

    def loss(x):
        return -gain(x)

    bounds = {"xl": [0, 0], "xu": [1, 1]}
    stated = moo.solve(moo.Problem([gain, cost], directions=["max", "min"], **bounds), optimizer, budget=800)
    minimised = moo.solve(moo.Problem([loss, cost], **bounds), optimizer, budget=800)
    assert np.array_equal(stated.X, minimised.X)
    assert np.array_equal(stated.F, minimised.F)
    assert stated.values[:, 0] == pytest.approx(1.0 - ((stated.X - 0.5) ** 2).sum(axis=1))
    assert np.array_equal(stated.values[:, 1], stated.F[:, 1])


def test_objectives_are_called_by_their_functions_names():
    assert in_functions().names == ["product", "ratio"]
    assert in_one_function().names == ["f1", "f2"]
    assert in_functions(names=["mass", "cost"]).names == ["mass", "cost"]
    assert in_batches().names == ["f1", "f2"], "lambdas have no name"
    assert moo.Problem([product, product], xl=LOW, xu=HIGH).names == ["f1", "f2"], "one name for two"
    assert in_functions().var_names == ["x1", "x2", "x3"]
    assert in_functions(var_names=["a", "b", "c"]).var_names == ["a", "b", "c"]


@pytest.mark.parametrize("how_many", [{"n_obj": 2}, {"names": ["a", "b"]}, {"directions": ["min", "max"]}])
def test_one_function_of_all_objectives_needs_their_number(how_many):
    assert moo.Problem(all_at_once, xl=LOW, xu=HIGH, **how_many).n_obj == 2


def test_a_function_may_return_a_vector():
    problem = moo.Problem(lambda x: torch.stack([x.sum(), x.prod()]), n_obj=2, xl=LOW, xu=HIGH)
    assert problem.compute(X).F == pytest.approx(np.column_stack([X.sum(axis=1), X.prod(axis=1)]))


@pytest.mark.parametrize("backend", ["torch", "numpy"])
@pytest.mark.parametrize("output", [3, True, 2.5, np.float32(1.5), np.array([4.0])])
def test_numbers_of_every_kind_are_objectives(backend, output):
    problem = moo.Problem([lambda x: output, lambda x: x[0]], xl=LOW, xu=HIGH, backend=backend)
    F = problem.compute(X).F
    assert F.dtype == float
    assert (F[:, 0] == float(np.squeeze(output))).all()
    assert np.array_equal(F[:, 1], X[:, 0])


def test_unbounded_variables_are_infinite_and_sampled_all_the_same():
    problem = moo.Problem([product, ratio], xl=[None, 0.0, None], xu=[None, None, 3.0])
    assert problem.xl.tolist() == [-np.inf, 0.0, -np.inf]
    assert problem.xu.tolist() == [np.inf, np.inf, 3.0]
    assert not problem.has_bounds()
    sample = problem.sample(500, np.random.default_rng(0))
    assert np.isfinite(sample).all()
    assert (problem.xl <= sample).all()
    assert (problem.xu >= sample).all()
    assert (sample.std(axis=0) > 0.1).all()


def test_one_number_bounds_every_variable():
    problem = moo.Problem([product, ratio], xl=0, xu=None, n_var=3)
    assert problem.xl.tolist() == [0.0, 0.0, 0.0]
    assert problem.xu.tolist() == [np.inf] * 3


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 50))
def test_samples_fill_the_box(seed, n):
    sample = in_functions().sample(n, np.random.default_rng(seed))
    assert sample.shape == (n, 3)
    assert (sample >= LOW).all()
    assert (sample <= HIGH).all()


def test_violation_counts_beyond_the_tolerances_only():
    def nearly(x):
        return x[0]

    problem = moo.Problem(
        [product, ratio],
        xl=-1,
        xu=HIGH,
        inequality=[nearly],
        equality=[nearly],
        ieq_tolerance=0.1,
        eq_tolerance=0.2,
    )
    X = np.array([[0.1, 1, 1], [0.2, 1, 1], [0.5, 1, 1], [-0.3, 1, 1]])
    assert problem.compute(X).CV == pytest.approx([0.0, 0.1, 0.7, 0.1])


# ---------------------------------------------------------------------- functions that take liberties


def test_data_dependent_control_flow_is_called_row_by_row():
    def hinge(x):
        return x[0] * 2 if x[0] > 1 else x[0] ** 2

    problem = moo.Problem([hinge, ratio], xl=LOW, xu=HIGH)
    evaluation = problem.compute(X, jacobian=True)
    assert evaluation.F[:, 0] == pytest.approx(np.where(X[:, 0] > 1, X[:, 0] * 2, X[:, 0] ** 2))
    assert evaluation.J[:, 0, 0] == pytest.approx(np.where(X[:, 0] > 1, 2, 2 * X[:, 0]))
    assert not evaluation.status.any()


def shift(x):
    x -= 1.0
    return x.sum()


def shift_column(X):
    X[:, 0] = 7.0
    return X.sum(1)


class Shifting(Subclassed):
    def objectives(self, x):
        x[0] = 7.0
        return super().objectives(x)


@pytest.mark.parametrize("backend", ["torch", "numpy"])
@pytest.mark.parametrize("jacobian", [False, True])
def test_functions_that_modify_x_change_nothing_but_their_own(backend, jacobian):
    X = inside(4)
    for own in (X.copy(), torch.as_tensor(X.copy())):
        problem = moo.Problem([shift, product], xl=LOW, xu=HIGH, inequality=[shift, below], backend=backend)
        evaluation = problem.compute(own, jacobian=jacobian, constraint_jacobians=jacobian)
        assert np.array_equal(own, X)
        assert np.asarray(evaluation.F) == pytest.approx(np.column_stack([X.sum(1) - 3, product(X.T)]))
        assert np.asarray(evaluation.G) == pytest.approx(np.column_stack([X.sum(1) - 3, below(X.T)]))
        if jacobian:
            assert np.asarray(evaluation.J)[:, 0] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_batch_functions_that_modify_x_change_nothing_but_their_own(backend):
    X = inside(4)
    given = X.copy()
    problem = moo.Problem([shift_column, batch(product)], xl=LOW, xu=HIGH, vectorized=True, backend=backend)
    F = problem.compute(given).F
    assert np.array_equal(given, X)
    assert F == pytest.approx(np.column_stack([7 + X[:, 1] + X[:, 2], product(X.T)]))


def test_a_subclass_that_modifies_x_leaves_it_whole_for_its_constraints():
    problem = Shifting(backend="numpy")
    evaluation = problem.compute(X)
    assert evaluation.G == pytest.approx(G)
    assert evaluation.F[:, 0] == pytest.approx(7 * X[:, 1] ** 2 + X[:, 2])


class ShiftingInBatches(SubclassedInBatches):
    def objectives(self, x):
        x[:, 0] = 7.0
        return super().objectives(x)

    def inequality(self, x):
        x *= 2.0
        return super().inequality(x)


@pytest.mark.parametrize("backend", ["torch", "numpy"])
@pytest.mark.parametrize("jacobian", [False, True])
def test_a_subclass_in_batches_that_modifies_x_leaves_it_whole(backend, jacobian):
    problem = ShiftingInBatches(backend=backend, vectorized=True)
    own = X.copy()
    evaluation = problem.compute(own, jacobian=jacobian)
    assert np.array_equal(own, X)
    assert evaluation.F[:, 0] == pytest.approx(7 * X[:, 1] ** 2 + X[:, 2])
    assert evaluation.G[:, 0] == pytest.approx(2 * X[:, 0] + 2 * X[:, 1] - 2.0)
    assert evaluation.H == pytest.approx(H)


def test_a_batch_that_fails_half_way_is_called_again_with_the_x_it_was_given():
    def moody(X):
        X += 1.0
        if (X[:, 0] > 2.0).any():
            raise ValueError("too large")
        return X[:, 0]

    problem = moo.Problem([moody, batch(product)], xl=0, xu=2, n_var=3, vectorized=True, backend="numpy")
    X = np.array([[0.5, 1, 1], [1.5, 1, 1], [0.75, 1, 1]])
    evaluation = problem.compute(X)
    assert evaluation.status.tolist() == [0, 3, 0]
    assert evaluation.F[[0, 2], 0].tolist() == [1.5, 1.75]


# ---------------------------------------------------------------------- pymoo's face


def test_pymoo_minimises_it_unchanged():
    def first(x):
        return ((x - 1.0) ** 2).sum()

    def second(x):
        return ((x + 1.0) ** 2).sum()

    problem = moo.Problem([first, second], xl=[-2, -2], xu=[2, 2], inequality=[lambda x: 0.5 - x[0]])
    result = minimize(problem, NSGA2(pop_size=20), ("n_gen", 20), seed=1)
    assert len(result.F) == 20
    assert (result.X[:, 0] >= 0.5 - 1e-9).all()
    assert result.F == pytest.approx(problem.compute(result.X).F)


def test_pymoo_gets_the_derivatives_it_asks_for():
    problem = in_functions()
    out = problem.evaluate(X, return_values_of=["F", "dF"])
    assert out[0] == pytest.approx(F)
    assert out[1] == pytest.approx(J)
    values = problem.evaluate(X, return_values_of=["F", "G", "H", "dG", "dH"], return_as_dictionary=True)
    assert values["G"] == pytest.approx(G)
    assert values["dG"] == pytest.approx(DG)
    assert values["dH"] == pytest.approx(DH)
    assert problem.evaluate(X[0], return_values_of=["F"]) == pytest.approx(F[0])
    assert problem.name() == "Problem"


def test_pymoo_is_told_when_every_row_raises():
    def broken(x):
        raise OSError("disk")

    problem = moo.Problem([broken, product], xl=LOW, xu=HIGH)
    with pytest.raises(EvaluationError, match="'broken' raised OSError: disk"):
        problem.evaluate(X)


class WithProducts(moo.Problem):
    def __init__(self):
        super().__init__(n_var=3, n_obj=2, xl=LOW, xu=HIGH, backend="numpy")

    def objectives(self, x):
        return product(x), ratio(x)

    def vjp(self, x, w):
        return vjp(x, w)


def test_a_subclass_may_say_its_products():
    problem = WithProducts()
    assert problem.cost_of_row(jacobian=False, constraint_jacobians=False, scalarized=True) == (1, 1)
    assert problem.compute(X, jacobian=True).J == pytest.approx(J)


class WithConstraints(Subclassed):
    def constraint_jacobian(self, x):
        return constraint_jacobian(x)


class WithOtherConstraints(WithConstraints):
    def equality(self, x):
        return 2.0 * level(x)


def test_a_subclass_may_say_the_slopes_of_its_constraints():
    asked = {"jacobian": False, "constraint_jacobians": True, "scalarized": False}
    problem = WithConstraints(backend="numpy")
    assert problem.cost_of_row(**asked) == (1, 3)
    assert problem.compute(X, constraint_jacobians=True).dH == pytest.approx(DH)
    other = WithOtherConstraints(backend="numpy")
    assert other.cost_of_row(**asked) == (4, 0)
    assert other.compute(X, constraint_jacobians=True).dH == pytest.approx(2 * DH, rel=1e-5)


class InTorchWithProducts(Subclassed):
    """Its vjp is of one x, for when the backend is numpy."""

    def vjp(self, x, w):
        return vjp(x, w)


def test_products_of_one_x_are_not_asked_for_where_rows_are_evaluated_elsewhere():
    problem, elsewhere = InTorchWithProducts(), STATEMENTS["numpy, batches"]

    def rows(X):
        return elsewhere.backend.values(elsewhere, X)

    assert problem.compute(X, jacobian=True, rows=rows).J == pytest.approx(J, rel=1e-5, abs=1e-5)


def test_given_slopes_of_all_functions_make_differences_unnecessary():
    problem = in_functions(backend="numpy", vjp=vjp, constraint_jacobian=constraint_jacobian)
    assert problem.cost_of_row(jacobian=False, constraint_jacobians=False, scalarized=True) == (1, 4)
    alone = in_functions(backend="numpy", constraint_jacobian=constraint_jacobian)
    assert alone.cost_of_row(jacobian=False, constraint_jacobians=False, scalarized=True) == (4, 3)


def test_slopes_of_constraints_in_another_shape_are_refused():
    problem = in_functions(backend="numpy", constraint_jacobian=lambda x: [[1.0, 2.0, 3.0]])
    message = (
        r"constraint_jacobian= returned shape \(1, 3\), expected \(3, 3\): constraints, decision variables"
    )
    with pytest.raises(ProblemError, match=message):
        problem.compute(X, constraint_jacobians=True)
    with pytest.raises(ProblemError, match="constraint_jacobian= goes with backend"):
        in_functions(constraint_jacobian=constraint_jacobian)


@pytest.mark.parametrize("option", ["vjp", "jacobian"])
def test_derivatives_that_are_no_function_or_no_numbers_are_refused(option):
    with pytest.raises(ProblemError, match=f"{option}=5 is not accepted: give a function"):
        in_functions(backend="numpy", **{option: 5})
    for wrong in ("ab", np.array([1j, 2, 3]), [[1, 2], [3]]):
        problem = in_functions(backend="numpy", **{option: lambda *x, wrong=wrong: wrong})
        with pytest.raises(ProblemError, match=f"{option}= returned .*, expected an array of real numbers"):
            problem.compute(X, jacobian=True)
