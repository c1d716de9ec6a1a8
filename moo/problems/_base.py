"""What the problems of this package share: batches of either kind, fronts from Pareto sets, finite slopes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from moo.arrays import Array
from moo.errors import ProblemError
from moo.problem import Problem
from moo.problems._front import Floats

_STEEPEST = 1e6


class _Benchmark(Problem):
    """A problem written for batches, whose front is the image of its Pareto set.

    Its functions take tensors and arrays alike (`math_of`): where no derivative is wanted, arrays
    need not become tensors. Nor need they where the class defines ``vjp(x, w)``, the gradients (n, n_var)
    of the sums of the objectives weighed by w (n, n_obj), of arrays, in closed form, and, where there are
    constraints, ``constraint_jacobian(x)`` (n, n_ieq_constr, n_var).

    ``objectives`` and ``inequality`` take X (n, n_var) and return (n, n_obj) and (n, n_ieq_constr).
    A subclass defines ``_calc_pareto_set(n_pareto_points)``, which pymoo's ``pareto_set()``,
    ``pareto_front()``, ``ideal_point()`` and ``nadir_point()`` then use. pymoo keeps the first
    answer of each: ask for another number of points with ``use_cache=False``.
    """

    either_kind = True

    def __init__(self, **statement: Any) -> None:
        super().__init__(vectorized=True, **statement)

    def _calc_pareto_front(self, n_pareto_points: int = 500) -> Floats | None:
        """The objective vectors (k, n_obj) of about n_pareto_points points of the Pareto set."""
        X = self._calc_pareto_set(n_pareto_points)
        return None if X is None else np.asarray(self.compute(X).F)

    def _calc_pareto_set(self, n_pareto_points: int = 500) -> Floats | None:
        """About n_pareto_points Pareto-optimal X (k, n_var), the ends of the front among them."""
        return None


def power(x: Array, exponent: float) -> Array:
    """x ** exponent for x >= 0 and 0 < exponent < 1, elementwise: the exact value, a finite slope.

    The true slope is infinite at 0, where a bound often holds x, and one infinite entry makes a
    whole descent direction NaN. So the slope stops at 1e6, which it reaches at x = 2.5e-13 for a
    square root and below 2e-8 for every exponent in this package.
    """
    if isinstance(x, np.ndarray) or not x.requires_grad:
        return x**exponent
    edge = (_STEEPEST / exponent) ** (1 / (exponent - 1))
    inside = x.detach() > edge
    # torch.where differentiates both branches, so the unused one must have a finite slope as well.
    curved = torch.where(inside, x, edge) ** exponent
    fixed = x.detach()
    straight = fixed**exponent + _STEEPEST * (x - fixed)
    return torch.where(inside, curved, straight)


def power_slope(x: Floats, exponent: float) -> Floats:
    """The slope of `power` at x, an array."""
    edge = (_STEEPEST / exponent) ** (1 / (exponent - 1))
    return np.asarray(exponent * np.maximum(x, edge) ** (exponent - 1))


def at_least(name: str, given: int, least: int) -> int:
    """The size as it is, or a `ProblemError` when it is no whole number of at least ``least``."""
    if not isinstance(given, int) or isinstance(given, bool) or given < least:
        raise ProblemError(f"{name}={given!r} is not accepted: expected a whole number of at least {least}")
    return given
