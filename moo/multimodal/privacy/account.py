"""What steps spend, by Opacus's accountants."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from moo.errors import MissingExtraError, OptionError

ACCOUNTANTS = ("prv", "rdp")
_TOLERANCE = 0.01  # the share of an epsilon that the noise found for it may leave unspent
_LARGE = 50.0  # an epsilon, above which "prv" takes gigabytes
_MOST_NOISE = 1000.0  # beyond, accountants have reached the least that they can tell


def joint_noise(noises: Sequence[float]) -> float:
    """The noise multiplier of several blocks together, (sum_b s_b^-2)^(-1/2); 0 where one has none."""
    if min(noises) == 0.0:
        return 0.0
    return 1.0 / math.sqrt(sum(noise**-2 for noise in noises))


def spent(noise: float, rate: float, steps: int, delta: float, accountant: str = "prv") -> float:
    """The epsilon that so many steps spend, by Opacus's accountant; inf without noise. Above 50 it is always
    the one of "rdp", which is true as well and only less tight: "prv" needs memory that grows with epsilon,
    16 GB and more for noise 0.1.

    Args:
        noise: the noise multiplier, of all blocks together.
        rate: the probability of a row to be in a step.
        steps, delta, accountant: as in `fit_private`.

    Raises:
        MissingExtraError: without Opacus.
    """
    if noise == 0.0:
        return math.inf
    rough = _accounted(noise, rate, steps, delta, "rdp")
    if accountant == "rdp" or rough > _LARGE:
        return rough
    return _accounted(noise, rate, steps, delta, accountant)


def _accounted(noise: float, rate: float, steps: int, delta: float, accountant: str) -> float:
    counted = opacus_module("opacus.accountants").create_accountant(mechanism=accountant)
    counted.history = [(noise, rate, steps)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that another order of the Renyi divergence might do better
        return float(counted.get_epsilon(delta=delta))


def noise_for(epsilon: float, rate: float, steps: int, delta: float, accountant: str = "prv") -> float:
    """About the least noise multiplier that spends at most ``epsilon``, and 1 % less of it at most; the other
    arguments as in `spent`.

    Raises:
        OptionError: when no noise up to 1,000 does.
        MissingExtraError: without Opacus.
    """
    if epsilon == math.inf:
        return 0.0
    low, high = 0.0, 1.0
    while (reached := spent(high, rate, steps, delta, accountant)) > epsilon:
        low, high = high, 2.0 * high
        if high > _MOST_NOISE:
            raise OptionError(
                f"epsilon={epsilon!r} cannot be reached in {steps} steps at delta={delta:g}: noise {low:g} "
                f"spends {reached:.3g}"
            )
    while reached < (1.0 - _TOLERANCE) * epsilon and high - low > _TOLERANCE**3 * high:
        middle = 0.5 * (low + high)
        found = spent(middle, rate, steps, delta, accountant)
        if found <= epsilon:
            high, reached = middle, found
        else:
            low = middle
    return high


def opacus_module(name: str) -> Any:
    """A module of Opacus.

    Raises:
        MissingExtraError: without it.
    """
    try:
        return import_module(name)
    except ImportError:
        raise MissingExtraError("opacus", "privacy") from None
