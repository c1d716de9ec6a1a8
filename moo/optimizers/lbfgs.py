"""Projected L-BFGS on a batch of rows, each with a line search and a memory of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from moo.optimizers.base import require_memory
from moo.optimizers.descent import Box, Descent

_MEMORY = 8  # curvature pairs
_ARMIJO = 1e-4  # share of the predicted decrease a step must reach
_MOST_BACKTRACKS = 15
_PATIENT = 2  # rejections in a row after which a step is cut to a tenth each time
_MOST_NUDGES = 10  # starts without a finite gradient are pulled inwards so many times
_FIRST_STEP = 0.1  # of the box, in all variables with a slope to speak of
_LONGER = 4.0  # how much longer the next step is where the function did not curve upwards on the last
_LONGEST = 1e6
_TIGHTER = 0.1  # what `tighten` multiplies the leniency with
_APART = 1e4  # most that a variable's own scale may differ from the row's
_EVEN = 1e-3  # share of the largest slope from which on variables take equal first steps
_FLAT = 1e-2  # a slope that promises less than this over the whole box
_ASIDE = 0.01  # of the way to the middle of the box
_CURVATURE = 1e-10  # least s.y / |s||y| of a pair worth keeping
_STANDING = 3  # steps in a row that gained next to nothing: the row has arrived


@dataclass
class LBFGS(Descent):
    """L-BFGS on the variables no bound holds back, with Armijo's rule along the projected path (Bertsekas
    1976). A point is evaluated together with its gradient, so an accepted step costs one evaluation and
    one backward pass.

    A row is stationary once its free gradient is below ``gradient_tolerance`` times the steepest it has
    met, or three steps in a row gained less than ``value_tolerance`` of the value and of all
    that was gained before; ``leniency`` (n,) multiplies the latter.
    """

    box: Box
    trial: torch.Tensor
    gradient_tolerance: float = 1e-6
    value_tolerance: float = 1e-10
    stationary: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        n, d = self.trial.shape
        instead = 'give fewer rows, or inner="adam"'
        require_memory((2 * _MEMORY + 4) * n * d, f"L-BFGS on {n} rows of {d:,} variables", instead)
        new = self.trial.new_zeros
        self.stationary = torch.zeros(n, dtype=torch.bool, device=self.trial.device)
        self.fresh = torch.ones_like(self.stationary)  # the trial point is a start, not a step
        self.here, self.value, self.gradient = self.trial.clone(), new(n), new(n, d)
        self.direction, self.length = new(n, d), new(n)
        self.memory = Curvature.none_yet(self.trial, _MEMORY)
        self.usual, self.stretch = torch.ones_like(self.value), torch.ones_like(self.value)
        self.steepest, self.gained = new(n), new(n)
        self.rejections, self.standing = new(n), new(n)
        self.leniency = torch.ones_like(self.value)
        self.untouched = torch.ones_like(self.stationary)  # starts that were not evaluated yet

    def relax(self, leniency: float) -> None:
        self.leniency.fill_(leniency)

    def tighten(self, rows: torch.Tensor) -> torch.Tensor:
        before = self.leniency[rows]
        self.leniency[rows] = (before * _TIGHTER).clamp_min(1.0)
        return before <= 1.0

    def restart(self, rows: torch.Tensor) -> None:
        if len(rows) == 0:
            return
        self.fresh[rows] = True
        self.stationary[rows] = False
        self.trial[rows] = self.here[rows]
        self._forget(rows)

    def _forget(self, rows: torch.Tensor) -> None:
        self.memory.forget(rows)
        self.rejections[rows] = self.standing[rows] = self.gained[rows] = 0.0
        self.stretch[rows] = 1.0

    def absorb(
        self, rows: torch.Tensor, value: torch.Tensor, gradient: torch.Tensor, step: float
    ) -> torch.Tensor:
        finite = value.isfinite() & gradient.isfinite().all(1)
        if not bool(finite.all()):
            value = torch.where(finite, value, torch.inf)
            gradient = torch.where(finite[:, None], gradient, 0.0)
        fresh, old = self.fresh[rows], self.value[rows]
        move = self.trial[rows] - self.here[rows]
        slope = (self.gradient[rows] * move).sum(1)
        enough = (value <= old + _ARMIJO * slope + 1e-15 * old.abs()) & (slope < 0)
        accepted = finite & (fresh | enough)
        if bool(accepted.all()):
            self._accept(rows, fresh, move, value, gradient)
        else:
            self._nudge(rows[fresh & ~finite])
            at = torch.nonzero(accepted)[:, 0]
            self._accept(rows[at], fresh[at], move[at], value[at], gradient[at])
            rejected = torch.nonzero(~accepted & ~fresh)[:, 0]
            self._shorten(rows[rejected], value[rejected], slope[rejected])
        self._next_trial(rows)
        return accepted

    def _nudge(self, rows: torch.Tensor) -> None:
        """Pull starts that cannot be differentiated a tenth towards the middle of the box."""
        self._pull(rows, 0.1)
        self.rejections[rows] += 1
        self.stationary[rows] |= self.rejections[rows] > _MOST_NUDGES

    def _pull(self, rows: torch.Tensor, share: float) -> None:
        middle = (self.box.lower.clamp_min(-1.0) + self.box.upper.clamp_max(1.0)) / 2
        self.here[rows] += share * (middle - self.here[rows])

    def _leave_saddles(self, rows: torch.Tensor, slope: torch.Tensor) -> None:
        """A start without a slope may be a maximum as well, above all in a corner of the box: it is left
        a little, once, and begun from there."""
        flat = rows[self.untouched[rows] & (slope <= _FLAT)]
        self.untouched[rows] = False
        if len(flat):
            self._pull(flat, _ASIDE)
            self.fresh[flat], self.stationary[flat] = True, False

    def _accept(
        self,
        at: torch.Tensor,
        fresh: torch.Tensor,
        move: torch.Tensor,
        value: torch.Tensor,
        gradient: torch.Tensor,
    ) -> None:
        """The trial points of these rows become their current points."""
        if len(at) == 0:
            return
        stepped = ~fresh
        learnt = self.memory.learn(at, move, gradient - self.gradient[at], stepped)
        longer = (_LONGER * self.length[at] / self.usual[at]).clamp(1.0, _LONGEST)
        self.stretch[at] = torch.where(learnt | fresh, 1.0, longer)
        gain = torch.where(stepped, self.value[at] - value, 0.0)
        total = self.gained[at] + gain
        still = stepped & (gain <= self._worth(at, value, total))
        standing = torch.where(still, self.standing[at] + 1.0, 0.0)
        here = self.trial[at]
        blocked = self.box.blocked(here, gradient)
        free = torch.where(blocked, 0.0, gradient)
        slope = free.abs().amax(1)
        steepest = torch.maximum(self.steepest[at], slope)
        self.here[at], self.value[at], self.gradient[at] = here, value, gradient
        self.gained[at], self.standing[at], self.steepest[at] = total, standing, steepest
        self.fresh[at] = False
        self.rejections[at] = 0.0
        self.stationary[at] = (slope <= self.gradient_tolerance * steepest) | (standing >= _STANDING)
        self._leave_saddles(at, slope)
        self._aim(at, free, blocked, slope)

    def _worth(self, rows: torch.Tensor, value: torch.Tensor, gained: torch.Tensor) -> torch.Tensor:
        """The gain of a step that still counts as one (k,)."""
        scale = torch.maximum(value.abs(), gained).clamp_min(1.0)
        return self.value_tolerance * self.leniency[rows] * scale

    def _aim(
        self, rows: torch.Tensor, free: torch.Tensor, blocked: torch.Tensor, largest: torch.Tensor
    ) -> None:
        """The quasi-Newton direction of the free variables; steepest descent where it is none."""
        direction = torch.where(blocked, 0.0, -self.memory.inverse_times(rows, free))
        slope = (direction * free).sum(1)
        steep = (slope > -1e-8 * direction.norm(dim=1) * free.norm(dim=1)) | (self.memory.count[rows] == 0)
        even = -free / (free.abs() + _EVEN * largest.clamp_min(1e-30)[:, None])
        self.direction[rows] = torch.where(steep[:, None], even, direction)
        usual = torch.where(steep, _FIRST_STEP, 1.0).to(free.dtype)
        self.usual[rows] = usual
        self.length[rows] = usual * self.stretch[rows]

    def _shorten(self, rows: torch.Tensor, value: torch.Tensor, slope: torch.Tensor) -> None:
        """Shorten the step by the minimiser of the parabola through what is known, within [0.1, 0.5], and
        faster when that was of no use; a row that never gets anywhere tries steepest descent once, then
        is done."""
        if len(rows) == 0:
            return
        excess = value - self.value[rows] - slope
        parabola = torch.where(excess.isfinite() & (excess > 0), -slope / (2 * excess), 0.3)
        shorter = torch.where(self.rejections[rows] < _PATIENT, parabola.clamp(0.1, 0.5), 0.1)
        self.length[rows] *= shorter
        self.rejections[rows] += 1
        least = self._worth(rows, self.value[rows], self.gained[rows])
        nothing_in_it = -slope * shorter <= least  # as its slope promises
        stuck = rows[nothing_in_it | (self.rejections[rows] > _MOST_BACKTRACKS)]
        if len(stuck) == 0:
            return
        had_memory = self.memory.count[stuck] > 0
        self.stationary[stuck[~had_memory]] = True
        again = stuck[had_memory]
        self._forget(again)
        blocked = self.box.blocked(self.here[again], self.gradient[again])
        free = torch.where(blocked, 0.0, self.gradient[again])
        self._aim(again, free, blocked, free.abs().amax(1))

    def _next_trial(self, rows: torch.Tensor) -> None:
        step = torch.where(self.fresh[rows, None], 0.0, self.length[rows, None] * self.direction[rows])
        self.trial[rows] = (self.here[rows] + step).clamp(self.box.lower, self.box.upper)


@dataclass
class Curvature:
    """The last pairs s = x' - x, y = g' - g of every row, and what L-BFGS's inverse Hessian needs of them.

    The compact form (Byrd, Nocedal and Schnabel 1994, theorem 2.2) takes a handful of batched products
    where the two-loop recursion takes dozens of small ones. It starts from a diagonal: each variable's own
    |s| / |y|, so that a variable with a steep slope does not hold back the others. ``S``, ``Y`` (n, k, d)
    are rings, the newest pair at ``count - 1`` modulo k; ``R`` (n, k, k), upper triangular with s_i.y_j,
    is in order of time, the newest last. A place without a pair has zeros, and 1 on R's diagonal.
    """

    S: torch.Tensor
    Y: torch.Tensor
    R: torch.Tensor
    count: torch.Tensor
    usual: torch.Tensor  # s.y / y.y of the newest pair

    @classmethod
    def none_yet(cls, like: torch.Tensor, k: int) -> Curvature:
        """For rows like these (n, d)."""
        n, d = like.shape
        eye = torch.eye(k, dtype=like.dtype, device=like.device).repeat(n, 1, 1)
        count = torch.zeros(n, dtype=torch.long, device=like.device)
        return cls(like.new_zeros(n, k, d), like.new_zeros(n, k, d), eye, count, like.new_ones(n))

    def forget(self, rows: torch.Tensor) -> None:
        k = self.R.shape[1]
        self.S[rows] = self.Y[rows] = 0.0
        self.R[rows] = torch.eye(k, dtype=self.R.dtype, device=self.R.device)
        self.count[rows] = 0
        self.usual[rows] = 1.0

    def learn(
        self, rows: torch.Tensor, s: torch.Tensor, y: torch.Tensor, stepped: torch.Tensor
    ) -> torch.Tensor:
        """Take in pairs (k, d) of these rows where they made a step and the curvature is positive; the
        mask (k,) of those."""
        product = (s * y).sum(1)
        keep: torch.Tensor = stepped & (product > _CURVATURE * s.norm(dim=1) * y.norm(dim=1))
        if bool(keep.all()):
            self._push(rows, s, y, product)
        elif bool(keep.any()):
            self._push(rows[keep], s[keep], y[keep], product[keep])
        return keep

    def _push(self, rows: torch.Tensor, s: torch.Tensor, y: torch.Tensor, product: torch.Tensor) -> None:
        place = self.count[rows] % self.R.shape[1]
        self.S[rows, place], self.Y[rows, place] = s, y
        self.count[rows] += 1
        self.usual[rows] = product / y.square().sum(1)
        R = torch.zeros_like(self.R[rows])
        R[:, :-1, :-1] = self.R[rows, 1:, 1:]
        R[:, :, -1] = (self.S[rows] @ y[:, :, None])[:, :, 0].gather(1, self._order(rows))
        self.R[rows] = R

    def _order(self, rows: torch.Tensor) -> torch.Tensor:
        """Places of the ring in order of time (k, places)."""
        places = torch.arange(self.R.shape[1], device=rows.device)
        return (self.count[rows, None] + places) % self.R.shape[1]

    def inverse_times(self, rows: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        """The rows' inverse Hessians times g (k, d)."""
        S, Y, R, usual = self.S[rows], self.Y[rows], self.R[rows], self.usual[rows, None]
        order = self._order(rows)
        own = (S.square().sum(1) / Y.square().sum(1).clamp_min(1e-300)).sqrt()
        diagonal = torch.maximum(torch.minimum(own, _APART * usual), usual / _APART)
        DY = diagonal[:, None] * Y
        p = (S @ g[:, :, None])[:, :, 0].gather(1, order)
        q = (DY @ g[:, :, None])[:, :, 0].gather(1, order)
        u = torch.linalg.solve_triangular(R, p[:, :, None], upper=True)[:, :, 0]
        along_y = (torch.zeros_like(u).scatter_(1, order, u)[:, None] @ DY)[:, 0]
        again = (Y @ along_y[:, :, None])[:, :, 0].gather(1, order)
        empty = torch.arange(R.shape[1], device=rows.device) < R.shape[1] - self.count[rows, None]
        inner = torch.where(empty, 0.0, R.diagonal(dim1=1, dim2=2) * u) + again - q
        v = torch.linalg.solve_triangular(R.mT, inner[:, :, None], upper=False)[:, :, 0]
        along_s = (torch.zeros_like(v).scatter_(1, order, v)[:, None] @ S)[:, 0]
        product: torch.Tensor = diagonal * g - along_y + along_s
        return product
