"""Every algorithm that pymoo ships, through moo.Pymoo: it runs, or it is listed here with the reason."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import warnings

import numpy as np
import pymoo.algorithms
import pytest
from pymoo.core.algorithm import Algorithm
from pymoo.termination.max_gen import MaximumGenerationTermination

import moo
from moo.weights import reference_directions

BUDGET = 1500
DIRECTIONS = reference_directions(40, 2)

# Bases of others, and line searches along a given direction: nothing that solves a problem.
NO_SOLVERS = {
    "BracketSearch",
    "GeneticAlgorithm",
    "LineSearch",
    "LocalSearch",
    "MetaAlgorithm2",
    "ExponentialSearch",
    "GoldenSectionSearch",
    "QuadraticInterpolationSearch",
    "WolfeSearch",
}
CANNOT = {
    "PINSGA2": "asks a person at the keyboard",
    "BGA": "varies bits alone: on real variables nothing but its first sample",
    "Optuna": "wants a problem stated in pymoo's own variables",
}
UNSEEDED = {"CMOPSO"}  # draws some of its numbers from a generator that no seed reaches

ARGUMENTS = {
    "CTAEA": {"ref_dirs": DIRECTIONS},
    "NSDER": {"ref_dirs": DIRECTIONS, "pop_size": 40},
    "NSGA3": {"ref_dirs": DIRECTIONS, "pop_size": 40},
    "UNSGA3": {"ref_dirs": DIRECTIONS, "pop_size": 40},
    "RVEA": {"ref_dirs": DIRECTIONS, "pop_size": 40, "termination": MaximumGenerationTermination(30)},
    "ParallelMOEAD": {"ref_dirs": DIRECTIONS},
    "MOEAD": {"ref_dirs": DIRECTIONS},
    "RNSGA2": {"ref_points": np.array([[0.5, 0.5]])},
    "RNSGA3": {"ref_points": np.array([[0.5, 0.5]]), "pop_per_ref_point": 20},
}


def shipped():
    """Name -> class, of every module that can be imported."""
    found = {}
    for module in pkgutil.walk_packages(pymoo.algorithms.__path__, "pymoo.algorithms."):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                loaded = importlib.import_module(module.name)
            except ImportError:  # KGB wants scikit-learn
                continue
        for name, member in vars(loaded).items():
            own = inspect.isclass(member) and member.__module__ == module.name
            if own and issubclass(member, Algorithm) and name not in NO_SOLVERS:
                found[name] = member
    return found


ALGORITHMS = shipped()
SINGLE = {n for n, c in ALGORITHMS.items() if ".soo." in c.__module__}


def problem(name):
    functions = [lambda X: ((X - 0.3) ** 2).sum(1), lambda X: ((X - 0.7) ** 2).sum(1)]
    box = {"xl": [0.0] * 4, "xu": [1.0] * 4, "backend": "numpy", "vectorized": True}
    return moo.Problem(functions[: 1 if name in SINGLE else 2], **box)


def solved(name):
    algorithm = ALGORITHMS[name](**ARGUMENTS.get(name, {}))
    return moo.solve(problem(name), moo.Pymoo(algorithm), budget=BUDGET, seed=1)


@pytest.mark.parametrize("name", sorted(set(ALGORITHMS) - set(CANNOT)))
def test_it_runs_and_gets_somewhere(name):
    result = solved(name)
    assert result.cost.n_f <= BUDGET
    if name not in UNSEEDED:
        assert np.array_equal(result.F, solved(name).F), "the same seed gives the same numbers"
    assert np.array_equal(result.F, problem(name).compute(result.X).F)
    first, everything = result.log["F"][:20], result.log["F"]
    if name in SINGLE:
        assert everything.min() < 0.2 * first.min() or everything.min() < 0.02
        assert result.F.min() < 0.1 * np.median(first)
    else:
        reference = np.array([1.0, 1.0])
        at_first = moo.indicators.hypervolume(first, reference)
        assert moo.indicators.hypervolume(result.archive_F, reference) > at_first
        assert moo.indicators.hypervolume(result.F, reference) > 0.5 * at_first


def test_the_lists_name_what_there_is():
    assert set(CANNOT) <= set(ALGORITHMS)
    assert set(ARGUMENTS) <= set(ALGORITHMS)
    assert len(set(ALGORITHMS) - set(CANNOT)) > 30
