"""Objectives that misbehave, in a module of their own: workers import it, and little else."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np


def first(x):
    return float(((x - 1.0) ** 2).sum())


def second(x):
    return float(((x + 1.0) ** 2).sum())


def bad(x):
    """A tenth of the box, in thin stripes."""
    return abs(x.sum() * 97.0) % 1.0 < 0.1


def sleeps(x):
    if bad(x):
        time.sleep(3600)
    return first(x)


def raises(x):
    if bad(x):
        raise ZeroDivisionError("no wind")
    return first(x)


def is_nan(x):
    return np.nan if bad(x) else first(x)


def dies(x):
    if bad(x):
        os._exit(3)
    return first(x)


def is_killed(x):
    if bad(x):
        os.kill(os.getpid(), signal.SIGKILL)
    return first(x)


def exits(x):
    if bad(x):
        sys.exit("enough")
    return first(x)


def prints(x):
    if bad(x):
        print("x" * 10_000_000)
    return first(x)


def changes_its_input(x):
    value = first(x)
    x[:] = np.nan
    return value


class Killing:
    """The first objective; once, the process it runs in is killed in the middle of it."""

    def __init__(self, folder: Path) -> None:
        self.done = folder / "killed"

    def __call__(self, x):
        if x[0] > 0.5 and not self.done.exists():
            self.done.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return first(x)


class KillingTheDaskWorker:
    """The first objective; once, the parent of the process it runs in, a Dask worker, is killed."""

    def __init__(self, folder: Path) -> None:
        self.done = folder / "killed"

    def __call__(self, x):
        if x[0] > 0.5 and not self.done.exists():
            self.done.touch()
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(0.5)
        return first(x)
