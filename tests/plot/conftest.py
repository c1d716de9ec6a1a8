"""Runs that figures are drawn of."""

from __future__ import annotations

import pytest
from legibility import ordered

import moo
from moo.result import Result


def cost(x):  # type: ignore[no-untyped-def]
    return x[0] ** 2 + x[1] ** 2


def gain(x):  # type: ignore[no-untyped-def]
    return x[0] * x[1]


@pytest.fixture(scope="session")
def plane() -> Result:
    """Cost is minimised, gain maximised; ordered by cost."""
    problem = moo.Problem(
        [cost, gain],
        xl=[0, 0],
        xu=[2, 2],
        directions=["min", "max"],
        title="a heater",
    )
    return ordered(moo.solve(problem, moo.NSGA2(pop_size=20), budget=400))


@pytest.fixture(scope="session")
def space() -> Result:
    return ordered(moo.solve(moo.problems.DTLZ2(), moo.NSGA2(pop_size=24), budget=480))


@pytest.fixture(scope="session")
def many() -> Result:
    problem = moo.problems.DTLZ2(n_var=10, n_obj=6)
    return ordered(moo.solve(problem, moo.NSGA2(pop_size=24), budget=480))
