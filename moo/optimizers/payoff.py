"""The individual minima of a problem's objectives, which give the payoff table, and points between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moo.arrays import Array
from moo.optimizers.descent import Box
from moo.weights import weight_vectors

if TYPE_CHECKING:
    from moo.problem import Problem

_ON_OTHERS = 0.01  # weight of the other objectives in an individual minimum, which makes it Pareto-optimal
_MOVES = 0.05  # of the largest distance between minima in a variable: less of one is no move
_TIMES = 2  # as many points on a grid as were asked for: the best of it are chosen, and are unevenly spread
_FEWEST_LEVELS = 3  # of a grid that shows more than its corners


def payoff_weights(n_obj: int) -> np.ndarray:
    """Weight vectors of the individual minima (n_obj, n_obj), which give the ideal point, and for more
    than two objectives those of the points where all objectives but one are small, which span the front."""
    minima = np.full((n_obj, n_obj), _ON_OTHERS) + (1.0 - n_obj * _ON_OTHERS) * np.eye(n_obj)
    if n_obj <= 2:
        return minima
    return np.concatenate([minima, (1.0 - minima) / (n_obj - 1)])


def between_minima(problem: Problem, X: Array, n: int) -> Array | None:
    """Points (k, n_var) between those of `payoff_weights` (or 2 n_obj, n_var), in a number like n; None where
    variables are no real numbers or nothing is between.

    The Pareto set of m smooth objectives has m - 1 dimensions (Hillermeier 2001, "Nonlinear multiobjective
    optimization: a generalized homotopy approach"). Where the minima differ in
    as few variables it lies along these, and a grid over the box between the minima covers it; elsewhere
    convex combinations of the minima, which are on it where it is a simplex, cover a part.
    """
    if problem.variables is not None and not problem.variables.real:
        return None
    arrays = isinstance(X, np.ndarray)
    corners = problem.to_array(X).astype(float)
    points = _grid(problem, corners, n)
    if points is None:
        W = weight_vectors(max(n, problem.n_obj), problem.n_obj)[problem.n_obj :]  # the corners are known
        points = W @ corners[-problem.n_obj :]
    if len(points) == 0:
        return None
    box = Box.of(problem, arrays=arrays)
    return (points if arrays else problem.to_tensor(points)).clip(box.xl, box.xu)


def _grid(problem: Problem, corners: np.ndarray, n: int) -> np.ndarray | None:
    """A grid over the box between the corners (k, n_var), in n_obj - 1 variables; None where they differ in
    others as well, or it would be too coarse."""
    apart = np.ptp(Box.of(problem, arrays=True).to_unit(corners), axis=0)
    moving = np.flatnonzero(apart > _MOVES * apart.max())
    levels = int(round((_TIMES * n) ** (1.0 / max(len(moving), 1)), 6))
    if problem.n_obj < 3 or len(moving) != problem.n_obj - 1 or levels < _FEWEST_LEVELS:
        return None
    shares = np.stack(np.meshgrid(*[np.linspace(0.0, 1.0, levels)] * len(moving)), axis=-1)
    low, high = corners[:, moving].min(axis=0), corners[:, moving].max(axis=0)
    points = np.tile(corners.mean(axis=0), (levels ** len(moving), 1))
    points[:, moving] = low + shares.reshape(len(points), -1) * (high - low)
    return points
