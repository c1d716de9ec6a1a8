"""Weight vectors on the simplex."""

from __future__ import annotations

from functools import lru_cache
from math import comb

import numpy as np

from moo.errors import OptionError
from moo.indicators import normalise, subset

_RIESZ_STEPS = 300
_SAME = 1e-9
_WIDE = 2.0  # times the median distance: a gap


def simplex_lattice(n_obj: int, divisions: int) -> np.ndarray:
    """All weight vectors whose entries are multiples of 1/divisions (Das and Dennis 1998): an array
    (C(divisions + n_obj - 1, n_obj - 1), n_obj), rows summing to one."""
    if n_obj == 1:
        return np.full((1, 1), float(divisions > 0))
    parts = [
        np.column_stack([np.full(len(rest), i), rest * (divisions - i)])
        for i in range(divisions + 1)
        for rest in [simplex_lattice(n_obj - 1, divisions - i)]
    ]
    lattice = np.concatenate(parts)
    return lattice / max(divisions, 1)


def two_layers(n_obj: int, outer: int, inner: int) -> np.ndarray:
    """A simplex lattice and, within it, a coarser one shrunk by half towards the middle (Deb and Jain
    2014, section V): (C(outer + n_obj - 1, n_obj - 1) + C(inner + n_obj - 1, n_obj - 1), n_obj)."""
    shrunk = 0.5 * simplex_lattice(n_obj, inner) + 0.5 / n_obj
    return np.concatenate([simplex_lattice(n_obj, outer), shrunk])


def reference_directions(n: int, n_obj: int) -> np.ndarray:
    """As many directions (k, n_obj), k <= n, as a lattice has: one layer where it has points inside the
    simplex (divisions >= n_obj), else two, which put some there.

    Raises:
        OptionError: when n is below the number of objectives.
    """
    if n < n_obj:
        raise OptionError(f"{n} reference directions are not accepted: give at least n_obj={n_obj}")
    divisions = _most_divisions(n, n_obj)
    if n_obj == 1 or divisions >= n_obj:
        return simplex_lattice(n_obj, divisions)
    for outer in range(divisions, 0, -1):
        inner = _most_divisions(n - _lattice_size(n_obj, outer), n_obj)
        if inner:
            return two_layers(n_obj, outer, min(inner, outer))
    return simplex_lattice(n_obj, divisions)


def _most_divisions(n: int, n_obj: int) -> int:
    """Of the largest lattice with at most n points; 0 when even the corners are more."""
    divisions = 0
    while n_obj > 1 and _lattice_size(n_obj, divisions + 1) <= n:
        divisions += 1
    return max(divisions, int(n_obj == 1))


def _lattice_size(n_obj: int, divisions: int) -> int:
    return comb(divisions + n_obj - 1, n_obj - 1)


def weight_vectors(n: int, n_obj: int) -> np.ndarray:
    """n weight vectors (n, n_obj) spread over the simplex, the corners first and then always the one
    farthest from those before, so that every beginning of the list covers the simplex evenly.

    They are chosen from the smallest simplex lattice with at least n points.

    Raises:
        OptionError: when n is below the number of objectives.
    """
    if n < n_obj:
        raise OptionError(f"n={n} weight vectors are not accepted: give at least n_obj={n_obj}")
    return _spread(n, n_obj).copy()


@lru_cache(maxsize=64)  # a run asks for the same ones more than once, and they take milliseconds
def _spread(n: int, n_obj: int) -> np.ndarray:
    if n_obj == 1:
        return np.ones((n, 1))
    divisions = 1
    while _lattice_size(n_obj, divisions) < n:
        divisions += 1
    lattice = simplex_lattice(n_obj, divisions)
    return np.asarray(lattice[_corners_first(lattice, n)])


def _corners_first(lattice: np.ndarray, n: int) -> np.ndarray:
    """Minimising -w picks each corner first; the greedy max-min order follows."""
    if n < len(lattice):
        return subset(-lattice, n)
    head = subset(-lattice, n - 1)  # the one row left out is the last of the order
    return np.append(head, np.setdiff1d(np.arange(n), head))


def riesz_weights(n: int, n_obj: int, seed: int = 0) -> np.ndarray:
    """n weight vectors (n, n_obj) of little Riesz s-energy sum_(i<j) |w_i - w_j|^-s with s = n_obj^2
    (Blank, Deb, Dhebar, Bandaru and Seada 2021, "Generating well-spaced points on a unit simplex for
    evolutionary many-objective optimization"): evenly spaced for any n, where a lattice has gaps unless n
    is one of its sizes. The corners are among them. Found from `weight_vectors` by gradient descent.

    Raises:
        OptionError: when n is below the number of objectives.
    """
    W = weight_vectors(n, n_obj)
    if n_obj == 1 or n <= n_obj + 1:
        return W
    inner = W[n_obj:] + 1e-3 * np.random.default_rng(seed).random((n - n_obj, n_obj))
    inner = inner / inner.sum(axis=1, keepdims=True)
    step, energy = 0.1 * n ** (-1.0 / (n_obj - 1)), np.inf
    for _ in range(_RIESZ_STEPS):
        value, slope = _riesz(np.concatenate([W[:n_obj], inner]), n_obj**2)
        if value < energy:
            energy, best, direction = value, inner, slope[n_obj:]
            step *= 1.2
        else:
            step *= 0.5
        moved = best - step * direction / max(np.linalg.norm(direction, axis=1).max(), 1e-300)
        inner = _onto_simplex(moved)
    return np.asarray(np.concatenate([W[:n_obj], best]))


def _riesz(W: np.ndarray, s: float) -> tuple[float, np.ndarray]:
    """Logarithm of the s-energy of W (n, m), and its slope (n, m)."""
    apart = W[:, None] - W
    square = (apart**2).sum(axis=2)
    np.fill_diagonal(square, np.inf)
    square = np.maximum(square, 1e-12)
    least = square.min()
    terms = (square / least) ** (-s / 2.0)
    slope = -2.0 * s * ((terms / square)[:, :, None] * apart).sum(axis=1)
    return float(np.log(terms.sum()) - s / 2.0 * np.log(least)), slope / terms.sum()


def _onto_simplex(W: np.ndarray) -> np.ndarray:
    """The nearest points of the simplex to the rows of W (n, m) (Wang and Carreira-Perpinan 2013)."""
    ordered = -np.sort(-W, axis=1)
    above = (np.cumsum(ordered, axis=1) - 1.0) / np.arange(1, W.shape[1] + 1)
    size = (ordered > above).sum(axis=1)
    return np.asarray(np.maximum(W - above[np.arange(len(W)), size - 1][:, None], 0.0))


def random_weights(n: int, n_obj: int, seed: int = 0) -> np.ndarray:
    """n weight vectors (n, n_obj) drawn evenly from the simplex: Dirichlet(1, ..., 1)."""
    if n < 1:
        raise OptionError(f"n={n} weight vectors are not accepted: give at least 1")
    return np.asarray(np.random.default_rng(seed).dirichlet(np.ones(n_obj), n))


def between(W: np.ndarray, F: np.ndarray, k: int, tried: np.ndarray | None = None) -> np.ndarray:
    """At most k preferences midway between those of neighbours that are farthest apart in F, by twice the
    median distance at least: of the preferences W (n, m) and the objectives F (n, m) they led to, normalised
    here by their range. Two are neighbours when no third is nearer to both. Those ``tried`` (t, m) already
    are left out (the idea of Kim and de Weck 2005, "Adaptive weighted-sum method for bi-objective
    optimization", section 3)."""
    n = len(F)
    if n < 2:
        return W[:0]
    U = normalise(F, F.min(axis=0), F.max(axis=0))
    distance = np.linalg.norm(U[:, None] - U, axis=2)
    pairs = [
        (i, j)
        for i in range(n)
        for j in range(i + 1, n)
        if not (np.maximum(distance[i], distance[j]) < distance[i, j]).any()
    ]
    usual = np.median([distance[pair] for pair in pairs])
    wide = [pair for pair in pairs if distance[pair] > _WIDE * usual]
    ordered = sorted(wide, key=lambda pair: (-distance[pair], pair))
    middle = [0.5 * (W[i] + W[j]) for i, j in ordered]
    known = W[:0] if tried is None else tried
    new = [w for w in middle if not (np.abs(known - w).max(axis=1) < _SAME).any()][:k]
    return np.array(new) if new else W[:0]


def given_weights(weights: object, n_obj: int) -> np.ndarray:
    """The user's weights as (n, n_obj): one vector or a list of them.

    Raises:
        OptionError: for another shape, negative or non-finite entries, or a zero vector.
    """
    W = _rows_of("weights", weights, n_obj)
    if not np.isfinite(W).all() or (W < 0).any() or (W.sum(axis=1) == 0).any():
        raise OptionError("weights are not accepted: give numbers >= 0, at least one of them above zero")
    return W


def given_rays(rays: object, n_obj: int) -> np.ndarray:
    """The user's rays as (n, n_obj), each scaled to sum to one.

    Raises:
        OptionError: for another shape, negative or non-finite entries, or a zero vector.
    """
    R = _rows_of("rays", rays, n_obj)
    if not np.isfinite(R).all() or (R < 0).any() or (R.sum(axis=1) == 0).any():
        raise OptionError("rays are not accepted: give numbers >= 0, at least one of them above zero")
    return np.asarray(R / R.sum(axis=1, keepdims=True))


def given_epsilons(epsilons: object, n_obj: int) -> np.ndarray:
    """The user's bounds on the normalised objectives as (n, n_obj).

    Raises:
        OptionError: for another shape or entries that are no numbers.
    """
    E = _rows_of("epsilons", epsilons, n_obj)
    if np.isnan(E).any():
        raise OptionError("epsilons are not accepted: give numbers, inf where an objective is not bounded")
    return E


def _rows_of(what: str, given: object, n_obj: int) -> np.ndarray:
    """One vector or a list of them as (n, n_obj)."""
    try:
        rows = np.atleast_2d(np.asarray(given, dtype=float))
    except (TypeError, ValueError):
        raise OptionError(f"{what}={given!r} are not accepted: give numbers") from None
    if rows.ndim != 2 or rows.shape[1] != n_obj:
        raise OptionError(f"{what} have shape {rows.shape}, expected (n, {n_obj}): one number an objective")
    return rows
