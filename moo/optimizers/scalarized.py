"""Any scalarization, minimised for one preference or for many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from moo.errors import OptionError
from moo.optimizers.base import require
from moo.optimizers.scalarizing import Scalarizing
from moo.scalarization import Scalarization, scalarization_of
from moo.weights import given_epsilons, given_rays, given_weights

_SCALES = ("payoff", "running", "none")
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
        n, inner, learning_rate, n_samples, pop_size, sampling: as `Scalarizing`; "slsqp" takes smooth
            scalarizations without constraints of their own.

    Raises:
        OptionError: for a scalarization that does not exist, preferences of a kind it does not follow, or
            that are not what they must be.
    """

    scalarization: Any = "augmented-chebyshev"
    weights: Any = None
    rays: Any = None
    epsilons: Any = None
    normalize: Any = "payoff"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "scalarization", scalarization_of(self.scalarization))
        given = [kind for kind in _READ if getattr(self, kind) is not None]
        require(len(given) <= 1, "preferences", given, "one kind of them")
        follows = self._function.follows
        if given and given[0] not in follows:
            accepted = " or ".join(f"{kind}=" for kind in follows)
            raise OptionError(f"{type(self._function).__name__} does not follow {given[0]}=: give {accepted}")
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
