"""Figures with matplotlib: fronts and convergence. Every function draws on ``ax`` and returns it.

Without ``ax`` a figure of its own is made, outside pyplot: no window, no global state. Save it with
``ax.figure.savefig("front.png")``.
"""

from moo.plot.curves import Band, convergence
from moo.plot.fronts import front
from moo.plot.style import Style, styles
from moo.plot.trade_off import trade_off, trade_offs

__all__ = ["Band", "Style", "convergence", "front", "styles", "trade_off", "trade_offs"]
