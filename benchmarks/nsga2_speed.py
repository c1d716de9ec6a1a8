"""CPU time of NSGA-II on 25,000 evaluations of ZDT1 (population 100, 250 generations): moo beside
pymoo, interleaved in one process on one thread, imports and compilation excluded.

    python benchmarks/nsga2_speed.py --repeats 7
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from pymoo.algorithms.moo.nsga2 import NSGA2 as PymooNSGA2
from pymoo.optimize import minimize
from pymoo.problems import get_problem

import moo
from moo.indicators import hypervolume

EVALUATIONS, POP_SIZE = 25_000, 100
REFERENCE = np.array([1.1, 1.1])


def cpu_seconds(run: Callable[[int], np.ndarray], seed: int) -> tuple[float, float]:
    """(CPU seconds, hypervolume at (1.1, 1.1)) of one run."""
    started = time.process_time()
    F = run(seed)
    return time.process_time() - started, hypervolume(F, REFERENCE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    ours, theirs = moo.problems.ZDT1(), get_problem("zdt1")

    def moo_run(seed: int) -> np.ndarray:
        return moo.solve(ours, moo.NSGA2(pop_size=POP_SIZE), budget=EVALUATIONS, seed=seed).F

    def pymoo_run(seed: int) -> np.ndarray:
        generations = ("n_gen", EVALUATIONS // POP_SIZE)
        return minimize(theirs, PymooNSGA2(pop_size=POP_SIZE), generations, seed=seed).F

    moo_run(0)  # compiles, or loads what was compiled before
    pymoo_run(0)
    pairs = [(cpu_seconds(moo_run, s), cpu_seconds(pymoo_run, s)) for s in range(repeats)]
    times = np.array([[a[0], b[0]] for a, b in pairs])
    quality = np.array([[a[1], b[1]] for a, b in pairs])
    print(f"ZDT1, {EVALUATIONS} evaluations, population {POP_SIZE}, {repeats} runs, medians")
    print(f"{'':8}{'CPU seconds':>12}{'hypervolume':>14}")
    for name, column in (("moo", 0), ("pymoo", 1)):
        print(f"{name:8}{np.median(times[:, column]):12.3f}{np.median(quality[:, column]):14.4f}")
    ratios = times[:, 1] / times[:, 0]
    print(f"pymoo / moo: {np.median(ratios):.1f} (from {ratios.min():.1f} to {ratios.max():.1f})")


if __name__ == "__main__":
    main()
