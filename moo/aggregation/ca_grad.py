"""CAGrad: near the mean gradient, the direction that does most for the objective worst off."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from moo.aggregation.base import Context, Weighting
from moo.aggregation.gramians import rounding, solve_rows
from moo.aggregation.min_norm import min_norm_weights
from moo.errors import OptionError

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
        ridge = rounding(gramian)
        return solve_rows(gramian, lambda G: self._solve(G, ridge))

    def _solve(self, G: torch.Tensor, ridge: float) -> torch.Tensor:
        m = G.shape[1]
        lengths = G.diagonal(dim1=1, dim2=2).sqrt()
        longest = lengths.amax(1, keepdim=True)
        unit = torch.where(longest > 0, longest, 1.0)
        G = G / unit[:, :, None] ** 2
        shortest = torch.where(lengths > 0, lengths / unit, 1.0).amin(1, keepdim=True)
        products = G.mean(2)  # of each gradient with the mean
        squared = products.mean(1, keepdim=True)
        clear = squared > ridge  # else the mean is rounding
        mean = torch.where(clear, squared, 1.0).sqrt()
        search = _Search(G, products / mean, self.c, _FLOOR * ridge**0.5 * shortest, ridge)
        w, shift = search.of_two() if m == 2 else search.of_many()
        return 1.0 / m + torch.where(clear, mean * w / shift, 0.0)


def _length(G: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """(n, 1) lengths of the combinations w (n, m)."""
    return (w * (G @ w[:, :, None])[:, :, 0]).sum(1, keepdim=True).clamp_min(0.0).sqrt()


@dataclass(frozen=True)
class _Search:
    """For the weights (n, m) on the simplex and the shift |g_w| / c (n, 1).

    Attributes:
        G: (n, m, m) Gramians, the longest gradient being of length one.
        along: (n, m) the gradients' components along g0.
        c: radius of the ball in units of |g0|.
        floor: (n, 1) the shift below which the combination of gradients is taken to vanish.
        ridge: how far from positive semi-definite the Gramians may be.
    """

    G: torch.Tensor
    along: torch.Tensor
    c: float
    floor: torch.Tensor
    ridge: float

    def of_two(self) -> tuple[torch.Tensor, torch.Tensor]:
        """With g_w = g_2 + x (g_1 - g_2), at a distance y |g_1 - g_2| from the foot of the perpendicular,
        which is h |g_1 - g_2| long: y / sqrt(y^2 + h^2) is the sine of the angle at which the slopes of
        the linear part and of the length cancel."""
        G = self.G
        apart = (G[:, 0, 0] + G[:, 1, 1] - 2.0 * G[:, 0, 1]).clamp_min(0.0)
        safe = torch.where(apart > 0, apart, 1.0)
        foot = (G[:, 1, 1] - G[:, 0, 1]) / safe
        height = (G[:, 1, 1] / safe - foot**2).clamp_min(0.0).sqrt()
        sine = (self.along[:, 1] - self.along[:, 0]) / (self.c * safe.sqrt())
        inside = sine.abs() < 1.0
        tangent = sine / (1.0 - torch.where(inside, sine, 0.0) ** 2).sqrt()
        x = torch.where(inside, foot + tangent * height, (sine > 0).to(G.dtype))
        x = torch.where(apart > 0, x, 0.5).clamp(0.0, 1.0)
        w = torch.stack([x, 1.0 - x], 1)
        shift = self.bound(w)
        return torch.where(shift > self.floor, w, self.shifted(self.floor)), shift

    def of_many(self) -> tuple[torch.Tensor, torch.Tensor]:
        """By a bracket of the shift s with |g_w(s)| = c s. As |g_w(s)| grows with s, |g_w| / c of either
        end is a bound, too: of the least s, whose g_w is the min-norm point's, and of the largest."""
        low = self.bound(self.shifted(self.floor))
        w_low = self.shifted(low)
        high = self.bound(self.shifted((2.0 * low).clamp_min(1.0 / self.c))).maximum(low)
        w_high = self.shifted(high)
        w = w_low.clone()
        stalls = torch.zeros_like(low)  # rounds in which the bracket did not halve
        last_low = torch.zeros_like(low, dtype=torch.bool)
        live = torch.nonzero((_length(self.G, w) > self.c * self.floor)[:, 0])[:, 0]  # elsewhere it vanishes
        for _ in range(_ROUNDS):
            if len(live) == 0:
                break
            part = _Search(self.G[live], self.along[live], self.c, self.floor[live], self.ridge)
            ends = low[live], high[live], w_low[live], w_high[live]
            trial = part.next_trial(ends, stalls[live], last_low[live])
            w_trial = part.shifted(trial)
            excess = _length(part.G, w_trial) - self.c * trial
            under = excess > 0
            low[live], w_low[live] = torch.where(under, trial, ends[0]), torch.where(under, w_trial, ends[2])
            high[live] = torch.where(under, ends[1], trial)
            w_high[live] = torch.where(under, ends[3], w_trial)
            w[live] = w_trial
            width = high[live] - low[live]
            stalls[live] = torch.where(width > 0.5 * (ends[1] - ends[0]), stalls[live] + 1.0, 0.0)
            last_low[live] = under
            unfinished = (excess.abs() > _TOLERANCE * trial) & (width > _TOLERANCE * trial)
            live = live[unfinished[:, 0]]
        return w, self.bound(w)

    def bound(self, w: torch.Tensor) -> torch.Tensor:
        """(n, 1) |g_w| / c, or the floor."""
        return (_length(self.G, w) / self.c).maximum(self.floor)

    def shifted(self, shift: torch.Tensor) -> torch.Tensor:
        """Min-norm weights (n, m) of the gradients with ``shift`` (n, 1) times g0 / |g0| added to each."""
        across = shift * self.along
        G = self.G + across[:, :, None] + across[:, None, :] + shift[:, :, None] ** 2
        return min_norm_weights(G, self.ridge)

    def next_trial(
        self, ends: tuple[torch.Tensor, ...], stalls: torch.Tensor, last_low: torch.Tensor
    ) -> torch.Tensor:
        """Interpolation; where only one end came nearer, twice as far from it, so that the other end
        comes near, too; where that fails, halves in logarithms."""
        low, high = ends[:2]
        trial = self.crossing(*ends)
        beyond = trial + torch.where(last_low, trial - low, trial - high)
        trial = torch.where((stalls == 1.0) & (beyond > low) & (beyond < high), beyond, trial)
        return torch.where(stalls >= 2.0, (low * high).sqrt(), trial)

    def crossing(
        self, low: torch.Tensor, high: torch.Tensor, w_low: torch.Tensor, w_high: torch.Tensor
    ) -> torch.Tensor:
        """The s (n, 1) in the bracket with |g_w| = c s, were w linear in between."""
        slope, rise = w_high - w_low, self.c * (high - low)
        Gs = (self.G @ slope[:, :, None])[:, :, 0]
        a = (slope * Gs).sum(1, keepdim=True) - rise**2
        b = (w_low * Gs).sum(1, keepdim=True) - self.c * low * rise
        excess = _length(self.G, w_low) ** 2 - (self.c * low) ** 2
        root = (b**2 - a * excess).clamp_min(0.0).sqrt()
        # Of the two roots, the one in the bracket, in the form without cancellation.
        share = torch.where(b > 0, -(b + root) / a, excess / (root - b))
        share = torch.where(share.isfinite(), share, 0.5).clamp(0.0, 1.0)
        return low + share * (high - low)
