"""Variation for real variables: binary tournament, SBX, polynomial mutation, no duplicates.

Compiled by numba and cached on disk; ``vary.py_func`` is the same code uncompiled. SBX works on a
whole generation in passes over arrays, each without branches, so that they compile to vector code.
"""

from __future__ import annotations

import numpy as np

from moo.sorting import compiled as compiled  # others import it from here

_SAME = 1e-14  # parents closer than this in a variable have nothing to recombine there
_ATTEMPTS = 20  # rounds of mating before a generation goes on with fewer children
_STEP = np.uint64(0x9E3779B97F4A7C15)  # of SplitMix64


def stream_of(rng: np.random.Generator) -> np.ndarray:
    """A stream of random numbers for the compiled functions, seeded by the run's generator: handing
    over a Generator costs ten microseconds. The bits of a uniform double are the seed."""
    return rng.random(1).view(np.uint64)


@compiled
def mixed(state: int) -> float:
    """A state of the stream as a number uniform in [0, 1): SplitMix64 (Steele, Lea and Flood 2014)."""
    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.float64((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


@compiled
def uniform(stream: np.ndarray) -> float:
    """The stream's next number, uniform in [0, 1)."""
    stream[0] += _STEP
    return mixed(stream[0])  # type: ignore[no-any-return]


@compiled
def power(x: np.ndarray, exponent: float) -> None:
    """The numbers of x to the power, in place; whole exponents, which distribution indices usually
    give, by squaring."""
    while exponent >= 2.0 and exponent % 2.0 == 0.0:
        for i in range(len(x)):
            x[i] *= x[i]
        exponent *= 0.5
    whole = int(exponent)
    if whole != exponent:
        for i in range(len(x)):
            x[i] **= exponent
        return
    square = x.copy()
    while whole > 1:
        whole >>= 1
        for i in range(len(x)):
            square[i] *= square[i]
        if whole & 1:
            for i in range(len(x)):
                x[i] *= square[i]


@compiled
def root(x: np.ndarray, degree: float) -> None:
    """The roots of the numbers of x, in place; by square roots where the degree is a power of two, as
    it is for the usual distribution index 15."""
    while degree >= 2.0 and degree % 2.0 == 0.0:
        for i in range(len(x)):
            x[i] = np.sqrt(x[i])
        degree *= 0.5
    if degree != 1.0:
        for i in range(len(x)):
            x[i] **= 1.0 / degree


@compiled
def spread(ratio: np.ndarray, u: np.ndarray, eta: float) -> None:
    """From ``ratio``, in place, SBX's spread factors beta_q for uniform u (Deb and Beyer 1999): the
    parents' half-distance over the distance of their middle from the child's bound."""
    power(ratio, eta + 1.0)
    for i in range(len(u)):
        alpha = u[i] * (2.0 - ratio[i])
        # alpha up to 1, 1 / (2 - alpha) above, without a branch that would be mispredicted
        ratio[i] = min(alpha, 1.0) / min(2.0 - alpha, 1.0)
    root(ratio, eta + 1.0)


@compiled
def pick(
    x: np.ndarray,
    start: int,
    xl: np.ndarray,
    xu: np.ndarray,
    at: np.ndarray,
    genes: np.ndarray,
    count: int,
    stream: np.ndarray,
) -> int:
    """Enter the variables in which a pair, whose parents follow one another from ``start`` on in x,
    recombines, each with probability 1/2: where it is, a uniform number, the values of the parents and
    the bounds. Without a branch, which would be mispredicted every other time."""
    state, d = stream[0], len(xl)
    for j in range(d):
        state += _STEP
        v, a, b = mixed(state), x[start + j], x[start + d + j]
        at[count] = start + j
        genes[0, count], genes[1, count], genes[2, count] = 2.0 * v, a, b
        genes[3, count], genes[4, count] = xl[j], xu[j]
        count += int((v < 0.5) & (abs(a - b) > _SAME))
    stream[0] = state
    return count


@compiled
def recombine(x: np.ndarray, d: int, at: np.ndarray, genes: np.ndarray, eta: float) -> None:
    """Bounded SBX (Deb and Agrawal 1995) in place, where `pick` says. The first bit of u says which
    child is the lower, the others are uniform."""
    n = len(at)
    u, a, b, low, high = genes[0], genes[1], genes[2], genes[3], genes[4]
    below, above, rest = np.empty(n), np.empty(n), np.empty(n)
    for i in range(n):
        half = 0.5 * abs(a[i] - b[i])
        below[i] = half / (half + (min(a[i], b[i]) - low[i]))
        above[i] = half / (half + (high[i] - max(a[i], b[i])))
        rest[i] = 2.0 * u[i] - (0.0 if u[i] < 0.5 else 1.0)
    spread(below, rest, eta)
    spread(above, rest, eta)
    for i in range(n):
        half, middle = 0.5 * abs(a[i] - b[i]), 0.5 * (a[i] + b[i])
        lower = max(middle - half * below[i], low[i])
        upper = min(middle + half * above[i], high[i])
        x[at[i]] = lower if u[i] < 0.5 else upper
        x[at[i] + d] = upper if u[i] < 0.5 else lower


@compiled
def cross(
    a: np.ndarray, b: np.ndarray, xl: np.ndarray, xu: np.ndarray, eta: float, stream: np.ndarray
) -> None:
    """Recombine the rows a and b (d,) in place: SBX, each variable with probability 1/2, the children
    exchanged with probability 1/2 a variable."""
    d = len(a)
    pair = np.concatenate((a, b))
    cross_pairs(pair.reshape(2, d), xl, xu, eta, 1.0, stream)
    a[:], b[:] = pair[:d], pair[d:]


@compiled
def cross_pairs(
    rows: np.ndarray, xl: np.ndarray, xu: np.ndarray, eta: float, prob: float, stream: np.ndarray
) -> None:
    """`cross` every two neighbouring rows (2 k, d) with the probability, all in the same passes."""
    n, d = rows.shape
    x = rows.reshape(n * d)
    most = n * d // 2 + 1  # the last place is written to and not used
    at, genes, count = np.empty(most, np.int64), np.empty((5, most)), 0
    for start in range(0, n * d, 2 * d):
        if prob == 1.0 or uniform(stream) < prob:
            count = pick(x, start, xl, xu, at, genes, count, stream)
    recombine(x, d, at[:count], genes, eta)


@compiled
def mutate(
    x: np.ndarray, xl: np.ndarray, xu: np.ndarray, eta: float, prob: float, stream: np.ndarray
) -> None:
    """Bounded polynomial mutation (Deb and Agrawal 1999) in place, of one row x (d,) or of several
    one after the other (k d,)."""
    d, n = len(xl), 0
    at, u = np.empty(len(x), np.int64), np.empty(len(x))
    keep = np.log1p(-prob) if prob < 1.0 else -np.inf
    i = skip(keep, stream)
    while i < len(x):
        at[n], u[n] = i, uniform(stream)
        n += 1
        i += 1 + skip(keep, stream)
    room = np.empty(n)  # on the side to which it goes, as a share of the range
    for k in range(n):
        i, j = at[k], at[k] % d
        width = xu[j] - xl[j]
        room[k] = (xu[j] - x[i] if u[k] < 0.5 else x[i] - xl[j]) / width if width > 0.0 else 0.0
    power(room, eta + 1.0)
    for k in range(n):
        tail = min(u[k], 1.0 - u[k]) * 2.0
        room[k] = tail + (1.0 - tail) * room[k]
    root(room, eta + 1.0)
    for k in range(n):
        i, j = at[k], at[k] % d
        size = (1.0 - room[k]) * (xu[j] - xl[j])
        x[i] += -size if u[k] < 0.5 else size
        x[i] = min(max(x[i], xl[j]), xu[j])


@compiled
def skip(keep: float, stream: np.ndarray) -> int:
    """How many variables stay as they are before the next that mutates: geometric, ``keep`` is the
    logarithm of the probability that one stays."""
    if keep == 0.0:
        return 1 << 62
    return int(min(np.log(1.0 - uniform(stream)) / keep, 2.0**62))


@compiled
def hashed(row: int, rows: np.ndarray) -> int:
    """31 bits of a row's numbers: multiply and shift (Dietzfelbinger et al. 1997), where the upper bits
    of a product depend on all bits of the number."""
    multiplier, key = np.uint64(0xD1B54A32D192ED03), np.uint64(0)
    for j in range(rows.shape[1]):
        # -0.0 becomes 0.0, so that equal rows have equal bits
        key += np.float64(rows[row, j] + 0.0).view(np.uint64) * multiplier
        multiplier += np.uint64(0x9E3779B97F4A7C16)  # even, so that every multiplier stays odd
    return np.int64(key >> np.uint64(33))  # type: ignore[return-value]


@compiled
def place_of(row: int, key: int, rows: np.ndarray, table: np.ndarray) -> int:
    """Where the open-addressing hash table, whose length is a power of two, has a row that equals this
    one, or -1 at the place where this one belongs."""
    place = (key * len(table)) >> 31
    while table[place] >= 0 and not same(table[place], row, rows):
        place = (place + 1) & (len(table) - 1)
    return place


@compiled
def same(a: int, b: int, rows: np.ndarray) -> bool:
    """Whether two rows are equal."""
    for j in range(rows.shape[1]):  # noqa: SIM110 - numba compiles loops, not generators
        if rows[a, j] != rows[b, j]:
            return False
    return True


@compiled
def keep_new(rows: np.ndarray, first: int, last: int, most: int, table: np.ndarray) -> int:
    """Move the new ones of the rows first..last - 1 together, ``most`` rows at most in all; how many
    rows there are then. All are hashed before any is entered: twice as fast as by turns."""
    keys = np.empty(last - first, np.int64)
    for k in range(first, last):
        keys[k - first] = hashed(k, rows)
    size = first
    for k in range(first, last):
        place = place_of(k, keys[k - first], rows, table)
        if table[place] < 0 and size < most:
            for j in range(rows.shape[1]):
                rows[size, j] = rows[k, j]
            table[place] = size
            size += 1
    return size


@compiled
def duel(a: int, b: int, F: np.ndarray, CV: np.ndarray, crowding: np.ndarray, coin: float) -> int:
    """The better of two rows: less violation, else dominance, else more room around it, else chance.

    Dominance itself decides, not the rank, so that a lone row of a later front can win (pymoo's rule;
    Deb et al. 2002 compare ranks, which lost more diversity on ZDT4 and OSY). Without branches, since
    how a duel ends is not to be predicted.
    """
    better = worse = 0
    for j in range(F.shape[1]):
        better |= int(F[a, j] < F[b, j])
        worse |= int(F[a, j] > F[b, j])
    feasible = int((CV[a] <= 0.0) & (CV[b] <= 0.0))
    violates_less = int(CV[a] < CV[b]) - int(CV[a] > CV[b])
    has_room = int(crowding[a] > crowding[b]) - int(crowding[a] < crowding[b])
    preference = 8 * violates_less + feasible * (4 * (better - worse) + 2 * has_room) + int(coin > 0.5)
    return a if preference > 0 else b


@compiled
def contestants(pop: int, n: int, stream: np.ndarray) -> np.ndarray:
    """n contestants of tournaments, drawn by permutations so that all rows take part equally often."""
    drawn = np.empty(n, np.int64)
    order = np.arange(pop)
    left = pop
    for k in range(n):
        j = int(uniform(stream) * left)
        left -= 1
        drawn[k] = order[j]
        order[j], order[left] = order[left], order[j]
        if left == 0:
            left = pop
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
    rows = np.empty((pop + 2 * n + 1, d))
    rows[:pop] = X
    table = np.full(1 << int(np.ceil(np.log2(4 * (pop + n)))), -1)
    size = start = keep_new(rows, 0, pop, pop, table)
    most = start + n
    for _ in range(_ATTEMPTS):
        if size == most:
            break
        # After the first round twice as many as are missing, so that a second one mostly suffices.
        born = n + n % 2 if size == start else 2 * (most - size)
        children = rows[size : size + born]
        parents(X, F, CV, crowding, children, stream)
        cross_pairs(children, xl, xu, crossover_eta, crossover_prob, stream)
        mutate(children.reshape(born * d), xl, xu, mutation_eta, mutation_prob, stream)
        size = keep_new(rows, size, size + born, most, table)
    return rows[start:size].copy()


@compiled
def parents(
    X: np.ndarray, F: np.ndarray, CV: np.ndarray, crowding: np.ndarray, out: np.ndarray, stream: np.ndarray
) -> None:
    """Fill ``out`` (n, d) with the rows of X that win n binary tournaments."""
    drawn = contestants(len(X), 2 * len(out), stream)
    for k in range(len(out)):
        winner = duel(drawn[2 * k], drawn[2 * k + 1], F, CV, crowding, uniform(stream))
        for j in range(X.shape[1]):
            out[k, j] = X[winner, j]
