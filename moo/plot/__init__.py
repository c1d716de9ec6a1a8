"""Figures with matplotlib: fronts, studies and runs. Every function draws on ``ax`` and returns it.

Without ``ax`` a figure of its own is made, outside pyplot: no window, no global state. Save it with
``ax.figure.savefig("front.png")``. Figures of several panels are returned as a figure.
"""

from moo.plot.choices import mark
from moo.plot.coordinates import parallel
from moo.plot.curves import Band, convergence, ecdf
from moo.plot.fronts import front
from moo.plot.glyphs import petal, radar
from moo.plot.gradients import gradient_conflict
from moo.plot.heat import heat_map
from moo.plot.matrix import scatter_matrix
from moo.plot.movie import animate
from moo.plot.ranks import critical_difference, rank_intervals
from moo.plot.severity import robustness
from moo.plot.style import Style, styles
from moo.plot.surfaces import attainment, attainment_difference
from moo.plot.trade_off import trade_off, trade_offs

__all__ = [
    "Band",
    "Style",
    "animate",
    "attainment",
    "attainment_difference",
    "convergence",
    "critical_difference",
    "ecdf",
    "front",
    "gradient_conflict",
    "heat_map",
    "mark",
    "parallel",
    "petal",
    "radar",
    "rank_intervals",
    "robustness",
    "scatter_matrix",
    "styles",
    "trade_off",
    "trade_offs",
]
