"""Accuracy of an image-text classifier when a modality is missing at test, by how it was trained.

    OMP_NUM_THREADS=1 python benchmarks/multimodal/missing_modality.py --steps 1000 --seeds 5

Every model is `ImageText` on emoji, trained with equal weights on the fused, the image and the text loss, or
with all weight on the fused one. With modality dropout each training row loses each modality with that
probability, in every minibatch anew. Figures are the fused accuracy on the test split, in per cent: mean and
standard deviation over the seeds, with both modalities, and with one of them absent from every row.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

import moo
from moo.multimodal import Emoji, MultimodalData
from moo.multimodal.fusion import FUSIONS
from moo.multimodal.tasks.image_text import ImageText

MODALITIES = ("image", "text")
WEIGHTS = {"equal weights": (1 / 3, 1 / 3, 1 / 3), "fused loss alone": (1.0, 0.0, 0.0)}
VIEWS = ("both", *(f"without {name}" for name in MODALITIES))


def trained(task: ImageText, weights: tuple[float, ...], steps: int, rate: float, seed: int) -> np.ndarray:
    """Parameters (n_var,) of one model."""
    method = moo.WeightedSum(weights=[weights], learning_rate=rate)
    return moo.solve(task, method, budget=3 * steps, seed=seed).X[0]  # a step: forward 1, backward 2


def accuracies(task: ImageText, x: np.ndarray) -> list[float]:
    """Fused accuracy on the test split with both modalities, without images and without texts."""
    module, test = task.module(x), task.heldout["test"]
    nowhere = torch.zeros(len(test), dtype=torch.bool)
    shares = []
    for absent in ({}, *({name: nowhere} for name in MODALITIES)):
        zeroed = {name: torch.zeros_like(test.modalities[name]) for name in absent}
        with torch.no_grad():
            logits = module(present={**test.present, **absent}, **{**test.modalities, **zeroed})["fused"]
        shares.append((logits.argmax(1) == test.labels).double().mean().item())
    return shares


def measured(
    data: MultimodalData, dropout: float, weights: tuple[float, ...], options: argparse.Namespace
) -> np.ndarray:
    """Accuracies (seeds, views)."""
    task = ImageText(data, fusion=options.fusion, modality_dropout=dropout)
    runs = [trained(task, weights, options.steps, options.rate, seed) for seed in range(options.seeds)]
    return np.array([accuracies(task, x) for x in runs])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1000, help="of Adam, on minibatches of 128")
    parser.add_argument("--rate", type=float, default=0.01, help="of Adam")
    parser.add_argument("--seeds", type=int, default=5, help="runs a figure")
    parser.add_argument(
        "--dropout", type=float, nargs="*", default=[0.0, 0.1, 0.3, 0.5], help="probabilities"
    )
    parser.add_argument("--fusion", default="concatenation", choices=sorted(name.lower() for name in FUSIONS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = Emoji().load()
    largest = np.bincount(data.part("test").labels).max() / len(data.part("test"))
    print(f"{options.fusion}, {options.steps} steps at {options.rate:g}, {options.seeds} seeds")
    print(f"{len(data.part('test'))} test rows, the largest class is {100 * largest:.1f} %")
    print(f"{'weights':18}{'dropout':>8}" + "".join(f"{view:>16}" for view in VIEWS))
    for name, weights in WEIGHTS.items():
        for dropout in options.dropout:
            values = 100 * measured(data, dropout, weights, options)
            spread = values.std(0, ddof=1) if options.seeds > 1 else np.full(len(VIEWS), np.nan)
            cells = [f"{mean:.1f} +- {sd:.1f}" for mean, sd in zip(values.mean(0), spread, strict=True)]
            print(f"{name:18}{dropout:8g}" + "".join(f"{cell:>16}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
