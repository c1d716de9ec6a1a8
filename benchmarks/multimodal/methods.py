"""Whether any method beats a tuned weighted sum, task by task.

    OMP_NUM_THREADS=1 python benchmarks/multimodal/methods.py --seeds 10 --task image-text --task views

Every method has the same number of settings, learning rate included, chosen on the validation split and
tested once; differences to the weighted sum are within a seed, with 95 % intervals and p-values of the paired
t test after Holm over the methods of a task. --inner momentum shows what Adam divides out.
"""

from __future__ import annotations

import argparse
import sys
import time

import torch

from moo.multimodal import compare_methods
from moo.multimodal.tasks import tasks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--task", action="append", choices=list(tasks()), help="may be repeated; all by default"
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--settings", type=int, default=32)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--inner", choices=("adam", "momentum"), default="adam")
    parser.add_argument("--quick", action="store_true", help="on some 400 rows")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rates = (1e-3, 1e-1) if args.inner == "adam" else (1e-2, 1.0)
    for name in args.task or tasks():
        began = time.perf_counter()
        task = tasks()[name].quick() if args.quick else tasks()[name]()
        made = compare_methods(
            task,
            n=max(args.settings, 4 * (task.n_obj + 1)),
            steps=args.steps,
            seeds=args.seeds,
            learning_rates=rates,
            inner=args.inner,
            progress=lambda method, done, of: print(f"  {done}/{of} {method}", file=sys.stderr),
        )
        print(
            f"{name}, {args.inner}, {args.steps} steps, {time.perf_counter() - began:.0f} s\n{made}\n",
            flush=True,
        )


if __name__ == "__main__":
    main()
