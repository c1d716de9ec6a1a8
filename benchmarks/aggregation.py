"""Batched aggregators beside TorchJD's, which take one Jacobian at a time, in a loop over the rows.

    python benchmarks/aggregation.py --repeats 3 --only UPGrad NashMTL

100 rows, m = 2, 3 and 8 objectives, d = 30 and 10,000 variables, float64, one thread. Each cell holds the
median CPU time of both, in milliseconds a batch, and TorchJD's over ours; both take turns in one run, and
ours is called five times at each of its turns.
TorchJD's scalarizations of losses are timed as their gradient by the losses times the Jacobian. A dash:
TorchJD has no such method, or lacks the packages its solver needs (pip install 'torchjd[full]').
"""

from __future__ import annotations

import argparse
import gc
import time
import warnings
from collections.abc import Callable
from statistics import median

import torch
import torchjd.aggregation as peer
import torchjd.scalarization as scalar

from moo.aggregation import Context, aggregator_named, aggregators

ROWS = 100
OBJECTIVES = (2, 3, 8)
VARIABLES = (30, 10_000)
CALLS = 5  # of ours at a turn
TARGET = 50.0
PEERS: dict[str, Callable[[int], Callable[[torch.Tensor], torch.Tensor]]] = {
    "Mean": lambda m: peer.Mean(),
    "MGDA": lambda m: peer.MGDA(),
    "PCGrad": lambda m: peer.PCGrad(),
    "GradVac": lambda m: peer.GradVac(),
    "CAGrad": lambda m: peer.CAGrad(c=0.5),
    "IMTLG": lambda m: peer.IMTLG(),
    "NashMTL": lambda m: peer.NashMTL(n_tasks=m),
    "AlignedMTL": lambda m: peer.AlignedMTL(),
    "UPGrad": lambda m: peer.UPGrad(),
    "DualProj": lambda m: peer.DualProj(),
    "FairGrad": lambda m: peer.FairGrad(alpha=2.0),
    "Random": lambda m: peer.Random(),
    "GradDrop": lambda m: peer.GradDrop(),
    "ConFIG": lambda m: peer.ConFIG(),
    "UncertaintyWeighting": lambda m: scalar.UW(m),
    "IMTLL": lambda m: scalar.IMTLL(m),
    "DWA": lambda m: scalar.DWA(),
    "FAMO": lambda m: scalar.FAMO(m),
    "GeometricMean": lambda m: scalar.GeometricMean(),
}


def main() -> None:
    names = sorted(set(aggregators()) - {"TorchJD"})
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    options = parser.parse_args()
    torch.set_num_threads(1)
    gc.disable()
    warnings.simplefilter("ignore")
    sizes = [(m, d) for d in VARIABLES for m in OBJECTIVES]
    print(f"{ROWS} rows, ms a batch: ours / TorchJD's (ratio), medians of {options.repeats}")
    print(f"{'':22}" + "".join(f"{f'm={m} d={d:,}':>25}" for m, d in sizes))
    ratios = []
    for name in options.only:
        cells = [compare(name, m, d, options.repeats) for m, d in sizes]
        ratios += [
            theirs / ours for (ours, theirs), (_, d) in zip(cells, sizes, strict=True) if d == 30 and theirs
        ]
        print(f"{name:22}" + "".join(f"{written(*cell):>25}" for cell in cells), flush=True)
    if ratios:
        reached = sum(ratio >= TARGET for ratio in ratios)
        print(
            f"d = 30: {reached} of {len(ratios)} cells ({reached / len(ratios):.0%}) reach {TARGET:.0f}x;",
            end=" ",
        )
        print(f"median {median(ratios):.0f}x, least {min(ratios):.1f}x")


def compare(name: str, m: int, d: int, repeats: int) -> tuple[float, float | None]:
    """Median milliseconds of ours and of TorchJD's, None where there is none to run."""
    generator = torch.Generator().manual_seed(m)
    J = torch.randn(ROWS, m, d, dtype=torch.float64, generator=generator)
    losses = 0.1 + torch.rand(ROWS, m, dtype=torch.float64, generator=generator)
    aggregator, context = aggregator_named(name), Context(losses=losses)
    theirs = loop_over_rows(name, J, losses)
    aggregator(J, context)
    gc.collect()
    gc.freeze()  # what is there by now need not be looked through again
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        # The first call after a loop over rows pays for tidying up the allocator behind it.
        times[0].extend(milliseconds(lambda: aggregator(J, context)) for _ in range(CALLS))
        if theirs is not None:
            times[1].append(milliseconds(theirs))
    return median(times[0]), median(times[1]) if times[1] else None


def loop_over_rows(name: str, J: torch.Tensor, losses: torch.Tensor) -> Callable[[], object] | None:
    """A state of its own for each row, as ours has; made and warmed up outside the time taken."""
    try:
        each = [PEERS[name](J.shape[1]) for _ in J]
    except (KeyError, ImportError):
        return None
    if isinstance(each[0], scalar.Scalarizer):
        run = [
            scalarized(scalarizer.double(), rows, row)
            for scalarizer, rows, row in zip(each, J, losses, strict=True)
        ]
    else:
        run = [lambda one=one, rows=rows: one(rows) for one, rows in zip(each, J, strict=True)]
    for one in run:
        one()
    return lambda: [one() for one in run]


def scalarized(
    scalarizer: scalar.Scalarizer, J: torch.Tensor, losses: torch.Tensor
) -> Callable[[], torch.Tensor]:
    values = losses.clone().requires_grad_()
    return lambda: torch.autograd.grad(scalarizer(values), values)[0] @ J


def milliseconds(run: Callable[[], object]) -> float:
    gc.collect()  # and not later, when it would be billed to whoever runs
    start = time.process_time()
    run()
    return 1e3 * (time.process_time() - start)


def written(ours: float, theirs: float | None) -> str:
    if theirs is None:
        return f"{ours:.2f} / -"
    return f"{ours:.2f} / {theirs:,.0f} ({theirs / ours:.0f}x)"


if __name__ == "__main__":
    main()
