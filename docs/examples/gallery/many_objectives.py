"""Five objectives

Parallel coordinates show every point of a front as a line over the objectives; where lines cross, objectives
are in conflict. A petal shows one point: the longer, the better.
"""

import moo

problem = moo.problems.DTLZ2(n_obj=5)
result = moo.solve(problem, moo.NSGA3(pop_size=70), budget=7000)
choice = moo.decision.topsis(result)
print(choice)
moo.plot.parallel({"NSGA-III": result}).figure.savefig("a-parallel.png")
moo.plot.petal(result, rows=[choice.row]).figure.savefig("b-petal.png")
