"""The RE suite, three objectives; where there are constraints the third is their summed violation.

Tanabe and Ishibuchi, "An easy-to-use real-world multi-objective optimization problem suite", Applied
Soft Computing 89:106078, 2020, with the corrections of the authors' change log up to 2021-05-29. A
constraint is stated as a slack that is at least 0; what is missing to 0 is summed, unweighted. The fronts
are approximate: stored reference sets (`benchmarks/reference_sets.py`).
"""

from __future__ import annotations

from moo.arrays import Array, math_of
from moo.problems._re import _RealWorld, violation
from moo.variables import Integer, Real


class RE31(_RealWorld):
    """RE3-3-1, a two-bar truss: volume (m^3), stress of the first bar (kPa) and violation.

    volume = a sqrt(16 + y^2) + b sqrt(1 + y^2), stress = 20 sqrt(16 + y^2) / (a y). Slacks:
    0.1 - volume, 100000 - stress, 100000 - 80 sqrt(1 + y^2) / (b y).
    Variables: the cross-sections 1e-5 <= a, b <= 100 (m^2) of the bars, the height 1 <= y <= 3 (m).

    Coello Coello and Pulido, "Multiobjective structural optimization using a microgenetic algorithm",
    2005; the bounds are the suite's.
    Front: approximate, a stored set.
    """

    def __init__(self) -> None:
        stated = {"first bar": Real(1e-5, 100), "second bar": Real(1e-5, 100), "height": Real(1, 3)}
        super().__init__(stated, ["volume", "stress", "violation"])

    def objectives(self, x: Array) -> list[Array]:
        xp = math_of(x)
        a, b, y = x.T
        long, short = xp.sqrt(16 + y**2), xp.sqrt(1 + y**2)
        volume, stress = a * long + b * short, 20 * long / (a * y)
        missing = violation(0.1 - volume, 100000 - stress, 100000 - 80 * short / (b * y))
        return [volume, stress, missing]


class RE32(_RealWorld):
    """RE3-4-2, a welded beam: cost, end deflection (in) and violation.

    Variables (in): the weld's thickness h and length l, the beam's depth t and width b, 0.125 <= h,
    b <= 5, 0.1 <= l, t <= 10. cost = 1.10471 h^2 l + 0.04811 t b (14 + l), deflection = 2.1952 / (t^3 b).
    Slacks: 13600 - shear (psi), 30000 - 504000 / (t^2 b) (psi), b - h, buckling load - 6000 (lb).
    shear^2 = t1^2 + l t1 t2 / R + t2^2 with t1 = 6000 / (sqrt(2) h l), R^2 = (l^2 + (h + t)^2) / 4,
    t2 = 6000 (14 + l / 2) R / (2 sqrt(2) h l (l^2 / 12 + (h + t)^2 / 4)); the buckling load is
    4.013 E t b^3 / (6 * 14^2) (1 - t / 28 sqrt(E / 4 G)), E = 3e7, G = 1.2e7 (psi).

    Ray and Liew, "A swarm metaphor for multiobjective design optimization", 2002. Sources differ: t2 has
    2 sqrt(2) in the suite (Coello Coello 2002) and sqrt(2) in Deb's statement, which is `WeldedBeam`.
    Front: approximate, a stored set.
    """

    def __init__(self) -> None:
        stated = {"h": Real(0.125, 5), "l": Real(0.1, 10), "t": Real(0.1, 10), "b": Real(0.125, 5)}
        super().__init__(stated, ["cost", "end deflection", "violation"])

    def objectives(self, x: Array) -> list[Array]:
        h, length, t, b = x.T
        cost = 1.10471 * h**2 * length + 0.04811 * t * b * (14 + length)
        buckling = 4.013 * 3e7 * t * b**3 / (6 * 14**2) * (1 - t / 28 * (3e7 / 4.8e7) ** 0.5)
        missing = violation(
            13600 - _weld_shear(h, length, t),
            30000 - 504000 / (t**2 * b),
            b - h,
            buckling - 6000,
        )
        return [cost, 2.1952 / (t**3 * b), missing]


def _weld_shear(h: Array, length: Array, t: Array) -> Array:
    xp = math_of(h)
    radius = xp.sqrt(length**2 / 4 + (h + t) ** 2 / 4)
    inertia = 2 * 2**0.5 * h * length * (length**2 / 12 + (h + t) ** 2 / 4)
    direct = 6000 / (2**0.5 * h * length)
    bending = 6000 * (14 + length / 2) * radius / inertia
    return xp.sqrt(direct**2 + direct * bending * length / radius + bending**2)


class RE33(_RealWorld):
    """RE3-4-3, a disc brake: mass (kg), stopping time (s) and violation.

    mass = 4.9e-5 (R^2 - r^2) (n - 1), time = 9.82e6 (R^2 - r^2) / (F n (R^3 - r^3)). Slacks:
    R - r - 20, 0.4 - F / (3.14 (R^2 - r^2)), 1 - 2.22e-3 F (R^3 - r^3) / (R^2 - r^2)^2,
    2.66e-2 F n (R^3 - r^3) / (R^2 - r^2) - 900.
    Variables: the radii (mm) 55 <= r <= 80 and 75 <= R <= 110 of the discs, the force 1000 <= F <= 3000
    (N), the number of surfaces 11 <= n <= 20, real in the suite. R < r is allowed: the mass is negative.

    Ray and Liew, "A swarm metaphor for multiobjective design optimization", 2002. Sources differ:
    jMetalPy has pi for 3.14.
    Front: approximate, a stored set, from a negative mass on and up to a violation of 25, the most that
    R < r misses: as the ring gets thin the violation grows without bound.
    """

    def __init__(self) -> None:
        stated = {
            "inner radius": Real(55, 80),
            "outer radius": Real(75, 110),
            "force": Real(1000, 3000),
            "surfaces": Real(11, 20),
        }
        super().__init__(stated, ["mass", "stopping time", "violation"])

    def objectives(self, x: Array) -> list[Array]:
        r, R, force, n = x.T
        squares = R**2 - r**2
        mean = (R**2 + R * r + r**2) / (R + r)  # (R^3 - r^3) / (R^2 - r^2), also where R = r
        missing = violation(
            R - r - 20,
            0.4 - force / (3.14 * squares),
            1 - 2.22e-3 * force * mean / squares,
            2.66e-2 * force * n * mean - 900,
        )
        return [4.9e-5 * squares * (n - 1), 9.82e6 / (force * n * mean), missing]


class RE34(_RealWorld):
    """RE3-5-4, the crashworthiness of a vehicle: mass (kg), acceleration (m/s^2), toe-board intrusion (m).

    Three response surfaces of five sheet thicknesses (mm), 1 <= x <= 3: the first is linear, the others
    quadratic. There are no constraints.

    Liao, Li, Yang, Zhang and Li, "Multiobjective optimization for crash safety design of vehicles using
    stepwise regression model", 2008.
    Front: approximate, a stored set.
    """

    def __init__(self) -> None:
        stated = {f"x{i}": Real(1, 3) for i in range(1, 6)}
        super().__init__(stated, ["mass", "acceleration", "intrusion"])

    def objectives(self, x: Array) -> list[Array]:
        x1, x2, x3, x4, x5 = x.T
        mass = 1640.2823 + 2.3573285 * x1 + 2.3220035 * x2 + 4.5688768 * x3 + 7.7213633 * x4 + 4.4559504 * x5
        acceleration = (
            6.5856 + x1 * (1.15 - 0.1106 * x1 - 0.3695 * x4 + 0.0861 * x5)
            + x2 * (-1.0427 + 0.3628 * x4) + x3 * (0.9738 - 0.3437 * x3) + x4 * (0.8364 + 0.1764 * x4)
        )  # fmt: skip
        intrusion = (
            -0.0551 + x1 * (0.0181 - 0.0073 * x2) + x2 * (0.1024 - 0.0241 * x2 + 0.024 * x3 - 0.0118 * x4)
            + x3 * (0.0421 - 0.0204 * x4 - 0.008 * x5) + 0.0109 * x4**2
        )  # fmt: skip
        return [mass, acceleration, intrusion]


class RE35(_RealWorld):
    """RE3-7-5, a speed reducer: weight, stress of the first shaft and violation.

    Variables: face width 2.6 <= x1 <= 3.6, module 0.7 <= x2 <= 0.8, teeth x3, a whole number from 17 to
    28, shaft lengths 7.3 <= x4, x5 <= 8.3, shaft diameters 2.9 <= x6 <= 3.9 and 5 <= x7 <= 5.5 (cm).
    weight = 0.7854 x1 x2^2 (10/3 x3^2 + 14.933 x3 - 43.0934) - 1.508 x1 (x6^2 + x7^2)
    + 7.477 (x6^3 + x7^3) + 0.7854 (x4 x6^2 + x5 x7^2), stress = sqrt((745 x4 / (x2 x3))^2 + 1.69e7)
    / (0.1 x6^3). Slacks: 1/27 - 1 / (x1 x2^2 x3), 1/397.5 - 1 / (x1 x2^2 x3^2),
    1/1.93 - x4^3 / (x2 x3 x6^4), 1/1.93 - x5^3 / (x2 x3 x7^4), 40 - x2 x3, 12 - x1 / x2, x1 / x2 - 5,
    x4 - 1.9 - 1.5 x6, x5 - 1.9 - 1.1 x7, 1300 - stress,
    1100 - sqrt((745 x5 / (x2 x3))^2 + 1.575e8) / (0.1 x7^3).

    Farhang-Mehr and Azarm, "Entropy-based multi-objective genetic algorithm for design optimization",
    2002.
    Front: approximate, a stored set.
    """

    def __init__(self) -> None:
        stated = {
            "face width": Real(2.6, 3.6),
            "module": Real(0.7, 0.8),
            "teeth": Integer(17, 28),
            "first length": Real(7.3, 8.3),
            "second length": Real(7.3, 8.3),
            "first diameter": Real(2.9, 3.9),
            "second diameter": Real(5, 5.5),
        }
        super().__init__(stated, ["weight", "stress", "violation"])

    def objectives(self, x: Array) -> list[Array]:
        width, module, teeth, length1, length2, shaft1, shaft2 = x.T
        z = teeth.round()
        pitch = module * z
        gears = 0.7854 * width * module**2 * (10 / 3 * z**2 + 14.933 * z - 43.0934)
        bores = 1.508 * width * (shaft1**2 + shaft2**2)
        shafts = 7.477 * (shaft1**3 + shaft2**3) + 0.7854 * (length1 * shaft1**2 + length2 * shaft2**2)
        stress = _shaft_stress(length1, pitch, 1.69e7, shaft1)
        missing = violation(
            1 / 27 - 1 / (width * module * pitch),
            1 / 397.5 - 1 / (width * pitch**2),
            1 / 1.93 - length1**3 / (pitch * shaft1**4),
            1 / 1.93 - length2**3 / (pitch * shaft2**4),
            40 - pitch,
            12 - width / module,
            width / module - 5,
            length1 - 1.9 - 1.5 * shaft1,
            length2 - 1.9 - 1.1 * shaft2,
            1300 - stress,
            1100 - _shaft_stress(length2, pitch, 1.575e8, shaft2),
        )
        return [gears - bores + shafts, stress, missing]


def _shaft_stress(length: Array, pitch: Array, torsion: float, shaft: Array) -> Array:
    return math_of(shaft).sqrt((745 * length / pitch) ** 2 + torsion) / (0.1 * shaft**3)


class RE36(_RealWorld):
    """RE3-4-6, a gear train: error of the ratio, teeth of the largest gear and violation.

    error = |6.931 - x3 x4 / (x1 x2)|, second objective max(x1, .., x4), slack 0.5 - error / 6.931.
    Variables: the teeth of four gears, whole numbers from 12 to 60.

    Deb and Srinivasan, "Innovization: innovating design principles through optimization", 2006.
    Front: exact, all trains enumerated, and finite: the violation grows with the error alone, so that
    each size of the largest gear has one point at most.
    """

    def __init__(self) -> None:
        stated = {f"gear {i}": Integer(12, 60) for i in range(1, 5)}
        super().__init__(stated, ["error", "largest gear", "violation"])

    def objectives(self, x: Array) -> list[Array]:
        xp = math_of(x)
        teeth = xp.round(x)
        x1, x2, x3, x4 = teeth.T
        error = abs(6.931 - x3 / x1 * (x4 / x2))
        return [error, xp.amax(teeth, 1), violation(0.5 - error / 6.931)]


class RE37(_RealWorld):
    """RE3-4-7, a rocket injector: the highest temperatures of the face and of the tip, combustion length.

    Three response surfaces of the flow angle a, the changes h and o of the hydrogen and oxygen areas and
    the thickness p of the oxidizer's post tip, all scaled to [0, 1]. There are no constraints.

    Vaidyanathan, Tucker, Papila and Shyy, "Computational-fluid-dynamics-based design optimization for
    single-element rocket injector", 2004; the last term of the third, as in Goel et al. 2007.
    Front: approximate, a stored set.
    """

    def __init__(self) -> None:
        stated = {name: Real(0, 1) for name in ("angle", "hydrogen area", "oxygen area", "tip thickness")}
        super().__init__(stated, ["face temperature", "combustion length", "tip temperature"])

    def objectives(self, x: Array) -> list[Array]:
        a, h, o, p = x.T
        face = (
            0.692 + a * (0.477 - 0.167 * a - 0.0129 * h - 0.0634 * o - 0.0521 * p)
            + h * (-0.687 + 0.0796 * h - 0.0257 * o + 0.00156 * p)
            + o * (-0.08 + 0.0877 * o + 0.00198 * p) + p * (-0.065 + 0.0184 * p)
        )  # fmt: skip
        length = (
            0.153 + a * (-0.322 + 0.175 * a + 0.0185 * h - 0.251 * o + 0.0134 * p)
            + h * (0.396 - 0.0701 * h + 0.179 * o + 0.0296 * p)
            + o * (0.424 + 0.015 * o + 0.0752 * p) + p * (0.0226 + 0.0192 * p)
        )  # fmt: skip
        return [face, length, _tip_temperature(a, h, o, p)]


def _tip_temperature(a: Array, h: Array, o: Array, p: Array) -> Array:
    quadratic = (
        0.37 + a * (-0.205 - 0.135 * a + 0.0141 * h + 0.208 * o + 0.353 * p)
        + h * (0.0307 + 0.0998 * h - 0.0301 * o)
        + o * (0.108 - 0.226 * o - 0.0497 * p) + p * (1.019 - 0.423 * p)
    )  # fmt: skip
    cubic = (
        a**2 * (0.202 * h - 0.281 * o) - h**2 * (0.342 * a + 0.245 * o)
        + 0.281 * o**2 * h - 0.184 * p**2 * a - 0.281 * h * a * o
    )  # fmt: skip
    return quadratic + cubic
