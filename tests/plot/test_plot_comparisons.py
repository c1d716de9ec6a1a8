"""Figures that compare optimizers: attainment, runtimes, ranks."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import combinations

import moocore
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from legibility import NASTY, figure_of, legible
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

import moo
from moo.errors import OptionError
from moo.plot import (
    attainment,
    attainment_difference,
    critical_difference,
    ecdf,
    rank_intervals,
)
from moo.plot.ranks import _bars
from moo.plot.surfaces import _staircase, attainment_differences, attainment_surface
from moo.result import Result


def entries(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


# ------------------------------------------------------------------ attainment


def attains(points: np.ndarray, at: np.ndarray) -> bool:
    return bool((points <= at).all(axis=1).any())


def share_of(runs: list[np.ndarray], at: np.ndarray) -> float:
    return float(np.mean([attains(points, at) for points in runs]))


sets = st.lists(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=5).map(
        lambda rows: np.array(rows, dtype=float).reshape(-1, 2)
    ),
    min_size=1,
    max_size=6,
)


@given(sets, st.sampled_from([1, 25, 100 / 3, 50, 75, 100]))
@settings(max_examples=150, deadline=None)
def test_the_surface_bounds_what_so_many_runs_attain(runs: list[np.ndarray], level: float) -> None:
    corners = attainment_surface(runs, level)
    for at in np.stack(np.meshgrid(np.arange(-0.5, 7), np.arange(-0.5, 7)), axis=2).reshape(-1, 2):
        assert (share_of(runs, at) >= level / 100 - 1e-9) == attains(corners, at)
    assert (np.diff(corners[:, 0]) > 0).all()
    assert (np.diff(corners[:, 1]) < 0).all()


def test_the_surface_agrees_with_moocore() -> None:
    rng = np.random.default_rng(0)
    runs = [rng.random((20, 2)) for _ in range(10)]
    stacked = moocore.eaf(np.concatenate(runs), np.repeat(np.arange(10), 20))
    for level in (10, 50, 100):
        expected = stacked[stacked[:, 2] == level][:, :2]
        np.testing.assert_allclose(attainment_surface(runs, level), expected[np.argsort(expected[:, 0])])


@given(sets, sets)
@settings(max_examples=100, deadline=None)
def test_differences_are_exact_everywhere(a: list[np.ndarray], b: list[np.ndarray]) -> None:
    found = attainment_differences(a, b)
    for at in np.stack(np.meshgrid(np.arange(-0.5, 7), np.arange(-0.5, 7)), axis=2).reshape(-1, 2):
        inside = (found[:, :2] <= at).all(axis=1) & (at < found[:, 2:4]).all(axis=1)
        assert found[inside, 4].sum() == pytest.approx(share_of(a, at) - share_of(b, at))
        assert inside.sum() <= 1


def test_differences_agree_with_moocore_for_as_many_runs() -> None:
    rng = np.random.default_rng(3)
    a, b = [rng.random((8, 2)) for _ in range(5)], [rng.random((8, 2)) + 0.1 for _ in range(5)]
    index = np.repeat(np.arange(1.0, 6), 8)
    theirs = moocore.eafdiff(
        np.column_stack([np.concatenate(a), index]),
        np.column_stack([np.concatenate(b), index]),
        rectangles=True,
    )
    ours = attainment_differences(a, b)

    def at(found: np.ndarray, p: np.ndarray) -> float:
        low, high = np.minimum(found[:, :2], found[:, 2:4]), np.maximum(found[:, :2], found[:, 2:4])
        return float(found[(low <= p).all(axis=1) & (p < high).all(axis=1), 4].sum())

    for p in rng.random((200, 2)) * 1.3:
        assert at(ours, p) * 5 == pytest.approx(at(theirs, p))


def test_a_staircase_has_right_angles_and_ends_at_the_worst_corner() -> None:
    stairs = _staircase(np.array([[1.0, 3.0], [2.0, 1.0]]), np.array([5.0, 6.0]))
    assert stairs.tolist() == [[1, 6], [1, 3], [2, 3], [2, 1], [5, 1]]
    assert _staircase(np.empty((0, 2)), np.ones(2)).shape == (0, 2)


def test_attainment_draws_steps_to_the_right_corner() -> None:
    run = np.array([[1.0, 2.0], [3.0, 4.0]])  # cost, gain
    ax = attainment({"a": [run]}, names=["cost", "gain"], directions=["min", "max"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("cost", "gain (max)")
    line = next(line for line in ax.lines if line.get_label() == "a (1 run)")
    x, y = np.asarray(line.get_xydata()).T
    (left, right), (bottom, _) = ax.get_xlim(), ax.get_ylim()
    assert left < 1
    np.testing.assert_allclose(x, [1, 1, 3, 3, right])
    np.testing.assert_allclose(y, [bottom, 2, 2, 4, 4])
    legible(figure_of(ax))


def test_attainment_of_results_with_bands(front_runs: dict[str, list[Result]]) -> None:
    ax = attainment(front_runs)
    assert entries(figure_of(ax)) == [
        "known front",
        "NSGA-II (5 runs)",
        "random (5 runs)",
        "line 50 %, band 25 to 75 % of the runs",
    ]
    bands = [patch for patch in ax.patches if isinstance(patch, Polygon) and patch.get_alpha()]
    assert len(bands) == 2
    legible(figure_of(ax))
    assert len(attainment(front_runs, levels=[50]).patches) == 1  # the legend's
    assert len(attainment(front_runs, levels=[0.1, 25, 50, 75, 100]).patches) == 5


def test_runs_without_points_count(front_runs: dict[str, list[Result]]) -> None:
    some = np.array([[0.0, 0.0]])
    ax = attainment({"a": [some, np.empty((0, 2)), np.array([[np.nan, 1.0]])]})
    assert "a (3 runs, 50 % not attained)" in entries(figure_of(ax))
    infeasible = [replace(run, CV=np.ones(len(run.CV))) for run in front_runs["random"]]
    ax = attainment({"a": infeasible})
    assert [text.get_text() for text in ax.texts] == ["no run has a feasible point"]
    figure = attainment_difference(infeasible, infeasible)
    assert all(ax.texts[0].get_text() == "no run has a feasible point" for ax in figure.axes[:2])
    legible(figure)


def test_the_difference_stands_where_one_is_ahead(front_runs: dict[str, list[Result]]) -> None:
    figure = attainment_difference(*front_runs.values(), labels=("_a $", "b"))
    left, right, bar = figure.axes
    assert left.get_title() == r" _a \$ attains more"
    assert any(isinstance(c, PolyCollection) and len(c.get_paths()) for c in left.collections)
    assert "%" in bar.get_ylabel()
    assert entries(figure) == ["median of its runs", "best and worst over all runs"]
    legible(figure)
    same = attainment_difference(front_runs["random"], front_runs["random"])
    assert [ax.texts[0].get_text() for ax in same.axes[:2]] == ["nowhere", "nowhere"]
    assert right.get_xlim() == left.get_xlim()


def test_shades_are_steps_of_twenty_percent() -> None:
    ahead = [np.array([[0.0, 0.0]])] * 3 + [np.array([[2.0, 2.0]])] * 2
    figure = attainment_difference(ahead, [np.array([[2.0, 2.0]])], directions=["max", "min"])
    (shade,) = {tuple(c) for part in figure.axes[0].collections for c in part.get_facecolor()}
    expected = figure.axes[2].collections[-1].get_cmap()(0.5)  # 60 % is the end of the third step
    assert shade == pytest.approx(expected)


def test_attainment_is_of_two_objectives(front_runs: dict[str, list[Result]]) -> None:
    three = moo.solve(moo.problems.DTLZ2(), moo.RandomSearch(), budget=20)
    for runs in ([three], [np.ones((4, 3))], [np.ones(4)]):
        with pytest.raises(OptionError, match="two objectives"):
            attainment({"a": runs})  # type: ignore[dict-item]
    for runs in ({}, {"a": []}):
        with pytest.raises(OptionError, match="at least one run"):
            attainment(runs)  # type: ignore[arg-type]
    for level in (0, 101, float("nan")):
        with pytest.raises(OptionError, match=r"\(0, 100\]"):
            attainment({"a": [np.ones((1, 2))]}, levels=[level])
    with pytest.raises(OptionError, match="levels"):
        attainment({"a": [np.ones((1, 2))]}, levels=[])
    with pytest.raises(OptionError, match="did you mean 'max'"):
        attainment({"a": [np.ones((1, 2))]}, directions=["min", "maxx"])


def test_attainment_of_many_points_and_hostile_labels() -> None:
    rng = np.random.default_rng(0)
    t = np.sort(rng.random((4, 20_000)))
    a, b = ([np.stack([row, shift - row], axis=1) for row in t] for shift in (1.0, 1.001))
    figure = attainment_difference(a, b)
    figure.savefig(io.BytesIO(), format="png", dpi=50)
    ax = attainment({label: [np.array([[1.0, 1.0]])] for label in NASTY}, names=["$x_", "_y"])
    assert len(entries(figure_of(ax))) == len(NASTY) + 1
    legible(figure_of(ax))


@pytest.fixture(scope="module")
def front_runs() -> dict[str, list[Result]]:
    problem = moo.problems.ZDT1(n_var=5)
    methods = {"NSGA-II": moo.NSGA2(pop_size=12), "random": moo.RandomSearch()}
    return {
        label: [moo.solve(problem, method, budget=240, seed=seed) for seed in range(5)]
        for label, method in methods.items()
    }


# ------------------------------------------------------------------ runtimes


def test_the_ecdf_is_steps_on_a_logarithmic_axis() -> None:
    cost, share = np.array([10.0, 100.0, 1000.0]), np.array([0.25, 0.5, 0.75])
    ax = ecdf(
        {"a": (cost, share), "b": (cost * 2, share, (share - 0.1, share + 0.1))}, budget=500, vjp_cost=3
    )
    assert ax.get_xscale() == "log"
    assert ax.get_ylim() == (0, 1)
    assert ax.get_xlabel() == "cost in F-equivalents (n_f + 3 n_vjp)"
    line = ax.lines[0]
    assert line.get_drawstyle() == "steps-post"
    x, y = np.asarray(line.get_xydata()).T
    assert x[-1] == ax.get_xlim()[1] > 2000
    assert (x[1:-1].tolist(), y.tolist()) == (cost.tolist(), [0, 0.25, 0.5, 0.75, 0.75])
    assert len(ax.collections) == 1
    assert entries(figure_of(ax)) == ["a", "b", "budget of a run"]
    legible(figure_of(ax))


@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1)), max_size=30))
@settings(max_examples=40, deadline=None)
def test_any_ecdf_ends_at_its_last_share(points: list[tuple[float, float]]) -> None:
    cost, share = np.sort(np.array(points).reshape(-1, 2), axis=0).T
    y = np.asarray(ecdf({"a": (cost, share)}).lines[0].get_ydata())
    assert y[0] == 0
    assert y[-1] == (share[-1] if len(share) else 0)
    assert (np.diff(y) >= 0).all()


def test_curves_that_are_no_ecdf_are_refused() -> None:
    up = np.array([1.0, 2.0])
    with pytest.raises(OptionError, match="at least one curve"):
        ecdf({})
    with pytest.raises(OptionError, match="one length"):
        ecdf({"a": (up, np.ones(3))})
    for cost, share in (
        (up, up),
        (up, [0.5, 0.2]),
        (up[::-1], [0.2, 0.5]),
        (up, [0.2, np.nan]),
        (-up[::-1], [0, 1]),
    ):
        with pytest.raises(OptionError, match="never fall"):
            ecdf({"a": (np.asarray(cost), np.asarray(share))})


def test_twelve_hostile_labels_in_an_ecdf() -> None:
    ax = ecdf({label: (np.array([1.0, 9.0 + i]), np.array([0.1, 0.9])) for i, label in enumerate(NASTY)})
    assert len(entries(figure_of(ax))) == 12
    legible(figure_of(ax))


# ------------------------------------------------------------------ ranks


RANKS = {"a": 1.5, "b": 1.7, "c": 3.2, "d": 3.6}


def test_the_diagram_places_ranks_bars_and_the_critical_difference() -> None:
    ax = critical_difference(RANKS, 1.1, [["a", "b"], ["b", "c"], ["c", "d"], ["a"]], problems=9)
    assert ax.get_xlabel() == "mean rank over 9 problems, best at the left"
    assert {"a  1.50", "b  1.70", "3.20  c", "3.60  d", "  critical difference 1.10"} <= set(
        legible(figure_of(ax))
    )
    bars = [line for line in ax.lines if line.get_linewidth() > 3]
    spans = [line.get_xdata() for line in bars]
    assert [(round(float(a), 1), round(float(b), 1)) for a, b in spans] == [
        (1.5, 1.7),
        (1.7, 3.2),
        (3.2, 3.6),
    ]
    cd = next(line for line in ax.lines if line.get_marker() == "|")
    assert np.ptp(np.asarray(cd.get_xdata())) == pytest.approx(1.1)
    elbows = [np.asarray(line.get_xydata()) for line in ax.lines if len(line.get_xdata()) == 3]
    assert sorted(e[0, 0] for e in elbows) == sorted(RANKS.values())


@given(st.lists(st.tuples(st.integers(10, 60), st.integers(10, 60)), max_size=8))
def test_bars_on_one_level_never_touch(pairs: list[tuple[int, int]]) -> None:
    bars = _bars([[a / 10, b / 10] for a, b in pairs])
    assert len(bars) == len(pairs)
    for (a, b, i), (c, d, j) in combinations(bars, 2):
        assert i != j or b < c or d < a


@pytest.mark.parametrize("n", [1, 2, 7, 12])
def test_labels_of_ranks_never_overlap(n: int) -> None:
    labels = [f"{label} {i}" for i, label in enumerate(NASTY)][:n]
    tied = critical_difference(dict.fromkeys(labels, (n + 1) / 2), 2.0, [labels])
    legible(figure_of(tied))
    ranks = {label: 1.0 + 0.93 * i for i, label in enumerate(labels)}
    legible(figure_of(critical_difference(ranks)))
    legible(
        figure_of(rank_intervals({label: (r, r - 0.4, r + 0.9) for label, r in ranks.items()}, problems=5))
    )


def test_intervals_are_drawn_best_on_top() -> None:
    ax = rank_intervals({"worse": (2.5, 2.0, 3.0), "better": (1.2, 1.0, 1.6)}, problems=1, level=90)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["better", "worse"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert ax.get_xlabel() == "mean rank over 1 problem, 1 is best\n(90 % intervals)"
    assert np.asarray(ax.lines[0].get_xdata()).tolist() == [1.0, 1.6]
    assert {"1.20", "2.50"} <= set(legible(figure_of(ax)))


def test_ranks_that_are_none_are_refused() -> None:
    for ranks in ({"a": 0.5}, {"a": float("nan")}):
        with pytest.raises(OptionError, match="at least 1"):
            critical_difference(ranks)
    with pytest.raises(OptionError, match="at least one rank"):
        critical_difference({})
    with pytest.raises(OptionError, match="cd=0"):
        critical_difference(RANKS, 0.0)
    with pytest.raises(OptionError, match="unknown label 'x'"):
        critical_difference(RANKS, 1.0, [["a", "x"]])
    with pytest.raises(OptionError, match="at least one rank"):
        rank_intervals({})
    for interval in ((1.0, 2.0, 3.0), (1.0, float("nan"), 2.0)):
        with pytest.raises(OptionError, match="low <= mean <= high"):
            rank_intervals({"a": interval})


def test_figures_on_the_users_axes() -> None:
    figure = Figure()
    for k, draw in enumerate(
        (
            lambda ax: critical_difference(RANKS, 1.0, ax=ax),
            lambda ax: rank_intervals({"a": (1.5, 1.0, 2.0)}, ax),
            lambda ax: ecdf({"a": (np.ones(1), np.ones(1))}, ax),
            lambda ax: attainment({"a": [np.ones((1, 2))]}, ax),
        )
    ):
        ax = figure.add_subplot(2, 2, k + 1)
        assert draw(ax) is ax
    assert figure.legends == []
    assert figure.axes[2].get_legend() is not None
