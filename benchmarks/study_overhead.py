"""What the study engine costs: 200 cells of one second on two workers, stored as they come.

    python benchmarks/study_overhead.py
    python benchmarks/study_overhead.py --cells 40 --executor dask

Efficiency is the seconds all cells took by themselves over two workers' wall time, and is printed with the
starting of the workers (which load torch) and without. The engine's own time is the CPU seconds of this
process, which schedules and keeps the study, over the whole; what storing takes in the workers is the
difference between a worker's busy seconds and its cells'.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

import moo

EVALUATIONS, WORKERS = 50, 2


def slow(x: np.ndarray) -> float:
    time.sleep(SECONDS / EVALUATIONS)  # as a simulator would: this process waits for another
    return float(x[0])


def other(x: np.ndarray) -> float:
    return float(1.0 - x[0] + x[1:].sum())


SECONDS = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=200)
    parser.add_argument("--executor", help='"dask" for a cluster here')
    args = parser.parse_args()
    problem = moo.Problem([slow, other], xl=[0] * 5, xu=[1] * 5, backend="numpy", title="a second")
    ended: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        began, cpu = time.perf_counter(), time.process_time()
        study = moo.compare(
            problem,
            moo.NSGA2(pop_size=10),
            budget=EVALUATIONS,
            seeds=args.cells,
            workers=WORKERS,
            executor=args.executor,
            out=Path(folder) / "study",
            progress=lambda at: ended.append(time.perf_counter()) if at.outcome else None,
        )
        wall, own = time.perf_counter() - began, time.process_time() - cpu
    cells = sum(result.cost.seconds for result in study.results.values())
    first = study.results["a second", "NSGA2", 0].cost.seconds
    running = ended[-1] - ended[0] + first  # from when the first cell began
    print(f"{len(study.results)} cells, {cells:.1f} s in all, {cells / len(study.results):.3f} s each")
    print(f"wall time: {wall:.1f} s, of which {wall - running:.1f} s before the first cell")
    print(f"efficiency on {WORKERS} workers: {cells / (WORKERS * wall):.1%} in all, ", end="")
    print(f"{cells / (WORKERS * running):.1%} once they run")
    print(f"the engine's own time: {own:.2f} s of CPU, {own / wall:.2%} of the wall time")


if __name__ == "__main__":
    main()
