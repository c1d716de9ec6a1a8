"""Parallel efficiency of `moo.solve(workers=2)` on an objective of 20 ms: the time of one process over
twice that of two workers, both in one run, processes started beforehand not included.

    python benchmarks/parallel.py --repeats 5            # the objective waits, as for a simulator
    python benchmarks/parallel.py --burn                 # the objective computes
    python benchmarks/parallel.py --dask                 # a Dask cluster beside our own workers
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import numpy as np

import moo
from moo.executors import executor_of

MILLISECONDS, EVALUATIONS, POP_SIZE, WORKERS = 20, 100, 20, 2


def wait(x: np.ndarray) -> float:
    time.sleep(MILLISECONDS / 1000)
    return float(x[0])


def burn(x: np.ndarray) -> float:
    end = time.perf_counter() + MILLISECONDS / 1000
    while time.perf_counter() < end:
        pass
    return float(x[0])


def other(x: np.ndarray) -> float:
    return float(1.0 - x[0] + x[1:].sum())


def seconds(problem: moo.Problem, **options: Any) -> float:
    """From the first to the last evaluation of one run: what the journal's clock says."""
    method = moo.NSGA2(pop_size=POP_SIZE)
    result = moo.solve(problem, method, budget=EVALUATIONS, seed=1, **options)
    ticks = result.history.seconds
    return (ticks[-1] - ticks[0]) * EVALUATIONS / (EVALUATIONS - POP_SIZE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--burn", action="store_true", help="compute instead of waiting")
    parser.add_argument("--dask", action="store_true", help="a Dask cluster as well")
    args = parser.parse_args()
    slow = burn if args.burn else wait
    problem = moo.Problem([slow, other], xl=[0] * 5, xu=[1] * 5, backend="numpy", names=["slow", "other"])
    ways: dict[str, dict[str, Any]] = {f"{WORKERS} workers": {"workers": WORKERS}}
    if args.dask:
        ways[f"Dask, {WORKERS} workers"] = {"workers": WORKERS, "executor": "dask"}
    with executor_of(problem, WORKERS, None, None):
        pass  # the first start of a process pays for cold files
    rounds = []
    for _ in range(args.repeats):
        alone = seconds(problem)
        rounds.append([alone, *(seconds(problem, **options) for options in ways.values())])
    print(f"{EVALUATIONS} evaluations of {MILLISECONDS} ms by NSGA-II, medians of {args.repeats}")
    print(f"{'':20}{'seconds':>9}{'efficiency':>12}")
    print(f"{'one process':20}{statistics.median(r[0] for r in rounds):9.3f}")
    for i, name in enumerate(ways, 1):
        efficiency = statistics.median(r[0] / (WORKERS * r[i]) for r in rounds)
        print(f"{name:20}{statistics.median(r[i] for r in rounds):9.3f}{efficiency:12.1%}")


if __name__ == "__main__":
    main()
