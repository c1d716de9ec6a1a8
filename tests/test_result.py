"""Results: what they say, what they compute, and that saving loses nothing."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import moo
from moo.archive import Archive
from moo.errors import StorageError
from moo.result import Cost, History, Result, Statement


def first(x):
    return ((x - 1.0) ** 2).sum()


def second(x):
    return ((x + 1.0) ** 2).sum()


def near(x):
    return 0.25 - x[0]


def solved(optimizer=None, budget=600, **options):
    problem = moo.Problem(
        [first, second], xl=[-2, -2], xu=[2, 2], **({"title": "pair", "inequality": [near]} | options)
    )
    return moo.solve(problem, optimizer or moo.NSGA2(pop_size=20), budget=budget, seed=3)


def made(F, CV=None, archive=None, sign=(1.0, 1.0), **statement):
    """A result of given numbers."""
    F = np.asarray(F, dtype=float)
    names = [f"f{i + 1}" for i in range(F.shape[1])]
    archive_F = F if archive is None else np.asarray(archive, dtype=float)
    return Result(
        X=np.zeros((len(F), 1)),
        F=F,
        G=np.empty((len(F), 0)),
        H=np.empty((len(F), 0)),
        CV=np.zeros(len(F)) if CV is None else np.asarray(CV, dtype=float),
        weights=None,
        metrics={},
        archive=Archive.of(np.zeros((len(archive_F), 1)), archive_F),
        log={},
        history=History(),
        cost=Cost(10, 5, 0.5, 2.0),
        statuses={"ok": 10},
        status="budget spent",
        problem=Statement("made", names, ["x1"], list(sign), **statement),
        optimizer="NSGA2(pop_size=4)",
        seed=0,
    )


class WithMetrics(moo.Problem):
    def report(self, X):
        return {"held-out loss": X.sum(axis=1), "accuracy": X.prod(axis=1)}


class WithFront(moo.Problem):
    def _calc_pareto_front(self, n_pareto_points=100):
        t = np.linspace(-1, 1, 2001)
        return np.column_stack([(t - 1) ** 2, (t + 1) ** 2])


# ---------------------------------------------------------------------- saving and loading


def assert_same(a, b):
    """Every field, by value and by type."""
    assert type(a) is type(b)
    if dataclasses.is_dataclass(a):
        for field in dataclasses.fields(a):
            assert_same(getattr(a, field.name), getattr(b, field.name))
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert np.array_equal(a, b, equal_nan=True)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    elif isinstance(a, Archive):
        assert_same(*([*map(len, x.points())] if x.points() else [0, 0] for x in (a, b)))
    else:
        assert a == b


def failing(x):
    return -1.0 / (x[0] - 1.9).clip(0.0)


RESULTS = {
    "front": lambda: solved(),
    "weights": lambda: solved(moo.WeightedSum(n=7)),
    "one row": lambda: solved(moo.WeightedSum(weights=[0.5, 0.5])),
    "gradients": lambda: solved(moo.GradientDescent(n=5)),
    "pymoo": lambda: solved(moo.Pymoo()),
    "maximised": lambda: solved(directions=["max", "min"]),
    "nothing feasible": lambda: solved(inequality=[lambda x: 9.0 - x[0]]),
    "nothing finite": lambda: moo.solve(
        moo.Problem([lambda x: x[0] * np.nan, second], xl=0, xu=1, n_var=2), moo.RandomSearch(), budget=50
    ),
    "before the first answer": lambda: solved(budget=3),
    "metrics": lambda: moo.solve(
        WithMetrics([first, second], xl=-1, xu=1, n_var=2), moo.NSGA2(pop_size=20), budget=100
    ),
    "front known": lambda: moo.solve(
        WithFront([first, second], xl=-2, xu=2, n_var=1), moo.NSGA2(), budget=300
    ),
}


@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_what_is_loaded_is_what_was_saved(make, tmp_path):
    result = make()
    folder = result.save(tmp_path / "run")
    assert_same(Result.load(folder), result)
    assert str(Result.load(folder)) == str(result)


def test_nothing_that_is_written_runs_code_when_it_is_read(tmp_path):
    folder = solved().save(tmp_path / "run")
    assert sorted(path.name for path in folder.iterdir()) == ["arrays.npz", "result.json"]
    with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays.files)
    json.loads((folder / "result.json").read_text())


def test_a_folder_with_files_is_not_written_over(tmp_path):
    result = solved()
    folder = result.save(tmp_path / "run")
    before = (folder / "result.json").read_bytes()
    other = solved(moo.RandomSearch())
    with pytest.raises(StorageError, match="already holds files: choose another, or allow it"):
        other.save(folder)
    assert (folder / "result.json").read_bytes() == before
    other.save(folder, overwrite=True)
    assert_same(Result.load(folder), other)


def test_an_empty_folder_is_used(tmp_path):
    result = solved()
    assert_same(Result.load(result.save(tmp_path)), result)


def test_what_is_no_result_is_said_to_be_none(tmp_path):
    with pytest.raises(StorageError, match=r"result.json does not exist"):
        Result.load(tmp_path / "nowhere")
    folder = solved().save(tmp_path / "run")
    content = json.loads((folder / "result.json").read_text())
    for changed in ({}, [], {**content, "cost": {"n_f": 1}}, {**content, "surprise": 1}):
        (folder / "result.json").write_text(json.dumps(changed))
        with pytest.raises(StorageError, match="holds no result that this version reads"):
            Result.load(folder)
    (folder / "result.json").write_text("{")
    with pytest.raises(StorageError, match="is no JSON"):
        Result.load(folder)


def test_a_result_without_its_arrays_is_said_to_be_none(tmp_path):
    folder = solved().save(tmp_path / "run")
    (folder / "arrays.npz").unlink()
    with pytest.raises(StorageError, match=r"arrays.npz does not exist"):
        Result.load(folder)
    np.savez(folder / "arrays.npz", X=np.zeros(3))
    with pytest.raises(StorageError, match="holds no result"):
        Result.load(folder)


# ---------------------------------------------------------------------- what it computes


def test_the_hypervolume_in_the_users_units_is_that_of_the_answer():
    result = made([[1.0, 3.0], [2.0, 1.0], [9.0, 0.0]], archive=[[0.0, 0.0]])
    assert result.hypervolume([4.0, 4.0]) == pytest.approx(3 * 1 + 2 * 2)
    assert result.hypervolume(ref=(4, 4), archive=True) == pytest.approx(16.0)


def test_infeasible_rows_have_no_hypervolume():
    result = made([[1.0, 3.0], [0.0, 0.0]], CV=[0.0, 0.1])
    assert result.hypervolume([4.0, 4.0]) == pytest.approx(3.0)
    assert not result.feasible


def test_the_scale_of_the_hypervolume_is_the_known_front_where_there_is_one():
    known = made([[10.0, 0.0]], ideal=[0.0, -1.0], nadir=[20.0, 1.0])
    assert known.hypervolume() == pytest.approx((1.1 - 0.5) ** 2)
    own = made([[0.0, 20.0], [10.0, 0.0]])
    assert own.hypervolume() == pytest.approx(1.1**2 - 1.0)


def test_a_result_without_rows_has_no_hypervolume():
    empty = made(np.empty((0, 2)))
    assert empty.hypervolume() == empty.hypervolume([1, 1]) == 0.0
    assert not empty.feasible
    assert "0 points" in str(empty)


def test_values_have_the_users_sign():
    assert made([[1.0, -3.0]], sign=(1.0, -1.0)).values.tolist() == [[1.0, 3.0]]


def test_the_cost_is_in_f_equivalents():
    assert made([[0.0, 0.0]]).cost.total == 20.0
    assert Cost(3, 4, 0.0, 0.5).total == 5.0


def test_the_weighted_sums_are_those_of_the_rows():
    result = solved(moo.WeightedSum(weights=[[0.7, 0.3], [0.2, 0.8]]))
    assert result.weighted == pytest.approx([result.F[0] @ [0.7, 0.3], result.F[1] @ [0.2, 0.8]])
    assert solved().weighted is None


def test_the_table_has_a_row_a_candidate():
    result = solved(moo.WeightedSum(n=4), directions=["max", "min"], inequality=())
    table = result.to_pandas()
    assert list(table.columns) == [
        "w[first]",
        "w[second]",
        "weighted sum",
        "first",
        "second",
        "CV",
        "x1",
        "x2",
    ]
    assert np.array_equal(table[["first", "second"]], result.values)
    assert np.array_equal(table[["x1", "x2"]], result.X)
    assert np.array_equal(table["weighted sum"], result.weighted)
    metrics = RESULTS["metrics"]()
    assert np.array_equal(metrics.to_pandas()["held-out loss"], metrics.X.sum(axis=1))


# ---------------------------------------------------------------------- what it says


def test_a_single_row_is_said_in_full():
    result = solved(moo.WeightedSum(weights=[0.5, 0.5]), budget=3000)
    text = str(result)
    x1, x2 = result.X[0]
    assert text.startswith("pair by WeightedSum(")
    assert "weights=[0.5, 0.5]" in text.splitlines()[0]
    assert f"x*: x1 = {x1:.6g}, x2 = {x2:.6g}" in text
    assert f"first(x*) = {result.F[0, 0]:.6g}" in text
    assert f"second(x*) = {result.F[0, 1]:.6g}" in text
    assert f"sum_i w_i f_i(x*) = {0.5 * result.F[0].sum():.6g}" in text
    assert "constraints hold" in text
    assert "violated" not in text
    assert f"cost {result.cost.total:,.0f} F-equivalents" in text


def test_violated_constraints_are_said_to_be():
    result = solved(inequality=[lambda x: 9.0 - x[0]])
    assert len(result.X) == 1
    assert f"constraints are violated by {result.CV[0]:.3g}" in str(result)
    assert "constraints NOT satisfied" in str(result)
    assert "hold" not in str(result)


def test_without_constraints_none_are_mentioned():
    assert "constraints" not in str(solved(moo.WeightedSum(weights=[0.5, 0.5]), inequality=()))


def test_maximised_objectives_are_said_with_the_users_sign():
    result = solved(moo.WeightedSum(weights=[0.5, 0.5]), directions=["max", "min"])
    assert f"first(x*) = {-result.F[0, 0]:.6g}" in str(result)


def test_many_rows_are_counted_and_many_variables_cut_short():
    text = str(solved())
    assert " points; archive " in text
    assert "x*" not in text
    wide = moo.Problem([first, second], xl=-1, xu=1, n_var=30)
    text = str(moo.solve(wide, moo.WeightedSum(weights=[1, 1]), budget=500))
    assert "x12 = " in text
    assert "x13 = " not in text
    assert "(30 in all)" in text


def test_failed_evaluations_are_told():
    text = str(RESULTS["nothing finite"]())
    assert "failed evaluations: 50 nan" in text


def test_a_variable_called_like_an_objective_keeps_a_column_of_its_own():
    problem = moo.Problem(
        [lambda x: x[0], lambda x: 1 - x[0]], xl=[0], xu=[1], names=["CV", "price"], var_names=["price"]
    )
    result = moo.solve(problem, moo.NSGA2(pop_size=8), budget=16)
    table = result.to_pandas()
    assert list(table.columns) == ["CV", "price", "CV'", "price'"]
    assert np.array_equal(table["price'"], result.X[:, 0])
    assert np.array_equal(table["CV"], result.F[:, 0])


def test_repr_is_one_line():
    result = moo.solve(moo.problems.ZDT1(n_var=3), moo.RandomSearch(), budget=20)
    assert repr(result) == f"<Result: ZDT1 by RandomSearch, seed 0, {len(result.F)} points, budget spent>"
    study = moo.compare(moo.problems.ZDT1(n_var=3), moo.RandomSearch(), budget=20, seeds=2)
    assert repr(study) == "<Study: 1 problems x 1 optimizers x 2 seeds, 2 results, complete>"
