"""The same genetic algorithms on the same problems by moo and by other libraries, for `peers_nsga2.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Run = Callable[[int], np.ndarray]  # seed -> F of the final population


@dataclass(frozen=True)
class Case:
    """A column of the table: an algorithm on a problem."""

    method: str
    problem: str
    n_var: int
    n_obj: int
    pop_size: int
    generations: int

    @property
    def title(self) -> str:
        return (
            f"{self.method} on {self.problem}, {self.n_var} variables, {self.n_obj} objectives, "
            f"population {self.pop_size}, {self.generations} generations"
        )

    @property
    def evaluations(self) -> int:
        return self.pop_size * self.generations

    @property
    def bounds(self) -> list[tuple[float, float]]:
        others = (-5.0, 5.0) if self.problem == "ZDT4" else (0.0, 1.0)
        return [(0.0, 1.0)] + [others] * (self.n_var - 1)

    def function(self, X: np.ndarray) -> np.ndarray:
        """F (n, n_obj) of X (n, n_var), for libraries that take a function of a batch."""
        if self.problem == "DTLZ2":
            r = 1 + ((X[:, 2:] - 0.5) ** 2).sum(axis=1)
            a, b = X[:, 0] * (np.pi / 2), X[:, 1] * (np.pi / 2)
            return np.column_stack([r * np.cos(a) * np.cos(b), r * np.cos(a) * np.sin(b), r * np.sin(a)])
        if self.problem == "ZDT4":
            Z = X[:, 1:]
            g = 1 + (10 + Z**2 - 10 * np.cos(4 * np.pi * Z)).sum(axis=1)
        else:
            g = 1 + 9 * X[:, 1:].mean(axis=1)
        return np.column_stack([X[:, 0], g * (1 - np.sqrt(X[:, 0] / g))])


CASES = {
    "zdt1": Case("NSGA-II", "ZDT1", 30, 2, 100, 250),
    "dtlz2": Case("NSGA-II", "DTLZ2", 12, 3, 100, 250),
    "zdt4": Case("NSGA-II", "ZDT4", 10, 2, 100, 250),
    "dtlz2-1000": Case("NSGA-II", "DTLZ2", 12, 3, 1000, 100),
    "nsga3": Case("NSGA-III", "DTLZ2", 12, 3, 92, 250),
    "sms-emoa": Case("SMS-EMOA", "DTLZ2", 12, 3, 100, 250),
}
DIVISIONS = 12  # of NSGA-III's simplex lattice: 91 directions


# ---------------------------------------------------------------------- one function a library


def run_moo(case: Case) -> Run | None:
    import moo

    optimizer = getattr(
        moo, {"NSGA-II": "NSGA2", "NSGA-III": "NSGA3", "SMS-EMOA": "SMSEMOA"}[case.method], None
    )
    if optimizer is None:
        return None
    sizes = {"n_obj": case.n_obj} if case.problem == "DTLZ2" else {}
    problem = getattr(moo.problems, case.problem)(n_var=case.n_var, **sizes)
    method = optimizer(pop_size=case.pop_size, crossover_eta=15.0, crossover_prob=0.9)
    return lambda seed: moo.solve(problem, method, budget=case.evaluations, seed=seed).F


def run_pymoo(case: Case) -> Run | None:
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.algorithms.moo.nsga3 import NSGA3
    from pymoo.algorithms.moo.sms import SMSEMOA
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.mutation.pm import PM
    from pymoo.optimize import minimize
    from pymoo.problems import get_problem
    from pymoo.util.ref_dirs import get_reference_directions

    sizes = {"n_obj": case.n_obj} if case.problem == "DTLZ2" else {}
    problem = get_problem(case.problem.lower(), n_var=case.n_var, **sizes)
    options = {"pop_size": case.pop_size}
    if case.method == "NSGA-III":
        options["ref_dirs"] = get_reference_directions("das-dennis", case.n_obj, n_partitions=DIVISIONS)
    method = {"NSGA-II": NSGA2, "NSGA-III": NSGA3, "SMS-EMOA": SMSEMOA}[case.method]

    def run(seed: int) -> np.ndarray:
        algorithm = method(crossover=SBX(eta=15, prob=0.9), mutation=PM(eta=20, prob=1.0), **options)
        return minimize(problem, algorithm, ("n_gen", case.generations), seed=seed).F

    return run


def run_pygmo(case: Case) -> Run | None:
    import pygmo

    if case.method == "SMS-EMOA":
        return None
    if case.problem == "DTLZ2":
        problem = pygmo.problem(pygmo.dtlz(2, dim=case.n_var, fdim=case.n_obj))
    else:
        problem = pygmo.problem(pygmo.zdt(int(case.problem[-1]), case.n_var))
    options = {"gen": case.generations - 1, "cr": 0.9, "eta_c": 15.0}

    def run(seed: int) -> np.ndarray:
        if case.method == "NSGA-III":
            method = pygmo.nsga3(**options, mut=1 / case.n_var, eta_mut=20.0, divisions=DIVISIONS, seed=seed)
        else:
            method = pygmo.nsga2(**options, m=1 / case.n_var, eta_m=20.0, seed=seed)
        population = pygmo.population(problem, size=case.pop_size, seed=seed)
        return pygmo.algorithm(method).evolve(population).get_f()

    return run


def run_genoxide(case: Case, built_in: bool = True) -> Run | None:
    import genoxide

    problem_class = getattr(genoxide.problems, case.problem.capitalize())
    problem = problem_class(objectives=case.n_obj) if case.problem == "DTLZ2" else problem_class(case.n_var)
    options = {
        "objectives": ["minimize"] * case.n_obj,
        "crossover": genoxide.SimulatedBinaryCrossover(15),
        "mutation": genoxide.PolynomialMutation(20, rate=1 / case.n_var),
        "crossover_rate": 0.9,
        "population_size": case.pop_size,
    }
    if case.method == "NSGA-III":
        options["reference_directions"] = genoxide.das_dennis(case.n_obj, DIVISIONS)
    method = getattr(genoxide, {"NSGA-II": "Nsga2", "NSGA-III": "Nsga3", "SMS-EMOA": "SmsEmoa"}[case.method])
    genome, generations = genoxide.Real(case.bounds), case.generations - 1  # the first is number 0

    def run(seed: int) -> np.ndarray:
        if built_in:
            result = method(problem.genome, **options, seed=seed).run(problem, generations=generations)
        else:
            algorithm = method(genome, **options, seed=seed)
            result = algorithm.run(case.function, generations=generations, batch=True)
        return result.front_objectives

    return run


def run_genoxide_python(case: Case) -> Run | None:
    return run_genoxide(case, built_in=False)


def run_pymoors(case: Case) -> Run | None:
    """pymoors has no polynomial mutation: Gaussian mutation as often, a tenth of the range wide."""
    import pymoors

    if case.method == "SMS-EMOA":
        return None
    lower, upper = np.array(case.bounds).T
    options = {
        "sampler": pymoors.RandomSamplingFloat(min=0.0, max=1.0),
        "crossover": pymoors.SimulatedBinaryCrossover(distribution_index=15),
        "mutation": pymoors.GaussianMutation(gene_mutation_rate=1 / case.n_var, sigma=0.1),
        "fitness_fn": lambda U: case.function(lower + U * (upper - lower)),
        "constraints_fn": pymoors.Constraints(lower_bound=0.0, upper_bound=1.0),
        "duplicates_cleaner": pymoors.ExactDuplicatesCleaner(),
        "num_vars": case.n_var,
        "population_size": case.pop_size,
        "num_offsprings": case.pop_size,
        "num_iterations": case.generations - 1,
        "mutation_rate": 1.0,
        "crossover_rate": 0.9,
        "keep_infeasible": False,
        "verbose": False,
    }
    method = pymoors.Nsga2
    if case.method == "NSGA-III":
        method = pymoors.Nsga3
        options["reference_points"] = pymoors.DanAndDenisReferencePoints(91, case.n_obj)

    def run(seed: int) -> np.ndarray:
        algorithm = method(**options, seed=seed)
        algorithm.run()
        return np.asarray(algorithm.population.fitness)

    return run


def run_deap(case: Case) -> Run | None:
    import random

    from deap import base, tools

    if case.method == "SMS-EMOA":
        return None

    class Fitness(base.Fitness):
        weights = (-1.0,) * case.n_obj

    class Individual(list):
        def __init__(self, numbers: list[float]) -> None:
            super().__init__(numbers)
            self.fitness = Fitness()

    lower, upper = ([float(b) for b in side] for side in zip(*case.bounds, strict=True))

    def evaluate(population: list[Individual]) -> None:
        for individual, values in zip(population, case.function(np.array(population)).tolist(), strict=True):
            individual.fitness.values = values

    def children(chosen: list[Individual]) -> list[Individual]:
        made = [Individual(individual) for individual in chosen]
        for a, b in zip(made[::2], made[1::2], strict=True):
            if random.random() < 0.9:
                tools.cxSimulatedBinaryBounded(a, b, 15.0, lower, upper)
            for child in (a, b):
                tools.mutPolynomialBounded(child, 20.0, lower, upper, 1 / case.n_var)
        return made

    directions = tools.uniform_reference_points(case.n_obj, DIVISIONS)

    def select(population: list[Individual]) -> list[Individual]:
        if case.method == "NSGA-III":
            return tools.selNSGA3(population, case.pop_size, directions)
        return tools.selNSGA2(population, case.pop_size, nd="log")

    def run(seed: int) -> np.ndarray:
        random.seed(seed)
        first = np.random.default_rng(seed).uniform(lower, upper, (case.pop_size, case.n_var))
        population = [Individual(x) for x in first.tolist()]
        evaluate(population)
        population = select(population)
        for _ in range(case.generations - 1):
            if case.method == "NSGA-III":
                chosen = random.sample(population, len(population))
            else:
                chosen = tools.selTournamentDCD(population, len(population))
            offspring = children(chosen)
            evaluate(offspring)
            population = select(population + offspring)
        return np.array([individual.fitness.values for individual in population])

    return run


# Name in the table -> (package, its runner).
IMPLEMENTATIONS: dict[str, tuple[str, Callable[[Case], Run | None]]] = {
    "moo": ("moo", run_moo),
    "genoxide, function in Rust": ("genoxide", run_genoxide),
    "genoxide, function in Python": ("genoxide", run_genoxide_python),
    "pygmo, function in C++": ("pygmo", run_pygmo),
    "pymoors": ("pymoors", run_pymoors),
    "pymoo": ("pymoo", run_pymoo),
    "DEAP": ("deap", run_deap),
}
