"""The engine: the same study here, in processes and on Dask; nothing is lost, whoever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import moo
from moo import storage
from moo.errors import OptionError, StorageError
from moo.study import Progress, Study
from moo.study.cells import Failure
from moo.study.store import Store

SMALL = moo.problems.ZDT1(n_var=3)
METHODS = {"genetic": moo.NSGA2(pop_size=10), "random": moo.RandomSearch(batch_size=10)}


def same(a: Study, b: Study) -> None:
    assert list(a.results) == list(b.results)
    for key, result in a.results.items():
        np.testing.assert_array_equal(result.F, b.results[key].F)
        np.testing.assert_array_equal(result.log["F"], b.results[key].log["F"])
        assert result.cost.n_f == b.results[key].cost.n_f
    assert a.failures == b.failures
    columns = [name for name in a.table().columns if name != "seconds"]
    pd.testing.assert_frame_equal(a.table()[columns], b.table()[columns])


def here(**options: Any) -> Study:
    return moo.compare(SMALL, METHODS, budget=60, seeds=3, **options)


@pytest.fixture(scope="module")
def undisturbed() -> Study:
    return here()


@pytest.mark.parametrize("options", [{"workers": 2}, {"timeout": 60.0}, {"workers": 2, "executor": "dask"}])
def test_other_processes_make_the_same_study(
    undisturbed: Study, options: dict[str, Any], tmp_path: Path
) -> None:
    study = here(**options, out=tmp_path / "out")
    same(study, undisturbed)
    same(Study.load(tmp_path / "out"), undisturbed)
    assert study.status == "complete"


class Deadly:
    """An objective that takes its process with it, or hangs, where x says so."""

    def __init__(self, folder: Path, how: str) -> None:
        self.folder, self.how = str(folder), how

    def __call__(self, x: np.ndarray) -> float:
        if self.how == "hang":
            time.sleep(3600)
        if self.how == "always" or not os.path.exists(f"{self.folder}/died"):
            Path(self.folder, "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return float(x[0])


def deadly(folder: Path, how: str) -> moo.Problem:
    return moo.Problem([Deadly(folder, how), lambda x: float(1 - x[0])], xl=[0], xu=[1], backend="numpy")


def test_a_cell_whose_process_dies_once_is_solved_by_another(tmp_path: Path) -> None:
    study = moo.compare(deadly(tmp_path, "once"), METHODS, budget=20, seeds=1, workers=2)
    assert len(study.results) == 2
    assert not study.failures


@pytest.mark.parametrize(
    ("how", "kind", "sentence"),
    [
        ("always", "killed", "the process that solved it died (signal SIGKILL)"),
        ("hang", "timeout", "the cell took longer than 5 s"),
    ],
)
def test_a_cell_that_kills_or_hangs_costs_itself_alone_and_is_tried_again_on_resume(
    how: str, kind: str, sentence: str, tmp_path: Path
) -> None:
    problems = {"good": SMALL, "bad": deadly(tmp_path, how)}
    options: dict[str, Any] = {"budget": 20, "seeds": 1, "workers": 2, "out": tmp_path / "out"}
    limit = {"timeout": 5.0} if how == "hang" else {}  # the others may have to compile
    study = moo.compare(problems, METHODS, **options, **limit)
    assert [key[:2] for key in study.results] == [("good", "genetic"), ("good", "random")]
    assert {(f.kind, f.message) for f in study.failures.values()} == {(kind, sentence)}
    assert Study.load(tmp_path / "out").failures == study.failures
    assert Study.load(tmp_path / "out").missing == [("bad", "genetic", 0), ("bad", "random", 0)]


def test_what_fails_by_itself_is_not_tried_again(tmp_path: Path) -> None:
    def broken(x: Any) -> Any:
        with (tmp_path / "calls").open("a") as calls:
            calls.write("x")
        raise ArithmeticError("no load given")

    problem = moo.Problem([broken, broken], xl=[0], xu=[1], names=["a", "b"], title="broken")
    options: dict[str, Any] = {"budget": 20, "seeds": 1, "out": tmp_path / "out"}
    moo.compare([SMALL, problem], METHODS, **options)
    called = (tmp_path / "calls").stat().st_size
    again = moo.compare([SMALL, problem], METHODS, resume=True, **options)
    assert (tmp_path / "calls").stat().st_size == called
    assert all("no load given" in failure.message for failure in again.failures.values())


def test_a_study_with_workers_is_also_raised_when_nothing_worked() -> None:
    unbounded = moo.Problem([lambda x: x[0] ** 2, lambda x: (x[0] - 1) ** 2], n_var=1)
    with pytest.raises(moo.errors.MooError, match="needs finite bounds"):
        moo.compare(unbounded, moo.RandomSearch(), budget=20, seeds=2, workers=1)


# ---------------------------------------------------------------------- resume


def test_only_missing_cells_are_solved_when_a_study_grows(tmp_path: Path) -> None:
    first = moo.compare(SMALL, {"genetic": METHODS["genetic"]}, budget=60, seeds=2, out=tmp_path / "out")
    solved: list[Any] = []

    def note(at: Progress) -> None:
        if at.outcome:
            solved.append((at.problem, at.optimizer, at.seed))

    more = {"beam": moo.problems.BNH(), "ZDT1": SMALL}
    grown = moo.compare(
        more, METHODS, budget=60, seeds=3, out=tmp_path / "out", resume=True, progress=note, k=20
    )
    assert len(solved) == 2 * 2 * 3 - 2
    assert not set(first.results) & set(solved)
    assert set(grown.problems) == {"ZDT1", "beam"}
    assert grown.k == 20
    fresh = moo.compare({"ZDT1": SMALL, "beam": more["beam"]}, METHODS, budget=60, seeds=3, k=20)
    same(grown, fresh)
    same(Study.load(tmp_path / "out"), fresh)


def test_a_finished_study_is_left_alone(tmp_path: Path, undisturbed: Study) -> None:
    here(out=tmp_path)
    again = here(out=tmp_path, resume=True, progress=lambda at: pytest.fail("worked"))
    same(again, undisturbed)


def test_what_contradicts_the_stored_study_is_refused(tmp_path: Path) -> None:
    here(out=tmp_path)
    problem = moo.Problem([lambda x: x[0], lambda x: 1 - x[0]], xl=[0], xu=[1], title="ZDT1")
    for given, sentence in [
        ((SMALL, METHODS, {"budget": 70}), "another budget"),
        ((SMALL, {"genetic": moo.NSGA2(pop_size=20)}, {}), r"'genetic' in .* is NSGA2\(pop_size=10"),
        ((problem, METHODS, {}), "code or data of 'ZDT1' has changed"),
    ]:
        problems, methods, options = given
        with pytest.raises(StorageError, match=sentence):
            moo.compare(
                problems, methods, **{"budget": 60, "seeds": 3, "out": tmp_path, "resume": True} | options
            )


def test_a_second_process_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moo.study.comparison._PATIENCE", 0.1)
    here(out=tmp_path)
    with storage.locked(tmp_path / "lock"), pytest.raises(StorageError, match="in use by another process"):
        here(out=tmp_path, resume=True)


def test_a_damaged_cell_is_solved_again(tmp_path: Path, undisturbed: Study) -> None:
    study = here(out=tmp_path)
    store = Store(tmp_path, study)
    torn = store.cell(("ZDT1", "genetic", 1)) / "arrays.npz"
    torn.write_bytes(torn.read_bytes()[:100])
    (store.cell(("ZDT1", "random", 2)) / "result.json").write_text('{"status": "budg')
    with pytest.raises(StorageError):
        Study.load(tmp_path)
    same(here(out=tmp_path, resume=True), undisturbed)
    same(Study.load(tmp_path), undisturbed)


def test_a_full_disk_ends_the_study_with_a_sentence_and_keeps_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: Study
) -> None:
    save, kept = Store.save, []

    def until_full(self: Store, key: Any, outcome: Any) -> None:
        if len(kept) == 3:
            raise StorageError(f"{self.folder} cannot be written: No space left on device")
        kept.append(key)
        save(self, key, outcome)

    with monkeypatch.context() as full:
        full.setattr(Store, "save", until_full)
        with pytest.raises(StorageError, match="No space left"):
            here(out=tmp_path)
    assert list(Study.load(tmp_path).results) == kept
    same(here(out=tmp_path, resume=True), undisturbed)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"workers": 0}, "workers=0"),
        ({"executor": "ray"}, "executor='ray'"),
        ({"timeout": 0}, "timeout=0"),
        ({"resume": True}, "needs out="),
        ({"resume": "yes", "out": "x"}, "resume='yes'"),
    ],
)
def test_options_out_of_range_are_one_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        here(**options)


def test_what_is_stored_is_timed_and_a_long_cell_keeps_a_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: Study
) -> None:
    monkeypatch.setattr("moo.study.service._LONG", 0.0)
    study = here(out=tmp_path)
    same(study, undisturbed)
    assert (Store(tmp_path, study).cell(("ZDT1", "genetic", 0)) / "run.json").exists()
    timing = Study.load(tmp_path).timings["ZDT1"]
    assert 0 < timing.f < timing.jacobian
    assert timing.vjp_cost == pytest.approx((timing.jacobian - timing.f) / 2 / timing.f)


# ---------------------------------------------------------------------- random kills

SCRIPT = """
import sys, time
import numpy as np
import moo

def slow(x):
    time.sleep(0.002)
    return float(x[0])

def other(x):
    return float(1 - x[0] + x[1])

problem = moo.Problem([slow, other], xl=[0, 0], xu=[1, 1], backend="numpy", title="slow")
moo.compare(problem, {methods}, budget=60, seeds={seeds}, workers=2, out=sys.argv[1], resume=True)
"""


def killed_at_random(out: Path, kills: int, seeds: int) -> None:
    """Run the script until it ends by itself, killed with all it started again and again."""
    methods = "{'genetic': moo.NSGA2(pop_size=10), 'random': moo.RandomSearch(batch_size=10)}"
    script = SCRIPT.replace("{methods}", methods).replace("{seeds}", str(seeds))
    rng = np.random.default_rng(0)
    for attempt in range(kills + 1):
        run = subprocess.Popen([sys.executable, "-c", script, str(out)], start_new_session=True)
        try:
            run.wait(None if attempt == kills else float(rng.uniform(1.0, 4.0)))
        except subprocess.TimeoutExpired:
            if rng.random() < 0.5:
                os.killpg(run.pid, signal.SIGKILL)  # the workers too
            else:
                run.kill()
            run.wait()
    assert run.returncode == 0


@pytest.mark.parametrize(
    ("kills", "seeds"), [(3, 6), pytest.param(20, 40, marks=pytest.mark.slow)], ids=["three", "twenty"]
)
def test_after_random_kills_the_tables_are_those_of_an_undisturbed_study(
    tmp_path: Path, kills: int, seeds: int
) -> None:
    killed_at_random(tmp_path / "killed", kills, seeds)
    killed_at_random(tmp_path / "undisturbed", 0, seeds)
    killed, undisturbed = Study.load(tmp_path / "killed"), Study.load(tmp_path / "undisturbed")
    assert len(killed.results) == 2 * seeds
    same(killed, undisturbed)
    assert killed.sentences() == undisturbed.sentences()


def test_a_failure_travels_without_its_exception() -> None:
    import pickle

    failure = Failure("it broke", error=ValueError("x"))
    assert pickle.loads(pickle.dumps(failure)).error is None
    assert failure.error is not None
