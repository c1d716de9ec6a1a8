"""The three families at their defaults and at equal cost, on problems with fronts of every kind.

    python benchmarks/families.py --budget 10000 --seeds 5

Prints the median hypervolume of each optimizer's own answer, cut to 50 points and normalised by the
problem's known front, with the share of the front's own hypervolume in brackets.
"""

from __future__ import annotations

import argparse

import torch

import moo
from moo import indicators

PROBLEMS = {
    "convex": [moo.problems.ZDT1, moo.problems.FourBarTruss, moo.problems.BNH],
    "concave": [moo.problems.ZDT2, moo.problems.FonsecaFleming, moo.problems.DTLZ2],
    "disconnected": [moo.problems.ZDT3, moo.problems.Kursawe],
    "many local fronts": [moo.problems.ZDT4],
    "constrained": [moo.problems.OSY, moo.problems.TNK, moo.problems.WeldedBeam],
}
OPTIMIZERS = {
    "weighted sum": moo.WeightedSum(),
    "w.s. SLSQP": moo.WeightedSum(inner="slsqp"),
    "smooth Cheb.": moo.Scalarized(),
    "eps-constr.": moo.Scalarized("epsilon-constraint"),
    "MGDA": moo.GradientDescent(),
    "HV gradient": moo.HypervolumeGradient(),
    "set learning": moo.ParetoSetLearning(),
    "NSGA-II": moo.NSGA2(),
    "Hybrid": moo.Hybrid(),
    "random": moo.RandomSearch(),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=float, default=10_000)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{options.budget:,.0f} F-equivalents, {options.seeds} seeds")
    print(f"{'':19}{'':16}" + "".join(f"{name:>15}" for name in OPTIMIZERS))
    for kind, classes in PROBLEMS.items():
        for problem_class in classes:
            problem = problem_class()
            study = moo.compare(problem, OPTIMIZERS, budget=options.budget, seeds=options.seeds)
            front = problem.pareto_front()
            scaled = indicators.normalise(front, front.min(axis=0), front.max(axis=0))
            best = indicators.hypervolume(scaled, indicators.reference_point(problem.n_obj, study.k))
            table = study.table().set_index("optimizer")["hypervolume"]
            cells = [f"{table[name]:.3f} ({table[name] / best:4.0%})" for name in OPTIMIZERS]
            print(f"{kind:19}{problem.title:16}" + "".join(f"{cell:>15}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
