"""What holds for every problem class of the package; a new one is found and tested without an edit."""

from __future__ import annotations

import inspect
import socket

import moocore
import numpy as np
import pytest

import moo.problems
from moo.errors import ProblemError
from moo.problem import Problem
from moo.problems._front import nondominated
from moo.wanted import Sloped

CLASSES = moo.problems.all_classes()
EXACT = [name for name, cls in CLASSES.items() if not hasattr(cls, "reference_set")]  # not found by runs
SIZED = [name for name, cls in CLASSES.items() if "n_var" in inspect.signature(cls).parameters]


@pytest.fixture(params=CLASSES, scope="module")
def problem(request: pytest.FixtureRequest) -> Problem:
    return CLASSES[request.param]()


@pytest.fixture(params=EXACT, scope="module")
def exact(request: pytest.FixtureRequest) -> Problem:
    return CLASSES[request.param]()


def inside(problem: Problem, n: int, seed: int = 0, margin: float = 0.0) -> np.ndarray:
    u = np.random.default_rng(seed).uniform(margin, 1 - margin, (n, problem.n_var))
    return problem.xl + u * (problem.xu - problem.xl)


def near_pareto_set(problem: Problem, n: int, seed: int = 0) -> np.ndarray:
    """Pareto-optimal rows with some variables moved by 1e-6 to 1 of their range, inside the box."""
    rng = np.random.default_rng(seed)
    X = problem._calc_pareto_set(500)
    X = X[rng.integers(len(X), size=n)]
    step = 10 ** rng.uniform(-6, 0, (n, 1)) * (problem.xu - problem.xl)
    moved = rng.random(X.shape) < rng.uniform(0.5 / problem.n_var, 1.0, (n, 1))
    return np.clip(X + moved * step * rng.standard_normal(X.shape), problem.xl, problem.xu)


def test_a_class_is_an_attribute_of_the_package() -> None:
    assert {"ZDT1", "DTLZ7", "OSY", "WeldedBeam"} <= CLASSES.keys()
    for name, cls in CLASSES.items():
        assert getattr(moo.problems, name) is cls
        assert name in dir(moo.problems)
    assert not any(name.startswith("_") for name in CLASSES)


def test_the_list_of_classes_is_the_callers_own() -> None:
    moo.problems.all_classes().clear()
    assert moo.problems.all_classes() == CLASSES


def test_an_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(AttributeError, match="did you mean 'ZDT1'"):
        _ = moo.problems.ZTD1


def test_it_is_described(problem: Problem) -> None:
    text = inspect.getdoc(type(problem)) or ""
    assert "Front" in text
    assert len(problem.names) == problem.n_obj
    assert problem.has_bounds()


def test_a_misspelt_argument_is_refused(problem: Problem) -> None:
    with pytest.raises(TypeError):
        type(problem)(n_vars=3)


def test_rows_are_independent_and_the_input_is_untouched(problem: Problem) -> None:
    X = inside(problem, 7)
    before = X.copy()
    batch = problem.compute(X)
    assert batch.F.shape == (7, problem.n_obj)
    assert batch.G.shape == (7, problem.n_ieq_constr)
    np.testing.assert_array_equal(X, before)
    for i in range(7):
        alone = problem.compute(X[i : i + 1])
        np.testing.assert_allclose(alone.F[0], batch.F[i], rtol=1e-13)
        np.testing.assert_allclose(alone.G[0], batch.G[i], rtol=1e-13)


def test_the_jacobians_are_those_of_central_differences(problem: Problem) -> None:
    X = inside(problem, 4, seed=3, margin=0.1)
    exact = problem.compute(X, jacobian=True, constraint_jacobians=True)
    step = 1e-6 * (problem.xu - problem.xl)
    for j in range(problem.n_var):
        shift = np.zeros(problem.n_var)
        shift[j] = step[j]
        high, low = problem.compute(X + shift), problem.compute(X - shift)
        for J, up, down in ((exact.J, high.F, low.F), (exact.dG, high.G, low.G)):
            expected = (up - down) / (2 * step[j])
            scale = np.abs(J).max(initial=0.0)
            np.testing.assert_allclose(J[:, :, j], expected, rtol=1e-5, atol=1e-6 * scale)


def test_slopes_in_closed_form_are_those_that_torch_finds(problem: Problem) -> None:
    if not hasattr(problem, "vjp"):
        pytest.skip("differentiated by torch alone")
    X = np.vstack([inside(problem, 20), problem.xl, problem.xu, problem._calc_pareto_set(20)])
    W = np.random.default_rng(1).normal(size=(len(X), problem.n_obj))

    def weighed(F: np.ndarray, G: np.ndarray, H: np.ndarray, rows: slice) -> tuple:
        return (W[rows] * F).sum(1), (W[rows], None, None)

    wanted = {"scalarize": Sloped(weighed), "jacobian": True, "constraint_jacobians": True}
    exact, given = problem.compute(problem.to_tensor(X), **wanted), problem.compute(X, **wanted)
    for name in ("F", "J", "dG", "gradient", "scalar"):
        expected = getattr(exact, name).numpy()
        np.testing.assert_allclose(getattr(given, name), expected, rtol=1e-8, atol=1e-8, err_msg=name)


def test_values_and_slopes_are_finite_at_the_bounds_and_on_the_pareto_set(problem: Problem) -> None:
    corners = np.where(np.random.default_rng(0).random((20, problem.n_var)) < 0.5, problem.xl, problem.xu)
    middle = (problem.xl + problem.xu) / 2
    X = np.vstack([problem.xl, problem.xu, middle, corners, problem._calc_pareto_set(40)])
    evaluation = problem.compute(X, jacobian=True, constraint_jacobians=True)
    for values in (evaluation.F, evaluation.G, evaluation.J, evaluation.dG):
        assert np.isfinite(values).all()


def test_the_front_needs_no_network(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a front was downloaded")

    monkeypatch.setattr(socket, "socket", refuse)
    F = problem.pareto_front(use_cache=False, set_cache=False)
    assert F.shape[1] == problem.n_obj
    assert (28 if problem.title == "RE36" else 300) <= len(F) <= 700  # RE36 has no more


def test_front_points_do_not_dominate_each_other(problem: Problem) -> None:
    assert nondominated(problem.pareto_front()).all()


def test_ideal_and_nadir_do_not_depend_on_the_number_of_points(problem: Problem) -> None:
    dense = problem.pareto_front(n_pareto_points=3000, use_cache=False, set_cache=False)
    span = np.ptp(dense, axis=0)
    np.testing.assert_allclose((problem.ideal_point() - dense.min(0)) / span, 0, atol=1e-6)
    np.testing.assert_allclose((problem.nadir_point() - dense.max(0)) / span, 0, atol=1e-6)


def test_the_front_is_the_image_of_the_pareto_set(problem: Problem) -> None:
    X = problem.pareto_set()
    assert (problem.xl <= X).all()
    assert (problem.xu >= X).all()
    evaluation = problem.compute(X)
    assert (evaluation.CV == 0).all()
    F, front = (values[np.lexsort(values.T.round(6))] for values in (evaluation.F, problem.pareto_front()))
    np.testing.assert_allclose(F, front, rtol=1e-9, atol=1e-9)


def test_nothing_feasible_dominates_the_front_and_the_front_misses_nothing(exact: Problem) -> None:
    front = exact.pareto_front()
    span = np.ptp(front, axis=0)
    X = np.vstack([inside(exact, 25_000), near_pareto_set(exact, 25_000)])
    evaluation = exact.compute(X)
    F = evaluation.F[(evaluation.G <= 0).all(1)]
    F = F[nondominated(F)]
    F = F[np.random.default_rng(0).permutation(len(F))[:1000]]
    excess = (front[None] - F[:, None]) / span
    assert excess.min(axis=2).max() < 1e-6
    # Every sample has a front point that is at most a little worse than it, in every objective.
    assert excess.max(axis=2).min(axis=1).max() < (0.01 if exact.n_obj == 2 else 0.06)


def test_hypervolume_grows_with_the_number_of_points(exact: Problem) -> None:
    reference = exact.nadir_point() + 0.1 * (exact.nadir_point() - exact.ideal_point())
    sparse, dense = (
        moocore.hypervolume(
            exact.pareto_front(n_pareto_points=n, use_cache=False, set_cache=False), ref=reference
        )
        for n in (50, 1500)
    )
    assert sparse < dense


@pytest.mark.parametrize(
    "name", [n for n, c in CLASSES.items() if "n_var" in inspect.signature(c).parameters]
)
@pytest.mark.parametrize("n_var", [0, -3, 2.5, "4", True])
def test_a_bad_number_of_variables_is_one_sentence(name: str, n_var: object) -> None:
    with pytest.raises(ProblemError, match=r"^n_var=.* is not accepted: expected"):
        CLASSES[name](n_var=n_var)


def test_a_subclass_with_other_objectives_has_not_its_parents_slopes() -> None:
    class Bent(moo.problems.ZDT1):
        def objectives(self, x):
            return [x[:, 0], (x[:, 0] - 0.5) ** 2 + x[:, 1:].sum(1)]

    problem = Bent()
    X = inside(problem, 5)
    of_tensors = problem.compute(problem.to_tensor(X), jacobian=True).J.numpy()
    np.testing.assert_allclose(problem.compute(X, jacobian=True).J, of_tensors)
