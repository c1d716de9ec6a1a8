"""CAGrad: near the mean gradient, the direction that does most for the objective worst off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from moo.aggregation.base import Context, Weighting
from moo.aggregation.gramians import rounding, solve_rows
from moo.aggregation.min_norm import min_norm
from moo.errors import OptionError
from moo.sorting import compiled, inlined

_ROUNDS = 60
_TOLERANCE = 1e-12
_FLOOR = 16.0  # times the root of the rounding of squares: a shorter combination is one of rounding


@dataclass(frozen=True)
class CAGrad(Weighting):
    """The direction d with |d - g0| <= c |g0|, g0 the mean gradient, whose least gain min_i g_i . d is
    largest (Liu et al. 2021, "Conflict-averse gradient descent", algorithm 1): d = g0 +
    c |g0| g_w / |g_w| with g_w = sum_i w_i g_i and w on the simplex such that g_w . g0 + c |g0| |g_w| is
    least.

    Holds: the order of the objectives does not matter; multiplying all gradients multiplies the direction;
    for c < 1, zero exactly where the mean gradient is; for c >= 1, where the point is Pareto-stationary.
    Does not hold: no conflict, for c < 1; invariance to a loss's scale. Flaws: with c = 0 this is the
    mean, with large c MGDA, and no value of c suits all problems.

    Solved exactly, but to 1e-4 where gradients cancel: closed form for two objectives; for more, w is that
    of the min-norm point of the gradients after all are shifted along g0 by |g_w| / c, a length that is
    found by interpolation in a bracket, which is exact once both ends have the same positive weights.

    Args:
        c: radius of the ball in units of |g0|; the paper takes 0.4 and 0.5.
    """

    c: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 <= self.c < float("inf"):
            raise OptionError(f"c={self.c!r} is not accepted: give a finite number >= 0")

    def weights(self, gramian: torch.Tensor, context: Context) -> torch.Tensor:
        if self.c == 0.0 or gramian.shape[1] == 1:
            return torch.full_like(gramian[:, 0], (1.0 + self.c) / gramian.shape[1])
        return solve_rows(gramian, _weights_of_each, self.c, rounding(gramian))


@compiled
def _weights_of_each(gramians: np.ndarray, c: float, ridge: float) -> np.ndarray:
    weights = np.empty(gramians.shape[:2])
    for row in range(len(gramians)):
        weights[row] = _weights(gramians[row], c, ridge)
    return weights


@inlined
def _weights(gramian: np.ndarray, c: float, ridge: float) -> np.ndarray:
    m = len(gramian)
    lengths = np.sqrt(np.diag(gramian))
    longest = lengths.max()
    weights = np.full(m, 1.0 / m)
    if longest == 0.0:
        return weights
    G = gramian / longest**2
    shortest = 1.0
    for length in lengths:
        if length > 0.0:
            shortest = min(shortest, length / longest)
    products = np.array([row.mean() for row in G])  # of each gradient with the mean
    squared = products.mean()
    if squared > ridge:  # else the mean is rounding
        mean = np.sqrt(squared)
        along, floor = products / mean, _FLOOR * np.sqrt(ridge) * shortest
        w, shift = weights, 0.0
        if m == 2:
            w, shift = _of_two(G, along, c)
        if shift <= floor:
            w, shift = _search(G, along, c, floor, ridge)
        weights += mean * w / shift
    return weights


@compiled
def _length(G: np.ndarray, w: np.ndarray) -> float:
    """Of the combination w (m,)."""
    return np.sqrt(max(np.dot(w, np.dot(G, w)), 0.0))


@inlined
def _shifted(G: np.ndarray, along: np.ndarray, shift: float, ridge: float) -> np.ndarray:
    """Min-norm weights (m,) of the gradients with ``shift`` times g0 / |g0| added to each."""
    across = shift * along
    return min_norm(G + across[:, None] + across[None, :] + shift**2, ridge)


@inlined
def _of_two(G: np.ndarray, along: np.ndarray, c: float) -> tuple[np.ndarray, float]:
    """The weights on the simplex (2,) and the shift |g_w| / c; G is the Gramian of gradients the longest of
    which is of length one, ``along`` (2,) their components along g0.

    With g_w = g_2 + x (g_1 - g_2), at a distance y |g_1 - g_2| from the foot of the perpendicular, which
    is h |g_1 - g_2| long: y / sqrt(y^2 + h^2) is the sine of the angle at which the slopes of the linear
    part and of the length cancel.
    """
    apart = max(G[0, 0] + G[1, 1] - 2.0 * G[0, 1], 0.0)
    x = 0.5
    if apart > 0.0:
        foot = (G[1, 1] - G[0, 1]) / apart
        height = np.sqrt(max(G[1, 1] / apart - foot**2, 0.0))
        sine = (along[1] - along[0]) / (c * np.sqrt(apart))
        x = 1.0 if sine > 0.0 else 0.0
        if abs(sine) < 1.0:
            x = min(max(foot + sine / np.sqrt(1.0 - sine**2) * height, 0.0), 1.0)
    w = np.array([x, 1.0 - x])
    return w, _length(G, w) / c


@inlined
def _search(
    G: np.ndarray, along: np.ndarray, c: float, floor: float, ridge: float
) -> tuple[np.ndarray, float]:
    """As `_of_two`, of any number of gradients, by a bracket of the shift s with |g_w(s)| = c s, which is at
    least ``floor``: the combination is taken to vanish below. As |g_w(s)| grows with s, |g_w| / c of either
    end is a bound, too: of the least s, whose g_w is the min-norm point's, and of the largest.

    (All min-norm points are found in one place: each further one would be compiled anew, for seconds.)
    """
    shift, low, high = floor, floor, floor
    w_low = w_high = np.empty(0)
    stalls, last_low = 0, False  # rounds in which the bracket did not halve; which end moved last
    for known in range(4 + _ROUNDS):
        w = _shifted(G, along, shift, ridge)
        length = _length(G, w)
        if known == 0:
            shift = max(length / c, floor)
            continue
        if known == 1:
            if length <= c * floor:
                return w, floor
            low, w_low, shift = shift, w, max(2.0 * shift, 1.0 / c)
            continue
        if known == 2:
            shift = max(length / c, low)
            continue
        excess, width = length - c * shift, high - low
        last_low = known > 3 and excess > 0.0
        if last_low:
            low, w_low = shift, w
        else:
            high, w_high = shift, w
        if known > 3:
            stalls = stalls + 1 if high - low > 0.5 * width else 0
            if abs(excess) <= _TOLERANCE * shift or high - low <= _TOLERANCE * shift:
                break
        shift = _crossing(G, c, low, high, w_low, w_high)
        if stalls >= 2:
            shift = np.sqrt(low * high)
        elif stalls == 1:  # twice as far from the end that came nearer, so that the other end does, too
            beyond = 2.0 * shift - (low if last_low else high)
            shift = beyond if low < beyond < high else shift
    return w, max(_length(G, w) / c, floor)


@inlined
def _crossing(
    G: np.ndarray, c: float, low: float, high: float, w_low: np.ndarray, w_high: np.ndarray
) -> float:
    """The s in the bracket with |g_w| = c s, were w linear in between."""
    slope, rise = w_high - w_low, c * (high - low)
    Gs = np.dot(G, slope)
    a = np.dot(slope, Gs) - rise**2
    b = np.dot(w_low, Gs) - c * low * rise
    excess = _length(G, w_low) ** 2 - (c * low) ** 2
    root = np.sqrt(max(b**2 - a * excess, 0.0))
    # Of the two roots, the one in the bracket, in the form without cancellation.
    share = -(b + root) / a if b > 0.0 else excess / (root - b)
    return low + min(max(share if np.isfinite(share) else 0.5, 0.0), 1.0) * (high - low)
