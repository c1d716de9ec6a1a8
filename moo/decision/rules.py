"""Rules that weigh objectives: TOPSIS, pseudo-weights, a reference point, an order of importance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from moo.decision.candidates import Candidates, Limits, Point, Source, candidates, point, weights_of
from moo.decision.choice import Choice
from moo.errors import OptionError, unknown_name

_RHO = 1e-4  # of the augmentation: only ties of the worst objective are decided by the others


def topsis(
    result: Source,
    weights: Point | None = None,
    *,
    within: Limits | None = None,
) -> Choice:
    """The row of the greatest closeness d- / (d+ + d-), where d+ and d- are its distances to the best and to
    the worst value of every objective among the rows (Hwang and Yoon 1981, "Multiple attribute decision
    making", TOPSIS).

    Objectives are divided by the root of their sum of squares, as in the book: units do not matter, the
    zero of a scale does (degrees Celsius are not Kelvin).

    Args:
        result: a `Result`, or F (n, n_obj) in minimised form.
        weights: of the objectives, a sequence or a mapping by name, scaled to sum to one; equal without.
        within: limits of the objectives by name, ``{"cost": (None, 5)}``; rows outside are left aside.

    Raises:
        OptionError: for weights that cannot be used, and where there is nothing to choose.
    """
    given = candidates(result, within, None, None)
    w = weights_of(weights, given.names)
    why = "its closeness to the best values, 0 to 1, is {}"
    return given.by_score(f"TOPSIS with {_weights_text(weights, w)}", closeness(given.F, w), why)


def closeness(F: np.ndarray, w: np.ndarray) -> np.ndarray:
    """TOPSIS's closeness (n,) of F (n, m), minimised, with weights (m,)."""
    size = np.linalg.norm(F, axis=0)
    V = w * F / np.where(size > 0, size, 1.0)
    to_best = np.linalg.norm(V - V.min(axis=0), axis=1)
    to_worst = np.linalg.norm(V - V.max(axis=0), axis=1)
    total = to_best + to_worst
    return np.asarray(np.where(total > 0, to_worst / np.where(total > 0, total, 1.0), 0.0))


def pseudo_weights(
    result: Source,
    weights: Point | None = None,
    *,
    within: Limits | None = None,
    ideal: Point | None = None,
    nadir: Point | None = None,
) -> Choice:
    """The row whose pseudo-weights are nearest to the given weights, by the sum of absolute differences.

    The pseudo-weight of an objective is how far a row is from the worst value, as a share of the range,
    divided by the sum of these shares (Deb 2001, "Multi-objective optimization using evolutionary
    algorithms"): where on the front a row lies, whether or not the front is convex.

    Args:
        result: a `Result`, or F (n, n_obj) in minimised form.
        weights: of the objectives, a sequence or a mapping by name, scaled to sum to one; equal without.
        within: limits of the objectives by name, ``{"cost": (None, 5)}``; rows outside are left aside.
        ideal, nadir: the ends of the range, user's units and sign; by default of the rows themselves.

    Raises:
        OptionError: for weights that cannot be used, and where there is nothing to choose.
    """
    given = candidates(result, within, ideal, nadir)
    w = weights_of(weights, given.names)
    distance = np.abs(_pseudo(given) - _without_flat(w, given.span)).sum(axis=1)
    place, other = given.best(-distance)
    why = f"its pseudo-weights are {_figures(_pseudo(given)[place])}, {distance[place]:.4g} from those wanted"
    if other is not None:
        why += f"; those of the runner-up are {distance[other]:.4g} away"
    return given.chosen(f"pseudo-weights nearest to {_figures(w)}", place, other, why)


def _pseudo(given: Candidates) -> np.ndarray:
    """Pseudo-weights (n, m); equal ones of a row that is worst in everything."""
    shares = np.maximum((given.nadir - given.F) * given.per_range, 0.0)
    total = shares.sum(axis=1, keepdims=True)
    equal = 1.0 / shares.shape[1]
    return np.asarray(np.where(total > 0, shares / np.where(total > 0, total, 1.0), equal))


def _without_flat(w: np.ndarray, span: np.ndarray) -> np.ndarray:
    """The weights (m,) shared out among the objectives that differ, since no row has any of another."""
    kept = np.where(span > 0, w, 0.0)
    return np.asarray(kept / kept.sum() if kept.sum() > 0 else w)


def achievement(
    result: Source,
    reference_point: Point,
    *,
    within: Limits | None = None,
    ideal: Point | None = None,
    nadir: Point | None = None,
) -> Choice:
    """The row that comes nearest to a reference point, or exceeds it most, in its worst objective: the least
    of max_i w_i (f_i - z_i) + 1e-4 sum_i w_i (f_i - z_i) with w_i = 1 / (nadir_i - ideal_i) (Wierzbicki 1980,
    "The use of reference objectives in multiobjective optimization"; augmented form).

    Args:
        result: a `Result`, or F (n, n_obj) in minimised form.
        reference_point: the values hoped for, user's units and sign, a sequence or a mapping by name.
        within: limits of the objectives by name, ``{"cost": (None, 5)}``; rows outside are left aside.
        ideal, nadir: the ends of the range, user's units and sign; by default of the rows themselves.

    Raises:
        OptionError: for a reference point that does not fit the objectives, and where there is nothing to
            choose.
    """
    given = candidates(result, within, ideal, nadir)
    z = point(reference_point, given.names, "reference_point") * given.sign
    shares = (given.F - z) * given.per_range
    scores = -(shares.max(axis=1) + _RHO * shares.sum(axis=1))
    place, other = given.best(scores)
    why = _met_or_missed(given.names, shares[place])
    if other is not None:
        why += f"; at the runner-up it is {_met_or_missed(given.names, shares[other])}"
    why = f"the reference point is {why}"
    return given.chosen(f"achievement of {_figures(z * given.sign + 0.0)}", place, other, why)


def _met_or_missed(names: list[str], shares: np.ndarray) -> str:
    """By how much a row, ``shares`` (n_obj,) of the range above it, meets or misses the reference point."""
    i = int(shares.argmax())
    if shares[i] > 0:
        return f"missed most in {names[i]}, by {shares[i]:.2%} of the range"
    return f"met in every objective, with least to spare in {names[i]}, {-shares[i]:.2%} of the range"


def lexicographic(
    result: Source,
    order: Sequence[str],
    tolerance: float | Mapping[str, float] = 0.0,
    *,
    within: Limits | None = None,
    ideal: Point | None = None,
    nadir: Point | None = None,
) -> Choice:
    """The best in the most important objective; of those that are as good, the best in the next; and so on.

    Args:
        result: a `Result`, or F (n, n_obj) in minimised form.
        order: names of objectives, the most important first; those not named come last, as they stand.
        tolerance: how much of an objective's range may be given up for the objectives that come after it, one
            number or one a name: 0.05 takes what is within 5 % of the best as equally good. 0 is the
            strict order, by which the second objective decides between exact ties alone.
        within: limits of the objectives by name, ``{"cost": (None, 5)}``; rows outside are left aside.
        ideal, nadir: the ends of the range, user's units and sign; by default of the rows themselves.

    Raises:
        OptionError: for unknown or repeated names, a tolerance outside [0, 1], and where there is nothing to
            choose.
    """
    given = candidates(result, within, ideal, nadir)
    columns = _columns(order, given.names)
    slack = _slack(tolerance, given.names) * given.span
    everyone = np.arange(len(given.rows))
    place, deciding, left = _first(given.F, everyone, columns, slack)
    others = everyone[everyone != place]
    other = _first(given.F, others, columns, slack)[0] if len(others) else None
    before = [given.names[i] for i in columns[: columns.index(deciding)]]
    good = f" that are good enough in {' and '.join(before)}" if before else ""
    why = f"{given.names[deciding]} decides between {left} points{good}"
    return given.chosen(
        f"lexicographic order {', '.join(given.names[i] for i in columns)}", place, other, why
    )


def _first(F: np.ndarray, rows: np.ndarray, columns: list[int], slack: np.ndarray) -> tuple[int, int, int]:
    """(row, the objective that decided, between how many) by the order of the columns."""
    deciding, left = columns[0], len(rows)
    for column in columns:
        values = F[rows, column]
        last = column == columns[-1]
        kept = rows[values <= values.min() + (0.0 if last else slack[column])]
        if len(kept) < len(rows):
            deciding, left = column, len(rows)
        rows = kept
    return int(rows[0]), deciding, left


def _columns(order: Sequence[str], names: list[str]) -> list[int]:
    """All objectives, the named ones first."""
    listed = [order] if isinstance(order, str) else list(order)
    for name in listed:
        if name not in names:
            raise OptionError(unknown_name("objective", str(name), names))
    if not listed or len(set(listed)) < len(listed):
        raise OptionError(f"order={order!r} is not accepted: name at least one objective, none twice")
    return [names.index(name) for name in [*listed, *(n for n in names if n not in listed)]]


def _slack(tolerance: float | Mapping[str, float], names: list[str]) -> np.ndarray:
    """The tolerance of each objective (n_obj,), a share of its range."""
    if isinstance(tolerance, Mapping):
        shares = point(dict.fromkeys(names, 0.0) | dict(tolerance), names, "tolerance")
    else:
        shares = point([tolerance] * len(names), names, "tolerance")
    if ((shares < 0) | (shares > 1)).any():
        raise OptionError(f"tolerance={tolerance!r} is not accepted: give shares of a range, from 0 to 1")
    return shares


def bounds(result: Source, limits: Limits, rule: Callable[..., Choice] = topsis, **options: Any) -> Choice:
    """What a rule chooses among the rows within limits: ``bounds(result, {"cost": (None, 5)}, rule=knee)``.

    The ranges that rules scale by are then those of the rows within.

    Args:
        result: a `Result`, or F (n, n_obj) in minimised form.
        limits: (low, high) by the objective's name, user's units and sign, None where there is none.
        rule: a rule of this module; by default `topsis` with equal weights.
        options: what else the rule takes.

    Raises:
        OptionError: when no row is within, for unknown names, and what the rule raises.
    """
    if not callable(rule):
        raise OptionError(f"rule={rule!r} is not accepted: give a rule, for example rule=moo.decision.knee")
    return rule(result, within=limits, **options)


def _weights_text(given: Point | None, w: np.ndarray) -> str:
    return "equal weights" if given is None else f"weights {_figures(w)}"


def _figures(values: np.ndarray) -> str:
    """For example "(0.25, 0.75)"."""
    return f"({', '.join(f'{value:.4g}' for value in values)})"
