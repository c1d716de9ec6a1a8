"""The RE suite, two objectives: the second is the summed violation of the design's constraints.

Tanabe and Ishibuchi, "An easy-to-use real-world multi-objective optimization problem suite", Applied
Soft Computing 89:106078, 2020, with the corrections of the authors' change log up to 2021-05-29. A
constraint is stated as a slack that is at least 0; what is missing to 0 is summed, unweighted. The fronts
but RE21's are approximate: stored reference sets (`benchmarks/reference_sets.py`).
"""

from __future__ import annotations

import math

from moo.arrays import Array
from moo.problems._re import Listed, _RealWorld, violation
from moo.problems.engineering import FourBarTruss
from moo.variables import Integer, Real

# fmt: off
_BAR_AREAS = Listed.of((
    0.20, 0.31, 0.40, 0.44, 0.60, 0.62, 0.79, 0.80, 0.88, 0.93, 1.0, 1.20, 1.24, 1.32, 1.40, 1.55, 1.58,
    1.60, 1.76, 1.80, 1.86, 2.0, 2.17, 2.20, 2.37, 2.40, 2.48, 2.60, 2.64, 2.79, 2.80, 3.0, 3.08, 3.10,
    3.16, 3.41, 3.52, 3.60, 3.72, 3.95, 3.96, 4.0, 4.03, 4.20, 4.34, 4.40, 4.65, 4.74, 4.80, 4.84, 5.0,
    5.28, 5.40, 5.53, 5.72, 6.0, 6.16, 6.32, 6.60, 7.11, 7.20, 7.80, 7.90, 8.0, 8.40, 8.69, 9.0, 9.48,
    10.27, 11.0, 11.06, 11.85, 12.0, 13.0, 14.0, 15.0,
))
_WIRE_DIAMETERS = Listed.of((
    0.092, 0.105, 0.12, 0.135, 0.148, 0.162, 0.177, 0.192, 0.207, 0.225, 0.244, 0.263, 0.283, 0.307,
    0.331, 0.362, 0.394, 0.4375, 0.5,
))
# fmt: on
_THINNEST = 1e-6  # in; a beam of no width would be violated infinitely


class RE21(FourBarTruss):
    """RE2-4-1, the four-bar truss: volume (cm^3) and displacement of the joint (cm).

    `FourBarTruss` under its name in the suite; it has no constraints.
    Cheng and Li, "Generalized center method for multiobjective engineering optimization", 1999.
    Front: convex and in closed form, see `FourBarTruss`.
    """


class RE22(_RealWorld):
    """RE2-3-2, a reinforced concrete beam: cost and violation.

    cost = 29.4 a + 0.6 b h. Slacks: a h - 7.735 a^2 / b - 180, 4 - h / b.
    Variables: the area a of the reinforcement (in^2), out of a table of 76 (the column of X holds its
    place in the table, `encode` takes the area), 0 <= b <= 20, 0 <= h <= 40 (in).
    Below b = 1e-6 in the violation is that at 1e-6 in: at 0 it would be infinite.

    Amir and Hasegawa, "Nonlinear mixed-discrete structural optimization", 1989. Sources differ: the
    suite's own code has "3, 10" in the table for the 3.10 of the paper, and with it jMetal and libmoon
    have an area of 10; DESDEO and jMetalPy have 3.10, as here.
    Front: approximate, a stored set; from (5.88, 180.015) to a beam without violation.
    """

    def __init__(self) -> None:
        stated = {"area": _BAR_AREAS, "width": Real(0, 20), "height": Real(0, 40)}
        super().__init__(stated, ["cost", "violation"])

    def objectives(self, x: Array) -> list[Array]:
        place, b, h = x.T
        a, width = _BAR_AREAS.numbers(place), b.clip(_THINNEST)
        missing = violation(a * h - 7.735 * a**2 / width - 180, 4 - h / width)
        return [29.4 * a + 0.6 * b * h, missing]


class RE23(_RealWorld):
    """RE2-4-3, a pressure vessel: cost and violation.

    cost = 0.6224 s r l + 1.7781 t r^2 + 3.1661 s^2 l + 19.84 s^2 r. Slacks: s - 0.0193 r,
    t - 0.00954 r, pi r^2 l + 4/3 pi r^3 - 1296000.
    Variables: the thicknesses s of the shell and t of the head (in), in sixteenths of an inch: whole
    numbers from 1 to 100; the radius 10 <= r <= 200 and the length 10 <= l <= 240 (in).

    Kannan and Kramer, "An augmented Lagrange multiplier based method for mixed integer discrete
    continuous optimization", 1994. Sources differ: jMetalPy rounds the thicknesses to sixteenths of the
    unit of X instead of counting sixteenths of an inch.
    Front: approximate, a stored set; the volume, in cubic inches, dominates the violation.
    """

    def __init__(self) -> None:
        sixteenths = Integer(1, 100)
        stated = {"shell": sixteenths, "head": sixteenths, "radius": Real(10, 200), "length": Real(10, 240)}
        super().__init__(stated, ["cost", "violation"])

    def objectives(self, x: Array) -> list[Array]:
        shell, head, r, length = x.T
        s, t = 0.0625 * shell.round(), 0.0625 * head.round()
        cost = 0.6224 * s * r * length + 1.7781 * t * r**2 + 3.1661 * s**2 * length + 19.84 * s**2 * r
        volume = math.pi * r**2 * length + 4 / 3 * math.pi * r**3
        return [cost, violation(s - 0.0193 * r, t - 0.00954 * r, volume - 1296000)]


class RE24(_RealWorld):
    """RE2-2-4, a hatch cover: weight and violation.

    weight = f + 120 h. Slacks: 1 - bending / 700, 1 - 4 / h (shear 1800 / h, at most 450),
    1 - deflection / 1.5, 1 - bending / buckling, with bending = 4500 / (f h),
    deflection = 562000 / (E f h^2), buckling = E f^2 / 100, E = 700000 (kg/cm^2).
    Variables: the thicknesses (cm) of the flange 0.5 <= f <= 4 and of the beam 0.5 <= h <= 50.

    Amir and Hasegawa, "Nonlinear mixed-discrete structural optimization", 1989.
    Front: approximate, a stored set; from (60.5, 44.28) to a cover without violation.
    """

    def __init__(self) -> None:
        super().__init__({"flange": Real(0.5, 4), "beam": Real(0.5, 50)}, ["weight", "violation"])

    def objectives(self, x: Array) -> list[Array]:
        flange, beam = x.T
        stiffness = 700000.0
        bending = 4500 / (flange * beam)
        missing = violation(
            1 - bending / 700,
            1 - 1800 / beam / 450,
            1 - 562000 / (stiffness * flange * beam**2) / 1.5,
            1 - bending / (stiffness * flange**2 / 100),
        )
        return [flange + 120 * beam, missing]


class RE25(_RealWorld):
    """RE2-3-5, a coil compression spring: volume of steel (in^3) and violation.

    volume = pi^2 D d^2 (n + 2) / 4. With C = D / d, the Wahl factor W = (4 C - 1) / (4 C - 4) + 0.615 / C
    and the stiffness K = 11.5e6 d^4 / (8 n D^3) the slacks are: 189000 - 8000 W D / (pi d^3), 14 - length,
    C - 3, 6 - 300 / K, length - 300 / K - 700 / K - 1.05 (n + 2) d (0 by the definition of the length),
    1.25 - 700 / K, with length = 1000 / K + 1.05 (n + 2) d.
    Variables: n coils, a whole number from 1 to 70; the mean diameter 0.6 <= D <= 3 (in) of the coil;
    the diameter d of the wire (in), out of a table of 19, those of 42 in the suite's table that are within
    its bounds of 0.09 and 0.5 (the column of X holds the place in the table, `encode` takes d).

    Lampinen and Zelinka, "Mixed integer-discrete-continuous optimization by differential evolution",
    1999. Sources differ: the suite's code has 3 as the upper bound of D, as here and in jMetal; its
    supplement and others (DESDEO) have 30. The last constraint is that of the suite; the spring's usual
    statement wants the deflection to be at least 1.25.
    Front: approximate, a stored set.
    """

    def __init__(self) -> None:
        stated = {"coils": Integer(1, 70), "coil diameter": Real(0.6, 3), "wire diameter": _WIRE_DIAMETERS}
        super().__init__(stated, ["volume", "violation"])

    def objectives(self, x: Array) -> list[Array]:
        coils, coil, place = x.T
        n, d = coils.round(), _WIRE_DIAMETERS.numbers(place)
        ratio = coil / d
        wahl = (4 * ratio - 1) / (4 * ratio - 4) + 0.615 / ratio
        give = 8 * n * coil**3 / (11.5e6 * d**4)  # 1 / K
        solid = 1.05 * (n + 2) * d
        missing = violation(
            189000 - 8000 * wahl * coil / (math.pi * d**3),
            14 - 1000 * give - solid,
            ratio - 3,
            6 - 300 * give,
            1.25 - 700 * give,
        )
        return [math.pi**2 * coil * d**2 * (n + 2) / 4, missing]
