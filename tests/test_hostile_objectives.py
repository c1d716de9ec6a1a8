"""Objectives as they are: they hang, raise, die, print, return nonsense. The run ends well and says so."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
from contracts.hostile import (
    Killing,
    KillingTheDaskWorker,
    bad,
    changes_its_input,
    dies,
    exits,
    first,
    is_killed,
    is_nan,
    prints,
    raises,
    second,
    sleeps,
)
from contracts.results import same_numbers

import moo
from moo import storage

BUDGET = 100
METHOD = moo.NSGA2(pop_size=20)


def problem(objective):
    return moo.Problem([objective, second], names=["a", "b"], xl=[-2, -2], xu=[2, 2], backend="numpy")


def solve(objective, **options):
    return moo.solve(problem(objective), METHOD, budget=BUDGET, seed=1, **options)


def check(result, status):
    """The run came to its end, counted the failures, and answers with true values."""
    assert result.status == "budget spent"
    assert sum(result.statuses.values()) == BUDGET
    assert pytest.approx(np.array([[first(x), second(x)] for x in result.X])) == result.F
    if status is not None:
        assert 2 <= result.statuses[status] <= 40
        assert f"{result.statuses[status]} {status}" in str(result)
        assert not any(map(bad, result.X))


@pytest.mark.parametrize(
    ("objective", "status"),
    [
        (sleeps, "timeout"),
        (raises, "error"),
        (is_nan, "nan"),
        (dies, "killed"),
        (is_killed, "killed"),
        (exits, "error"),
        (prints, None),
        (changes_its_input, None),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_with_workers(objective, status, capfd):
    check(solve(objective, workers=2, timeout=0.3), status)
    if objective is prints:
        assert len(capfd.readouterr().out) > 10_000_000


@pytest.mark.parametrize(
    ("objective", "status"),
    [(raises, "error"), (is_nan, "nan"), (prints, None), (changes_its_input, None)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_in_this_process(objective, status):
    check(solve(objective), status)


def test_the_number_of_workers_does_not_matter():
    one, two = (solve(raises, workers=n) for n in (1, 2))
    assert same_numbers(one, two)


def test_a_worker_killed_in_mid_run_changes_nothing(tmp_path):
    disturbed = solve(Killing(tmp_path), workers=2)
    assert (tmp_path / "killed").exists()
    assert same_numbers(disturbed, solve(first, workers=2))


def test_a_dask_worker_killed_in_mid_run_changes_nothing(tmp_path):
    pytest.importorskip("distributed")
    disturbed = solve(KillingTheDaskWorker(tmp_path), workers=2, executor="dask")
    assert (tmp_path / "killed").exists()
    assert same_numbers(disturbed, solve(first, workers=2))


def test_rows_that_arrived_before_a_kill_are_kept(tmp_path):
    """The parent of the workers is killed in the middle of a generation."""
    script = tmp_path / "run.py"
    script.write_text(SCRIPT.format(out=str(tmp_path / "out"), log=str(tmp_path / "log")))
    first_attempt = subprocess.Popen([sys.executable, str(script)])
    while not (tmp_path / "log").exists() or len((tmp_path / "log").read_text()) < 27:
        time.sleep(0.02)
    first_attempt.kill()
    first_attempt.wait()
    subprocess.run([sys.executable, str(script)], check=True, timeout=120)
    calls = len((tmp_path / "log").read_text())
    assert calls <= 60 + 6, "at most what the two workers had in hand is evaluated twice"
    resumed = moo.Result.load(tmp_path / "out")
    assert len(resumed.log["F"]) == 60
    assert storage.read_json(tmp_path / "out" / "result.json")["status"] == "budget spent"


SCRIPT = """
import time
import moo

def first(x):
    time.sleep(0.02)
    with open({log!r}, "a") as log:
        log.write(".")
    return float(((x - 1.0) ** 2).sum())

def second(x):
    return float(((x + 1.0) ** 2).sum())

problem = moo.Problem([first, second], xl=[-2, -2], xu=[2, 2], backend="numpy")
moo.solve(problem, moo.NSGA2(pop_size=20), budget=60, workers=2, out={out!r}, resume=True)
"""
