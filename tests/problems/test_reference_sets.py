"""Stored fronts: the files are what the index says, and the points are what a front should be."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

import moo
import moo.problems
from moo.errors import ProblemError
from moo.loop import statement
from moo.problem import Problem
from moo.problems._front import nondominated
from moo.problems._reference import FOLDER, load
from moo.result import Result, Statement

INDEX = json.loads((FOLDER / "index.json").read_text())
STORED = {n: c for n, c in moo.problems.all_classes().items() if hasattr(c, "reference_set")}


@pytest.fixture(params=STORED, scope="module")
def problem(request: pytest.FixtureRequest) -> Problem:
    made: Problem = STORED[request.param]()
    return made


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "sets"))


def test_each_stored_problem_has_one_file_and_nothing_else_is_there() -> None:
    assert INDEX.keys() == STORED.keys()
    files = {entry["file"] for entry in INDEX.values()}
    assert {path.name for path in FOLDER.iterdir()} == files | {"index.json"}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 450_000


def test_the_index_says_what_the_file_is(problem: Problem) -> None:
    entry = INDEX[problem.title]
    assert sha256((FOLDER / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    assert entry["points"] == len(problem.pareto_front())
    assert entry["made"]
    assert problem.reference_set == {
        "name": problem.title, "version": entry["version"], "sha256": entry["sha256"]
    }  # fmt: skip


def test_the_points_are_feasible_designs_with_their_values(problem: Problem) -> None:
    stored = load(problem.title)
    np.testing.assert_array_equal(problem.repair(stored.X), stored.X)
    assert ((problem.xl <= stored.X) & (problem.xu >= stored.X)).all()
    np.testing.assert_allclose(problem.compute(stored.X).F, stored.F, rtol=1e-9, atol=1e-9)
    assert nondominated(stored.F).all()


def test_fewer_points_are_spread_and_have_the_ideal_point(problem: Problem) -> None:
    few = problem.pareto_front(n_pareto_points=20, use_cache=False, set_cache=False)
    assert len(few) == 20
    np.testing.assert_array_equal(few.min(axis=0), problem.ideal_point())
    front = problem.pareto_front()
    assert (np.diff(front[:, 0]) >= 0).all()
    span = np.ptp(front, axis=0)
    nearest = np.linalg.norm((front[:, None] - few[None]) / span, axis=2).min(axis=1)
    assert nearest.max() < 0.12 * problem.n_obj


# What the suite's authors give for their approximate fronts (ryojitanabe/reproblems, ideal_nadir_points).
IDEAL = {
    "RE22": [5.88, 0.0],
    "RE23": [15.9018007813, 0.0],
    "RE24": [60.5, 0.0],
    "RE25": [0.037591349242869145, 0.0],
    "RE31": [5.53731918799e-05, 0.333333333333, 0.0],
    "RE32": [0.010205496875, 0.00043904, 0.0],
    "RE33": [-0.721525, 1.13907203907, 0.0],
    "RE34": [1661.7078225, 6.14280000608, 0.0394],
    "RE35": [2352.34611145, 694.233587469, 0.0],
    "RE36": [7.89473684213e-05, 12.0, 0.0],
    "RE37": [0.00889341391106, 0.00488, -0.431499999825],
    "RE41": [15.576004, 3.58525, 10.61064375, 0.0],
    "RE42": [-2756.2590400638524, 3962.557843228888, 1947.880856925791, 0.0],
    "RE61": [63840.2774, 30.0, 285346.896494, 183749.967061, 7.22222222222, 0.0],
}
NADIR = {
    "RE22": [361.262944647, 180.01547],
    "RE23": [5852.05896876, 1288669.78054],
    "RE24": [481.608088535, 44.2819047619],
    "RE25": [0.40397042546, 2224669.22419],
    "RE31": [500.002668442, 8246211.25124, 19359919.7502],
}


@pytest.mark.parametrize("name", IDEAL)
def test_the_ideal_point_is_the_one_that_the_suites_authors_found(name: str) -> None:
    problem = STORED[name]()
    span = np.ptp(problem.pareto_front(), axis=0)
    np.testing.assert_allclose((problem.ideal_point() - IDEAL[name]) / span, 0, atol=1e-6)


@pytest.mark.parametrize("name", NADIR)
def test_the_nadir_point_is_near_the_one_that_the_suites_authors_found(name: str) -> None:
    problem = STORED[name]()
    np.testing.assert_allclose(problem.nadir_point(), NADIR[name], rtol=2e-3)


@pytest.mark.parametrize("name", [n for n, c in STORED.items() if n < "RE4"])
def test_a_run_finds_nothing_much_better(name: str) -> None:
    """No point of a run of another seed is better than the whole front by more than 1% of its range."""
    problem = STORED[name]()
    F = moo.solve(problem, moo.NSGA2(pop_size=60), budget=3000, seed=77).F
    front = problem.pareto_front()
    F = F[(problem.nadir_point() >= F).all(axis=1)]
    excess = (front[None] - F[:, None]) / np.ptp(front, axis=0)
    assert len(F) > 5
    assert excess.min(axis=2).max() < 0.01


def test_the_gear_trains_are_all_enumerated() -> None:
    """The least error of 49^4 trains is that of one known from Sandgren's design."""
    front = moo.problems.RE36().pareto_front()
    assert len(np.unique(front[:, 1])) == len(front)
    teeth = np.arange(12, 61)
    products = np.unique(teeth[:, None] * teeth[None])
    ratios = products[None] / products[:, None]
    assert front[:, 0].min() == pytest.approx(np.abs(6.931 - ratios).min(), abs=1e-12)


def test_a_changed_file_is_refused(copied: Path) -> None:
    assert len(load("RE24", copied).F) == INDEX["RE24"]["points"]
    load.__globals__["_loaded"].cache_clear()
    file = copied / INDEX["RE24"]["file"]
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(ProblemError, match=r"RE24\.npz was changed: its SHA-256 is .* of version"):
        load("RE24", copied)


def test_a_problem_with_a_changed_set_cannot_be_made(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = copied / INDEX["RE24"]["file"]
    file.write_bytes((copied / INDEX["RE22"]["file"]).read_bytes())
    monkeypatch.setattr("moo.problems._reference.FOLDER", copied)
    moo.problems.RE22()
    with pytest.raises(ProblemError, match=r"RE24\.npz was changed"):
        moo.problems.RE24()


def test_a_subclass_has_the_front_of_its_problem() -> None:
    class Ours(moo.problems.RE24):
        pass

    assert Ours().reference_set == moo.problems.RE24().reference_set


def test_a_missing_file_and_an_unknown_name_are_one_sentence(copied: Path, tmp_path: Path) -> None:
    (copied / INDEX["RE22"]["file"]).unlink()
    with pytest.raises(ProblemError, match=r"RE22\.npz cannot be read"):
        load("RE22", copied)
    with pytest.raises(ProblemError, match="did you mean 'RE24'"):
        load("RE24 ", copied)
    with pytest.raises(ProblemError, match="index of the reference sets cannot be read"):
        load("RE22", tmp_path)


def test_the_points_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        load("RE24").F[0] = 0.0


def test_a_statement_names_the_set_and_a_saved_result_keeps_it(tmp_path: Path) -> None:
    problem = moo.problems.RE24()
    assert statement(problem).reference_set == problem.reference_set
    assert statement(moo.problems.ZDT1()).reference_set is None
    result = moo.solve(problem, moo.NSGA2(pop_size=10), budget=20)
    result.save(tmp_path / "run")
    assert Result.load(tmp_path / "run").problem.reference_set == problem.reference_set


def test_a_statement_from_before_there_were_sets_is_read() -> None:
    old = {"title": "t", "names": ["f1"], "var_names": ["x1"], "sign": [1.0]}
    assert Statement(**old).reference_set is None
