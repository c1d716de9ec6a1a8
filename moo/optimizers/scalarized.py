"""Any scalarization, minimised for one preference or for many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from moo.errors import OptionError
from moo.evaluation import Evaluator
from moo.indicators import contributions, hypervolume
from moo.optimizers.base import require
from moo.optimizers.row_functions import best_starts
from moo.optimizers.scalarizing import Scalarizing, ScalarizingState, join
from moo.scalarization import Scalarization, scalarization_of
from moo.weights import (
    between,
    given_epsilons,
    given_rays,
    given_weights,
    random_weights,
    riesz_weights,
)

if TYPE_CHECKING:
    from moo.problem import Problem

_SCALES = ("payoff", "running", "none")
_SPREADS = ("lattice", "riesz", "random")
_LEAST_SHARE = 1e-3  # of an objective in a preference that was not given
_REFERENCE = 1.1  # reference point of the contributions, in normalised objectives
_LITTLE = 0.05  # of the mean contribution: next to nothing
_READ = {"weights": given_weights, "rays": given_rays, "epsilons": given_epsilons}


@dataclass(frozen=True)
class Scalarized(Scalarizing):
    """One scalar function of the objectives for each preference, minimised by an inner method.

    Objectives are normalised to z = (f - ideal) / (nadir - ideal) first. Without preferences, ``n`` of
    the kind that suits the scalarization are spread. The answer has one row a preference; the result's
    ``weights`` are the preferences, of the kind its ``preference`` names.

    Args:
        scalarization: "linear", "p-norm", "chebyshev", "augmented-chebyshev", "smooth-chebyshev", "pbi",
            "epsilon-constraint", "nbi", or an object of `moo.scalarization` with options of its own.
        weights: weight vectors (n_obj,) or (n, n_obj), >= 0; Chebyshev's minimiser with weights w has
            objectives in proportion to 1 / w.
        rays: directions in normalised objective space, likewise; the minimiser is to lie on the ray.
        epsilons: bounds on the normalised objectives (n_obj,) or (n, n_obj), for "epsilon-constraint";
            the entry of the minimised objective counts for nothing.
        normalize: where ideal and nadir come from: "payoff" (the individual minima, found first),
            "running" (the best known points, as the run goes on), "none" (objectives as stated, ideal
            zero), or the two vectors.
        spread: how preferences are spread where none are given: "lattice" (evenly, from a simplex
            lattice), "riesz" (evenly for any n, `moo.weights.riesz_weights`) or "random".
        refine: how often, once all rows have converged, those that add least to the front (a tenth, and
            all that add next to nothing) are given preferences in its gaps and solved again, where there
            are gaps of twice the usual width.
        n, inner, learning_rate, n_samples, pop_size, sampling: as `Scalarizing`; "slsqp" takes smooth
            scalarizations without constraints of their own.

    Raises:
        OptionError: for a scalarization that does not exist, preferences of a kind it does not follow, or
            that are not what they must be.
    """

    scalarization: Any = "smooth-chebyshev"
    weights: Any = None
    rays: Any = None
    epsilons: Any = None
    normalize: Any = "payoff"
    spread: str = "lattice"
    refine: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "scalarization", scalarization_of(self.scalarization))
        given = [kind for kind in _READ if getattr(self, kind) is not None]
        require(len(given) <= 1, "preferences", given, "one kind of them")
        follows = self._function.follows
        if given and given[0] not in follows:
            accepted = " or ".join(f"{kind}=" for kind in follows)
            raise OptionError(f"{type(self._function).__name__} does not follow {given[0]}=: give {accepted}")
        require(self.spread in _SPREADS, "spread", self.spread, " or ".join(map(repr, _SPREADS)))
        if self.spread != "lattice":
            bounds = self._kind == "epsilons"
            require(not bounds, "spread", self.spread, '"lattice" for an epsilon-constraint')
        require(isinstance(self.refine, int) and self.refine >= 0, "refine", self.refine, "an integer >= 0")
        if isinstance(self.normalize, str):
            require(self.normalize in _SCALES, "normalize", self.normalize, f"{_SCALES} or (ideal, nadir)")

    @property
    def _function(self) -> Scalarization:
        function: Scalarization = self.scalarization
        return function

    @property
    def _kind(self) -> str:
        given = [kind for kind in _READ if getattr(self, kind) is not None]
        return given[0] if given else self._function.follows[0]

    @property
    def _shown(self) -> str:
        return "normalised weights" if self._kind == "weights" else self._kind

    @property
    def _scales(self) -> Any:
        return self.normalize

    def _given(self, n_obj: int) -> np.ndarray | None:
        if not isinstance(self.normalize, str):
            require_scales(self.normalize, n_obj)
        given = getattr(self, self._kind)
        return None if given is None else _READ[self._kind](given, n_obj)

    def _spread(self, n_obj: int, rng: np.random.Generator) -> np.ndarray:
        if self.spread == "random":
            return random_weights(self.n, n_obj, int(rng.integers(2**32)))
        if self.spread == "riesz":
            return riesz_weights(self.n, n_obj).clip(_LEAST_SHARE)
        return super()._spread(n_obj, rng)

    def step(self, evaluate: Evaluator, state: ScalarizingState) -> ScalarizingState:
        state = super().step(evaluate, state)
        if state.converged and self.refine:
            state.converged = not self._refined_on(evaluate.problem, state)
        return state

    def _refined_on(self, problem: Problem, state: ScalarizingState) -> bool:
        """Keep the last refinement if it was one, else go back; whether there is another."""
        assert state.answer is not None
        volume = hypervolume(self._normalised(problem, state)[1], np.full(problem.n_obj, _REFERENCE))
        if state.before is not None and volume < state.before[2]:
            state.preferences, state.answer, volume = state.before
            assert state.functions is not None
            self._settle(problem, state, state.functions.normalization, state.minima)
        if state.refinements == self.refine:
            return False
        state.refinements += 1
        state.before = state.preferences, state.answer.rows(np.arange(len(state.answer))), volume
        return self._refine(problem, state)

    def _normalised(self, problem: Problem, state: ScalarizingState) -> tuple[np.ndarray, np.ndarray]:
        """The mask (n,) of the rows that are feasible, and their normalised objectives."""
        assert state.answer is not None
        assert state.functions is not None
        F, CV = problem.to_array(state.answer.F), problem.to_array(state.answer.CV)
        scales = state.functions.normalization
        sound = np.isfinite(F).all(axis=1) & (CV <= 0)
        return sound, ((F - problem.to_array(scales.ideal)) / problem.to_array(scales.span))[sound]

    def _refine(self, problem: Problem, state: ScalarizingState) -> bool:
        """Give rows that add little to the front preferences in its gaps; whether there were any."""
        assert state.answer is not None
        assert state.functions is not None
        assert state.pool is not None
        F = problem.to_array(state.answer.F)
        sound, Z = self._normalised(problem, state)
        added = np.zeros(len(F))
        added[sound] = contributions(Z, np.full(Z.shape[1], _REFERENCE))
        order = np.argsort(added, kind="stable")
        k = max(int((added <= _LITTLE * added.mean()).sum()), len(F) // 10)
        idle, kept = np.sort(order[:k]), np.sort(order[k:])
        found = between(state.preferences[kept], F[kept], k, state.tried)
        rows = idle[: len(found)]
        if len(rows) == 0:
            return False
        state.tried = found if state.tried is None else np.concatenate([state.tried, found])
        state.preferences = state.preferences.copy()
        state.preferences[rows] = found
        known = join(problem, state.pool, state.answer)
        self._settle(problem, state, state.functions.normalization, state.minima)
        starts = known.rows(best_starts(problem, known, state.functions)[rows])
        for name in ("X", "F", "G", "H", "CV", "status"):
            getattr(state.answer, name)[rows] = getattr(starts, name)
        self.solve_rows(problem, state, rows)
        return True


def require_scales(scales: Any, n_obj: int, otherwise: str = "") -> None:
    """
    Raises:
        OptionError: when they are not two vectors, the ideal below the nadir.
    """
    try:
        ideal, nadir = (np.asarray(point, dtype=float) for point in scales)
        sound = ideal.shape == nadir.shape == (n_obj,) and bool((ideal < nadir).all())
    except (TypeError, ValueError):
        sound = False
    if not sound or not (np.isfinite(ideal).all() and np.isfinite(nadir).all()):
        raise OptionError(
            f"normalize={scales!r} is not accepted: give {otherwise}(ideal, nadir), {n_obj} numbers each, "
            "ideal < nadir"
        )
