"""Accuracy of an image-text classifier when a modality is missing at test, with and without modality dropout.

    OMP_NUM_THREADS=1 python benchmarks/multimodal/missing_modality.py --seeds 10

Every model is `ImageText` on emoji, trained with equal weights on the fused, the image and the text loss, or
with all weight on the fused one. With modality dropout each training row loses each modality with that
probability, in every minibatch anew. The learning rate is chosen on the validation split, with both
modalities there, from as many for every row of the table. Figures are the fused accuracy on the test split,
with both modalities and with one of them absent from every row: mean and 95 % interval over seeds.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from moo.multimodal import Emoji, search_weights
from moo.multimodal.fusion import FUSIONS
from moo.multimodal.search.result import t_interval
from moo.multimodal.tasks.image_text import ImageText

MODALITIES = ("image", "text")
WEIGHTS = {"equal weights": (1 / 3, 1 / 3, 1 / 3), "fused loss alone": (1.0, 0.0, 0.0)}
VIEWS = ("both", *(f"without {name}" for name in MODALITIES))


def accuracies(task: ImageText, x: np.ndarray) -> list[float]:
    """Fused accuracy on the test split with both modalities, without images and without texts."""
    module, test = task.module(x), task.heldout["test"]
    nowhere = torch.zeros(len(test), dtype=torch.bool)
    shares = []
    for absent in ({}, *({name: nowhere} for name in MODALITIES)):
        with torch.no_grad():
            logits = module(present={**test.present, **absent}, **test.modalities)["fused"]
        shares.append((logits.argmax(1) == test.labels).double().mean().item())
    return shares


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rates", type=int, default=8)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--dropout", type=float, nargs="*", default=[0.0, 0.1, 0.3, 0.5])
    parser.add_argument("--fusion", default="concatenation", choices=sorted(name.lower() for name in FUSIONS))
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = Emoji().load()
    largest = np.bincount(data.part("test").labels).max() / len(data.part("test"))
    print(f"{args.fusion}, {args.steps} steps, {args.rates} learning rates, {args.seeds} seeds")
    print(f"{len(data.part('test'))} test rows, the largest class is {largest:.3f} of them")
    print(f"{'weights':18}{'dropout':>8}" + "".join(f"{view:>26}" for view in VIEWS))
    for name, weights in WEIGHTS.items():
        for dropout in args.dropout:
            task = ImageText(data, fusion=args.fusion, modality_dropout=dropout)
            options = {"n_rates": args.rates, "steps": args.steps, "seeds": args.seeds}
            found = search_weights(task, weights=weights, **options)
            models = found.X[(found.table.setting == found.chosen).to_numpy()]
            values = np.array([accuracies(task, x) for x in models])
            cells = ["{:.3f} [{:.3f}, {:.3f}]".format(*t_interval(column)) for column in values.T]
            print(f"{name:18}{dropout:8g}" + "".join(f"{cell:>26}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
