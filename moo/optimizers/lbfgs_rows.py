"""The steps of `LBFGS` in compiled loops: what happens to each row on its own.

A step of a few rows is a hundred small operations, which cost torch a microsecond or more each; here they
cost what their arithmetic does. Everything is in unit coordinates.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from moo.sorting import compiled

_ARMIJO = 1e-4  # share of the predicted decrease a step must reach
_MOST_BACKTRACKS = 15
_PATIENT = 2  # rejections in a row after which a step is cut to a tenth each time
_MOST_NUDGES = 10  # starts without a finite gradient are pulled inwards so many times
_FIRST_STEP = 0.1  # of the box, in all variables with a slope to speak of
_LONGER = 4.0  # how much longer the next step is where the function did not curve upwards on the last
_LONGEST = 1e6
_APART = 1e4  # most that a variable's own scale may differ from the row's
_EVEN = 1e-3  # share of the largest slope from which on variables take equal first steps
_FLAT = 1e-2  # a slope that promises less than this over the whole box
_NUDGE = 0.1  # of the way to the middle of the box, for starts that cannot be differentiated
_ASIDE = 0.01  # likewise, for starts without a slope
_CURVATURE = 1e-10  # least s.y / |s||y| of a pair worth keeping
_STANDING = 3  # steps in a row that gained next to nothing: the row has arrived


class Rows(NamedTuple):
    """All that is known of n rows of d variables; ``S``, ``Y`` (n, k, d) are rings of the last k pairs
    s = x' - x, y = g' - g, the newest at ``n_pairs - 1`` modulo k, and ``product`` (n, k) has their s.y."""

    lower: np.ndarray  # (d,)
    upper: np.ndarray
    trial: np.ndarray  # (n, d), in the precision of the problem; all else in double
    here: np.ndarray
    gradient: np.ndarray
    direction: np.ndarray
    value: np.ndarray  # (n,)
    length: np.ndarray
    usual: np.ndarray  # length of a first trial
    stretch: np.ndarray
    steepest: np.ndarray
    gained: np.ndarray
    leniency: np.ndarray
    rejections: np.ndarray
    standing: np.ndarray
    fresh: np.ndarray  # the trial point is a start, not a step
    stationary: np.ndarray
    untouched: np.ndarray  # starts that were not evaluated yet
    S: np.ndarray
    Y: np.ndarray
    product: np.ndarray
    n_pairs: np.ndarray  # so far

    @classmethod
    def of(cls, starts: np.ndarray, lower: np.ndarray, upper: np.ndarray, k: int) -> Rows:
        """Rows that begin at these points (n, d) and remember k pairs."""
        n, d = starts.shape
        return cls(
            lower=lower,
            upper=upper,
            trial=starts.copy(),
            here=starts.astype(np.float64),
            gradient=np.zeros((n, d)),
            direction=np.zeros((n, d)),
            value=np.zeros(n),
            length=np.zeros(n),
            usual=np.ones(n),
            stretch=np.ones(n),
            steepest=np.zeros(n),
            gained=np.zeros(n),
            leniency=np.ones(n),
            rejections=np.zeros(n, dtype=np.int64),
            standing=np.zeros(n, dtype=np.int64),
            fresh=np.ones(n, dtype=bool),
            stationary=np.zeros(n, dtype=bool),
            untouched=np.ones(n, dtype=bool),
            S=np.zeros((n, k, d)),
            Y=np.zeros((n, k, d)),
            product=np.zeros((n, k)),
            n_pairs=np.zeros(n, dtype=np.int64),
        )


@compiled
def absorb(
    state: Rows,
    rows: np.ndarray,
    value: np.ndarray,
    gradient: np.ndarray,
    gradient_tolerance: float,
    value_tolerance: float,
) -> np.ndarray:
    """Take in value (k,) and gradient (k, d) of the rows' trial points, choose the next ones, and return
    the mask (k,) of those that were accepted."""
    accepted = np.zeros(len(rows), dtype=np.bool_)
    for i in range(len(rows)):
        r = rows[i]
        finite = np.isfinite(value[i]) and np.isfinite(gradient[i]).all()
        move = state.trial[r] - state.here[r]
        slope = np.dot(state.gradient[r], move)
        old = state.value[r]
        enough = slope < 0 and value[i] <= old + _ARMIJO * slope + 1e-15 * abs(old)
        accepted[i] = finite and (state.fresh[r] or enough)
        if accepted[i]:
            accept(state, r, move, value[i], gradient[i], gradient_tolerance, value_tolerance)
        elif state.fresh[r]:
            pull(state, r, _NUDGE)
            state.rejections[r] += 1
            if state.rejections[r] > _MOST_NUDGES:
                state.stationary[r] = True
        else:
            shorten(state, r, value[i], slope, value_tolerance)
        if state.fresh[r]:
            state.trial[r] = state.here[r]
        else:
            step = state.here[r] + state.length[r] * state.direction[r]
            state.trial[r] = np.minimum(np.maximum(step, state.lower), state.upper)
    return accepted


@compiled
def accept(
    state: Rows,
    r: int,
    move: np.ndarray,
    value: float,
    gradient: np.ndarray,
    gradient_tolerance: float,
    value_tolerance: float,
) -> None:
    """The row's trial point becomes its current point."""
    if state.fresh[r]:
        state.standing[r], state.stretch[r] = 0, 1.0
    else:
        learnt = learn(state, r, move, gradient - state.gradient[r])
        longer = _LONGER * state.length[r] / state.usual[r]
        state.stretch[r] = 1.0 if learnt else min(max(longer, 1.0), _LONGEST)
        gain = state.value[r] - value
        state.gained[r] += gain
        still = gain <= value_tolerance * worth(state, r, value)
        state.standing[r] = state.standing[r] + 1 if still else 0
    state.here[r], state.gradient[r], state.value[r] = state.trial[r], gradient, value
    state.fresh[r], state.rejections[r] = False, 0
    free = free_gradient(state, r)
    slope = np.abs(free).max()
    state.steepest[r] = max(state.steepest[r], slope)
    flat = slope <= gradient_tolerance * state.steepest[r]
    state.stationary[r] = flat or state.standing[r] >= _STANDING
    if state.untouched[r] and slope <= _FLAT:
        # A start without a slope may be a maximum as well, above all in a corner of the box: it is left
        # a little, once, and begun from there.
        pull(state, r, _ASIDE)
        state.fresh[r], state.stationary[r] = True, False
    state.untouched[r] = False
    aim(state, r, free)


@compiled
def worth(state: Rows, r: int, value: float) -> float:
    """The gain of a step that still counts as one, in units of the tolerance."""
    return float(state.leniency[r] * max(abs(value), state.gained[r], 1.0))


@compiled
def free_gradient(state: Rows, r: int) -> np.ndarray:
    """The gradient, zero where a bound stands in the way of descent."""
    here = state.here[r]
    free: np.ndarray = state.gradient[r].copy()
    for j in range(len(free)):
        held_below = here[j] <= state.lower[j] and free[j] > 0
        held_above = here[j] >= state.upper[j] and free[j] < 0
        if held_below or held_above:
            free[j] = 0.0
    return free


@compiled
def pull(state: Rows, r: int, share: float) -> None:
    """Move the row's point so much of the way to the middle of the box."""
    middle = (np.maximum(state.lower, -1.0) + np.minimum(state.upper, 1.0)) / 2
    state.here[r] += share * (middle - state.here[r])


@compiled
def learn(state: Rows, r: int, s: np.ndarray, y: np.ndarray) -> bool:
    """Keep the pair where the function curved upwards; whether it did."""
    product = np.dot(s, y)
    if not product > _CURVATURE * np.sqrt(np.dot(s, s)) * np.sqrt(np.dot(y, y)):
        return False
    place = state.n_pairs[r] % state.S.shape[1]
    state.S[r, place], state.Y[r, place], state.product[r, place] = s, y, product
    state.n_pairs[r] += 1
    return True


@compiled
def aim(state: Rows, r: int, free: np.ndarray) -> None:
    """The quasi-Newton direction of the free variables; steepest descent where it is none."""
    if state.n_pairs[r] > 0:
        direction = -inverse_times(state, r, free)
        for j in range(len(free)):
            if free[j] == 0.0 and state.gradient[r, j] != 0.0:  # held back by its bound
                direction[j] = 0.0
        lengths = np.sqrt(np.dot(direction, direction)) * np.sqrt(np.dot(free, free))
        steep = np.dot(direction, free) > -1e-8 * lengths
    else:
        direction, steep = free, True
    if steep:
        size = np.abs(free)
        direction = -free / (size + _EVEN * max(size.max(), 1e-30))
    state.direction[r] = direction
    state.usual[r] = _FIRST_STEP if steep else 1.0
    state.length[r] = state.usual[r] * state.stretch[r]


@compiled
def inverse_times(state: Rows, r: int, g: np.ndarray) -> np.ndarray:
    """The row's inverse Hessian times g (d,), by the two loops of Nocedal (1980). They begin from a diagonal:
    each variable's own |s| / |y|, so that one with a steep slope does not hold back the others."""
    S, Y, product, count = state.S[r], state.Y[r], state.product[r], state.n_pairs[r]
    k = len(S)
    oldest = max(0, count - k)
    share = np.zeros(k)
    q = g.copy()
    for i in range(count - 1, oldest - 1, -1):
        p = i % k
        share[p] = np.dot(S[p], q) / product[p]
        q -= share[p] * Y[p]
    newest = (count - 1) % k
    usual = product[newest] / np.dot(Y[newest], Y[newest])
    moved, bent = np.zeros_like(g), np.zeros_like(g)
    for p in range(count - oldest):
        moved += S[p] * S[p]
        bent += Y[p] * Y[p]
    own = np.sqrt(moved / np.maximum(bent, 1e-300))
    q *= np.maximum(np.minimum(own, _APART * usual), usual / _APART)
    for i in range(oldest, count):
        p = i % k
        q += (share[p] - np.dot(Y[p], q) / product[p]) * S[p]
    return q


@compiled
def shorten(state: Rows, r: int, value: float, slope: float, value_tolerance: float) -> None:
    """Shorten the step by the minimiser of the parabola through what is known, within [0.1, 0.5], and
    faster when that was of no use; a row that never gets anywhere tries steepest descent once, then is
    done."""
    shorter = 0.1
    if state.rejections[r] < _PATIENT:
        excess = value - state.value[r] - slope
        parabola = -slope / (2 * excess) if np.isfinite(excess) and excess > 0 else 0.3
        shorter = min(max(parabola, 0.1), 0.5)
    state.length[r] *= shorter
    state.rejections[r] += 1
    nothing_in_it = -slope * shorter <= value_tolerance * worth(state, r, state.value[r])
    if not (nothing_in_it or state.rejections[r] > _MOST_BACKTRACKS):
        return
    if state.n_pairs[r] == 0:
        state.stationary[r] = True
    else:
        forget(state, r)
        aim(state, r, free_gradient(state, r))


@compiled
def forget(state: Rows, r: int) -> None:
    """What was learnt of the row's function is of no use any more."""
    state.n_pairs[r] = state.rejections[r] = state.standing[r] = 0
    state.gained[r], state.stretch[r] = 0.0, 1.0
