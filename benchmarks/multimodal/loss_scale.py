"""What changes when one loss is multiplied by ten.

    OMP_NUM_THREADS=1 python benchmarks/multimodal/loss_scale.py --seeds 10

Image-text on emoji, each method at one learning rate with the losses as they are and with the text loss times
ten, the same initialisations and minibatches. Printed: how far the training losses end up apart (as they are,
root mean square over losses), and how test accuracies change, with 95 % intervals over seeds. A method that
does not care for a loss's scale shows zeros, up to rounding.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable

import numpy as np
import torch

from moo.aggregation import Aggregator, aggregator_named
from moo.aggregation.mgda import MGDA
from moo.multimodal.problem import ModelProblem
from moo.multimodal.search.result import t_interval
from moo.multimodal.search.rows import train_rows
from moo.multimodal.tasks.image_text import ImageText

RATE, LOSS, FACTOR = 0.01, "text loss", 10.0
METHODS: dict[str, np.ndarray | Aggregator] = {
    "equal weights": np.full((1, 3), 1 / 3),
    "MGDA": aggregator_named("MGDA"),
    "MGDA, normalised": MGDA(normalize=True),
    **{name: aggregator_named(name) for name in ("UPGrad", "CAGrad", "PCGrad", "AlignedMTL", "IMTLG")},
    **{name: aggregator_named(name) for name in ("NashMTL", "FAMO", "GeometricMean", "DWA")},
}


def scaled(task: ModelProblem) -> ModelProblem:
    """The task with one loss times the factor."""
    changed = copy.copy(task)
    loss: Callable[..., torch.Tensor] = task.losses[LOSS]
    changed.losses = {**task.losses, LOSS: lambda output, samples: FACTOR * loss(output, samples)}
    return changed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=300)
    args = parser.parse_args()
    torch.set_num_threads(1)
    task = ImageText()
    heads = ("fused", "image", "text")
    print(f"{LOSS} times {FACTOR:g}, {args.seeds} seeds, {args.steps} Adam steps at {RATE}")
    print(f"{'':18}{'losses apart':>14}" + "".join(f"{head + ' accuracy':>32}" for head in heads))
    for name, rule in METHODS.items():
        reports = []
        for problem in (task, scaled(task)):
            rows = [
                train_rows(problem, rule, np.array([RATE]), args.steps, s)[0][0] for s in range(args.seeds)
            ]
            reports.append(task.report(np.array(rows)))
        before, after = reports
        apart = [before[f"train {loss}"] - after[f"train {loss}"] for loss in task.names]
        line = f"{name:18}{np.sqrt(np.mean(np.square(apart))):>14.4f}"
        for head in heads:
            mean, low, high = t_interval(after[f"test {head} accuracy"] - before[f"test {head} accuracy"])
            line += f"{f'{mean:+.4f} [{low:+.4f}, {high:+.4f}]':>32}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
