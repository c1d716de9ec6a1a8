"""Hypervolume against cost

Five seeds of each method on one problem: medians with bands. Methods that use gradients pay for them, since a
backward pass counts two.
"""

import moo

study = moo.compare(
    {"zdt1": moo.problems.ZDT1(n_var=10)},
    {
        "weighted sum": moo.WeightedSum(n=20),
        "Chebyshev": moo.Scalarized(n=20),
        "NSGA-II": moo.NSGA2(pop_size=40),
        "random": moo.RandomSearch(),
    },
    budget=5000,
    seeds=5,
)
print(study.table()[["optimizer", "runs", "hypervolume"]].round(3).to_string(index=False))
study.plot_convergence("zdt1").figure.savefig("convergence.png")
