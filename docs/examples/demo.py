"""The demonstration: three families of optimizers on a test function, on a constrained design stated in
a file of its own, and on the losses of an image-text model, each at the same cost.

    make demo
"""

import argparse
from pathlib import Path

import torch
from beam import beam

import moo
from moo.multimodal import ImageTextProblem

SEEDS = 5


def methods(n: int, pop_size: int, learning_rate: float) -> dict[str, object]:
    """The families at their defaults, but for the number of rows and the step size."""
    return {
        "weighted sum": moo.WeightedSum(n=n, n_samples=n, learning_rate=learning_rate),
        "gradient (MGDA)": moo.GradientDescent(n=n, learning_rate=learning_rate),
        "NSGA-II": moo.NSGA2(pop_size=pop_size),
        "random search": moo.RandomSearch(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/demo"))
    out = parser.parse_args().out
    torch.set_num_threads(1)  # small models run many times slower with two on a busy machine

    on_functions = methods(n=50, pop_size=100, learning_rate=0.05)
    on_models = methods(n=10, pop_size=50, learning_rate=0.01)
    studies = {
        "zdt1": (moo.problems.ZDT1(), on_functions, 10_000),
        "welded beam": (beam, on_functions, 10_000),
        "image-text losses": (ImageTextProblem(), on_models, 30_000),
    }
    for name, (problem, optimizers, budget) in studies.items():
        folder = out / name.replace(" ", "-")
        print(f"\n== {name}: {SEEDS} seeds, {budget:,} F-equivalents each", flush=True)
        study = moo.compare(
            {name: problem}, optimizers, budget=budget, seeds=SEEDS, out=folder, overwrite=True
        )
        study.save_tables(folder)
        print(study)
        for figure in study.save_figures(folder):
            print(f"figure: {figure}")


if __name__ == "__main__":
    main()
