"""Executors: every row once, the same numbers whoever evaluates them, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import moo
from moo.errors import MooError, OptionError, ProblemError
from moo.executors import executor_of
from moo.executors.pool import Pool


def first(x):
    return float(((x - 1.0) ** 2).sum())


def second(x):
    return float(np.exp(x).sum())


def gap(x):
    return float(0.5 - x[0] + x[1])


def problem(objective=first, **options):
    options = {"inequality": [gap], "backend": "numpy", "names": ["a", "b"], **options}
    return moo.Problem([objective, second], xl=[-2, -2], xu=[2, 2], **options)


def points(n, seed=0):
    return np.random.default_rng(seed).uniform(-2, 2, (n, 2))


def by_row(outcomes):
    found = {outcome.row: outcome for outcome in outcomes}
    return [found[row] for row in range(len(found))]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_values_are_those_of_this_process(workers):
    X = points(17)
    with Pool(problem(), workers) as pool:
        outcomes = by_row(pool.outcomes(X))
    assert len(outcomes) == 17
    for x, outcome in zip(X, outcomes, strict=True):
        alone = problem().compute(x[None])
        assert outcome.status == "ok"
        for letter in "FGH":
            assert np.array_equal(getattr(outcome, letter), getattr(alone, letter)[0])
        assert outcome.seconds >= 0


def test_a_torch_problem_and_closures_travel():
    shift = 0.25
    stated = moo.Problem([lambda x: ((x - shift) ** 2).sum(), lambda x: x.exp().sum()], xl=[0, 0], xu=[1, 1])
    X = np.random.default_rng(1).random((5, 2))
    with Pool(stated) as pool:
        F = np.array([outcome.F for outcome in by_row(pool.outcomes(X))])
    assert pytest.approx(stated.compute(X).F, rel=1e-12) == F


def test_maximised_objectives_have_the_minimised_sign():
    with Pool(problem(directions=["max", "min"])) as pool:
        (outcome,) = pool.outcomes(np.zeros((1, 2)))
    assert outcome.F.tolist() == [-2.0, 2.0]


def test_a_pool_serves_many_batches():
    with Pool(problem()) as pool:
        pids = pool.pids
        for n in (3, 0, 1, 8):
            assert len(by_row(pool.outcomes(points(n)))) == n
        assert pool.pids == pids


def test_what_an_abandoned_batch_gave_is_not_taken_for_the_next():
    def slow(x):
        time.sleep(0.05)
        return first(x)

    with Pool(problem(slow)) as pool:
        for _ in pool.outcomes(points(8)):
            break
        X = points(6, seed=1)
        outcomes = by_row(pool.outcomes(X))
    assert [o.F[0] for o in outcomes] == [first(x) for x in X]


def test_a_worker_killed_from_outside_changes_nothing():
    def slow(x):
        time.sleep(0.02)
        return first(x)

    X = points(30)
    with Pool(problem(slow)) as pool:
        outcomes = []
        for outcome in pool.outcomes(X):
            outcomes.append(outcome)
            if len(outcomes) in (4, 11):
                os.kill(pool.pids[0], signal.SIGKILL)
    assert [o.status for o in by_row(outcomes)] == ["ok"] * 30
    assert [o.F[0] for o in by_row(outcomes)] == [first(x) for x in X]


def test_a_row_that_kills_every_worker_is_given_up_and_said():
    def deadly(x):
        if x[0] > 1:
            os._exit(3)
        return first(x)

    X = np.array([[0.0, 0.0], [1.5, 0.0], [0.5, 0.0]])
    with Pool(problem(deadly)) as pool:
        good, bad, also_good = by_row(pool.outcomes(X))
    assert (good.status, also_good.status) == ("ok", "ok")
    assert bad.status == "killed"
    assert bad.error == "the process that evaluated it died (exit code 3)"
    assert np.isnan(bad.F).all()
    assert bad.G.shape == (1,)


def test_only_the_row_that_hangs_is_stopped():
    def hangs(x):
        if x[0] > 1:
            time.sleep(3600)
        return first(x)

    X = np.array([[0.0, 0.0], [1.5, 0.0], [0.5, 0.0], [0.6, 0.0], [0.7, 0.0]])
    started = time.monotonic()
    with Pool(problem(hangs), workers=1, timeout=0.3) as pool:
        outcomes = by_row(pool.outcomes(X))
    assert [o.status for o in outcomes] == ["ok", "timeout", "ok", "ok", "ok"]
    assert outcomes[1].error == "an evaluation took longer than 0.3 s"
    assert time.monotonic() - started < 30


# ---------------------------------------------------------------------- errors


def test_an_exception_is_named_as_in_this_process():
    def drag(x):
        raise ZeroDivisionError("no wind")

    with Pool(problem(drag)) as pool:
        (outcome,) = pool.outcomes(points(1))
    assert (outcome.status, outcome.error) == ("error", "'a' raised ZeroDivisionError: no wind")


def test_a_wrong_statement_is_the_same_error_as_in_this_process():
    def forgets(x):
        x.sum()

    with pytest.raises(ProblemError) as here:
        problem(forgets).compute(points(1))
    with Pool(problem(forgets)) as pool, pytest.raises(ProblemError) as there:
        list(pool.outcomes(points(3)))
    assert str(there.value) == str(here.value)


def test_what_cannot_be_pickled_is_said():
    lock = threading.Lock()
    with pytest.raises(ProblemError, match=r"Problem cannot be sent to workers: .*lock"):
        Pool(problem(lambda x: first(x) + lock.locked()))


class Unloadable:
    """Comes apart when it is rebuilt."""

    def __call__(self, x):
        return first(x)

    def __setstate__(self, state):
        raise RuntimeError("no such mesh")

    def __getstate__(self):
        return {"a": 1}


def test_what_cannot_be_rebuilt_is_said():
    expected = "cannot be rebuilt in a worker: RuntimeError: no such mesh"
    with Pool(problem(Unloadable())) as pool, pytest.raises(ProblemError, match=expected):
        list(pool.outcomes(points(2)))


def test_workers_that_never_start_are_given_up(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Pool(problem()) as pool, pytest.raises(MooError, match=r"before they are ready \(exit code 1\)"):
        list(pool.outcomes(points(2)))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"workers": 0}, "workers=0 is not accepted"),
        ({"workers": 2.5}, r"workers=2\.5 is not accepted"),
        ({"timeout": -1}, "timeout=-1 is not accepted"),
        ({"executor": "ray"}, 'give "dask" or "dask://HOST:PORT"'),
        ({"executor": "dask://127.0.0.1:1"}, r"no Dask scheduler answers at 127\.0\.0\.1:1"),
    ],
)
def test_options_out_of_range_are_one_sentence(options, sentence):
    with pytest.raises(OptionError, match=sentence):
        moo.solve(problem(), moo.NSGA2(), budget=100, **options)


def test_a_timeout_alone_means_one_worker():
    with executor_of(problem(), None, None, 2.0) as pool:
        assert len(pool.pids) == 1


class Minibatches(moo.Problem):
    stochastic = True


def test_minibatches_are_not_sent():
    with pytest.raises(OptionError, match="minibatches are drawn here"):
        moo.solve(Minibatches(n_obj=2, xl=[0], xu=[1]), moo.NSGA2(), budget=100, workers=2)


# ---------------------------------------------------------------------- what is left behind


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] != "Z"


def gone(pids, seconds=10.0):
    deadline = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(alive, pids))


def test_no_process_is_left_behind():
    pool = Pool(problem(lambda x: time.sleep(3600)), workers=2)
    pids = pool.pids
    outcomes = pool.outcomes(points(4))
    pool.close()
    pool.close()
    outcomes.close()
    assert gone(pids)


SCRIPT = """
import os, sys, time
import moo

def first(x):  # of the main script, which is not run again
    {body}
    return float(((x - 1.0) ** 2).sum())

def second(x):
    return float(((x + 1.0) ** 2).sum())

print("started")
problem = moo.Problem([first, second], xl=[-2, -2], xu=[2, 2], backend="numpy")
result = moo.solve(problem, moo.NSGA2(pop_size=20), budget=40, {options})
print(sum(result.statuses.values()))
"""


@pytest.mark.parametrize("options", ["workers=2", "workers=2, executor='dask'"])
def test_a_script_needs_no_main_guard(tmp_path, options):
    (tmp_path / "run.py").write_text(SCRIPT.format(body="pass", options=options))
    command = [sys.executable, str(tmp_path / "run.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["started", "40"]
    assert done.stderr == ""


def test_a_cluster_does_not_mind_another_one_on_its_usual_port(tmp_path):
    (tmp_path / "run.py").write_text(SCRIPT.format(body="pass", options="workers=2, executor='dask'"))
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # then it is taken already
            taken.bind(("127.0.0.1", 8787))
        taken.listen()
        command = [sys.executable, str(tmp_path / "run.py")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.stdout.split(), done.stderr) == (["started", "40"], "")


def test_workers_end_with_their_parent(tmp_path):
    body = f"open({str(tmp_path)!r} + '/' + str(os.getpid()), 'w').close(); time.sleep(3600)"
    (tmp_path / "run.py").write_text(SCRIPT.format(body=body, options="workers=2"))
    parent = subprocess.Popen([sys.executable, str(tmp_path / "run.py")], stdout=subprocess.DEVNULL)
    while len(pids := [int(path.name) for path in tmp_path.iterdir() if path.name.isdigit()]) < 2:
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    assert gone(pids)


# ---------------------------------------------------------------------- Dask


@pytest.fixture(scope="module")
def scheduler():
    """The address of a cluster that somebody else has started."""
    pytest.importorskip("distributed")
    from moo.executors.dask import _start_cluster

    cluster = _start_cluster(2)
    yield cluster.stdout.readline().decode().strip().removeprefix("tcp://")
    cluster.communicate(timeout=30)


def test_a_cluster_that_runs_gives_the_same_numbers(scheduler):
    X = points(9)
    with executor_of(problem(), None, f"dask://{scheduler}", None) as dask:
        outcomes = by_row(dask.outcomes(X))
        again = by_row(dask.outcomes(X[:2]))
    assert [o.F[0] for o in outcomes] == [first(x) for x in X]
    assert len(again) == 2


def test_on_a_cluster_rows_hang_die_and_raise_alone(scheduler):
    def hostile(x):
        if x[0] == 1.0:
            time.sleep(3600)
        if x[0] == 2.0:
            os._exit(3)
        if x[0] == 3.0:
            raise ValueError("no mesh")
        return first(x)

    X = np.array([[float(i), 0.0] for i in range(5)])
    with executor_of(problem(hostile), None, f"dask://{scheduler}", 1.0) as dask:
        statuses = [outcome.status for outcome in by_row(dask.outcomes(X))]
    assert statuses == ["ok", "timeout", "killed", "error", "ok"]


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MooError, match=r"dask is not installed: install it with pip install 'moo\[dask\]'"):
        executor_of(problem(), 2, "dask", None)
