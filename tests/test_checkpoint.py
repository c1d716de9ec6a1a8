"""A run that is killed, torn or disturbed goes on from its folder and ends with the same numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from contracts import killed_runs
from contracts.results import same_numbers

import moo
from moo import checkpoint, storage
from moo.errors import OptionError, StorageError
from moo.journal import Journal

KILLS = {"NSGA2(pop_size=20)": 20, "WeightedSum(n=20, inner='slsqp')": 8, "Pymoo": 8}


def stored(folder):
    """What a run leaves on disk, but for times."""
    read = storage.read_arrays(folder / "arrays.npz")
    arrays = {name: (a.dtype, a.shape, a.tobytes()) for name, a in read.items()}
    content = storage.read_json(folder / "result.json")
    del arrays["history_seconds"]
    for name in ("started", "ended", "provenance"):
        del content[name]
    del content["cost"]["seconds"]
    return arrays, content


@pytest.mark.parametrize(("optimizer", "kills"), KILLS.items(), ids=KILLS)
def test_killed_at_random_moments(optimizer, kills, tmp_path):
    script = [sys.executable, killed_runs.__file__, str(tmp_path / "killed"), optimizer, str(kills), "7"]
    done = subprocess.run(script, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= kills // 2, "most attempts were still running when they were killed"
    killed_runs.solve(optimizer, str(tmp_path / "undisturbed"))
    assert stored(tmp_path / "killed") == stored(tmp_path / "undisturbed")


# ---------------------------------------------------------------------- damage


def first(x):
    return ((x - 1.0) ** 2).sum()


def second(x):
    return ((x + 1.0) ** 2).sum()


def problem(objectives=(first, second), **options):
    return moo.Problem(list(objectives), xl=[-2, -2], xu=[2, 2], backend="numpy", **options)


RUN = {"budget": 600, "seed": 1}
METHOD = moo.NSGA2(pop_size=20)


class PowerCutError(Exception):
    pass


class PowerCut:
    """Progress that ends a run at this share of its budget."""

    def __init__(self, at):
        self.at = at

    def __call__(self, share):
        if share >= self.at:
            raise PowerCutError


def interrupted(folder, at=0.5, method=METHOD):
    with pytest.raises(PowerCutError):
        moo.solve(problem(), method, out=folder, progress=PowerCut(at), **RUN)


def journals(folder):
    return sorted(folder.glob("journal-*.bin"))


@pytest.fixture(params=[1, 7, 100, 5000])
def bytes_lost(request):
    return request.param


def test_a_torn_last_record_is_measured_again(tmp_path, bytes_lost):
    interrupted(tmp_path)
    (journal,) = journals(tmp_path)
    content = journal.read_bytes()
    journal.write_bytes(content[:-bytes_lost])
    assert same_numbers(moo.solve(problem(), METHOD, out=tmp_path, resume=True, **RUN), undisturbed())


def undisturbed(method=METHOD):
    return moo.solve(problem(), method, **RUN)


def test_bytes_that_changed_are_noticed(tmp_path):
    interrupted(tmp_path)
    (journal,) = journals(tmp_path)
    content = bytearray(journal.read_bytes())
    content[len(content) // 2] ^= 255
    journal.write_bytes(content)
    assert same_numbers(moo.solve(problem(), METHOD, out=tmp_path, resume=True, **RUN), undisturbed())


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", -1.0)
    interrupted(tmp_path)
    kept = sorted(tmp_path.glob("checkpoint-*.npz"))
    assert len(kept) == 2
    kept[-1].write_bytes(kept[-1].read_bytes()[:-50])
    assert same_numbers(moo.solve(problem(), METHOD, out=tmp_path, resume=True, **RUN), undisturbed())


def test_nothing_measured_is_measured_again(tmp_path):
    interrupted(tmp_path)
    calls = []

    def counted(x):
        calls.append(1)
        return first(x)

    again = problem([counted, second], names=["first", "second"])
    result = moo.solve(again, METHOD, out=tmp_path, resume="changed", **RUN)
    assert len(calls) == RUN["budget"] / 2
    assert same_numbers(result, undisturbed())


def test_a_run_interrupted_before_its_first_step_begins_anew(tmp_path):
    (tmp_path / "lock").touch()
    (tmp_path / ".run.json.123.tmp").touch()
    assert same_numbers(moo.solve(problem(), METHOD, out=tmp_path, resume=True, **RUN), undisturbed())


# ---------------------------------------------------------------------- another run


def test_a_changed_objective_is_refused_and_can_be_forced(tmp_path):
    interrupted(tmp_path)

    def changed(x):
        return ((x - 0.9) ** 2).sum()

    other = problem([changed, second])
    with pytest.raises(StorageError, match=r"code or data has changed.*resume=.changed"):
        moo.solve(other, METHOD, out=tmp_path, resume=True, **RUN)
    result = moo.solve(other, METHOD, out=tmp_path, resume="changed", **RUN)
    assert result.status == "budget spent"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 2}, "seed is 1, this one's 2"),
        ({"budget": 900}, "budget"),
        ({"cache": True}, "cache"),
        ({"on_error": "raise"}, "on_error"),
        ({"optimizer": moo.NSGA2(pop_size=40)}, "optimizer"),
    ],
)
def test_another_run_is_refused(tmp_path, change, named):
    interrupted(tmp_path)
    options = {"optimizer": METHOD, **RUN, **change}
    with pytest.raises(StorageError, match=named):
        moo.solve(problem(), out=tmp_path, resume=True, **options)


def test_without_resume_a_folder_in_use_is_refused(tmp_path):
    interrupted(tmp_path)
    with pytest.raises(StorageError, match="already holds files"):
        moo.solve(problem(), METHOD, out=tmp_path, **RUN)
    anew = moo.solve(problem(), METHOD, out=tmp_path, overwrite=True, **RUN)
    assert same_numbers(anew, undisturbed())


def test_a_folder_of_something_else_is_no_run(tmp_path):
    (tmp_path / "thesis.tex").write_text("all of it")
    with pytest.raises(StorageError, match="no run to resume"):
        moo.solve(problem(), METHOD, out=tmp_path, resume=True, **RUN)
    assert (tmp_path / "thesis.tex").read_text() == "all of it"


def test_two_processes_cannot_write_one_run(tmp_path):
    interrupted(tmp_path)
    holder = storage.locked(tmp_path / "lock")
    with pytest.raises(StorageError, match="in use by another process"):
        moo.solve(problem(), METHOD, out=tmp_path, resume=True, **RUN)
    holder.close()


def test_resume_needs_a_folder_and_a_known_word():
    with pytest.raises(OptionError, match="resume= needs out="):
        moo.solve(problem(), METHOD, resume=True, **RUN)


def test_an_unknown_word_for_resume_is_refused(tmp_path):
    with pytest.raises(OptionError, match="give True, False or 'changed'"):
        moo.solve(problem(), METHOD, out=tmp_path, resume="yes", **RUN)


def test_a_full_disk_ends_the_run_with_what_it_has(tmp_path, monkeypatch):
    append = Journal.append

    def full(self, record):
        if record.facts["call"] == 10:
            raise StorageError(f"{self.path} cannot be written: No space left on device")
        append(self, record)

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "append", full)
        with pytest.raises(StorageError, match="No space left") as caught:
            moo.solve(problem(), METHOD, out=tmp_path, **RUN)
    assert len(caught.value.result.log["F"]) == 200
    assert same_numbers(moo.solve(problem(), METHOD, out=tmp_path, resume=True, **RUN), undisturbed())


def test_the_folder_of_a_finished_run_is_its_result(tmp_path):
    result = moo.solve(problem(), METHOD, out=tmp_path, **RUN)
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", "result.json", "arrays.npz"}
    assert same_numbers(moo.Result.load(tmp_path), result)


# ---------------------------------------------------------------------- other kinds of runs

METHODS = {
    "adam": moo.WeightedSum(n=5, inner="adam"),
    "slsqp": moo.WeightedSum(n=9, inner="slsqp"),
    "ga": moo.WeightedSum(n=5, inner="ga"),
    "mean": moo.GradientDescent(n=5, aggregator="mean"),
}


@pytest.mark.parametrize("every", [-1.0, np.inf], ids=["checkpoints", "journal"])
@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_every_inner_method_resumes(tmp_path, monkeypatch, method, every):
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", every)
    interrupted(tmp_path, at=0.2, method=method)
    resumed = moo.solve(problem(), method, out=tmp_path, resume=True, **RUN)
    assert same_numbers(resumed, undisturbed(method))


class Minibatches(moo.Problem):
    """Mean squared distances to two clouds, of which each call draws a few points."""

    stochastic = True

    def __init__(self):
        super().__init__(n_obj=2, xl=[-2.0, -2.0], xu=[2.0, 2.0], backend="numpy", vectorized=True)
        self.cloud = np.random.default_rng(0).normal(size=(40, 2))

    def objectives(self, X, rng=None):
        rows = slice(None) if rng is None else rng.integers(40, size=4)
        squares = ((X[:, None] - self.cloud[rows]) ** 2).mean(axis=(1, 2))
        return [squares, ((X + 1.0) ** 2).sum(axis=1)]


@pytest.mark.parametrize("every", [-1.0, np.inf], ids=["checkpoints", "journal"])
def test_minibatches_are_drawn_as_if_nothing_had_happened(tmp_path, monkeypatch, every):
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", every)

    with pytest.raises(PowerCutError):
        moo.solve(Minibatches(), METHOD, out=tmp_path, progress=PowerCut(0.5), **RUN)
    resumed = moo.solve(Minibatches(), METHOD, out=tmp_path, resume=True, **RUN)
    assert same_numbers(resumed, moo.solve(Minibatches(), METHOD, **RUN))


def test_a_budget_of_seconds_goes_on_counting(tmp_path):
    budget = moo.Budget(cost=600, seconds=1000.0)
    with pytest.raises(PowerCutError):
        moo.solve(problem(), METHOD, budget=budget, out=tmp_path, progress=PowerCut(0.5))
    journal = Journal(journals(tmp_path)[0])
    journal.close()
    before = journal.records[-1].facts["seconds"]
    resumed = moo.solve(problem(), METHOD, budget=budget, out=tmp_path, resume=True)
    assert resumed.cost.seconds > before > 0


def test_paths_may_be_strings(tmp_path):
    moo.solve(problem(), METHOD, out=str(tmp_path / "deep" / "run"), **RUN)
    assert Path(tmp_path / "deep" / "run" / "result.json").exists()
