"""The demonstration: three families of optimizers on a test function, on a constrained design stated in
a file of its own, and on the losses of an image-text model, each at the same cost; then the weights and the
learning rate of an image-text classifier, searched, and what other methods make of as many settings.

    make demo
"""

import argparse
from pathlib import Path

import torch
from beam import beam

import moo
from moo.multimodal import ImageTextProblem, compare_methods
from moo.multimodal.tasks.image_text import ImageText

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
        print(f"page: {study.report(folder / 'report.html')}")
        print(f"page: {study.explore(folder / 'explore.html')}")
    image_text(out / "image-text-task")


def image_text(folder: Path) -> None:
    """A classifier of emoji by drawing, name and both: the first task of ``moo train``, made shorter."""
    task = ImageText()
    print(f"\n== image-text task: min ({', '.join(task.names)}), 3 seeds, 24 settings a method", flush=True)
    others = ["equal weights", "MGDA", "MMPareto"]
    made = compare_methods(task, others, n=24, steps=150, seeds=3, out=folder, overwrite=True)
    search = made.searches["weighted sum"]
    chosen = search.settings.loc[search.chosen]
    print(f"{search.rule}:\n{chosen.filter(regex='^w |^learning').to_string()}\n\n{made}")
    moo.plot.trade_offs(search).savefig(folder / "front.png")
    print(f"figure: {folder / 'front.png'}")


if __name__ == "__main__":
    main()
