"""Evaluated points kept by their bits, so that asking for one again costs nothing."""

from __future__ import annotations

import numpy as np

from moo.evaluation import Evaluation


class Cache:
    """Values of rows that were evaluated without failing; a row is known by its exact numbers.

    ``hits`` counts the rows answered from it.
    """

    def __init__(self) -> None:
        self.hits = 0
        self._points: list[Evaluation] = []
        self._row_of: dict[str, int] = {}

    def missing(self, X: np.ndarray) -> np.ndarray:
        """The rows of X to evaluate: those that are not known, of equal ones the first."""
        first: dict[str, int] = {}
        for i, key in enumerate(_keys(X)):
            if key not in self._row_of:
                first.setdefault(key, i)
        return np.array([*first.values()], dtype=int)

    def complete(self, X: np.ndarray, missing: np.ndarray, evaluated: Evaluation | None) -> Evaluation:
        """All rows of X: the missing ones as evaluated, the others as they are known; what is new and
        did not fail is stored."""
        keys = _keys(X)
        batch = {keys[row]: i for i, row in enumerate(missing)}
        known = self._all()
        offset = 0 if known is None else len(known)
        index = [offset + batch[key] if key in batch else self._row_of[key] for key in keys]
        self.hits += len(X) - len(missing)
        if evaluated is None:
            assert known is not None
            return known.rows(np.array(index, dtype=int))
        self._store([keys[row] for row in missing], evaluated)
        both = evaluated if known is None else known.merge(evaluated)
        return both.rows(np.array(index, dtype=int))

    def _store(self, keys: list[str], evaluated: Evaluation) -> None:
        good = np.flatnonzero(evaluated.status == 0)
        self._row_of |= {keys[i]: len(self._row_of) + k for k, i in enumerate(good)}
        self._points.append(evaluated.rows(good))

    def _all(self) -> Evaluation | None:
        """The stored rows, in order."""
        if len(self._points) > 1:
            whole = self._points[0]
            for points in self._points[1:]:
                whole = whole.merge(points)
            self._points = [whole]
        return self._points[0] if self._points else None


def _keys(X: np.ndarray) -> list[str]:
    """The bits of each row; -0.0 is 0.0."""
    return [row.tobytes().hex() for row in X + 0.0]
