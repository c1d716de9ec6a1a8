"""What a result says of where it comes from, and what it keeps to itself."""

from __future__ import annotations

import getpass
import json
import platform
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

import moo
from moo.provenance import now, provenance


def test_versions_and_machine_are_told():
    told = provenance()
    assert told["moo"] == moo.__version__
    assert told["packages"]["numpy"] == np.__version__
    assert set(told["packages"]) == {"numpy", "scipy", "torch", "pymoo", "moocore"}
    assert told["python"] == platform.python_version()
    assert told["torch_threads"] == 1
    assert told["cpus"] >= 1
    assert told["blas"].split()[0] in str(np.show_config(mode="dicts"))


def test_threads_are_those_of_the_environment(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert provenance()["threads"]["OMP_NUM_THREADS"] == "3"


def test_no_user_no_path_and_no_host_is_told():
    text = json.dumps(provenance())
    for private in (str(Path.home()), str(Path(moo.__file__).parent), platform.node()):
        assert private not in text
    assert f'"{getpass.getuser()}"' not in text


def test_times_are_in_utc():
    assert datetime.fromisoformat(now()).utcoffset().total_seconds() == 0
    assert abs((datetime.now(UTC) - datetime.fromisoformat(now())).total_seconds()) < 5
    problem = moo.Problem([lambda x: x[0], lambda x: -x[0]], xl=[0], xu=[1])
    result = moo.solve(problem, moo.RandomSearch(), budget=10)
    assert result.started <= result.ended
    assert result.provenance == provenance()
