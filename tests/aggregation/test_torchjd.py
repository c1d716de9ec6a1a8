"""TorchJD's aggregators behind this interface."""

import sys

import numpy as np
import pytest
import torch
import torchjd.aggregation as peer
from jacobians import conflicting

from moo.aggregation import Context
from moo.aggregation.torchjd import TorchJD
from moo.errors import MissingExtraError, OptionError


class Fragile(peer.Aggregator):
    """Refuses matrices whose first entry is positive."""

    def forward(self, matrix, /):
        if matrix[0, 0] > 0:
            raise ValueError("positive")
        return matrix.sum(0)


def test_rows_are_what_the_aggregator_gives_one_by_one():
    J = conflicting(6, 3, 4)
    found = TorchJD(peer.AlignedMTL())(J)
    assert torch.equal(found, torch.stack([peer.AlignedMTL()(rows) for rows in J]))
    assert torch.allclose(TorchJD()(J), J.mean(1))


def test_draws_come_from_the_context_and_leave_torchs_generator_alone():
    J = conflicting(6, 3, 4)
    state = torch.random.get_rng_state()
    first, again, other = (
        TorchJD(peer.Random())(J, Context(rng=np.random.default_rng(s))) for s in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_row_on_which_it_raises_is_lost_alone():
    J = conflicting(8, 2, 3)
    direction = TorchJD(Fragile())(J)
    refused = J[:, 0, 0] > 0
    assert 0 < int(refused.sum()) < 8
    assert torch.equal(direction.isnan().all(1), refused)
    with pytest.raises(ValueError, match="positive"):
        TorchJD(Fragile())(J[refused])


def test_what_is_no_aggregator_is_refused_in_a_sentence():
    with pytest.raises(OptionError, match=r"give an instance of an aggregator of torchjd\.aggregation"):
        TorchJD(aggregator=peer.Mean)


def test_its_absence_is_a_sentence_that_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchjd", None)
    with pytest.raises(MissingExtraError, match=r"torchjd is not installed: .*moo\[torchjd\]"):
        TorchJD()
