"""Every kind of figure, drawn from small runs into a folder: a minute on one core.

python docs/examples/gallery.py --out figures
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from beam import beam
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import moo
from moo import decision, plot
from moo.errors import MooError
from moo.result import Result

METHODS = {"NSGA-II": moo.NSGA2(pop_size=60), "random search": moo.RandomSearch(batch_size=60)}
PROBLEMS = {
    "zdt1": moo.problems.ZDT1(n_var=10),
    "dtlz2": moo.problems.DTLZ2(),
    "six objectives": moo.problems.DTLZ2(n_var=12, n_obj=6),
    "beam": beam,
}
RANKS = {
    "NSGA-II": 1.8,
    "NSGA-III": 2.1,
    "SMS-EMOA": 2.4,
    "gradient": 3.9,
    "weighted sum": 4.2,
    "random": 6.0,
}
CLIQUES = [["NSGA-II", "NSGA-III", "SMS-EMOA"], ["SMS-EMOA", "gradient"], ["gradient", "weighted sum"]]

Drawn = Axes | Figure


@cache
def solved(problem: str, budget: int = 4000) -> dict[str, Result]:
    return {name: moo.solve(PROBLEMS[problem], method, budget=budget) for name, method in METHODS.items()}


@cache
def repeated(seeds: int = 11) -> dict[str, list[Result]]:
    """Runs on ZDT1 of two methods that are close to each other."""
    methods = {"NSGA-II": moo.NSGA2(pop_size=30), "SMS-EMOA": moo.SMSEMOA(pop_size=30)}
    return {
        name: [moo.solve(PROBLEMS["zdt1"], method, budget=1200, seed=seed) for seed in range(seeds)]
        for name, method in methods.items()
    }


@cache
def study() -> moo.Study:
    problems = {
        "zdt1": moo.problems.ZDT1(n_var=8),
        "zdt2": moo.problems.ZDT2(n_var=8),
        "bnh": moo.problems.BNH(),
    }
    methods = {**METHODS, "weighted sum": moo.WeightedSum(n=20)}
    return moo.compare(problems, methods, budget=2000, seeds=7)


def chosen(problem: str) -> Axes:
    """The front with what two rules choose on it."""
    result = solved(problem)["NSGA-II"]
    choices = [decision.topsis(result), decision.knee(result)]
    return plot.mark(plot.front({"NSGA-II": result}), result, choices)


def conflict() -> Figure:
    problem = moo.problems.DTLZ2(n_var=8, n_obj=3)
    return plot.gradient_conflict(moo.solve(problem, moo.GradientDescent(n=20), budget=6000))


def robustness() -> Axes:
    """Made-up accuracies of five models under noise on the images."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "level": level,
            "model": model,
            "fused accuracy": 0.86 - 0.12 * level - 0.02 * rng.random(),
            "image accuracy": 0.78 - 0.25 * level - 0.04 * rng.random(),
            "text accuracy": 0.66 - 0.02 * rng.random(),
        }
        for level in (0.0, 0.5, 1.0, 1.5, 2.0)
        for model in range(5)
    ]
    return plot.robustness(pd.DataFrame(rows), xlabel="noise on the images, standard deviations")


def figures() -> Iterator[tuple[str, Callable[[], Drawn]]]:
    for problem in PROBLEMS:
        slug = problem.replace(" ", "-")
        yield f"front-{slug}", partial(lambda p: plot.front(solved(p)), problem)
        yield f"chosen-{slug}", partial(chosen, problem)
    yield (
        "parallel",
        lambda: plot.parallel({"NSGA-II": solved("six objectives")["NSGA-II"]}, highlight=[0, 5]),
    )
    yield "scatter-matrix", lambda: plot.scatter_matrix(solved("dtlz2"))
    yield "scatter-matrix-six-objectives", lambda: plot.scatter_matrix(solved("six objectives"))
    yield "heat-map", lambda: plot.heat_map(solved("beam")["NSGA-II"], variables=True)
    yield "petal", lambda: plot.petal(solved("six objectives")["NSGA-II"])
    yield "radar", lambda: plot.radar(solved("six objectives")["NSGA-II"])
    yield "attainment", lambda: plot.attainment(repeated())
    yield (
        "attainment-difference",
        lambda: plot.attainment_difference(*repeated().values(), labels=tuple(repeated())),
    )
    yield "convergence", lambda: study().plot_convergence("zdt1")
    yield "ecdf", lambda: study().plot_ecdf()
    yield "rank-intervals", lambda: study().plot_ranks()
    yield "critical-difference", lambda: plot.critical_difference(RANKS, 1.7, CLIQUES, problems=12)
    yield "gradient-conflict", conflict
    yield "robustness", robustness


def save(drawn: Drawn, path: Path) -> None:
    figure = drawn if isinstance(drawn, Figure) else drawn.get_figure(root=True)
    assert figure is not None
    figure.savefig(path)


def main() -> int:
    parser = argparse.ArgumentParser(description="Draw every kind of figure into a folder.")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="the folder (figures)")
    out: Path = parser.parse_args().out
    torch.set_num_threads(1)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, draw in figures():
            save(draw(), out / f"{name}.png")
            print(out / f"{name}.png")
        for problem in ("zdt1", "dtlz2", "six objectives"):
            print(plot.animate(solved(problem)["NSGA-II"], out / f"run-{problem.replace(' ', '-')}.gif"))
    except (MooError, OSError) as error:
        print(f"gallery: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
