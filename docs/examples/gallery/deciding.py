"""Choosing a point

Three rules on the front of the welded beam: the knee, TOPSIS with most of the weight on the cost,
and the nearest to a reference point. Each names its point and the runner-up.
"""

import moo

result = moo.solve(moo.problems.WeldedBeam(), moo.NSGA2(pop_size=60), budget=12_000)
choices = [
    moo.decision.knee(result),
    moo.decision.topsis(result, weights=[0.9, 0.1]),
    moo.decision.achievement(result, [25.0, 0.0005]),
]
for choice in choices:
    print(choice)
axes = moo.plot.front({"NSGA-II": result})
moo.plot.mark(axes, result, choices)
axes.figure.savefig("choices.png")
