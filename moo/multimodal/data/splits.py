"""Random splits that do not leak: rows that show the same stay together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def joined_groups(*keys: list[str]) -> np.ndarray:
    """Group numbers (n,): rows that share any key, directly or through other rows, share a group.

    Each argument lists one key a row; a leak-free split then keeps groups whole.
    """
    n = len(keys[0])
    parent = list(range(n))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for column in keys:
        first: dict[str, int] = {}
        for i, key in enumerate(column):
            parent[root(i)] = root(first.setdefault(key, i))
    return np.array([root(i) for i in range(n)])


def grouped_split(
    labels: np.ndarray, groups: np.ndarray, shares: Mapping[str, float], seed: int
) -> dict[str, np.ndarray]:
    """A random split that keeps groups whole and the classes' shares about equal.

    Args:
        labels: class of each row (n,).
        groups: group of each row (n,); a group of several classes goes by its first row's.
        shares: share of the rows for each split, adding up to 1.
        seed: of the shuffle.
    """
    rng = np.random.default_rng(seed)
    names, ends = list(shares), np.cumsum(list(shares.values()))[:-1]
    firsts, group_of = np.unique(groups, return_index=True)[1], np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(group_of)
    split_of = np.empty(len(firsts), dtype=int)
    for label in np.unique(labels):
        of_class = rng.permutation(np.flatnonzero(labels[firsts] == label))
        middle = np.cumsum(sizes[of_class]) - sizes[of_class] / 2
        split_of[of_class] = np.searchsorted(ends, middle / sizes[of_class].sum())
    return {name: np.flatnonzero(split_of[group_of] == k) for k, name in enumerate(names)}


def thinned(split: Mapping[str, np.ndarray], n: int, seed: int = 0) -> dict[str, np.ndarray]:
    """About n rows in all, drawn from each part in proportion, at least two of each part that has them."""
    rng = np.random.default_rng(seed)
    total = sum(len(rows) for rows in split.values())
    kept = {}
    for name, rows in split.items():
        size = min(len(rows), max(2, round(n * len(rows) / total)))
        kept[name] = np.sort(rng.choice(rows, size, replace=False))
    return kept
