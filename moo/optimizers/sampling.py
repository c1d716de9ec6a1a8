"""Where a run begins: random points, a design that fills the box, or points that are known."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import qmc

from moo.errors import OptionError, unknown_name
from moo.indicators import subset
from moo.optimizers.base import require_finite_bounds
from moo.result import Result

if TYPE_CHECKING:
    from moo.problem import Problem

DESIGNS = ("random", "lhs", "sobol")


@dataclass(frozen=True, repr=False)
class Points:
    """Points (k, n_var) to begin with; short and telling as text, since options name a run."""

    rows: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, X: np.ndarray) -> Points:
        return cls(tuple(map(tuple, X.tolist())))

    def __repr__(self) -> str:
        X = np.array(self.rows)
        digest = hashlib.blake2b(X.tobytes(), digest_size=4).hexdigest()
        return f"<{X.shape[0]} points of {X.shape[1]} variables, {digest}>"


def as_sampling(given: Any) -> str | Points:
    """What an optimizer keeps of its option ``sampling``.

    Raises:
        OptionError: for anything but a design's name, points or a result.
    """
    if isinstance(given, Points):
        return given
    if isinstance(given, str):
        if given not in DESIGNS:
            raise OptionError(unknown_name("sampling", given, DESIGNS))
        return given
    if isinstance(given, Result):
        return Points.of(_of_result(given))
    try:
        X = np.atleast_2d(np.array(given, dtype=float))
    except (TypeError, ValueError):
        X = np.empty((0, 0))
    if X.ndim != 2 or X.size == 0 or not np.isfinite(X).all():
        raise OptionError(
            f"sampling={given!r} is not accepted: give {', '.join(map(repr, DESIGNS))}, points (k, n_var) "
            "or an earlier result"
        )
    return Points.of(X)


def _of_result(result: Result) -> np.ndarray:
    """The answer of a run, then its archive, without repetitions."""
    X = np.concatenate([result.X, result.archive_X])
    if len(X) == 0:
        raise OptionError("the result given as sampling= holds no points")
    _, first = np.unique(X, axis=0, return_index=True)
    return np.asarray(X[np.sort(first)])


def first_sample(problem: Problem, n: int, rng: np.random.Generator, sampling: str | Points) -> np.ndarray:
    """n candidates (n, n_var): uniform ("random"), a Latin hypercube ("lhs", McKay et al. 1979), a
    scrambled Sobol sequence ("sobol", Owen 1998), or known points, filled up with random ones; of more
    than n points those that cover the box best.

    Raises:
        OptionError: when known points do not fit the problem.
    """
    if sampling == "random":
        return problem.sample(n, rng)
    if isinstance(sampling, Points):
        return _begun_with(problem, n, rng, np.array(sampling.rows))
    require_finite_bounds(problem, f"sampling={sampling!r}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Sobol would rather have a power of two
        if sampling == "lhs":
            u = qmc.LatinHypercube(problem.n_var, rng=rng).random(n)
        else:
            u = qmc.Sobol(problem.n_var, rng=rng).random(n)
    room = 0.5 * _rounded(problem)  # so that the whole numbers at the ends are as likely as the others
    X = problem.xl - room + u * (problem.xu - problem.xl + 2 * room)
    return problem.repair(X)


def _rounded(problem: Problem) -> np.ndarray:
    """1 for the columns that hold whole numbers, else 0 (n_var,)."""
    if problem.variables is None:
        return np.zeros(problem.n_var)
    probe = problem.xl + 0.25 * (problem.xu > problem.xl)
    return np.asarray(problem.repair(probe[None])[0] != probe, dtype=float)


def _begun_with(problem: Problem, n: int, rng: np.random.Generator, X: np.ndarray) -> np.ndarray:
    if X.shape[1] != problem.n_var:
        raise OptionError(
            f"the points given as sampling= have {X.shape[1]} variables, {problem.title} has {problem.n_var}"
        )
    outside = ((problem.xl > X) | (problem.xu < X)).any(axis=1)
    if outside.any():
        row = int(outside.argmax())
        raise OptionError(f"point {row} given as sampling= lies outside the bounds of {problem.title}")
    X = problem.repair(X)
    if len(X) > n:
        return np.asarray(X[subset(X, n)])
    return np.concatenate([X, problem.sample(n - len(X), rng)])
