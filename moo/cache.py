"""Evaluated points kept by their bits, so that asking for one again costs nothing."""

from __future__ import annotations

import numpy as np

from moo.evaluation import Evaluation


class Cache:
    """Values of rows that were evaluated without failing; a row is known by its exact numbers."""

    def __init__(self) -> None:
        self.hits = 0
        self.points: Evaluation | None = None
        self._fresh: list[Evaluation] = []
        self._size = 0
        self._row_of: dict[str, int] = {}

    def known(self, X: np.ndarray) -> np.ndarray:
        """Index of each row of X (n,) among the stored ones, -1 where it is not."""
        return np.array([self._row_of.get(key, -1) for key in _keys(X)], dtype=int)

    def add(self, evaluation: Evaluation) -> None:
        """Store the rows that did not fail and are new."""
        chosen: list[int] = []
        for i, key in enumerate(_keys(evaluation.X)):
            if evaluation.status[i] == 0 and key not in self._row_of:
                self._row_of[key] = self._size + len(chosen)
                chosen.append(i)
        self._size += len(chosen)
        self._fresh.append(evaluation.rows(np.array(chosen, dtype=int)))

    def take(self, rows: np.ndarray) -> Evaluation:
        """The stored rows, each counted as a hit."""
        for fresh in self._fresh:
            self.points = fresh if self.points is None else self.points.merge(fresh)
        self._fresh = []
        self.hits += len(rows)
        assert self.points is not None
        return self.points.rows(rows)


def _keys(X: np.ndarray) -> list[str]:
    """The bits of each row; -0.0 is 0.0."""
    return [row.tobytes().hex() for row in X + 0.0]
