"""What a training step on several losses costs beside plain PyTorch, with moo and with TorchJD.

    python benchmarks/step_cost.py --repeats 60

A step is forward, backward and SGD step of a trunk with one linear head a loss. All methods take turns within
one run; figures are medians of CPU time, as multiples of a step with `sum(losses).backward()`.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import nn
from torchjd import aggregation as torchjd
from torchjd.autojac import jac_to_grad, mtl_backward

from moo.aggregation import Aggregator, Context, LossWeighting, Weighting, aggregator_named
from moo.training.backward import backward

NETS = {"20-64-64, batch 32": (20, 64, 32), "256-512-512, batch 128": (256, 512, 128)}
LOSSES = (2, 8)
OURS = (
    "Mean",
    "MGDA",
    "UPGrad",
    "DualProj",
    "PCGrad",
    "CAGrad",
    "NashMTL",
    "AlignedMTL",
    "IMTLG",
    "FairGrad",
    "ConFIG",
    "GradVac",
    "GradDrop",
    "DWA",
)
KINDS = ("full", "features", "torchjd")
TARGET_NET = "256-512-512, batch 128"
TARGETS = {("features", 2): 1.3, ("features", 8): 1.5, ("full", 2): 1.9, ("full", 8): 4.8}


class Model(nn.Module):
    """A trunk and m heads with data of their own."""

    def __init__(self, inputs: int, width: int, batch: int, m: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.trunk = nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.heads = nn.ModuleList([nn.Linear(width, 1) for _ in range(m)])
        self.x = torch.randn(batch, inputs, generator=generator)
        self.y = torch.randn(m, batch, 1, generator=generator)
        self.optimizer = torch.optim.SGD(self.parameters(), lr=1e-3)

    def forward(self) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """The features and the losses."""
        features = self.trunk(self.x)
        pairs = zip(self.heads, self.y, strict=True)
        return features, [nn.functional.mse_loss(head(features), y) for head, y in pairs]


Step = Callable[[Model], None]


def plain(model: Model) -> None:
    sum(model()[1]).backward()


def with_moo(aggregator: Aggregator, *, at_features: bool) -> Step:
    context = Context()

    def step(model: Model) -> None:
        features, losses = model()
        backward(losses, aggregator, features=features if at_features else None, context=context)

    return step


def with_torchjd(aggregator: torchjd.Aggregator) -> Step:
    def step(model: Model) -> None:
        features, losses = model()
        mtl_backward(losses, features=features)
        jac_to_grad(model.trunk.parameters(), aggregator)

    return step


def torchjd_aggregator(name: str, m: int) -> torchjd.Aggregator | None:
    """TorchJD's aggregator of that name; None where there is none or a package it needs is missing."""
    options = {"CAGrad": {"c": 0.5}, "FairGrad": {"alpha": 2.0}, "NashMTL": {"n_tasks": m}}
    try:
        return getattr(torchjd, name)(**options.get(name, {}))
    except (AttributeError, ImportError, NameError):
        return None


def steps(only: list[str], m: int) -> dict[str, dict[str, Step]]:
    """By aggregator: "full", "features" and "torchjd", where there are such."""
    found: dict[str, dict[str, Step]] = {}
    for name in OURS:
        if not only or name in only:
            aggregator = aggregator_named(name)
            found[name] = {"full": with_moo(aggregator, at_features=False)}
            if not isinstance(aggregator, LossWeighting):
                found[name]["features"] = with_moo(aggregator, at_features=True)
            if theirs := torchjd_aggregator(name, m):
                found[name]["torchjd"] = with_torchjd(theirs)
    return found


def measured(
    net: str, m: int, methods: dict[str, dict[str, Step]], repeats: int
) -> dict[tuple[str, str], float]:
    """Milliseconds of CPU a step: the median over rounds in which every method takes one step, in an order
    that is drawn, since a step leaves its mark on caches and on what memory the process holds."""
    model = Model(*NETS[net], m)
    flat = {(name, kind): step for name, kinds in methods.items() for kind, step in kinds.items()}
    flat["plain", "plain"] = plain
    spent: dict[tuple[str, str], list[float]] = {key: [] for key in flat}
    order = list(flat)
    rng = random.Random(0)
    for _ in range(repeats + 3):
        rng.shuffle(order)
        for key in order:
            step = flat[key]
            model.optimizer.zero_grad()
            before = time.process_time_ns()
            step(model)
            model.optimizer.step()
            spent[key].append((time.process_time_ns() - before) / 1e6)
    return {key: median(times[3:]) for key, times in spent.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=60, help="rounds")
    parser.add_argument("--only", nargs="*", default=[], help="aggregators, by class name")
    options = parser.parse_args()
    torch.set_num_threads(1)
    reached: dict[tuple[str, int], dict[str, float]] = {target: {} for target in TARGETS}
    for net in NETS:
        for m in LOSSES:
            methods = steps(options.only, m)
            spent = measured(net, m, methods, options.repeats)
            base = spent.pop(("plain", "plain"))
            print(f"\n{net}, {m} losses: a plain step takes {base:.2f} ms")
            print(f"{'':12}" + "".join(f"{kind:>9}" for kind in KINDS))
            for name, kinds in methods.items():
                cells = {kind: spent[name, kind] / base for kind in kinds}
                row = [f"{cells[kind]:9.2f}" if kind in cells else f"{'-':>9}" for kind in KINDS]
                print(f"{name:12}" + "".join(row), flush=True)
                if net == TARGET_NET and isinstance(aggregator_named(name), Weighting):
                    for kind in KINDS[:2]:
                        reached[kind, m][name] = cells[kind]
    print()
    for (kind, m), cells in reached.items():
        print(verdict(kind, m, cells))


def verdict(kind: str, m: int, cells: dict[str, float]) -> str:
    """Whether every weighting is within the target, and which are not."""
    target = TARGETS[kind, m]
    above = [f"{name} {cell:.2f}" for name, cell in cells.items() if cell > target]
    within = (
        f"{kind}, {m} losses, {TARGET_NET}: at most {target} by {len(cells) - len(above)} of {len(cells)}"
    )
    return f"missed: {within}; above: {', '.join(above)}" if above else f"met: {within}"


if __name__ == "__main__":
    main()
