"""How children come from a population, whatever the kinds of its variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from moo.optimizers.operators import cross_pairs, keep_new, mutate, parents, stream_of, uniform, vary
from moo.sorting import compiled
from moo.variables import Binary, Choice, Integer, Permutation, Real, Variable

if TYPE_CHECKING:
    from moo.problem import Problem

_ATTEMPTS = 20  # rounds in which duplicates are replaced before a generation goes on with fewer


class HasOperators(Protocol):
    """The options of the operators, as `moo.optimizers.genetic.Genetic` has them."""

    @property
    def crossover_eta(self) -> float: ...
    @property
    def crossover_prob(self) -> float: ...
    @property
    def mutation_eta(self) -> float: ...
    @property
    def mutation_prob(self) -> float | None: ...


@dataclass(frozen=True)
class Operators:
    """Options of the operators, for methods that do not expose them."""

    crossover_eta: float = 15.0
    crossover_prob: float = 0.9
    mutation_eta: float = 20.0
    mutation_prob: float | None = None


class Population(NamedTuple):
    """What mating needs to know of the parents: X (n, n_var), F (n, m), violation and crowding (n,)."""

    X: np.ndarray
    F: np.ndarray
    CV: np.ndarray
    crowding: np.ndarray


def children(
    problem: Problem, population: Population, n: int, options: HasOperators, rng: np.random.Generator
) -> np.ndarray:
    """n new candidates, none of them twice and none among the parents; fewer where there are no more.

    Of two rivals the one that violates less is a parent, else the one that dominates, else the less
    crowded. Real variables: SBX and polynomial mutation. Others: see `mixed_children`.
    """
    stream = stream_of(rng)
    if problem.variables is not None and not problem.variables.real:
        return mixed_children(problem, population, n, options, rng, stream)
    prob = 1.0 / problem.n_var if options.mutation_prob is None else options.mutation_prob
    made: np.ndarray = vary(
        population.X,
        population.F,
        population.CV,
        population.crowding,
        n,
        problem.xl,
        problem.xu,
        options.crossover_eta,
        options.crossover_prob,
        options.mutation_eta,
        prob,
        stream,
    )
    return made


def mixed_children(
    problem: Problem,
    population: Population,
    n: int,
    options: HasOperators,
    rng: np.random.Generator,
    stream: np.ndarray,
) -> np.ndarray:
    """Each variable by its kind: integers as reals, rounded; choices and truth values exchanged with
    probability 1/2 and drawn anew; permutations by order crossover (Davis 1985) and inversion."""
    assert problem.variables is not None
    pop, d = population.X.shape
    rows = np.empty((pop + 2 * n + 2, d))
    rows[:pop] = population.X
    table = np.full(1 << int(np.ceil(np.log2(4 * (pop + n)))), -1)
    size = start = keep_new(rows, 0, pop, pop, table)
    for _ in range(_ATTEMPTS):
        born = n + n % 2
        brood = np.empty((born, d))
        parents(population.X, population.F, population.CV, population.crowding, brood, stream)
        for name, variable in problem.variables.by_name.items():
            at = problem.variables.slices[name]
            brood[:, at] = _varied(
                variable, brood[:, at].copy(), len(problem.variables.by_name), options, rng
            )
        rows[size : size + born] = problem.variables.repair(brood)
        size = keep_new(rows, size, size + born, start + n, table)
        if size == start + n:
            break
    return rows[start:size].copy()


def _varied(
    variable: Variable, values: np.ndarray, n_variables: int, options: HasOperators, rng: np.random.Generator
) -> np.ndarray:
    """The columns (n, columns) of one variable, rows 2k and 2k + 1 recombined, then mutated."""
    prob = 1.0 / n_variables if options.mutation_prob is None else options.mutation_prob
    if isinstance(variable, (Real, Integer)):
        return _varied_number(variable, values, prob, options, rng)
    if isinstance(variable, Permutation):
        vary_orders(values, options.crossover_prob, prob, stream_of(rng))
        return values
    assert isinstance(variable, (Binary, Choice))
    n, (_, high) = len(values), variable.bounds
    exchange = np.repeat(rng.random(n // 2) < 0.5 * options.crossover_prob, 2)
    swapped = values.reshape(-1, 2)[:, ::-1].reshape(n, 1)
    values = np.where(exchange[:, None], swapped, values)
    anew = (rng.random((n, 1)) < prob) & (high > 0)
    others = (values + rng.integers(1, max(int(high), 1) + 1, size=(n, 1))) % (high + 1)
    return np.where(anew, others, values)


def _varied_number(
    variable: Real | Integer, values: np.ndarray, prob: float, options: HasOperators, rng: np.random.Generator
) -> np.ndarray:
    """SBX and polynomial mutation; an integer has half a step more room at both ends, and one that
    mutates moves by a step at least."""
    low, high = variable.bounds
    whole = isinstance(variable, Integer)
    xl, xu = np.array([low - 0.499 * whole]), np.array([high + 0.499 * whole])
    stream = stream_of(rng)
    cross_pairs(values, xl, xu, options.crossover_eta, options.crossover_prob, stream)
    before = np.rint(values) if whole else values.copy()
    mutate(values.reshape(-1), xl, xu, options.mutation_eta, prob, stream)
    if whole:
        moved = values - before
        stayed = (np.rint(values) == before) & (np.abs(moved) > 0.5)
        values = np.where(stayed, before + np.sign(moved), values)
    return values


@compiled
def vary_orders(orders: np.ndarray, crossover_prob: float, mutation_prob: float, stream: np.ndarray) -> None:
    """Recombine and mutate the permutations (n, k) in place, row by row in pairs."""
    n, k = orders.shape
    for pair in range(0, n - 1, 2):
        if uniform(stream) < crossover_prob:
            i, j = int(uniform(stream) * k), int(uniform(stream) * k)
            a, b = orders[pair].copy(), orders[pair + 1].copy()
            orders[pair] = order_cross(a, b, min(i, j), max(i, j))
            orders[pair + 1] = order_cross(b, a, min(i, j), max(i, j))
    for row in range(n):
        if uniform(stream) < mutation_prob:
            i, j = int(uniform(stream) * k), int(uniform(stream) * k)
            low, high = min(i, j), max(i, j)
            orders[row, low : high + 1] = orders[row, low : high + 1][::-1].copy()


@compiled
def order_cross(a: np.ndarray, b: np.ndarray, first: int, last: int) -> np.ndarray:
    """What a has at first..last, the rest in the order in which b has it, from behind that stretch on."""
    k = len(a)
    child, used = np.empty(k), np.zeros(k, np.bool_)
    for at in range(first, last + 1):
        child[at] = a[at]
        used[int(a[at])] = True
    at = (last + 1) % k
    for step in range(k):
        value = b[(last + 1 + step) % k]
        if not used[int(value)]:
            child[at] = value
            at = (at + 1) % k
    return child
