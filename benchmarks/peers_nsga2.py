"""CPU seconds and hypervolume of moo's genetic algorithms beside those of other libraries.

    pip install -c constraints.txt -e ".[benchmarks]"
    python benchmarks/peers_nsga2.py --repeats 15
    python benchmarks/peers_nsga2.py --growth

Every implementation has a process of its own, in which it runs a case once before anything counts, so
that imports and compilation are left out. Repetitions of the implementations alternate, so that a
machine that slows down slows them all. One thread each; SBX with eta 15 and probability 0.9,
polynomial mutation with eta 20 and probability 1/n, wherever a library has them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from peers import CASES, IMPLEMENTATIONS, Case, Run, run_moo
from scipy.stats import mannwhitneyu

import moo

PATIENCE = 10.0  # seconds: what takes longer than this is repeated only as often as the next line says
FEW_REPEATS = 3


def work(name: str) -> None:
    """A worker: for every line with a case and a seed on stdin, one with what it measured on stdout."""
    from moo.indicators import hypervolume

    prepare = IMPLEMENTATIONS[name][1]
    runs: dict[str, Run | None] = {}
    for line in sys.stdin:
        key, seed = json.loads(line)
        case = CASES[key]
        if key not in runs:
            runs[key] = prepare(case)
        run = runs[key]
        if run is None:
            print("null", flush=True)
            continue
        started = time.process_time()
        F = run(seed)
        seconds = time.process_time() - started
        volume = hypervolume(np.asarray(F), np.full(case.n_obj, 1.1))
        print(json.dumps([seconds, volume]), flush=True)


class Worker:
    """One implementation in its process."""

    def __init__(self, name: str) -> None:
        self.name = name
        environment = os.environ | {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "RAYON")}
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--worker", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def measure(self, key: str, seed: int) -> tuple[float, float] | None:
        """(CPU seconds, hypervolume) of one run; None for a method that it does not have."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([key, seed]), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"the process of {self.name} ended during {CASES[key].title}")
        measured = json.loads(answer)
        return None if measured is None else (measured[0], measured[1])

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def versions(packages: list[str]) -> dict[str, str]:
    """The versions of those that are there; one line for each of the others."""
    there = {"moo": moo.__version__}
    for package in dict.fromkeys(packages):
        try:
            if package != "moo":  # a checkout need not be installed
                there[package] = version(package)
        except PackageNotFoundError:
            print(f'{package} is not installed, skipped: pip install -c constraints.txt -e ".[benchmarks]"')
    return there


def compare(key: str, workers: list[Worker], repeats: int) -> None:
    """Run one case and print its table."""
    measured: dict[str, list[tuple[float, float]]] = {}
    wanted: dict[str, int] = {}
    for worker in workers:
        first = worker.measure(key, 0)
        if first is not None:
            measured[worker.name] = []
            wanted[worker.name] = repeats if first[0] < PATIENCE else min(FEW_REPEATS, repeats)
    for seed in range(1, repeats + 1):
        for worker in workers:
            if seed <= wanted.get(worker.name, 0):
                values = worker.measure(key, seed)
                assert values is not None
                measured[worker.name].append(values)
    print(f"\n{CASES[key].title}")
    if "moo" not in measured:
        print("moo has no such optimizer")
        return
    print_table({name: np.array(values) for name, values in measured.items()})


def print_table(measured: dict[str, np.ndarray]) -> None:
    """measured: name -> (repeats, 2), seconds and hypervolumes; p is that of the Mann-Whitney test
    between moo's hypervolumes and theirs."""
    ours = measured["moo"]
    print(f"{'':30}{'CPU seconds':>12}{'of moo':>8}{'hypervolume':>13}{'p':>10}{'runs':>6}")
    for name, values in sorted(measured.items(), key=lambda item: float(np.median(item[1][:, 0]))):
        seconds, volume = np.median(values, axis=0)
        ratio = seconds / np.median(ours[:, 0])
        p = "" if name == "moo" else f"{mannwhitneyu(ours[:, 1], values[:, 1]).pvalue:.2g}"
        print(f"{name:30}{seconds:12.4f}{ratio:8.2f}{volume:13.5f}{p:>10}{len(values):6}", flush=True)


def growth(generations: int = 20) -> None:
    """Print moo's time a generation as the population grows."""
    print(f"{'population':>10}{'ZDT1, 2 objectives':>22}{'DTLZ2, 3 objectives':>22}   ms a generation")
    for pop_size in (100, 1000, 10_000):
        cells = []
        for problem, n_var, n_obj in (("ZDT1", 30, 2), ("DTLZ2", 12, 3)):
            seconds = []
            for more in (0, generations):  # the difference leaves out the start and the end
                run = run_moo(Case("NSGA-II", problem, n_var, n_obj, pop_size, 30 + more))
                assert run is not None
                times = []
                for seed in range(3):
                    started = time.process_time()
                    run(seed)
                    times.append(time.process_time() - started)
                seconds.append(min(times))
            cells.append(1e3 * (seconds[1] - seconds[0]) / generations)
        print(f"{pop_size:10}" + "".join(f"{cell:22.3f}" for cell in cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--only", nargs="+", choices=IMPLEMENTATIONS, default=list(IMPLEMENTATIONS))
    parser.add_argument("--growth", action="store_true", help="moo's time a generation by population")
    parser.add_argument("--worker", choices=IMPLEMENTATIONS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker)
        return
    if options.growth:
        growth()
        return
    there = versions([IMPLEMENTATIONS[name][0] for name in options.only])
    print(", ".join(f"{package} {number}" for package, number in there.items()))
    workers = [Worker(name) for name in options.only if IMPLEMENTATIONS[name][0] in there]
    for key in options.cases:
        compare(key, workers, options.repeats)
    for worker in workers:
        worker.close()


if __name__ == "__main__":
    main()
