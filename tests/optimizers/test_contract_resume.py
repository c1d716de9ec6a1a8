"""For every optimizer: a run that is interrupted anywhere and resumed ends with the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.problems import CASES
from contracts.results import same_numbers

import moo
from moo import checkpoint
from moo.freezing import CannotFreeze, Frozen

BUDGET = 2500
CANNOT_FREEZE = {"Pymoo"}  # its algorithms keep their state to themselves; their runs are repeated


@pytest.fixture(params=["at every step", "never"])
def checkpoints(request, monkeypatch):
    """How often a run is saved whole; what lies between is repeated from the journal."""
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", -1.0 if request.param == "at every step" else np.inf)
    return request.param


@pytest.fixture
def interrupt(monkeypatch):
    """Ctrl-C in the middle of a step: at the n-th time that a problem is computed from now on."""

    def at_call(n):
        left = [n]
        compute = moo.Problem.compute

        def interrupted(self, X, **options):
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            return compute(self, X, **options)

        monkeypatch.setattr(moo.Problem, "compute", interrupted)

    return at_call


@pytest.mark.parametrize("name", ["active constraint", "equality"])
def test_resumed_is_undisturbed(optimizer_class, name, checkpoints, interrupt, tmp_path):
    case, options = CASES[name], {"budget": BUDGET, "seed": 4}
    undisturbed = moo.solve(case.make(), optimizer_class(), **options)
    for n in (2, 9, 13):
        interrupt(n)
        first = moo.solve(case.make(), optimizer_class(), out=tmp_path, resume=True, **options)
    assert first.status == "interrupted" or same_numbers(first, undisturbed)
    resumed = moo.solve(case.make(), optimizer_class(), out=tmp_path, resume=True, **options)
    assert same_numbers(resumed, undisturbed)
    assert resumed.status == undisturbed.status
    loaded = moo.solve(case.make(), optimizer_class(), out=tmp_path, resume=True, **options)
    assert same_numbers(loaded, undisturbed)
    assert not list(tmp_path.glob("journal*"))


def test_a_state_can_be_frozen_or_is_said_not_to(optimizer_class):
    state = optimizer_class().init(CASES["convex"].make(), np.random.default_rng(0))
    if optimizer_class.__name__ in CANNOT_FREEZE:
        with pytest.raises(CannotFreeze):
            Frozen().freeze(state)
    else:
        Frozen().freeze(state)
