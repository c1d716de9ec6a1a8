"""Whether joint training leaves an encoder behind its training alone, by linear probes.

    OMP_NUM_THREADS=1 python benchmarks/multimodal/joint_against_separate.py --seeds 10

Image-text on emoji with the name alone, where the modalities tie, and with all short names, where the text is
richer. Every training has the same number of learning rates, chosen on the validation split and tested once;
intervals are 95 % by Student's t over seeds, which give initialisation and minibatches.
"""

from __future__ import annotations

import argparse

import torch

from moo.multimodal import Emoji, joint_against_separate
from moo.multimodal.tasks.image_text import ImageText


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rates", type=int, default=8)
    parser.add_argument("--steps", type=int, default=300)
    args = parser.parse_args()
    torch.set_num_threads(1)
    for text in ("name", "full"):
        options = {"n_rates": args.rates, "steps": args.steps, "seeds": args.seeds}
        found = joint_against_separate(ImageText(Emoji(text=text)), **options)
        print(f'Emoji(text="{text}"), {args.seeds} seeds, {args.rates} learning rates, {args.steps} steps')
        print(f"\n{found}\n", flush=True)
        for name, row in found.probes.iterrows():
            if row["high"] < 0:
                print(f"{name} training leaves the encoder behind its training alone: {_in_points(row)}")
            elif row["low"] > 0:
                print(f"{name} training brings the encoder ahead of its training alone: {_in_points(row)}")
            else:
                print(f"{name} training makes no difference that shows: {_in_points(row)}")
        print(flush=True)


def _in_points(row) -> str:
    low, mean, high = (100 * row[name] for name in ("low", "difference", "high"))
    return f"{mean:+.1f} points of probe accuracy [{low:+.1f}, {high:+.1f}]"


if __name__ == "__main__":
    main()
