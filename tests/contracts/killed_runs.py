"""Run as a script: start one run again and again, kill it with SIGKILL at random moments, let it end.

    python killed_runs.py FOLDER OPTIMIZER KILLS SEED

Prints how many attempts were killed while they ran. Each attempt is a fork, so that it starts at once.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time

import numpy as np

import moo
from moo import checkpoint
from moo.naming import method

MILLISECOND = 1e-3
BUDGET = 2500


class Slow:
    """The squared distance to a point, 0.8 milliseconds a candidate."""

    def __init__(self, centre: float) -> None:
        self.centre = centre

    def __call__(self, x: np.ndarray) -> float:
        time.sleep(0.8 * MILLISECOND)
        return float(((x - self.centre) ** 2).sum())


def gap(x: np.ndarray) -> float:
    return float(0.5 - x[0] + x[1])


def solve(optimizer: str, folder: str | None) -> moo.Result:
    problem = moo.Problem(
        [Slow(1.0), Slow(-1.0)],
        names=["first", "second"],
        xl=[-2.0, -2.0],
        xu=[2.0, 2.0],
        inequality=[gap],
        backend="numpy",
    )
    return moo.solve(problem, method(optimizer), budget=BUDGET, seed=3, out=folder, resume=folder is not None)


def attempt(optimizer: str, folder: str, seconds: float) -> bool:
    """One attempt, killed after so many seconds; whether it still ran then."""
    pid = os.fork()
    if pid == 0:
        solve(optimizer, folder)
        os._exit(0)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


def main() -> None:
    folder, optimizer, kills, seed = sys.argv[1:]
    moments = random.Random(int(seed))
    checkpoint.SECONDS_BETWEEN = 0.05
    method(optimizer)
    moo.solve(moo.problems.ZDT1(), method(optimizer), budget=300)  # compiled before the clock starts
    hit = sum(attempt(optimizer, folder, moments.uniform(0.0, 0.12)) for _ in range(int(kills)))
    solve(optimizer, folder)
    print(hit)


if __name__ == "__main__":
    main()
