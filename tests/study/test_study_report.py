"""The report page of a study: it says what the study says, whatever became of the study."""

from __future__ import annotations

import argparse
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from study_results import KNOWN, UNKNOWN, made, study_of

import moo
from moo.budget import Budget
from moo.cli_report import add_report
from moo.errors import StorageError
from moo.study import Study
from moo.study.cells import Failure
from moo.study.report import report
from moo.study.timing import Timing

VOID = {"img", "meta"}


class Page(HTMLParser):
    """Headings, tables and texts of a page; every tag must be closed."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[tuple[str, str]] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.images: list[dict[str, str]] = []
        self.rows: list[list[str]] = []
        self.captions: list[str] = []
        self.texts: list[str] = []
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []
        if tag == "img":
            self.images.append(given)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("h1", "h2", "h3"):
            self.headings.append((self.open[-1], data))
        if "caption" in self.open:
            self.captions.append(data)
        elif self.open and {"th", "td"} & set(self.open):
            self.rows[-1][-1] += data
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def two_problems(runs: int = 5) -> Study:
    """A hand-made study: "a" is better on p, "b" failed on q."""
    study = study_of(
        {"a": [0.1 + 0.001 * i for i in range(runs)], "b": [0.5 + 0.001 * i for i in range(runs)]}
    )
    study.problems["q <1>"] = UNKNOWN
    for seed in range(runs):
        F = [[0.0, 1.0 + 0.01 * seed], [1.0, 0.0]]
        study.results["q <1>", "a", seed] = made(F, statement=UNKNOWN, seed=seed, n_f=40, n_vjp=30)
        study.failures["q <1>", "b", seed] = Failure("the <simulator> has no licence")
    study.failures["q <1>", "b", 0] = Failure("the worker died", kind="killed")
    study.timings = {"p": Timing(0.001, 0.003, 0.005, 2)}
    study.provenance = {"moo": "0.1.0", "revision": "abc123", "packages": {"numpy": "2.4", "torch": None}}
    study.started, study.ended = "2026-11-01T10:00:00+00:00", "2026-11-01T10:05:00+00:00"
    study.digests = {"p": "feed"}
    return study


@pytest.fixture(scope="module")
def page():
    return Page(report(two_problems()))


# ---------------------------------------------------------------------- what it says


def test_every_sentence_of_the_study_is_there(page):
    for sentence in two_problems().sentences():
        assert " ".join(sentence.split()) in page.text


def test_the_contents_lead_to_every_section(page):
    assert [link.removeprefix("#") for link in page.links] == page.ids
    titles = [title for level, title in page.headings if level == "h2"]
    assert titles[0] == "Who won"
    assert {"Statistics", "Cost", "Failures", "How this was measured", "Where this comes from"} <= set(titles)
    assert ("h3", "p") in page.headings
    assert ("h3", "q <1>") in page.headings


def test_the_best_stands_out_at_once(page):
    overview = next(row for row in page.rows if row[0] == "p")
    assert overview == ["p", "0.9960 \N{BLACK STAR} best", "0.3576 worse"]
    assert "<strong>0.9960 \N{BLACK STAR} best</strong>" in report(two_problems())


def test_both_views_are_there(page):
    assert any("answers cut to 50 points" in caption for caption in page.captions)
    assert any("archives" in caption for caption in page.captions)


def test_pairs_have_p_after_holm_and_the_effect(page):
    study = two_problems()
    row = study.pairs().iloc[0]
    shown = next(cells for cells in page.rows if cells[:3] == ["p", "a", "b"])
    assert shown[3] == "5, 5"
    assert shown[6] == f"{row['p (Holm)']:.2g}"
    assert shown[7] == f"1.00 [{row['lower']:.2f}, {row['upper']:.2f}]"
    assert shown[8] == "a is better"


def test_expected_runtimes_are_those_of_the_study(page):
    shown = next(row for row in page.rows if row[:2] == ["p", "a"] and "/5" in row[2])
    table = two_problems().ert([0.1])
    first = table[(table["problem"] == "p") & (table["optimizer"] == "a")].iloc[0]
    count = f"({first['successes']}/{first['runs']})"
    assert shown[2].endswith(count)


def test_cost_is_in_all_units_with_the_constant(page):
    assert ["q <1>", "a", "40", "30", "100", "0.5"] in page.rows
    assert "F-equivalents (n_f + 2 n_vjp)" in page.text
    assert ["p", "1", "3", "5", "2.00"] in page.rows


def test_failures_are_gathered_with_their_sentences(page):
    assert ["error", "the <simulator> has no licence", "4", "q <1>, b: seeds 1, 2, 3, 4"] in page.rows
    assert ["killed", "the worker died", "1", "q <1>, b: seed 0"] in page.rows
    assert any(caption == "5 of 20 cells failed" for caption in page.captions)
    assert ["p", "a", "nan", "5"] in page.rows


def test_how_it_was_measured_and_where_it_comes_from(page):
    known = next(row for row in page.rows if row[:2] == ["p", "the known front"])
    assert known[2:5] == ["(0, 0)", "(1, 1)", "1.1 in each objective"]
    relative = next(row for row in page.rows if row[:2] == ["q <1>", "this study (relative)"])
    assert relative[2:4] == ["(0, 0)", "(1, 1.04)"]
    assert "k = 50 points" in page.text
    for row in (
        ["moo", "0.1.0, revision abc123"],
        ["torch", "not installed"],
        ["started (UTC)", "2026-11-01T10:00:00+00:00"],
        ["digest of p", "feed"],
        ["a", "a()"],
    ):
        assert row in page.rows


def test_the_command_is_there_or_the_call():
    study = two_problems()
    assert "budget=100, seeds=[0, 1, 2, 3, 4], k=50" in Page(report(study)).text
    study.command = "moo compare zdt1 --method 'NSGA2(pop_size=50)' > <x>"
    assert study.command in Page(report(study)).text


def test_a_budget_in_seconds_is_said_in_full():
    study = study_of({"a": [0.1, 0.2]})
    study.budget = Budget(seconds=3.0)
    assert "budget=moo.Budget(" in Page(report(study)).text


# ---------------------------------------------------------------------- what it is


def test_it_needs_no_network_and_no_script(page):
    source = report(two_problems())
    assert "<script" not in source
    assert not re.search(r"(src|href)=\"(?!data:image/png;base64,|#)", source)
    assert "@import" not in source
    assert "url(" not in source


def test_every_figure_says_what_it_shows(page):
    assert len(page.images) >= 6
    assert all(image["alt"] for image in page.images)
    assert len({image["alt"] for image in page.images}) == len(page.images)


def test_headings_go_down_one_level_at_a_time(page):
    levels = [int(tag[1]) for tag, _ in page.headings]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_names_are_escaped_everywhere():
    study = study_of({"<script>alert(1)</script>": [0.1, 0.2], 'b" onload="x': [0.3, 0.4]})
    study.problems = {"p": KNOWN}
    study.command = "</code><script>"
    source = report(study)
    assert "<script" not in source
    assert 'onload="x' not in source
    Page(source)


# ---------------------------------------------------------------------- whatever became of the study


def test_a_complete_study_is_not_called_partial(page):
    assert "partial" not in page.text


def test_a_study_that_is_not_finished_says_so():
    study = two_problems()
    for seed in (3, 4):
        del study.results["p", "b", seed]
    study.status = "running"
    text = Page(report(study)).text
    assert "This report is partial: 18 of 20 cells have an outcome." in text
    assert "running" in text


def test_interrupted_runs_are_named():
    study = study_of({"a": [0.1, 0.2, 0.3]}, status="interrupted")
    text = Page(report(study)).text
    assert "3 of 3 cells have an outcome, 3 of them were interrupted and are in no statistic" in text


def test_a_study_without_any_run_has_a_report():
    study = study_of({"a": [0.1], "b": [0.2]})
    study.results.clear()
    found = Page(report(study))
    assert "0 of 2 cells have an outcome" in found.text
    assert found.images == []


def test_where_everything_failed_it_says_why():
    study = study_of({"a": [0.1], "b": [0.2]})
    study.failures = {key: Failure("no licence") for key in study.results}
    study.results.clear()
    found = Page(report(study))
    assert ["error", "no licence", "2", "p, a: seed 0; p, b: seed 0"] in found.rows


@pytest.mark.parametrize("labels", [["a"], ["a", "b", "c"]])
def test_one_run_of_each_has_a_report(labels):
    text = Page(report(study_of({label: [0.1 * i] for i, label in enumerate(labels)}))).text
    assert ("Every pair" in text) == (len(labels) > 1)


def test_metrics_of_the_problem_are_there():
    study = study_of({"a": [0.1, 0.2], "b": [0.3, 0.4]}, metrics={"accuracy": [0.9]})
    assert ["a", "accuracy", "2", "0.9", "0.9", "0.9"] in Page(report(study)).rows


# ---------------------------------------------------------------------- files


def test_a_solved_study_is_reported_by_the_command(tmp_path, capsys):
    problem = moo.Problem([first, second], xl=[0], xu=[1], title="pair")
    moo.compare(
        {"pair": problem}, [moo.RandomSearch()], budget=50, seeds=2, out=tmp_path / "s", command="made so"
    )
    parser = argparse.ArgumentParser()
    add_report(parser.add_subparsers())
    args = parser.parse_args(["report", str(tmp_path / "s")])
    assert args.run(args) == 0
    assert capsys.readouterr().out == f"{tmp_path / 's' / 'report.html'}\n"
    text = Page((tmp_path / "s" / "report.html").read_text(encoding="utf-8")).text
    assert "made so" in text
    args = parser.parse_args(["report", str(tmp_path / "s"), "--out", str(tmp_path / "new" / "r.html")])
    assert args.run(args) == 0
    assert (tmp_path / "new" / "r.html").exists()


def first(x):
    return x[0] ** 2


def second(x):
    return (x[0] - 1) ** 2


def test_what_cannot_be_written_is_one_sentence(tmp_path):
    study = study_of({"a": [0.1]})
    with pytest.raises(StorageError, match="is a folder: give a file"):
        study.report(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        study.report(tmp_path / "file" / "report.html")


def test_a_study_in_a_notebook():
    source = two_problems()._repr_html_()
    found = Page(source)
    assert len(source) < 70_000
    assert "<script" not in source
    assert len(found.images) == 1
    for sentence in two_problems().sentences():
        assert " ".join(sentence.split()) in found.text
    assert ["p", "b", "5", "0", "0.3576", "worse"] in [row[:6] for row in found.rows]


def test_a_study_without_runs_in_a_notebook():
    study = study_of({"a": [0.1]})
    study.results.clear()
    assert Page(study._repr_html_()).images == []
