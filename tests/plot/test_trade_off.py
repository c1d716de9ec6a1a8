import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from moo import plot
from moo.errors import OptionError
from moo.multimodal.search import WeightSearch
from moo.result import Cost


def search(names=("a loss", "b loss", "c loss"), chosen=2):
    """Six settings, the last of which diverged."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({f"validation {name}": rng.random(6) for name in names})
    table = table.assign(setting=range(6), seed=0, status=["ok"] * 5 + ["diverged at step 3"])
    cost = Cost(1, 1, 1.0, 2.0)
    return WeightSearch(
        np.zeros((6, 2)),
        table,
        chosen,
        "rule",
        pd.DataFrame(),
        cost,
        list(names),
        ("validation a loss", False),
    )


class TestTradeOff:
    def test_draws_sound_settings_the_front_and_the_choice(self):
        found = search()
        ax = plot.trade_off(found, "b loss", "c loss")
        every, front, chosen = (collection.get_offsets() for collection in ax.collections)
        columns = ["validation b loss", "validation c loss"]
        np.testing.assert_allclose(every, found.table[columns][:5])
        np.testing.assert_allclose(front, found.front[columns])
        np.testing.assert_allclose(chosen, found.table[columns].iloc[[2]])
        assert (ax.get_xlabel(), ax.get_ylabel()) == tuple(columns)

    def test_a_setting_far_off_does_not_hide_the_front(self):
        found = search()
        far = found.table.copy()
        far.loc[0, "validation a loss"] = 1e4
        ax = plot.trade_off(dataclasses.replace(found, table=far))
        assert ax.get_xlim()[1] < 10.0
        lower, upper = ax.get_xlim()
        assert all(lower <= x <= upper for x in ax.collections[1].get_offsets()[:, 0])

    def test_draws_on_given_axes(self):
        ax = Figure().subplots()
        assert plot.trade_off(search(), ax=ax) is ax

    def test_without_a_choice_there_is_no_star(self):
        assert len(plot.trade_off(search(chosen=None)).collections) == 2

    def test_unknown_losses_are_named(self):
        with pytest.raises(OptionError, match="did you mean 'a loss'"):
            plot.trade_off(search(), "a los")


class TestTradeOffs:
    @pytest.mark.parametrize(("n", "panels"), [(2, 1), (3, 3), (5, 3)])
    def test_a_panel_a_pair_and_three_at_most(self, n, panels):
        names = [f"{letter} loss" for letter in "abcde"[:n]]
        assert len(plot.trade_offs(search(names)).axes) == panels

    def test_one_loss_has_none(self):
        for draw in (plot.trade_off, plot.trade_offs):
            with pytest.raises(OptionError, match="this search has one"):
                draw(dataclasses.replace(search(), names=["a loss"]))
