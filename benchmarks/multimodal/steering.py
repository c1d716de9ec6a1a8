"""One model steered by a number against as many gradients spent on separate weighted sums.

    OMP_NUM_THREADS=1 python benchmarks/multimodal/steering.py --seeds 5

The image-text problem on emoji, whose two losses share a trunk of two dimensions. The steered model is
trained with 4 preferences a step; the same number of gradients trains 11 weighted sums apart, from the same
start, their learning rate chosen like the steered model's from three, by hypervolume on the validation split.
Printed for the training and the test losses: the hypervolume of the 11 points within the box of the worst of
both, as a share of the box from zero; and how well each training loss follows the number (Spearman's
correlation; 1 is in order).
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

BATCH, POINTS, RATES = 4, 11, (0.003, 0.01, 0.03)


def losses(task: ImageTextProblem, X: np.ndarray, part: str) -> np.ndarray:
    report = task.report(X)
    return np.column_stack([report[f"{part} {name}"] for name in task.names])


def hypervolumes(task: ImageTextProblem, fronts: list[np.ndarray], part: str) -> list[float]:
    """Of each front's models, as shares of the box from zero to the worst loss of any."""
    found = [losses(task, X, part) for X in fronts]
    reference = np.max(found, axis=(0, 1))
    return [float(hypervolume(F, reference) / np.prod(reference)) for F in found]


def trained(task: ImageTextProblem, P: np.ndarray, steps: int, seed: int) -> list[np.ndarray]:
    """The steered and the separate models (11, n_var), each at the rate that is best on validation."""
    W = np.column_stack([P, 1.0 - P])
    steered, separate = [], []
    for rate in RATES:
        model = steer(task, steps=steps, batch=BATCH, learning_rate=rate, seed=seed)
        steered.append(np.array([model.parameters_at(p) for p in P]))
        separate.append(train_rows(task, W, np.full(POINTS, rate), steps * BATCH // POINTS, seed)[0])
    worth = hypervolumes(task, [*steered, *separate], "validation")
    k = len(RATES)
    return [steered[int(np.argmax(worth[:k]))], separate[int(np.argmax(worth[k:]))]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1500, help="of the steered model")
    args = parser.parse_args()
    torch.set_num_threads(1)
    task = ImageTextProblem()
    P = np.linspace(0.0, 1.0, POINTS)
    names = ("train steered", "separate", "test steered", "separate", "follows image", "text")
    print("seed" + "".join(f"{name:>15}" for name in names))
    rows = []
    for seed in range(args.seeds):
        fronts = trained(task, P, args.steps, seed)
        F = losses(task, fronts[0], "train")
        order = [spearmanr(P, -sign * F[:, k])[0] for k, sign in enumerate((1, -1))]
        rows.append([*hypervolumes(task, fronts, "train"), *hypervolumes(task, fronts, "test"), *order])
        print(f"{seed:4}" + "".join(f"{value:15.4f}" for value in rows[-1]), flush=True)
    table = np.array(rows)
    for part, k in (("train", 0), ("test", 2)):
        mean, low, high = t_interval(table[:, k] - table[:, k + 1])
        print(f"{part}: steered less separate {mean:+.4f} [{low:+.4f}, {high:+.4f}] of the box")


if __name__ == "__main__":
    main()
