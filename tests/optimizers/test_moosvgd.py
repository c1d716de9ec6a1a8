"""MOO-SVGD: descent, and rows that keep apart."""

import numpy as np
import pytest

import moo
from moo.errors import OptionError


def test_repulsion_spreads_what_descent_alone_brings_together():
    """On ZDT1, MGDA's rows drift to one corner."""
    problem = moo.problems.ZDT1()
    options = {"n": 8, "sampling": "lhs"}
    apart = moo.solve(problem, moo.MOOSVGD(**options), budget=12_000, seed=0)
    together = moo.solve(problem, moo.MOOSVGD(repulsion=0.0, **options), budget=12_000, seed=0)
    assert apart.hypervolume() > 1.2 * together.hypervolume()


def test_rows_come_near_the_front():
    result = moo.solve(moo.problems.ZDT1(), moo.MOOSVGD(n=8), budget=12_000, seed=0)
    f1, f2 = result.F.T
    assert np.median(f2 - (1.0 - np.sqrt(f1))) < 0.1


def test_bad_options_are_refused_in_a_sentence():
    with pytest.raises(OptionError, match="repulsion=-1 is not accepted"):
        moo.MOOSVGD(repulsion=-1)
