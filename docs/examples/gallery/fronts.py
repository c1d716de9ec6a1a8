"""One problem, three families

The same concave front by a weighted sum, by Chebyshev's function and by NSGA-II, each within 4,000
F-equivalents. The weighted sum ends at the two ends; what is between them is out of its reach.
"""

import moo

problem = moo.problems.ZDT2(n_var=10)
results = {
    "weighted sum": moo.solve(problem, moo.WeightedSum(n=20), budget=4000),
    "Chebyshev": moo.solve(problem, moo.Scalarized("smooth-chebyshev", n=20), budget=4000),
    "NSGA-II": moo.solve(problem, moo.NSGA2(pop_size=40), budget=4000),
}
for label, result in results.items():
    print(f"{label}: {len(result.F)} points, {result.cost.total:,.0f} F-equivalents")
moo.plot.front(results).figure.savefig("front.png")
