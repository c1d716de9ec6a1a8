"""How gradients stand to each other

Along a multi-gradient descent: the share of rows whose gradients conflict, their cosines and the weights
given. Where they hardly ever conflict, an aggregator can do nothing that a weighted sum does not.
"""

import moo

result = moo.solve(moo.problems.Kursawe(), moo.GradientDescent("mgda", n=20), budget=4000)
moo.plot.gradient_conflict(result).savefig("conflict.png")
