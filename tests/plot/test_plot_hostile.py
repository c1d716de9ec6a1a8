"""Answers and labels that are hard to draw: each is drawn so that it can be read, or refused."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from legibility import NASTY, figure_of, legible, lines_of, rows_of
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import moo
from moo.errors import OptionError
from moo.plot import Style, animate, front, heat_map, parallel, petal, radar, scatter_matrix
from moo.plot.objectives import number, shares
from moo.plot.style import shortened, shown
from moo.result import Result

# ------------------------------------------------------------------ texts


@given(st.text(max_size=200))
def test_shown_text_is_plain_and_in_the_legend(text: str) -> None:
    line = shown(text)
    assert line.strip()
    assert not line.startswith("_")
    assert "\n" not in line
    assert line.count("$") == line.count(r"\$")
    assert len(line.replace(r"\$", "$")) <= 61


def test_shown_keeps_what_it_can() -> None:
    assert shown("NSGA-II, c = 2") == "NSGA-II, c = 2"
    assert shown("cost in $") == r"cost in \$"
    assert shown("_a\nb") == " _a b"
    assert shown("") == "(no name)"
    assert shown("abcdefghij", 7) == "abc…hij"
    assert shortened(shown("cost in $ a year"), 9) == r"cost…year"


def test_numbers_are_of_the_range_they_stand_in() -> None:
    assert number(4.9e-13, 2.0) == "0"
    assert number(-1e-9, 2.0) == "0"
    assert number(3.6123, 40.0) == "3.61"
    assert number(0.000439, 0.0214) == "0.00044"
    assert number(1e6, 0.0) == "1e+06"


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_shares_lie_between_zero_and_one(values: list[float]) -> None:
    column = np.array(values)[:, None]
    found = shares(column, column.min(axis=0), column.max(axis=0))
    assert ((found >= 0) & (found <= 1)).all()
    if column.max() > column.min():
        assert found[column.argmax()] == 1
        assert found[column.argmin()] == 0
    else:
        assert (found == 0.5).all()


# ------------------------------------------------------------------ hostile answers


def variants(result: Result) -> dict[str, Result]:
    n, m = result.F.shape
    F = result.F.copy()
    F[0, 0], F[1, m - 1], F[2] = np.nan, np.inf, -np.inf
    constant = result.F.copy()
    constant[:, 0] = 3.0
    return {
        "empty": rows_of(result, []),
        "one point": rows_of(result, [0]),
        "not finite": replace(result, F=F),
        "nothing finite": replace(result, F=np.full_like(F, np.nan)),
        "constant": replace(result, F=constant),
        "infeasible": replace(result, CV=np.ones(n)),
        "huge": replace(result, F=result.F * 1e200),
        "tiny": replace(result, F=result.F * 1e-200),
    }


DRAW: dict[str, Callable[[Result], Axes | Figure]] = {
    "front": lambda r: front({"a": r}),
    "parallel": lambda r: parallel({"a": r}),
    "scatter_matrix": lambda r: scatter_matrix({"a": r}),
    "heat_map": lambda r: heat_map(r, variables=True),
    "petal": petal,
    "radar": radar,
}


@pytest.mark.parametrize("kind", DRAW)
def test_hostile_answers_are_drawn_or_refused(kind: str, many: Result, space: Result) -> None:
    for name, result in variants(space if kind in ("front", "scatter_matrix") else many).items():
        if kind in ("petal", "radar") and name in ("empty", "nothing finite"):
            with pytest.raises(OptionError, match="no finite row"):
                DRAW[kind](result)
        else:
            legible(DRAW[kind](result))


@pytest.mark.parametrize("kind", DRAW)
def test_figures_are_vectors_where_that_is_asked(kind: str, many: Result) -> None:
    file = io.BytesIO()
    figure_of(DRAW[kind](many)).savefig(file, format="pdf")
    assert len(file.getvalue()) > 5000


def test_figures_on_the_users_axes(many: Result) -> None:
    figure = Figure()
    left, middle, right, last = figure.subplots(2, 2).ravel()
    assert parallel({"a": many}, left) is left
    assert heat_map(many, middle) is middle
    assert petal(many, right, legend=False) is right
    assert radar(many, last) is last
    assert figure.legends == []
    assert left.get_legend() is not None
    assert right.get_legend() is None
    assert left.get_title() == ""


def test_styles_are_the_same_in_every_figure(many: Result) -> None:
    look = {"a": Style("#123456", "X")}
    ax = parallel({"a": many}, style=look)
    assert to_hex(ax.collections[1].get_colors()[0]) == "#123456"  # type: ignore[attr-defined]
    ax = radar({"a": many}, style=look)
    assert ax.lines[-1].get_color() == "#123456"
    figure = scatter_matrix({"a": many}, style=look)
    assert to_hex(figure.axes[1].collections[-1].get_facecolor()[0]) == "#123456"


def test_drawing_leaves_nothing_behind(many: Result, tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    for draw in DRAW.values():
        draw(many)
    animate(many, tmp_path / "run.gif", frames=2)
    assert dict(mpl.rcParams) == before
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []


def test_one_objective_with_many_labels(many: Result) -> None:
    statement = replace(many.problem, names=["cost"], sign=[1.0], front=None)
    one = replace(many, F=many.F[:, :1], problem=statement)
    ax = front(dict.fromkeys(NASTY, one))
    assert len(ax.get_xticklabels()) == len(NASTY)
    assert ax.get_xticklabels()[0].get_rotation() == 40
    legible(ax)


@pytest.mark.parametrize("kind", ["front", "parallel", "scatter_matrix", "radar"])
def test_hostile_labels_are_all_in_the_legend(kind: str, plane: Result, many: Result) -> None:
    base = many if kind == "radar" else plane
    labels = NASTY[:8] if kind == "radar" else NASTY
    statement = replace(base.problem, title="_$T", names=[NASTY[i] for i in range(len(base.problem.names))])
    results = dict.fromkeys(labels, replace(base, problem=statement))
    draw: Any = {"front": front, "parallel": parallel, "scatter_matrix": scatter_matrix, "radar": radar}[kind]
    figure = figure_of(draw(results))
    legible(figure)
    known = 1 if base.problem.front is not None and kind != "radar" else 0
    assert len(figure.legends[0].get_texts()) == len(labels) + known


def test_hostile_names_in_petals_and_heat_maps(many: Result) -> None:
    for i in range(0, len(NASTY), 6):
        result = replace(many, problem=replace(many.problem, names=NASTY[i : i + 6], title="$_$ {"))
        legible(petal(result))
        legible(heat_map(result))


@pytest.mark.parametrize("kind", DRAW)
def test_twenty_thousand_points(kind: str, many: Result) -> None:
    F = np.random.default_rng(0).random((20_000, 6))
    big = replace(rows_of(many, np.zeros(20_000, dtype=int)), F=F)
    figure_of(DRAW[kind](big)).savefig(io.BytesIO(), format="png", dpi=40)


@given(st.integers(2, 5), st.integers(1, 12), st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_parallel_draws_any_finite_points(m: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    F = rng.normal(size=(n, m)) * 10.0 ** rng.integers(-9, 9, m)
    base = BASE.setdefault("result", moo.solve(moo.problems.ZDT1(n_var=3), moo.RandomSearch(), budget=10))
    statement = replace(base.problem, names=[f"f{i}" for i in range(m)], sign=[1.0] * m, front=None)
    result = replace(rows_of(base, [0] * n), F=F, CV=np.zeros(n), problem=statement)
    (segments,) = lines_of(parallel({"a": result}))
    assert segments.shape == (n, m, 2)
    assert (segments[:, :, 1].min(axis=0) >= 0).all()
    assert (segments[:, :, 1].max(axis=0) <= 1).all()


BASE: dict[str, Result] = {}
