"""What the page shows: of each problem a list of points, and what is known of every one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from moo.indicators import nondominated
from moo.result import Result, Statement

_LETTER = {"weights": "w", "normalised weights": "weight", "rays": "ray", "epsilons": "epsilon"}


@dataclass(frozen=True)
class Sample:
    """Something to look at: a text, and a picture as a ``data:image/`` address, "" for none."""

    text: str
    image: str


@dataclass(frozen=True)
class SampleSet:
    """What one model made of the samples, beside the samples themselves."""

    title: str
    given: list[Sample]
    made: list[Sample]


@dataclass(frozen=True)
class Points:
    """The points of one optimizer that stand together: of one run, or of one search of models.

    Attributes:
        optimizer: its label.
        values: objectives with the user's signs (n, n_obj).
        CV: constraint violation (n,).
        seeds: of each point (n,).
        rows: which row of the answer each is (n,).
        variables: name -> values (n,), numbers or texts; the first ones where there are too many.
        weights, metrics: name -> values (n,).
        samples: row of the answer -> what the model in that row made of samples.
    """

    optimizer: str
    values: np.ndarray
    CV: np.ndarray
    seeds: np.ndarray
    rows: np.ndarray
    variables: dict[str, np.ndarray] = field(default_factory=dict)
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    metrics: dict[str, np.ndarray] = field(default_factory=dict)
    samples: dict[int, SampleSet] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Front:
    """Everything the page knows of one problem.

    Attributes:
        name: what the study calls it.
        statement: names, signs and known front.
        groups: points, by run.
        left_out: rows of answers that are no numbers.
        notes: sentences on what is not shown.
    """

    name: str
    statement: Statement
    groups: list[Points]
    left_out: int = 0
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(map(len, self.groups))

    @property
    def values(self) -> np.ndarray:
        """Objectives of all points with the user's signs (n, n_obj)."""
        return np.concatenate([np.empty((0, len(self.statement.names))), *(g.values for g in self.groups)])

    @cached_property
    def scale(self) -> tuple[np.ndarray, np.ndarray]:
        """Ideal and nadir point (n_obj,) in the minimised form: the ends of the range of the feasible points
        that no other one beats, of all runs together; of all points where none is feasible. A single
        objective, of which only the least value is beaten by none, ranges over all of them."""
        F = self.values * np.array(self.statement.sign)
        CV = np.concatenate([np.empty(0), *(group.CV for group in self.groups)])
        F = F[CV <= 0] if (CV <= 0).any() else F
        best = F[nondominated(F)] if F.shape[1] > 1 else F
        return best.min(axis=0), best.max(axis=0)


def points_of(result: Result, optimizer: str, samples: dict[int, SampleSet], most: int) -> Points:
    """The finite rows of an answer.

    Args:
        optimizer: its label.
        samples: row -> what its model made of samples.
        most: variables that are kept at the most.
    """
    rows = np.flatnonzero(np.isfinite(result.F).all(axis=1))
    return Points(
        optimizer,
        result.values[rows],
        result.CV[rows],
        np.full(len(rows), result.seed),
        rows,
        variables=_variables(result, rows, most),
        weights=_weights(result, rows),
        metrics={name: np.asarray(values, dtype=float)[rows] for name, values in result.metrics.items()},
        samples=samples,
    )


def _weights(result: Result, rows: np.ndarray) -> dict[str, np.ndarray]:
    if result.weights is None:
        return {}
    letter, columns = _LETTER[result.preference], result.weights[rows].T
    return {f"{letter}[{n}]": column for n, column in zip(result.problem.names, columns, strict=True)}


def _variables(result: Result, rows: np.ndarray, most: int) -> dict[str, np.ndarray]:
    """The user's values of the first ``most`` variables."""
    if result.problem.variables is None:
        names = result.problem.var_names[:most]
        return dict(zip(names, result.X[rows].T[:most], strict=True))
    decoded = [result.candidate(row) for row in rows.tolist()]
    names = list(result.problem.variables)[:most]
    return {name: _column([values[name] for values in decoded]) for name in names}


def _column(values: list[Any]) -> np.ndarray:
    """Numbers where all are, else texts."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return np.array(values, dtype=float)
    return np.array([str(value) for value in values], dtype=object)
