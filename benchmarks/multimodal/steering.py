"""One model steered by a number against as many gradients spent on separate weighted sums.

    OMP_NUM_THREADS=1 python benchmarks/multimodal/steering.py --seeds 5

The image-text problem on emoji, whose two losses share a trunk of two dimensions. The steered model is
trained with 4 preferences a step; the same number of gradients trains 11 weighted sums apart, from the same
start, their learning rate chosen like the steered model's from two, by hypervolume on the validation split.
Printed: the hypervolume of the 11 points' test losses within the box of the worst of both, and how well each
training loss follows the number (Spearman's correlation; 1 is in order).
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from scipy.stats import spearmanr

from moo.indicators import hypervolume
from moo.multimodal import ImageTextProblem
from moo.multimodal.search.result import t_interval
from moo.multimodal.search.rows import train_rows
from moo.multimodal.steering import steer

BATCH, POINTS, RATES = 4, 11, (0.01, 0.03)


def losses(task: ImageTextProblem, X: np.ndarray, part: str) -> np.ndarray:
    report = task.report(X)
    return np.column_stack([report[f"{part} {name}"] for name in task.names])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1500, help="of the steered model")
    args = parser.parse_args()
    torch.set_num_threads(1)
    task = ImageTextProblem()
    P = np.linspace(0.0, 1.0, POINTS)
    W = np.column_stack([P, 1.0 - P])
    names = ("steered", "separate", "follows image", "follows text")
    print("seed" + "".join(f"{name:>16}" for name in names))
    rows = []
    for seed in range(args.seeds):
        steered, separate = [], []
        for rate in RATES:
            model = steer(task, steps=args.steps, batch=BATCH, learning_rate=rate, seed=seed)
            steered.append(np.array([model.parameters_at(p) for p in P]))
            each = args.steps * BATCH // POINTS
            separate.append(train_rows(task, W, np.full(POINTS, rate), each, seed)[0])
        found = [losses(task, X, "validation") for X in (*steered, *separate)]
        reference = np.max(found, axis=(0, 1))
        best = [int(np.argmax([hypervolume(F, reference) for F in part])) for part in (found[:2], found[2:])]
        tested = [losses(task, X, "test") for X in (steered[best[0]], separate[best[1]])]
        reference = np.max(tested, axis=(0, 1))
        trained = losses(task, steered[best[0]], "train")
        order = [spearmanr(P, -sign * trained[:, k])[0] for k, sign in enumerate((1, -1))]
        rows.append([hypervolume(F, reference) / np.prod(reference) for F in tested] + order)
        print(f"{seed:4}" + "".join(f"{value:16.4f}" for value in rows[-1]), flush=True)
    apart = np.array(rows)[:, 0] - np.array(rows)[:, 1]
    mean, low, high = t_interval(apart)
    print(f"steered less separate: {mean:+.4f} [{low:+.4f}, {high:+.4f}] of the box")


if __name__ == "__main__":
    main()
