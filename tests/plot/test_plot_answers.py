"""Figures of answers: what is drawn is the data, with the user's signs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from legibility import figure_of, legible, lines_of, offsets, rows_of
from matplotlib.collections import LineCollection
from matplotlib.patches import Wedge

from moo.errors import OptionError
from moo.plot import heat_map, parallel, petal, radar, scatter_matrix
from moo.plot.coordinates import ranges
from moo.plot.objectives import chosen_rows, goodness, number, shares
from moo.result import Result

# ------------------------------------------------------------------ parallel coordinates


def test_parallel_lines_are_the_points(plane: Result) -> None:
    ax = parallel({"a": plane})
    (segments,) = lines_of(ax)
    scale = ranges(ax)
    assert scale is not None
    np.testing.assert_allclose(segments[:, :, 1] * (scale.high - scale.low) + scale.low, plane.values)
    texts = legible(ax)
    low, high = plane.values.min(axis=0), plane.values.max(axis=0)
    for value, span in zip([*low, *high], [*(high - low)] * 2, strict=True):
        assert number(value, span) in texts
    assert "cost\nbetter ↓" in texts
    assert "gain (max)\nbetter ↑" in texts
    assert ax.get_title() == "a heater"


def test_parallel_says_once_what_holds_of_all_axes(many: Result) -> None:
    ax = parallel({"a": many})
    assert ax.get_xlabel() == "lower is better on every axis"
    assert "better" not in "".join(label.get_text() for label in ax.get_xticklabels())
    legible(ax)


@pytest.mark.parametrize("m", [2, 5, 9, 15])
def test_parallel_axes_stay_legible(many: Result, m: int) -> None:
    F = np.random.default_rng(m).normal(size=(30, m)) * 10.0 ** np.arange(-4, m - 4)
    names = [f"objective {i} of many" for i in range(m)]
    statement = replace(many.problem, names=names, sign=[1.0, -1.0] * (m // 2) + [1.0] * (m % 2), front=None)
    result = replace(rows_of(many, [0] * 30), F=F, problem=statement)
    legible(parallel({"a": result}))


def test_highlighted_rows_stand_out(many: Result) -> None:
    ax = parallel({"a": many, "b": many}, highlight=[1, 4])
    bold = [c for c in ax.collections if isinstance(c, LineCollection) and max(c.get_linewidths()) > 2]
    assert len(bold) == 1
    scale = ranges(ax)
    assert scale is not None
    expected = shares(many.values[[1, 4]], scale.low, scale.high)
    np.testing.assert_allclose(np.array(bold[0].get_segments())[:, :, 1], expected)
    with pytest.raises(OptionError, match="highlight"):
        parallel({"a": many}, highlight=[len(many.F)])


def test_infeasible_points_are_dotted(many: Result) -> None:
    CV = np.where(np.arange(len(many.CV)) < 3, 1.0, 0.0)
    ax = parallel({"a": replace(many, CV=CV)})
    assert len(lines_of(ax)[-1]) == 3
    assert "a (infeasible)" in legible(ax)


def test_parallel_needs_two_objectives(plane: Result) -> None:
    one = replace(plane, F=plane.F[:, :1], problem=replace(plane.problem, names=["cost"], sign=[1.0]))
    with pytest.raises(OptionError, match="at least two"):
        parallel({"a": one})


# ------------------------------------------------------------------ scatter matrix


def test_the_matrix_holds_each_pair_once(space: Result) -> None:
    figure = scatter_matrix({"a": space, "b": rows_of(space, slice(0, 5))})
    assert len(figure.axes) == 6
    below = figure.axes[4]  # third row, second column
    assert (below.get_xlabel(), figure.axes[3].get_ylabel()) == ("f2", "f3")
    drawn = offsets(below)
    assert any(d.shape == (len(space.F), 2) and np.allclose(d, space.values[:, [1, 2]]) for d in drawn)
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["known front", "a", "b"]
    legible(figure)


def test_the_diagonal_shares_out_all_points(space: Result) -> None:
    figure = scatter_matrix({"a": space})
    filled = figure.axes[0].patches[0]
    values, _, _ = filled.get_data()  # type: ignore[attr-defined]
    assert values.sum() == pytest.approx(1.0)


def test_a_matrix_of_six_objectives_is_legible(many: Result) -> None:
    names = [f"a rather long objective {i}" for i in range(6)]
    statement = replace(many.problem, names=names, sign=[1.0, -1.0] * 3)
    legible(scatter_matrix({"a": replace(many, problem=statement)}))


def test_too_many_objectives_are_refused(many: Result) -> None:
    wide = replace(
        many, F=np.ones((2, 11)), problem=replace(many.problem, names=list("abcdefghijk"), sign=[1.0] * 11)
    )
    with pytest.raises(OptionError, match=r"moo\.plot\.parallel"):
        scatter_matrix({"a": wide})


# ------------------------------------------------------------------ heat map


def test_the_heat_map_is_ordered_and_dark_where_good(plane: Result) -> None:
    ax = heat_map(plane, by="gain")
    (image,) = ax.images
    shade = np.asarray(image.get_array())
    order = np.argsort(-plane.values[:, 1], kind="stable")
    np.testing.assert_allclose(shade, goodness(plane)[order])
    assert shade[0, 1] == 1.0
    red, green, blue, _ = image.cmap(1.0)
    assert red + green + blue < 1.0
    assert ax.get_ylabel() == "points, ordered by gain (max)"
    assert {"best", "worst"} <= set(legible(ax))
    with pytest.raises(OptionError, match="did you mean 'gain'"):
        heat_map(plane, by="gian")


def test_variables_are_shown_in_grey(plane: Result) -> None:
    ax = heat_map(plane, variables=True)
    objectives, variables = ax.images
    assert np.asarray(variables.get_array()).shape == plane.X.shape
    assert variables.get_cmap().name == "Greys"
    assert objectives.get_cmap().name != "Greys"
    assert [label.get_text() for label in ax.get_xticklabels()] == [
        "cost",
        "gain (max)",
        *plane.problem.var_names,
    ]
    legible(ax)


def test_infeasible_rows_are_left_out_of_the_heat_map(plane: Result) -> None:
    CV = np.where(np.arange(len(plane.CV)) < 4, 1.0, 0.0)
    (image,) = heat_map(replace(plane, CV=CV)).images
    assert len(np.asarray(image.get_array())) == len(plane.F) - 4
    (image,) = heat_map(replace(plane, CV=np.ones(len(CV)))).images
    assert len(np.asarray(image.get_array())) == len(plane.F)


# ------------------------------------------------------------------ petals, radar


def test_the_longest_petals_are_the_best_values(many: Result) -> None:
    best = [int(many.F[:, i].argmin()) for i in range(6)]
    ax = petal(many, rows=best)
    wedges = [patch for patch in ax.patches if isinstance(patch, Wedge)]
    assert len(wedges) == 36
    for i in range(6):
        assert wedges[6 * i + i].r == pytest.approx(1.0)
    assert f"row {best[2]}" in legible(ax)


def test_radar_corners_lie_at_their_share_of_the_spoke(many: Result) -> None:
    ax = radar(many, rows=[3])
    line = next(line for line in ax.lines if line.get_label() == "row 3")
    radius = np.hypot(*np.asarray(line.get_xydata()).T)[:-1]
    np.testing.assert_allclose(radius, goodness(many)[3], atol=1e-12)
    texts = legible(ax)
    worst, best = many.values[:, 0].max(), many.values[:, 0].min()
    assert f"f1\n{number(worst, worst - best)} → {number(best, worst - best)}" in texts


def test_radar_compares_results(many: Result) -> None:
    ax = radar({"a": many, "b": rows_of(many, slice(0, 6))})
    names = [t.get_text() for t in figure_of(ax).legends[0].get_texts()]
    assert len(names) == 2
    assert names[0].startswith("a, row ")
    ax = radar({"a": many, "b": many}, rows={"a": [0, 1], "b": [2]})
    assert [t.get_text() for t in figure_of(ax).legends[0].get_texts()] == [
        "a, row 0",
        "a, row 1",
        "b, row 2",
    ]
    legible(ax)


def test_few_points_and_enough_objectives(many: Result, plane: Result) -> None:
    with pytest.raises(OptionError, match="up to 8 points"):
        radar(many, rows=range(9))
    with pytest.raises(OptionError, match="up to 24 points"):
        petal(many, rows=[0] * 25)
    with pytest.raises(OptionError, match="at least 3 objectives"):
        radar(plane)
    for rows in ([99], [-1]):
        with pytest.raises(OptionError, match="not in the answer"):
            petal(many, rows=rows)
    for odd in ([], [0.5], "abc"):
        with pytest.raises(OptionError, match="row numbers"):
            petal(many, rows=odd)  # type: ignore[arg-type]


def test_rows_chosen_for_us_are_far_apart(many: Result) -> None:
    rows = chosen_rows(many, None, 4)
    points = goodness(many)
    assert len(set(rows)) == 4
    assert rows[0] == int(np.linalg.norm(1 - points, axis=1).argmin())
    distance = np.linalg.norm(points - points[rows[0]], axis=1)
    assert distance[rows[1]] == distance.max()
    assert chosen_rows(rows_of(many, [2, 2, 2]), None, 4) == [0]
