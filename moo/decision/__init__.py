"""Deciding: which point of a front to take. Every rule returns a `Choice`, which names the rule, the point,
the runner-up, and the numbers that decided.

    choice = moo.decision.knee(result)
    choice.row, choice.x, choice.f, choice.why

Rules choose among the feasible, mutually non-dominated rows of an answer, of equal rows the first. Reference
points, limits, ideal and nadir point are given in the user's units and sign, so that a maximised accuracy is
bounded by ``{"accuracy": (0.9, None)}``. A plain array F (n, n_obj) in minimised form is taken too; its
objectives are called f1, f2, ...
"""

from moo.decision.candidates import Limits, Point, Source
from moo.decision.choice import Choice
from moo.decision.knees import knee
from moo.decision.pooled import Pool, pool
from moo.decision.rules import achievement, bounds, lexicographic, pseudo_weights, topsis

__all__ = [
    "Choice",
    "Limits",
    "Point",
    "Pool",
    "Source",
    "achievement",
    "bounds",
    "knee",
    "lexicographic",
    "pool",
    "pseudo_weights",
    "topsis",
]
