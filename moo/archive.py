"""Every non-dominated feasible point a run has seen, unbounded, pruned in amortised batches."""

from __future__ import annotations

import moocore
import numpy as np

_LEAST_BATCH = 50_000  # rows: one large sort is cheaper than many small ones
_MOST_PENDING = 4_000_000  # numbers in X, so that models with many parameters do not pile up


class Archive:
    """Non-dominated points. Rows wait in a buffer and are filtered once there are as many of them
    as the archive holds, so that the cost of a row is that of one non-dominated sort, amortised.

    `X` (k, n_var) and `F` (k, n_obj) are in the order in which the points were found; of points
    with the same F the first is kept.
    """

    def __init__(self) -> None:
        self._X: list[np.ndarray] = []
        self._F: list[np.ndarray] = []
        self._pending = 0
        self._size = 0

    @classmethod
    def of(cls, X: np.ndarray, F: np.ndarray) -> Archive:
        """An archive of points that are mutually non-dominated."""
        archive = cls()
        archive._X, archive._F, archive._size = [X], [F], len(F)
        return archive

    def add(self, X: np.ndarray, F: np.ndarray, keep: np.ndarray) -> None:
        """Offer the rows of X and F where ``keep`` is true; F must be finite there."""
        if not keep.all():
            X, F = X[keep], F[keep]
        if len(F) == 0:
            return
        self._X.append(X)
        self._F.append(F)
        self._pending += len(F)
        if self._pending >= max(_LEAST_BATCH, self._size) or self._pending * X.shape[1] > _MOST_PENDING:
            self._prune()

    def _prune(self) -> None:
        F = np.concatenate(self._F)
        nondominated = moocore.is_nondominated(F)
        batches = np.split(nondominated, np.cumsum([len(X) for X in self._X])[:-1])
        kept = [X[mask] for X, mask in zip(self._X, batches, strict=True)]
        self._X, self._F = [np.concatenate(kept)], [F[nondominated]]
        self._pending, self._size = 0, len(self._F[0])

    def points(self) -> tuple[np.ndarray, np.ndarray] | None:
        """(X, F) of the archive, or None when nothing feasible was seen."""
        if not self._F:
            return None
        if self._pending:
            self._prune()
        return self._X[0], self._F[0]
