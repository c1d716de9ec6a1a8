"""What a run attains, and where two methods differ

The attainment surface of 25, 50 and 75 % of nine runs: left and below of it, no more than so many runs got.
The second figure shows where one method attains more often than the other.
"""

import moo

study = moo.compare(
    {"zdt1": moo.problems.ZDT1(n_var=10)},
    {"NSGA-II": moo.NSGA2(pop_size=20), "random": moo.RandomSearch()},
    budget=1000,
    seeds=9,
)
runs = {label: list(study.runs_of("zdt1", label).values()) for label in study.optimizers}
moo.plot.attainment(runs).figure.savefig("a-attainment.png")
labels = ("NSGA-II", "random")
figure = moo.plot.attainment_difference(*(runs[label] for label in labels), labels=labels)
figure.savefig("b-difference.png")
