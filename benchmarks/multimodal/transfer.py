"""What one modality's labels are worth to the other, as the other's get fewer.

    OMP_NUM_THREADS=1 python benchmarks/multimodal/transfer.py --seeds 10

Emoji: the drawing is the target, the name the source. For each share of labelled drawings: test accuracy of
training on them alone, and with the transfer loss, the names labelled throughout or as few as the drawings.
Both have the same number of settings (learning rates alone, or weights and rates), chosen on the validation
split and tested once; gains are within a seed, with 95 % intervals.
"""

from __future__ import annotations

import argparse

import torch

from moo.multimodal import search_weights
from moo.multimodal.search.result import t_interval
from moo.multimodal.tasks.transfer import Transfer

SHARES = (0.05, 0.1, 0.3, 1.0)
FIGURE = "test target accuracy"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--settings", type=int, default=16)
    parser.add_argument("--steps", type=int, default=200)
    args = parser.parse_args()
    torch.set_num_threads(1)
    options = {"steps": args.steps, "seeds": args.seeds, "learning_rates": (0.002, 0.05)}
    print(f"{'labels':>7}{'names labelled':>16}{'by':>8}{'alone':>9}{'joint':>9}{'gain':>27}")
    for share in SHARES:
        alone = None
        for source in dict.fromkeys((1.0, share)):
            for by in ("labels", "pairs"):
                task = Transfer(labels=share, source_labels=source, by=by)
                if alone is None:
                    alone = search_weights(task, weights=[1.0, 0.0], n_rates=args.settings, **options)
                joint = search_weights(task, n=args.settings, **options)
                gain, low, high = t_interval((joint.tested[FIGURE] - alone.tested[FIGURE]).to_numpy())
                figures = f"{alone.test['mean'][FIGURE]:9.3f}{joint.test['mean'][FIGURE]:9.3f}"
                interval = f"{gain:+.3f} [{low:+.3f}, {high:+.3f}]"
                print(f"{share:7.0%}{source:16.0%}{by:>8}{figures}{interval:>27}", flush=True)


if __name__ == "__main__":
    main()
