"""The RE suite, four, six and nine objectives; where there are constraints the last is their violation.

Tanabe and Ishibuchi, "An easy-to-use real-world multi-objective optimization problem suite", Applied
Soft Computing 89:106078, 2020, with the corrections of the authors' change log up to 2021-05-29. A
constraint is stated as a slack that is at least 0; what is missing to 0 is summed, unweighted. The fronts
are approximate: stored reference sets (`benchmarks/reference_sets.py`).
"""

from __future__ import annotations

import numpy as np

from moo.arrays import Array, math_of
from moo.problems._re import _RealWorld, violation
from moo.variables import Real, Variable

_CAR: dict[str, Variable] = {
    "B-pillar inner": Real(0.5, 1.5),
    "B-pillar reinforcement": Real(0.45, 1.35),
    "floor side inner": Real(0.5, 1.5),
    "cross members": Real(0.5, 1.5),
    "door beam": Real(0.875, 2.625),
    "door beltline": Real(0.4, 1.2),
    "roof rail": Real(0.4, 1.2),
}


class RE41(_RealWorld):
    """RE4-7-1, a car's side impact: weight (kg), pubic force (kN), mean velocity of the V-pillar (mm/ms)
    and violation.

    weight = 1.98 + 4.9 x1 + 6.67 x2 + 6.98 x3 + 4.01 x4 + 1.78 x5 + 1e-5 x6 + 2.73 x7, force = 4.72
    - 0.5 x4 - 0.19 x2 x3, velocity (V1 + V2) / 2 with V1 = 10.58 - 0.674 x1 x2 - 0.67275 x2 and
    V2 = 16.45 - 0.489 x3 x7 - 0.843 x5 x6. Ten slacks: limits of the abdomen's load, of three viscous
    criteria and three rib deflections, of the force (4), V1 (9.9) and V2 (15.7).
    Variables: seven thicknesses (mm).

    Jain and Deb, "An evolutionary many-objective optimization algorithm using reference-point based
    nondominated sorting approach, part II", 2014. Sources differ: jMetalPy sums the positive slacks.
    Front: approximate, a stored set.
    """

    def __init__(self) -> None:
        super().__init__(_CAR, ["weight", "pubic force", "velocity", "violation"])

    def objectives(self, x: Array) -> list[Array]:
        x1, x2, x3, x4, x5, x6, x7 = x.T
        weight = 1.98 + 4.9 * x1 + 6.67 * x2 + 6.98 * x3 + 4.01 * x4 + 1.78 * x5 + 1e-5 * x6 + 2.73 * x7
        force = 4.72 - 0.5 * x4 - 0.19 * x2 * x3
        v1 = 10.58 - 0.674 * x1 * x2 - 0.67275 * x2
        v2 = 16.45 - 0.489 * x3 * x7 - 0.843 * x5 * x6
        missing = violation(*_body_slacks(x), 4 - force, 9.9 - v1, 15.7 - v2)
        return [weight, force, 0.5 * (v1 + v2), missing]


def _body_slacks(x: Array) -> list[Array]:
    """The slacks of the abdomen, the viscous criteria (upper, middle, lower) and the ribs, (n,) each."""
    x1, x2, x3, x4, x5, x6, x7 = x.T
    abdomen = 1.16 - 0.3717 * x2 * x4 - 0.0092928 * x3
    upper = 0.261 - 0.0159 * x1 * x2 - 0.06486 * x1 - 0.019 * x2 * x7 + 0.0144 * x3 * x5 + 0.0154464 * x6
    middle = (
        0.214 + 0.00817 * x5 - (0.045195 + 0.0135168) * x1 + 0.03099 * x2 * x6 - 0.018 * x2 * x7
        + (0.007176 + 0.023232) * x3 - 0.00364 * x5 * x6 - 0.018 * x2**2
    )  # fmt: skip
    lower = 0.74 - 0.61 * x2 - 0.031296 * x3 - 0.031872 * x7 + 0.227 * x2**2
    ribs = [
        28.98 + 3.818 * x3 - 4.2 * x1 * x2 + 1.27296 * x6 - 2.68065 * x7,
        33.86 + 2.95 * x3 - 5.057 * x1 * x2 - 3.795 * x2 - 3.4431 * x7 + 1.45728,
        46.36 - 9.9 * x2 - 4.4505 * x1,
    ]
    return [1 - abdomen, *(0.32 - value for value in (upper, middle, lower)), *(32 - rib for rib in ribs)]


class RE42(_RealWorld):
    """RE4-6-2, the conceptual design of a bulk carrier: transport cost (per t), light ship weight (t),
    annual cargo (t, negative: it is to be large) and violation.

    Variables: length L, beam B, depth D and draft T (m), speed V (knots), block coefficient C.
    Nine slacks: L / B - 6, 15 - L / D, 19 - L / T, 0.45 w^0.31 - T, 0.7 D + 0.7 - T, 500000 - w, w - 3000
    with the deadweight w (t), 0.32 - the Froude number, and the metacentric height less 0.07 B.

    Parsons and Scott, "Formulation of multicriterion design optimization problems for solution with
    scalar numerical optimization methods", 2004. Sources differ: the suite had 50000 - w until its
    correction of 2021-05-29, and jMetalPy sums the slacks that are positive. The suite's sea days are
    5000 / 24 V, by Parsons and Scott 5000 / (24 V): a voyage of years, whose fuel is more than the ship
    bears, so that the cargo and with it the cost are negative all over the box. The suite's statement is
    kept.
    Front: approximate, a stored set.
    """

    def __init__(self) -> None:
        stated = {
            "length": Real(150, 274.32),
            "beam": Real(20, 32.31),
            "depth": Real(13, 25),
            "draft": Real(10, 11.71),
            "speed": Real(14, 18),
            "block coefficient": Real(0.63, 0.75),
        }
        super().__init__(stated, ["transport cost", "light ship weight", "minus annual cargo", "violation"])

    def objectives(self, x: Array) -> list[Array]:
        length, beam, depth, draft, speed, block = x.T
        displacement = 1.025 * length * beam * draft * block
        froude = 0.5144 * speed / (9.8065 * length) ** 0.5
        power = _engine_power(displacement, speed, block, froude)
        outfit = length**0.8 * beam**0.6 * depth**0.3 * block**0.1
        steel = 0.034 * length**1.7 * beam**0.7 * depth**0.4 * block**0.5
        light = steel + outfit + 0.17 * power**0.9
        deadweight = displacement - light
        capital = 0.2 * 1.3 * (2000 * steel**0.85 + 3500 * outfit + 2400 * power**0.8)
        cost, cargo = _year(power, speed, deadweight, capital)
        height = 0.53 * draft + (0.085 * block - 0.002) * beam**2 / (draft * block) - 1 - 0.52 * depth
        missing = violation(
            length / beam - 6,
            15 - length / depth,
            19 - length / draft,
            0.45 * deadweight**0.31 - draft,
            0.7 * depth + 0.7 - draft,
            500000 - deadweight,
            deadweight - 3000,
            0.32 - froude,
            height - 0.07 * beam,
        )
        return [cost / cargo, light, -cargo, missing]


def _engine_power(displacement: Array, speed: Array, block: Array, froude: Array) -> Array:
    a = 4977.06 * block**2 - 8105.61 * block + 4456.51
    b = -10847.2 * block**2 + 12817.0 * block - 6960.32
    return displacement ** (2 / 3) * speed**3 / (a + b * froude)


def _year(power: Array, speed: Array, deadweight: Array, capital: Array) -> tuple[Array, Array]:
    """Annual costs and annual cargo (t), (n,) each."""
    sea_days = 5000 / 24 * speed
    daily = 0.19 * power * 24 / 1000 + 0.2  # t of fuel
    cargo = deadweight - daily * (sea_days + 5) - 2 * deadweight**0.5
    trips = 350 / (sea_days + 2 * (cargo / 8000 + 0.5))
    voyage = 1.05 * daily * sea_days * 100 + 6.3 * deadweight**0.8
    return capital + 40000 * deadweight**0.3 + voyage * trips, cargo * trips


class RE61(_RealWorld):
    """RE6-3-1, the planning of water resources: costs of the drainage network, of the storage and of the
    treatment, expected flood damage, expected loss by floods, and violation.

    Variables: the storage capacity 0.01 <= x1 <= 0.45, the treatment rate 0.01 <= x2 <= 0.1 and the
    overflow rate 0.01 <= x3 <= 0.1. f = (106780.37 (x2 + x3) + 61704.67, 3000 x1,
    305700 * 2289 x2 / (0.06 * 2289)^0.65, 250 * 2289 exp(-39.75 x2 + 9.9 x3 + 2.74),
    25 (1.39 / (x1 x2) + 4940 x3 - 80)), and seven slacks.

    Musselman and Talavage, "A trade-off cut approach to multiple objective optimization", 1980. Sources
    differ: jMetalPy sums the positive slacks.
    Front: approximate, a stored set.
    """

    def __init__(self) -> None:
        stated = {"storage": Real(0.01, 0.45), "treatment": Real(0.01, 0.1), "overflow": Real(0.01, 0.1)}
        names = ["drainage", "storage cost", "treatment cost", "flood damage", "flood loss", "violation"]
        super().__init__(stated, names)

    def objectives(self, x: Array) -> list[Array]:
        x1, x2, x3 = x.T
        both = x1 * x2
        missing = violation(
            1 - (0.00139 / both + 4.94 * x3 - 0.08),
            1 - (0.000306 / both + 1.082 * x3 - 0.0986),
            50000 - (12.307 / both + 49408.24 * x3 + 4051.02),
            16000 - (2.098 / both + 8046.33 * x3 - 696.71),
            10000 - (2.138 / both + 7883.39 * x3 - 705.04),
            2000 - (0.417 * both + 1721.26 * x3 - 136.54),
            550 - (0.164 / both + 631.13 * x3 - 54.48),
        )
        return [
            106780.37 * (x2 + x3) + 61704.67,
            3000 * x1,
            305700 * 2289 * x2 / (0.06 * 2289) ** 0.65,
            250 * 2289 * math_of(x).exp(-39.75 * x2 + 9.9 * x3 + 2.74),
            25 * (1.39 / both + 4940 * x3 - 80),
            missing,
        ]


class RE91(_RealWorld):
    """RE9-7-1, a car cab: weight (kg) and eight responses to a side impact, each divided by its limit.

    Variables: the seven thicknesses (mm) of RE41. The responses also depend on four random ones: the
    strengths x8 ~ N(0.345, 0.006^2) and x9 ~ N(0.192, 0.006^2) (GPa) of two materials, the height x10 and
    the position x11 of the barrier, both N(0, 10^2) (mm). Here they stand at their means, so that the
    problem has values that can be repeated; with ``noisy=True`` each evaluation draws them, as in the
    suite, and answers are reported at the means.

    Deb, Gupta, Daum, Branke, Mall and Padmanabhan, "Reliability-based optimization using evolutionary
    algorithms", 2009. Sources differ: the suite has 0.87570001 x5 x10 in the second response where
    Youn et al. 2004 have 0.0008757; at the means that is no matter, with noise it makes that response
    a hundred times as large. The suite's number is kept. The weight has 1.75 x5, RE41 1.78 x5.
    jMetal and jMetalPy bound x5 by 2.265 for 2.625; jMetalPy counts the random ones as variables.
    Front: approximate, a stored set, at the means.
    """

    def __init__(self, noisy: bool = False) -> None:
        responses = ("abdomen", "upper", "middle", "lower", "ribs", "pubic force", "V-pillar", "front door")
        super().__init__(_CAR, ["weight", *responses])
        self.stochastic = noisy

    def objectives(self, x: Array, rng: np.random.Generator | None = None) -> list[Array]:
        x1, x2, x3, x4, x5, x6, x7 = x.T
        steel, mild, height, position = _conditions(x, rng)
        weight = 1.98 + 4.9 * x1 + 6.67 * x2 + 6.98 * x3 + 4.01 * x4 + 1.75 * x5 + 1e-5 * x6 + 2.73 * x7
        abdomen = 1.16 - 0.3717 * x2 * x4 - 0.484 * x3 * mild + (0.01343 * x6 - 0.00931 * x2) * height
        force = (
            4.72 - 0.5 * x4 - 0.19 * x2 * x3 + (0.009325 * x6 - 0.0122 * x4) * height
            + 0.000191 * position**2
        )  # fmt: skip
        pillar = (
            10.58 - 0.674 * x1 * x2 - 1.95 * x2 * steel
            + (0.02054 * x3 - 0.0198 * x4 + 0.028 * x6) * height
        )  # fmt: skip
        door = (
            16.45 - 0.489 * x3 * x7 - 0.843 * x5 * x6 + 0.0432 * mild * height
            - 0.0556 * mild * position - 0.000786 * position**2
        )  # fmt: skip
        viscous = [response / 0.32 for response in _viscous(x, steel, mild, height, position)]
        ribs = _ribs(x, steel, mild, height) / 32
        responses = [abdomen, *viscous, ribs, force / 4, pillar / 9.9, door / 15.7]
        return [weight, *(response.clip(0.0) for response in responses)]


def _conditions(x: Array, rng: np.random.Generator | None) -> Array:
    """The random variables (4, n), at their means without a generator."""
    drawn = np.zeros((4, len(x))) if rng is None else rng.standard_normal((4, len(x)))
    values = np.array([[0.345], [0.192], [0.0], [0.0]]) + np.array([[0.006], [0.006], [10.0], [10.0]]) * drawn
    return values if isinstance(x, np.ndarray) else x.new_tensor(values)


def _viscous(x: Array, steel: Array, mild: Array, height: Array, position: Array) -> list[Array]:
    """The viscous criteria (m/s), upper, middle and lower, (n,) each."""
    x1, x2, x3, _, x5, x6, x7 = x.T
    upper = (
        0.261 - 0.0159 * x1 * x2 - 0.188 * x1 * steel - 0.019 * x2 * x7 + 0.0144 * x3 * x5
        + 0.87570001 * x5 * height + 0.08045 * x6 * mild + (0.00139 * steel + 0.00001575 * height) * position
    )  # fmt: skip
    middle = (
        0.214 + 0.00817 * x5 - (0.131 * steel + 0.0704 * mild) * x1 + 0.03099 * x2 * x6 - 0.018 * x2 * x7
        + (0.0208 * steel + 0.121 * mild) * x3 - 0.00364 * x5 * x6
        + (0.0007715 * x5 - 0.0005354 * x6 + 0.00184 * mild) * height + 0.00121 * steel * position
        - 0.018 * x2**2
    )  # fmt: skip
    lower = 0.74 - 0.61 * x2 - 0.163 * x3 * steel + 0.001232 * x3 * height - 0.166 * x7 * mild + 0.227 * x2**2
    return [upper, middle, lower]


def _ribs(x: Array, steel: Array, mild: Array, height: Array) -> Array:
    """The mean deflection (mm) of three ribs (n,)."""
    x1, x2, x3, _, x5, x6, x7 = x.T
    upper = (
        28.98 + 3.818 * x3 - 4.2 * x1 * x2 + 0.0207 * x5 * height + 6.63 * x6 * mild - 7.77 * x7 * steel
        + 0.32 * mild * height
    )  # fmt: skip
    middle = (
        33.86 + 2.95 * x3 + 0.1792 * height - 5.057 * x1 * x2 - 11 * x2 * steel - 0.0215 * x5 * height
        - 9.98 * x7 * steel + 22 * steel * mild
    )  # fmt: skip
    lower = 46.36 - 9.9 * x2 - 12.9 * x1 * steel + 0.1107 * x3 * height
    return (upper + middle + lower) / 3
