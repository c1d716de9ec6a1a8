"""A welded beam, stated by hand: a bar is welded to a wall and carries a load at its free end.

Decision variables, in inches: weld height h and length l, bar thickness t and width b. The weld and
the bar cost money, and a cheap bar bends. Four constraints keep it standing (Deb 2001, section 8.3).

    moo solve docs/examples/beam.py --method NSGA2 --out runs/beam
"""

import torch

import moo

LOAD, LENGTH = 6000.0, 14.0  # pounds, inches
SHEAR_LIMIT, BENDING_LIMIT = 13_600.0, 30_000.0  # pounds a square inch


def cost(x):
    h, l, t, b = x  # noqa: E741 - the names of the literature
    return 1.10471 * h**2 * l + 0.04811 * t * b * (LENGTH + l)


def deflection(x):
    _, _, t, b = x
    return 2.1952 / (t**3 * b)


def shear(x):
    """Shear stress in the weld: its limit must hold."""
    h, l, t, _ = x  # noqa: E741
    direct = LOAD / (2**0.5 * h * l)
    arm = torch.sqrt(0.25 * (l**2 + (h + t) ** 2))
    inertia = 2 * 0.707 * h * l * (l**2 / 12 + 0.25 * (h + t) ** 2)
    torsion = LOAD * (LENGTH + 0.5 * l) * arm / inertia
    stress = torch.sqrt(direct**2 + torsion**2 + l * direct * torsion / arm)
    return stress / SHEAR_LIMIT - 1


def bending(x):
    _, _, t, b = x
    return 504_000 / (t**2 * b) / BENDING_LIMIT - 1


def weld_fits(x):
    """The weld is no higher than the bar is wide."""
    return x[0] - x[3]


def buckling(x):
    _, _, t, b = x
    return 1 - 64_746.022 * (1 - 0.0282346 * t) * t * b**3 / LOAD


beam = moo.Problem(
    [cost, deflection],
    xl=[0.125, 0.1, 0.1, 0.125],
    xu=[5.0, 10.0, 10.0, 5.0],
    inequality=[shear, bending, weld_fits, buckling],
    var_names=["h", "l", "t", "b"],
    title="beam",
)
