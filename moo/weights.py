"""Weight vectors on the simplex."""

from __future__ import annotations

from math import comb

import numpy as np

from moo.errors import OptionError
from moo.indicators import subset


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


def weight_vectors(n: int, n_obj: int) -> np.ndarray:
    """n weight vectors (n, n_obj) spread over the simplex, the corners first and then always the one
    farthest from those before, so that every beginning of the list covers the simplex evenly.

    They are chosen from the smallest simplex lattice with at least n points.

    Raises:
        OptionError: when n is below the number of objectives.
    """
    if n < n_obj:
        raise OptionError(f"n={n} weight vectors are not accepted: give at least n_obj={n_obj}")
    if n_obj == 1:
        return np.ones((n, 1))
    divisions = 1
    while comb(divisions + n_obj - 1, n_obj - 1) < n:
        divisions += 1
    lattice = simplex_lattice(n_obj, divisions)
    return np.asarray(lattice[_corners_first(lattice, n)])


def _corners_first(lattice: np.ndarray, n: int) -> np.ndarray:
    """Minimising -w picks each corner first; the greedy max-min order follows."""
    if n < len(lattice):
        return subset(-lattice, n)
    head = subset(-lattice, n - 1)  # the one row left out is the last of the order
    return np.append(head, np.setdiff1d(np.arange(n), head))


def given_weights(weights: object, n_obj: int) -> np.ndarray:
    """The user's weights as (n, n_obj): one vector or a list of them.

    Raises:
        OptionError: for another shape, negative or non-finite entries, or a zero vector.
    """
    try:
        W = np.atleast_2d(np.asarray(weights, dtype=float))
    except (TypeError, ValueError):
        raise OptionError(f"weights={weights!r} are not accepted: give numbers") from None
    if W.ndim != 2 or W.shape[1] != n_obj:
        raise OptionError(f"weights have shape {W.shape}, expected (n, {n_obj}): one weight an objective")
    if not np.isfinite(W).all() or (W < 0).any() or (W.sum(axis=1) == 0).any():
        raise OptionError("weights are not accepted: give numbers >= 0, at least one of them above zero")
    return W
