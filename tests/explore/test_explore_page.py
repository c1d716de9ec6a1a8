"""The interactive page as a text: what is in it, what it refers to, and what it says of bad input."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from explore_made import plane, result, sphere, study
from hypothesis import given
from hypothesis import strategies as st

from moo.errors import MissingExtraError, StorageError
from moo.explore import explore, gather
from moo.explore.payload import embedded, payload
from moo.explore.samples import by_row, read_samples
from moo.variables import Choice


def numbers(text: str, dtype: str = "<f8") -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype=dtype)


def column(problem: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in problem["columns"] if each["name"] == name)


class _Elements(HTMLParser):
    """The elements of a page, and the addresses that they have."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset", "data")]


# ---------------------------------------------------------------------- what is handed to the script


def test_values_are_handed_over_to_the_last_bit_and_with_the_users_sign() -> None:
    made = result(plane(30), names=["cost", "gain"], sign=[1.0, -1.0], seed=4)
    (problem,) = payload(gather(made))["problems"]
    assert numbers(column(problem, "gain")["values"]).tolist() == made.values[:, 1].tolist()
    assert numbers(column(problem, "x2")["values"]).tolist() == made.X[:, 1].tolist()
    assert column(problem, "gain")["label"] == "gain (max)"
    assert problem["seeds"] == ["4"]
    assert numbers(problem["row"], "<u4").tolist() == list(range(30))


def test_a_study_keeps_optimizers_seeds_and_rows_apart() -> None:
    cells = {
        ("p", o, s): result(plane(n, s), optimizer=f"{o}()", seed=s)
        for o, n in (("A", 3), ("B", 5))
        for s in (7, 9)
    }
    content = payload(gather(study(cells)))
    (problem,) = content["problems"]
    assert [each["name"] for each in content["optimizers"]] == ["A", "B"]
    whose = numbers(problem["optimizer"], "<u2")
    seeds = np.array(problem["seeds"])[numbers(problem["seed"], "<u2")]
    found = {(int(o), str(s)) for o, s in zip(whose, seeds, strict=True)}
    assert found == {(0, "7"), (0, "9"), (1, "7"), (1, "9")}
    assert np.bincount(whose).tolist() == [6, 10]


def test_rows_that_are_no_numbers_are_left_out_and_counted() -> None:
    F = plane(10)
    F[3, 0], F[7, 1] = np.nan, np.inf
    (front,) = gather(result(F)).fronts
    assert len(front) == 8
    assert front.notes == ["2 rows without finite objectives left out"]
    assert front.groups[0].rows.tolist() == [0, 1, 2, 4, 5, 6, 8, 9]


def test_the_scale_is_that_of_the_feasible_points_that_none_beats() -> None:
    F = np.array([[0.0, 3.0], [1.0, 1.0], [3.0, 0.0], [9.0, 9.0], [-5.0, -5.0]])
    (front,) = gather(result(F, CV=np.array([0, 0, 0, 0, 1.0]))).fronts
    assert [bound.tolist() for bound in front.scale] == [[0.0, 0.0], [3.0, 3.0]]
    (alone,) = gather(result(F[:4, :1])).fronts
    assert [bound.tolist() for bound in alone.scale] == [[0.0], [9.0]]


def test_values_that_are_texts_become_places_in_a_list() -> None:
    variables = {"colour": Choice(["red", "blue"]).described()}
    made = result(plane(4), np.array([[0.0], [1.0], [1.0], [0.0]]), variables=variables)
    (problem,) = payload(gather(made))["problems"]
    texts = column(problem, "colour")
    places = numbers(texts["values"]).astype(int)
    assert [texts["texts"][place] for place in places] == [each["colour"] for each in made.variables]


def test_a_model_of_many_parameters_keeps_none_of_them_and_says_so() -> None:
    made = result(plane(5), np.zeros((5, 2000)))
    (front,) = gather(made).fronts
    assert front.groups[0].variables == {}
    assert front.notes == ["the 2,000 variables are not in this page: arrays.npz has them all"]


def test_many_points_of_many_variables_keep_the_first_variables() -> None:
    made = result(plane(20_000), np.zeros((20_000, 200)))
    (front,) = gather(made).fronts
    assert len(front.groups[0].variables) == 150
    assert front.notes == ["the first 150 of 200 variables are in this page: arrays.npz has them all"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    )
)
def test_json_in_a_script_element_neither_ends_it_nor_changes(content: Any) -> None:
    text = embedded(content)
    assert not set("<>&") & set(text)
    assert json.loads(text) == content


# ---------------------------------------------------------------------- the file


def test_the_file_stands_alone(tmp_path: Path) -> None:
    text = explore(result(sphere(20, 3)), tmp_path / "page.html").read_text(encoding="utf-8")
    read = _Elements()
    read.feed(text)
    assert read.addresses == ["data:,"]  # an icon of nothing: without it browsers ask for /favicon.ico
    assert [tag for tag in read.tags if tag in ("script", "iframe", "img", "object")] == ["script"] * 3
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert not re.search(r"@import|url\(", style)


def test_the_policy_names_the_very_scripts_and_no_network(tmp_path: Path) -> None:
    text = explore(result(plane(5)), tmp_path / "page.html").read_bytes().decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    own = text.rpartition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    assert "connect-src" not in policy


def test_marks_of_the_template_within_names_stay_as_they_are(tmp_path: Path) -> None:
    made = result(plane(5), title="{{DATA}} {{NOTHING}}")
    text = explore(made, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<title>{{DATA}} {{NOTHING}}</title>" in text


def test_the_file_is_beside_the_results_unless_stated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = result(plane(5))
    made.save(tmp_path / "run")
    assert explore(tmp_path / "run") == tmp_path / "run" / "explore.html"
    monkeypatch.chdir(tmp_path)
    assert made.explore() == Path("explore.html")
    assert Path("explore.html").stat().st_size > 1_000_000  # plotly is within
    assert study({("p", "A", 0): made}).explore("study.html") == Path("study.html")


def test_a_saved_study_gives_the_page_of_the_study(tmp_path: Path) -> None:
    made = study({("p", "A", 0): result(plane(6), optimizer="A()")})
    made.save(tmp_path / "run")
    saved, here = payload(gather(tmp_path / "run")), payload(gather(made))
    assert saved["title"] == "run"
    assert saved["problems"] == here["problems"]


# ---------------------------------------------------------------------- samples


def test_samples_are_read_from_the_page_that_training_wrote(tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="Pillow is not installed: pip install pillow")
    from moo.multimodal.samples_page import Column, page

    pictures = np.random.default_rng(0).random((2, 4, 4, 3))
    columns = [
        Column("best caption", ["a cat", "b"], pictures),
        Column("chosen", ["<b>a</b>", "b"], pictures[::-1]),
    ]
    file = tmp_path / "samples.html"
    file.write_text(page("made", ["a <dog>", "two"], pictures, columns, "made"), encoding="utf-8")
    best, chosen = read_samples(file)
    assert (best.title, chosen.title) == ("best caption", "chosen")
    assert [each.text for each in best.given] == ["a <dog>", "two"]
    assert [each.text for each in chosen.made] == ["<b>a</b>", "b"]
    assert chosen.made[0].image == best.made[1].image == best.given[1].image
    assert best.given[0].image.startswith("data:image/png;base64,")
    figures = {"train caption": np.array([3.0, 1.0, 2.0]), "validation skill": np.array([0.1, 0.2, 0.9])}
    rows = by_row([best, chosen], figures, np.arange(3), ("validation skill", True))
    assert {row: made.title for row, made in rows.items()} == {1: "best caption", 2: "chosen"}


def test_a_picture_from_a_network_is_not_taken(tmp_path: Path) -> None:
    file = tmp_path / "samples.html"
    file.write_text(
        "<table><tr><th>sample</th><th>chosen</th></tr>"
        "<tr><td>a</td><td><img src='https://example.org/x.png'>b</td></tr></table>",
        encoding="utf-8",
    )
    (chosen,) = read_samples(file)
    assert (chosen.made[0].text, chosen.made[0].image) == ("b", "")


def test_no_page_of_samples_is_no_sample(tmp_path: Path) -> None:
    assert read_samples(tmp_path / "samples.html") == []


# ---------------------------------------------------------------------- bad input


def test_a_folder_without_results_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="holds neither a study nor a result"):
        explore(tmp_path)
    with pytest.raises(StorageError, match="is no folder"):
        explore(tmp_path / "nowhere")
    with pytest.raises(StorageError, match="this study has no results yet"):
        explore(study({}, seeds=[0]))
    with pytest.raises(StorageError, match="no row of finite objectives"):
        explore(result(np.full((3, 2), np.nan)))


def test_a_target_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"page\.html cannot be written"):
        explore(result(plane(5)), tmp_path / "nowhere" / "page.html")


def test_without_plotly_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(MissingExtraError, match=r"moo\[explore\]"):
        explore(result(plane(5)), tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
