"""What notebooks show: escaped, small, without scripts."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import moo
from moo import html
from moo.archive import Archive
from moo.problems.dtlz import DTLZ2
from moo.problems.zdt import ZDT1
from moo.result import Cost, History, Result, Statement

VOID = {"img", "meta", "br", "link"}


class Page(HTMLParser):
    """The text of a page, its tags, and whether every tag is closed."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.images: list[dict[str, str]] = []
        self.texts: list[str] = []
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def cost(x):
    return 4 * x[0] ** 2 + 4 * x[1] ** 2


def gain(x):
    return -((x[0] - 5) ** 2) - (x[1] - 5) ** 2


def near(x):
    return (x[0] - 5) ** 2 + x[1] ** 2 - 25


def beam(**options):
    given = {"xl": [0, 0], "xu": [5, 3], "inequality": [near], "directions": ["min", "max"]} | options
    return moo.Problem([cost, gain], **given)


def made(F, CV=None, names=None, X=None, variables=None):
    F = np.asarray(F, dtype=float)
    names = names or [f"f{i + 1}" for i in range(F.shape[1])]
    X = np.zeros((len(F), 1)) if X is None else X
    empty = np.empty((len(F), 0))
    return Result(
        X=X,
        F=F,
        G=empty,
        H=empty,
        CV=np.zeros(len(F)) if CV is None else np.asarray(CV, dtype=float),
        weights=None,
        metrics={},
        archive=Archive.of(X[:0], F[:0]),
        log={},
        history=History(),
        cost=Cost(10, 5, 0.5, 2.0),
        statuses={"ok": 10},
        status="budget spent",
        problem=Statement(
            "made", names, [f"x{i + 1}" for i in range(X.shape[1])], [1.0] * F.shape[1], variables=variables
        ),
        optimizer="NSGA2()",
        seed=0,
    )


# ---------------------------------------------------------------------- pieces


@given(st.text())
def test_no_text_becomes_a_tag(text):
    page = Page(
        html.note(html.paragraph(text), html.table([text], [[text]], caption=text), html.bullets([text]))
    )
    assert set(page.tags) <= {
        "div",
        "style",
        "p",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "ul",
        "li",
    }
    assert "".join(page.texts).count(text) >= 5 or not text.strip() or "\r" in text or "\0" in text


def test_numbers_stand_to_the_right_and_words_to_the_left():
    table = html.table(["name", "size"], [["a", 1.5], ["b", html.Written("12 [3, 4]")]], heads=1)
    assert '<th scope="row">a</th><td class="number">1.5</td>' in table
    assert '<td class="number">12 [3, 4]</td>' in table
    assert '<th scope="col" class="number">size</th>' in table


def test_a_column_with_one_word_is_a_column_of_words():
    assert "number" not in html.table(["a"], [[1.0], ["none"]])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1500.0, "1,500"),
        (1234567, "1,234,567"),
        (0.12345678, "0.1235"),
        (float("nan"), "\N{EN DASH}"),
        (float("inf"), "inf"),
    ],
)
def test_numbers_are_for_people(value, text):
    assert html.number(value) == text


def test_an_image_says_what_it_shows_to_those_who_do_not_see_it():
    page = Page(html.image(b"png", 'a "front" <b>'))
    assert page.images[0]["alt"] == 'a "front" <b>'


# ---------------------------------------------------------------------- a problem


def test_a_problem_shows_directions_bounds_and_constraints():
    text = Page(beam(title="<b>beam</b>")._repr_html_()).text
    assert "<b>beam</b> : 2 objectives, 2 variables, 1 constraint; torch backend, float64 on cpu" in text
    assert "cost min gain max" in text
    assert "x1 0 5 x2 0 3" in text
    assert "near <= 0 1e-06" in text


def test_many_variables_with_the_same_bounds_are_one_line():
    text = Page(ZDT1()._repr_html_()).text
    assert "x1 … x30: each from 0 to 1" in text
    assert "x2" not in text


def test_many_variables_with_other_bounds_are_cut_short():
    problem = moo.Problem([cost, gain], xl=[0] * 20, xu=list(range(1, 21)), backend="numpy")
    text = Page(problem._repr_html_()).text
    assert "x12" in text
    assert "x13" not in text
    assert "and 8 more" in text
    assert "numpy backend" in text
    assert "float64" not in text


def test_an_unbounded_variable_says_so_and_named_ones_their_kind():
    assert "x1 unbounded 5" in Page(beam(xl=[None, 0])._repr_html_()).text
    mixed = moo.Problem(
        [lambda x: x["n"], lambda x: 1 / x["n"]],
        variables={"n": moo.Integer(1, 8), "k": moo.Choice(["<a>", "b"])},
    )
    text = Page(mixed._repr_html_()).text
    assert "n integer 1 to 8" in text
    assert "k choice <a>, b" in text


# ---------------------------------------------------------------------- a result


def shown(result):
    source = result._repr_html_()
    assert len(source) < 66_000
    assert "<script" not in source
    return Page(source)


def test_a_result_says_what_print_says_and_shows_its_front():
    result = moo.solve(beam(title="<beam>"), moo.NSGA2(pop_size=20), budget=400, seed=1)
    page = shown(result)
    for line in str(result).splitlines():
        assert " ".join(line.split()) in page.text
    assert "6 of 20 points" in page.text
    assert "Result" not in page.text
    assert len(page.images) == 1
    assert "cost, gain" in page.images[0]["alt"]


def test_rows_are_those_of_the_result_in_the_users_sign():
    result = moo.solve(beam(), moo.NSGA2(pop_size=20), budget=400, seed=1)
    rows = re.findall(r"<tr>(.*?)</tr>", result._repr_html_())[1:]
    for row in rows:
        at, first, second, *_ = re.findall(r"<td.*?>(.*?)</td>", row)
        assert [float(first), float(second)] == pytest.approx(result.values[int(at)], rel=1e-3)


@pytest.mark.parametrize(("n_obj", "n"), [(2, 20_000), (3, 5000), (5, 300)])
def test_a_large_front_stays_a_small_picture(n_obj, n):
    rng = np.random.default_rng(0)
    F = rng.random((n, n_obj))
    F /= np.linalg.norm(F, axis=1, keepdims=True)
    source = made(F)._repr_html_()
    data = re.search(r"base64,([^\"]+)", source)
    assert data is not None
    assert len(data[1]) < 60_000
    with Image.open(io.BytesIO(base64.b64decode(data[1]))) as picture:
        assert picture.width > 300
        assert len(picture.getcolors(256)) > 3


def test_nothing_infinite_or_missing_stops_a_notebook():
    for F, CV in (
        ([[np.nan, 1.0]], [0.0]),
        ([[1.0, 2.0], [np.inf, 0.0]], [0.0, 3.0]),
        (np.empty((0, 2)), []),
    ):
        page = shown(made(F, CV))
        assert "made by NSGA2()" in page.text


def test_one_point_is_said_in_full_and_not_in_a_table():
    page = shown(made([[1.0, 2.0]]))
    assert "table" not in page.tags
    assert "f1(x*) = 1" in page.text


def test_variables_of_other_kinds_are_in_the_users_values():
    described = {"kind": {"kind": "choice", "options": ["<a>", "b"]}}
    page = shown(made([[0.0, 1.0], [1.0, 0.0]], X=np.array([[0.0], [1.0]]), variables=described))
    assert "row f1 f2 kind 0 0 1 <a> 1 1 0 b" in page.text


def test_a_model_has_too_many_variables_to_show():
    page = shown(made([[0.0, 1.0], [1.0, 0.0]], X=np.zeros((2, 5000))))
    assert "x4" in page.text
    assert "x5" not in page.text


def test_three_objectives_are_drawn_in_space():
    result = moo.solve(DTLZ2(), moo.NSGA3(), budget=300)
    assert len(shown(dataclasses.replace(result, seed=1)).images) == 1
