"""What a run's answer says of the constraints: which bind, how much room the others leave, what is missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from moo.problem import Problem

_CLOSE = 0.01  # of the most room a run saw: population methods stop just short of a constraint


@dataclass(frozen=True)
class Constraint:
    """One constraint as a result keeps it.

    Attributes:
        name: of the user's function, else g1, g2, ... and h1, h2, ...
        kind: "<= 0" or "= 0".
        tolerance: within which it counts as satisfied.
    """

    name: str
    kind: str
    tolerance: float


@dataclass(frozen=True)
class Standing:
    """How the answer stands to one constraint.

    Attributes:
        binds: at how many of the rows it holds with no room to speak of: a hundredth of the most that the
            run saw (an equality: at all that meet it).
        slack: the least room it leaves at a row that meets it, in its own units; NaN where no row does.
        miss: by how much the least violating row misses it, beyond its tolerance; 0 where it holds.
    """

    constraint: Constraint
    binds: int
    slack: float
    miss: float


def stated_constraints(problem: Problem) -> list[Constraint]:
    """The problem's constraints, inequalities first."""
    parts = (
        ("g", "<= 0", problem._inequality, problem.n_ieq_constr, problem.ieq_tolerance),
        ("h", "= 0", problem._equality, problem.n_eq_constr, problem.eq_tolerance),
    )
    return [
        Constraint(name, kind, float(tolerance))
        for letter, kind, functions, n, tolerance in parts
        for name in _names(letter, functions, n)
    ]


def _names(letter: str, functions: Sequence[object], n: int) -> list[str]:
    given = [getattr(function, "__name__", "<lambda>") for function in functions]
    plain = len(set(given)) < n or len(given) != n or "<lambda>" in given
    return [f"{letter}{i + 1}" for i in range(n)] if plain else given


def standings(
    constraints: list[Constraint], G: np.ndarray, H: np.ndarray, CV: np.ndarray, room: np.ndarray
) -> list[Standing]:
    """How rows with the values G (n, n_ieq_constr), H (n, n_eq_constr) and violation CV (n,) stand;
    ``room`` (n_ieq_constr,) is the most room the run saw to each inequality."""
    if len(CV) == 0:
        return []
    values = np.hstack([G, np.abs(H)])
    best = values[CV.argmin()]
    found = []
    for j, constraint in enumerate(constraints):
        column = values[:, j]
        met = column <= constraint.tolerance
        binds = met
        if constraint.kind == "<= 0":
            binds = met & (column >= -max(constraint.tolerance, _CLOSE * float(room[j])))
        slack = max(0.0, float(-column[met].max())) if met.any() else np.nan
        miss = max(0.0, float(best[j]) - constraint.tolerance)
        found.append(Standing(constraint, int(binds.sum()), slack, miss))
    return found


def sentences(found: list[Standing], n: int, feasible: bool) -> list[str]:
    """What to print: the constraints that bind at some of n rows, the least room of the others; where
    nothing is feasible, what the best candidate misses."""
    if not feasible:
        missed = [f"{s.constraint.name} by {s.miss:.3g}" for s in found if s.miss > 0]
        return [f"the least violating candidate misses {', '.join(missed)}"] if missed else []
    binding = [f"{s.constraint.name} at {s.binds} of {n} points" for s in found if s.binds]
    slack = [f"{s.constraint.name} by {s.slack:.3g}" for s in found if not s.binds]
    lines = [f"binding: {', '.join(binding)}"] if binding else []
    return lines + ([f"never reached: {', '.join(slack)}"] if slack else [])
