"""Three objectives

DTLZ2's front is an eighth of a sphere. NSGA-II, which keeps apart by crowding, covers it less evenly than
NSGA-III, which keeps one point near each of many directions. The scatter matrix
shows what a view in space hides.
"""

import moo

problem = moo.problems.DTLZ2()
results = {
    "NSGA-II": moo.solve(problem, moo.NSGA2(pop_size=92), budget=9200),
    "NSGA-III": moo.solve(problem, moo.NSGA3(pop_size=92), budget=9200),
}
moo.plot.front(results).figure.savefig("a-space.png")
moo.plot.scatter_matrix(results).savefig("b-pairs.png")
