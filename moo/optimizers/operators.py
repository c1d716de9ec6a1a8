"""Variation for real variables: binary tournament, SBX, polynomial mutation, no duplicates.

Compiled by numba and cached on disk; ``vary.py_func`` is the same code uncompiled.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

_SAME = 1e-14  # parents closer than this in a variable have nothing to recombine there
_ATTEMPTS = 20  # pairs tried per wanted child before a generation goes on with fewer


def compiled(function: Any) -> Any:
    """numba's nopython compilation, cached beside the source."""
    return numba.njit(cache=True, error_model="numpy")(function)


def stream_of(rng: np.random.Generator) -> np.ndarray:
    """A stream of random numbers for the compiled functions, seeded by the run's generator: handing
    over a Generator costs ten microseconds. The bits of a uniform double are the seed."""
    return rng.random(1).view(np.uint64)


@compiled
def uniform(stream: np.ndarray) -> float:
    """The stream's next number, uniform in [0, 1): SplitMix64 (Steele, Lea and Flood 2014)."""
    stream[0] += np.uint64(0x9E3779B97F4A7C15)
    z = stream[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.float64((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


@compiled
def power(x: float, exponent: float) -> float:
    """x ** exponent; whole exponents, which distribution indices usually give, by squaring."""
    whole = int(exponent)
    if whole != exponent:
        return x**exponent  # type: ignore[no-any-return]
    result = 1.0
    while whole:
        if whole & 1:
            result *= x
        x *= x
        whole >>= 1
    return result


@compiled
def spread(u: float, room: float, eta: float) -> float:
    """SBX's spread factor beta_q for uniform u, where the nearer parent is ``room`` half-distances
    from its bound (Deb and Beyer 1999)."""
    alpha = u * (2.0 - 1.0 / power(1.0 + room, eta + 1.0))
    base = alpha if alpha <= 1.0 else 1.0 / (2.0 - alpha)
    return base ** (1.0 / (eta + 1.0))  # type: ignore[no-any-return]


@compiled
def cross(
    a: np.ndarray, b: np.ndarray, xl: np.ndarray, xu: np.ndarray, eta: float, stream: np.ndarray
) -> None:
    """Recombine the rows a and b (d,) in place: bounded SBX (Deb and Agrawal 1995), each variable
    with probability 1/2, the children exchanged with probability 1/2 a variable."""
    far = 1e17 ** (1.0 / (eta + 1.0))  # a bound so far away no longer changes the spread factor
    for j in range(len(a)):
        # One draw decides three things: its first bit whether to recombine, its second whether to
        # exchange, the 51 others are the uniform u.
        u = 2.0 * uniform(stream)
        if u >= 1.0 or abs(a[j] - b[j]) <= _SAME:
            continue
        exchange = u < 0.5
        u = 2.0 * u if exchange else 2.0 * u - 1.0
        low, high = min(a[j], b[j]), max(a[j], b[j])
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
        room_below, room_above = (low - xl[j]) / half, (xu[j] - high) / half
        factor = spread(u, room_below, eta)
        below = max(middle - half * factor, xl[j])
        if min(room_below, room_above) < far:
            factor = spread(u, room_above, eta)
        above = min(middle + half * factor, xu[j])
        if exchange:
            a[j], b[j] = below, above
        else:
            a[j], b[j] = above, below


@compiled
def mutate(
    x: np.ndarray, xl: np.ndarray, xu: np.ndarray, eta: float, prob: float, stream: np.ndarray
) -> None:
    """Bounded polynomial mutation of the row x (d,) in place (Deb and Agrawal 1999)."""
    keep = np.log1p(-prob) if prob < 1.0 else -np.inf
    j = skip(keep, stream)
    while j < len(x):
        width, u = xu[j] - xl[j], uniform(stream)
        if width > 0:
            tail = min(u, 1 - u) * 2
            room = (xu[j] - x[j] if u < 0.5 else x[j] - xl[j]) / width
            size = 1 - (tail + (1 - tail) * power(room, eta + 1)) ** (1 / (eta + 1))
            x[j] += -size * width if u < 0.5 else size * width
            x[j] = min(max(x[j], xl[j]), xu[j])
        j += 1 + skip(keep, stream)


@compiled
def skip(keep: float, stream: np.ndarray) -> int:
    """How many variables stay as they are before the next that mutates: geometric, ``keep`` is the
    logarithm of the probability that one stays."""
    if keep == 0.0:
        return 1 << 62
    return int(min(np.log(1.0 - uniform(stream)) / keep, 2.0**62))


@compiled
def is_new(row: int, rows: np.ndarray, table: np.ndarray) -> bool:
    """Whether no earlier row equals this one; enters it into the open-addressing hash table."""
    mask = len(table) - 1
    key_of_column = np.uint64(0xD1B54A32D192ED03)
    key = np.uint64(1469598103934665603)
    for bits in rows[row].view(np.uint64):
        key += (bits ^ (bits >> np.uint64(29))) * key_of_column
        key_of_column += np.uint64(0x9E3779B97F4A7C16)  # even, so that every multiplier stays odd
    slot = np.int64((key ^ (key >> np.uint64(32))) & np.uint64(0x7FFFFFFF)) & mask
    while table[slot] >= 0:
        if np.array_equal(rows[table[slot]], rows[row]):
            return False
        slot = (slot + 1) & mask
    table[slot] = row
    return True


@compiled
def dominance(F: np.ndarray, a: int, b: int) -> int:
    """1 where row a dominates row b, -1 where b dominates a, else 0."""
    better = worse = False
    for j in range(F.shape[1]):
        better |= F[a, j] < F[b, j]
        worse |= F[a, j] > F[b, j]
    return int(better) - int(worse) if better != worse else 0


@compiled
def duel(a: int, b: int, F: np.ndarray, CV: np.ndarray, crowding: np.ndarray, coin: float) -> int:
    """The better of two rows: less violation, else dominance, else more room around it, else chance.

    Dominance itself decides, not the rank, so that a lone row of a later front can win (pymoo's rule;
    Deb et al. 2002 compare ranks, which lost more diversity on ZDT4 and OSY).
    """
    preference = 0.0
    if CV[a] > 0.0 or CV[b] > 0.0:
        preference = CV[b] - CV[a] if CV[a] != CV[b] else 0.0
    else:
        preference = float(dominance(F, a, b))
        if preference == 0.0 and crowding[a] != crowding[b]:
            preference = crowding[a] - crowding[b]
    if preference == 0.0:
        preference = coin - 0.5
    return a if preference > 0.0 else b


@compiled
def contestants(pop: int, n: int, stream: np.ndarray) -> np.ndarray:
    """n contestants of tournaments, drawn by permutations so that all rows take part equally often."""
    drawn = np.empty(n, np.int64)
    order = np.arange(pop)
    for k in range(n):
        left = pop - k % pop
        j = int(uniform(stream) * left)
        drawn[k] = order[j]
        order[j], order[left - 1] = order[left - 1], order[j]
    return drawn


@compiled
def vary(
    X: np.ndarray,
    F: np.ndarray,
    CV: np.ndarray,
    crowding: np.ndarray,
    n: int,
    xl: np.ndarray,
    xu: np.ndarray,
    crossover_eta: float,
    crossover_prob: float,
    mutation_eta: float,
    mutation_prob: float,
    stream: np.ndarray,
) -> np.ndarray:
    """n children (n, d) of the population X (pop, d) with values F, violation CV and crowding distance.

    No child equals a parent of X or another child; where the box holds too few points for that,
    fewer than n come back.
    """
    pop, d = X.shape
    rows = np.empty((pop + n + 1, d))
    rows[:pop] = X + 0.0  # -0.0 becomes 0.0, so that equal rows have equal bits
    table = np.full(1 << int(np.ceil(np.log2(4 * (pop + n)))), -1)
    for i in range(pop):
        is_new(i, rows, table)
    size = pop
    pair = np.empty((2, d))
    drawn = contestants(pop, 4 * n, stream)
    for k in range(_ATTEMPTS * n):
        for side in range(2):
            at = 4 * (k % n) + 2 * side
            parent = duel(drawn[at], drawn[at + 1], F, CV, crowding, uniform(stream))
            pair[side] = X[parent]
        if uniform(stream) < crossover_prob:
            cross(pair[0], pair[1], xl, xu, crossover_eta, stream)
        for child in pair:
            mutate(child, xl, xu, mutation_eta, mutation_prob, stream)
            for j in range(d):
                rows[size, j] = child[j] + 0.0
            if size < pop + n and is_new(size, rows, table):
                size += 1
        if size == pop + n:
            break
    return rows[pop:size]
