"""moo.compare: what it runs, in which order, and what errors and Ctrl-C cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import moo
from moo.errors import EvaluationError, OptionError, ProblemError, StorageError
from moo.optimizers.base import Optimizer, State
from moo.study import Progress, Study

SMALL = moo.problems.ZDT1(n_var=3)


@dataclass(frozen=True)
class Ends(Optimizer[State]):
    """Evaluates one sample, then does ``then``."""

    then: Callable[[], Any]

    def init(self, problem: Any, rng: np.random.Generator) -> State:
        return State(rng)

    def step(self, evaluate: Any, state: State) -> State:
        sample = evaluate(evaluate.problem.sample(10, state.rng))
        self.then()
        return State(state.rng, sample, converged=True)


def fail() -> None:
    raise ValueError("the optimizer broke")


def interrupt() -> None:
    raise KeyboardInterrupt


def failing_objective(x: Any) -> Any:
    raise ArithmeticError("no load given")


def broken() -> moo.Problem:
    return moo.Problem([failing_objective, failing_objective], xl=[0], xu=[1], names=["a", "b"])


def test_every_cell_is_solved_as_solve_would() -> None:
    study = moo.compare([SMALL, moo.problems.BNH()], [moo.NSGA2(pop_size=10)], budget=50, seeds=[3, 1])
    assert list(study.results) == [
        ("ZDT1", "NSGA2", 3),
        ("BNH", "NSGA2", 3),
        ("ZDT1", "NSGA2", 1),
        ("BNH", "NSGA2", 1),
    ]
    alone = moo.solve(SMALL, moo.NSGA2(pop_size=10), budget=50, seed=3)
    np.testing.assert_array_equal(study.results["ZDT1", "NSGA2", 3].F, alone.F)
    assert study.status == "complete"
    assert study.started <= study.ended
    assert study.optimizers["NSGA2"].startswith("NSGA2(pop_size=10")


def test_a_failed_cell_costs_itself_alone_and_keeps_what_it_found() -> None:
    study = moo.compare(
        {"good": SMALL, "bad": broken()},
        {"fine": moo.RandomSearch(batch_size=10), "broken": Ends(fail)},
        budget=20,
        seeds=1,
    )
    assert set(study.results) == {("good", "fine", 0)}
    assert study.failures["good", "broken", 0].message == "ValueError: the optimizer broke"
    assert "no load given" in study.failures["bad", "fine", 0].message
    assert study.failures["bad", "fine", 0].result is not None
    assert study.status == "complete"


def test_the_first_error_is_raised_when_nothing_worked(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="no load given"):
        moo.compare(broken(), moo.RandomSearch(), budget=20, seeds=2, out=tmp_path)
    kept = Study.load(tmp_path)
    assert len(kept.failures) == 2
    assert kept.status == "complete"


def test_an_optimizer_that_cannot_take_a_problem_fails_there_alone() -> None:
    unbounded = moo.Problem([lambda x: x[0] ** 2, lambda x: (x[0] - 1) ** 2], n_var=1)
    study = moo.compare(unbounded, [moo.NSGA2(), moo.WeightedSum(n=3)], budget=200, seeds=1)
    assert "needs finite bounds" in study.failures["Problem", "NSGA2", 0].message
    assert ("Problem", "WeightedSum", 0) in study.results


def test_ctrl_c_in_a_run_keeps_that_run_and_stops(tmp_path: Path) -> None:
    study = moo.compare(SMALL, {"a": moo.RandomSearch(), "b": Ends(interrupt)}, budget=100, out=tmp_path)
    assert study.status == "interrupted"
    assert {key: result.status for key, result in study.results.items()} == {
        ("ZDT1", "a", 0): "budget spent",
        ("ZDT1", "b", 0): "interrupted",
    }
    loaded = Study.load(tmp_path)
    assert loaded.status == "interrupted"
    assert set(loaded.results) == set(study.results)


def test_ctrl_c_between_runs_keeps_the_finished_ones(tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.outcome:
            raise KeyboardInterrupt

    study = moo.compare(SMALL, moo.RandomSearch(), budget=100, out=tmp_path, progress=stop)
    assert study.status == "interrupted"
    assert set(Study.load(tmp_path).results) == {("ZDT1", "RandomSearch", 0)}


def test_cells_are_on_disk_as_soon_as_they_are_finished(tmp_path: Path) -> None:
    found = []

    def look(progress: Progress) -> None:
        if progress.outcome:
            found.append(len(Study.load(tmp_path / "out").results))

    moo.compare(SMALL, moo.RandomSearch(), budget=100, seeds=3, out=tmp_path / "out", progress=look)
    assert found == [1, 2, 3]
    assert (tmp_path / "out/cells/ZDT1/RandomSearch/2/result.json").exists()


def test_a_folder_with_files_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(StorageError, match="already holds files"):
        moo.compare(SMALL, Ends(lambda: pytest.fail("computed")), budget=20, out=tmp_path)


def test_overwrite_leaves_no_cell_of_the_study_before_and_no_other_file_is_touched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    moo.compare(SMALL, moo.RandomSearch(), budget=100, seeds=3, out=tmp_path, overwrite=True)
    study = moo.compare(
        SMALL, {"RandomSearch": Ends(interrupt)}, budget=100, seeds=3, out=tmp_path, overwrite=True
    )
    assert set(Study.load(tmp_path).results) == set(study.results) == {("ZDT1", "RandomSearch", 0)}
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_a_folder_called_cells_that_is_no_studys_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells/mine.txt").write_text("keep")
    moo.compare(SMALL, moo.RandomSearch(), budget=100, seeds=1, out=tmp_path, overwrite=True)
    assert (tmp_path / "cells/mine.txt").read_text() == "keep"


def test_progress_rises_to_one_and_says_how_cells_ended() -> None:
    seen: list[Progress] = []
    moo.compare(SMALL, {"a": moo.RandomSearch(), "b": Ends(fail)}, budget=300, seeds=2, progress=seen.append)
    shares = [progress.fraction for progress in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert [p.outcome for p in seen if p.outcome] == [
        "budget spent",
        "failed: ValueError: the optimizer broke",
    ] * 2


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"budget": 0}, OptionError),
        ({"seeds": 0}, OptionError),
        ({"k": 0}, OptionError),
        ({"k": 2.5}, OptionError),
        ({"problems": "zdt1"}, ProblemError),
        ({"optimizers": ["NSGA2"]}, OptionError),
    ],
)
def test_wrong_arguments_are_refused_before_the_folder_is_made(
    wrong: dict[str, Any], error: type[Exception], tmp_path: Path
) -> None:
    right: dict[str, Any] = {"problems": SMALL, "optimizers": moo.RandomSearch(), "budget": 10}
    given = right | wrong
    with pytest.raises(error):
        moo.compare(given.pop("problems"), given.pop("optimizers"), out=tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()
