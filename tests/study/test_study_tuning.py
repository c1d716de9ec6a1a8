"""Tuning: the same number of configurations for everybody, and the best of them chosen."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from study_results import KNOWN, made

import moo
from moo.budget import Budget
from moo.study import Study
from moo.study.tuning import RANGES, Range, candidates, chosen, configurations, options_of, ranges_of


def test_configurations_begin_with_the_defaults_and_spread_over_the_ranges() -> None:
    found = configurations(moo.NSGA2(constraints="feasibility"), 20)
    assert found[0] == moo.NSGA2()
    assert len(found) == 20
    for option in ("pop_size", "mutation_eta"):
        values = sorted(getattr(configuration, option) for configuration in found[1:])
        low, high = RANGES[option].low, RANGES[option].high
        assert low <= values[0] < low + 0.2 * (high - low)
        assert high - 0.4 * (high - low) < values[-1] <= high
    assert configurations(moo.NSGA2(), 20) == found


def test_an_optimizer_without_such_options_keeps_its_defaults() -> None:
    assert options_of(moo.RandomSearch()) == []
    assert configurations(moo.RandomSearch(), 20) == [moo.RandomSearch()]
    labels = candidates({"a": moo.NSGA2(), "b": moo.RandomSearch()}, 3)
    assert list(labels) == ["a #0", "a #1", "a #2", "b #0"]


def test_a_suite_may_narrow_a_range() -> None:
    ranges = ranges_of({"pop_size": [30, 40]})
    sizes = {c.pop_size for c in configurations(moo.NSGA2(), 15, ranges)[1:]}
    assert sizes == {30, 32, 34, 36, 38, 40}
    assert RANGES["pop_size"].low == 20


@settings(deadline=None)
@given(
    st.floats(0.001, 10), st.floats(1.5, 100), st.floats(0, 1), st.booleans(), st.sampled_from([None, 1, 2])
)
def test_a_value_lies_in_its_range_and_rises_with_its_share(
    low: float, factor: float, share: float, log: bool, step: int | None
) -> None:
    values = Range(low, low * factor, log=log, step=step)
    slack = step / 2 if step else 0.01 * low * factor  # three digits are kept
    assert low - slack <= values.at(share) <= low * factor + slack
    assert values.at(share / 2) <= values.at(share)


def test_the_best_mean_rank_is_chosen_of_equal_ones_the_defaults() -> None:
    """On p the configurations 0, 1, 2 reach 0.2, 0.1, 0.3 (the less the better), on q 0.2, 0.1, 0.1."""
    corners = {"p": [0.2, 0.1, 0.3], "q": [0.2, 0.1, 0.1]}
    study = Study(
        problems={"p": KNOWN, "q": KNOWN},
        optimizers={f"a #{i}": f"A({i})" for i in range(3)} | {"b #0": "B()", "b #1": "B(1)"},
        seeds=[0],
        budget=Budget(1),
    )
    for problem, values in corners.items():
        for i, a in enumerate(values):
            study.results[problem, f"a #{i}", 0] = made([[a, a]])
        for i in range(2):
            study.results[problem, f"b #{i}", 0] = made([[0.5, 0.5]])
    del study.results["q", "b #1", 0]  # it failed
    table = chosen(study, {"a": moo.NSGA2(), "b": moo.NSGA2()}).set_index("configuration")
    assert table["mean rank"].to_dict() == {
        "A(0)": 2.5,
        "A(1)": 1.25,
        "A(2)": 2.25,
        "B()": 1.25,
        "B(1)": 1.75,
    }
    assert table.index[table["chosen"]].tolist() == ["A(1)", "B()"]
    assert table.index[table["defaults"]].tolist() == ["A(0)", "B()"]


def test_wrong_ranges_are_refused() -> None:
    with pytest.raises(
        moo.errors.OptionError, match="unknown option to tune 'popsize': did you mean 'pop_size'"
    ):
        ranges_of({"popsize": [1, 2]})
