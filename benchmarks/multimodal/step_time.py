"""What one training step takes as the number of losses grows, with a weighted sum and with aggregators.

    OMP_NUM_THREADS=1 python benchmarks/multimodal/step_time.py --repeats 40

A step is forward, backward and Adam step of the image-text trunk with one linear head a loss. All methods and
numbers of losses take turns within one run, in an order that is drawn; figures are medians of CPU time on one
thread, and multiples of the step with a weighted sum of two losses.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import nn

from moo.aggregation import Context, aggregator_named
from moo.multimodal.encoders import ImageEncoder, TextEncoder
from moo.training.backward import backward

NUMBERS = (2, 4, 8, 16)
SUM = "weighted sum"
METHODS = (
    SUM,
    "DWA",
    "Mean",
    "MGDA",
    "UPGrad",
    "DualProj",
    "PCGrad",
    "CAGrad",
    "IMTLG",
    "NashMTL",
    "AlignedMTL",
)
WORDS, CLASSES, WARM_UP = 500, 9, 3


class Model(nn.Module):
    """Two encoders, a shared trunk and m linear heads, with one batch of random data."""

    def __init__(self, m: int, width: int, rows: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.image, self.text = ImageEncoder(width), TextEncoder(WORDS, width)
        self.trunk = nn.Sequential(nn.Linear(2 * width, width), nn.Tanh())
        self.heads = nn.ModuleList([nn.Linear(width, CLASSES) for _ in range(m)])
        self.images = torch.rand(rows, 3, 32, 32, generator=generator)
        self.words = torch.rand(rows, WORDS, generator=generator)
        self.labels = torch.randint(CLASSES, (m, rows), generator=generator)
        self.adam = torch.optim.Adam(self.parameters())

    def losses(self) -> list[torch.Tensor]:
        features = self.trunk(torch.cat([self.image(self.images), self.text(self.words)], dim=1))
        pairs = zip(self.heads, self.labels, strict=True)
        return [nn.functional.cross_entropy(head(features), labels) for head, labels in pairs]


def stepper(name: str, model: Model) -> Callable[[], None]:
    """One whole training step of the model by that method."""
    aggregator = None if name == SUM else aggregator_named(name)
    context = Context()

    def step() -> None:
        model.adam.zero_grad()
        losses = model.losses()
        if aggregator is None:
            (torch.stack(losses) / len(losses)).sum().backward()
        else:
            backward(losses, aggregator, context=context)
        model.adam.step()

    return step


def measured(names: list[str], width: int, rows: int, repeats: int) -> dict[tuple[str, int], float]:
    """Median milliseconds of CPU time a step, by method and number of losses."""
    steps = {(name, m): stepper(name, Model(m, width, rows)) for name in names for m in NUMBERS}
    spent: dict[tuple[str, int], list[float]] = {key: [] for key in steps}
    order, rng = list(steps), random.Random(0)
    for _ in range(repeats + WARM_UP):
        rng.shuffle(order)
        for key in order:
            before = time.process_time_ns()
            steps[key]()
            spent[key].append((time.process_time_ns() - before) / 1e6)
    return {key: median(times[WARM_UP:]) for key, times in spent.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=40, help="rounds")
    parser.add_argument("--width", type=int, default=128, help="dimensions of embedding and trunk")
    parser.add_argument("--rows", type=int, default=128, help="of a batch")
    parser.add_argument("--only", nargs="*", default=[], help="aggregators, by class name")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    names = [name for name in METHODS if name == SUM or not options.only or name in options.only]
    times = measured(names, options.width, options.rows, options.repeats)
    base = times[SUM, 2]
    trained = sum(p.numel() for p in Model(2, options.width, options.rows).parameters())
    print(
        f"{trained:,} parameters with two losses, batch {options.rows}, one thread, {options.repeats} rounds"
    )
    print(f"{SUM} of two losses: {base:.2f} ms a step = 1.00")
    print(f"{'losses':14}" + "".join(f"{m:>9}" for m in NUMBERS))
    for name in names:
        print(f"{name:14}" + "".join(f"{times[name, m] / base:9.2f}" for m in NUMBERS))


if __name__ == "__main__":
    main()
