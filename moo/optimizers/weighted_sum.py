"""Joint optimisation: min sum_i w_i f_i(x), for one weight vector or for many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from moo.optimizers.scalarizing import Scalarizing, ScalarizingState
from moo.scalarization import Linear, Scalarization
from moo.weights import given_weights

if TYPE_CHECKING:
    from moo.problem import Problem


@dataclass(frozen=True)
class WeightedSum(Scalarizing):
    """Weighted sums of the objectives, minimised by an inner method (Zadeh 1963; Marler and Arora
    2010 on what they can and cannot find).

    With ``weights`` the sums are taken of the objectives as stated. Without, ``n`` weight vectors are
    spread over the simplex and the objectives are divided by their ranges over the individual minima
    (the payoff table, found first), so that units do not decide; the result's ``weights`` are the
    weights on the objectives as stated. The answer has one row a weight vector.

    Args:
        weights: one weight vector (n_obj,) or several (n, n_obj), >= 0.
        n, inner, learning_rate, n_samples, pop_size, sampling: as `Scalarizing`.
    """

    weights: Any = None

    @property
    def _function(self) -> Scalarization:
        return Linear()

    @property
    def _scales(self) -> Any:
        return "payoff" if self.weights is None else "none"

    def _given(self, n_obj: int) -> np.ndarray | None:
        return None if self.weights is None else given_weights(self.weights, n_obj)

    def _show_weights(self, problem: Problem, state: ScalarizingState) -> None:
        """The weights on the objectives as stated: given ones as they are, spread ones sum to one."""
        state.weights = state.preferences
        if self.weights is None:
            assert state.functions is not None
            V = state.preferences / problem.to_array(state.functions.normalization.span)
            state.weights = V / V.sum(axis=1, keepdims=True)
