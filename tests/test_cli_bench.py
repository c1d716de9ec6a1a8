"""``moo bench`` as a user meets it, in-process."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from moo import bench, storage
from moo.cli import main
from moo.study import Study

SUITE = """
name = "two"
budget = 60
seeds = 2
problems = ["ZDT1(n_var=3)", "beam.py"]
[optimizers]
random = "RandomSearch(batch_size=10)"
"genetic" = "NSGA2(pop_size=10)"
"""
BEAM = """
import moo

beam = moo.Problem([lambda x: x[0] ** 2, lambda x: (x[0] - 1) ** 2], xl=[0], xu=[1], title="beam")
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("beam.py").write_text(BEAM)
    Path("two.toml").write_text(SUITE)


def said(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> str:
    assert main(argv) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err.strip().splitlines()[-1]


def test_a_suite_is_run_and_everything_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "bench", "run", "two.toml", "--out", "o", "--workers", "2")
    assert "2 problems x 2 optimizers x 2 seeds, 60 F-equivalents" in out
    assert "\nbeam: " in out
    names = {path.name for path in Path("o").iterdir()}
    assert {"suite.toml", "study.json", "table.csv", "runs.csv", "front-beam.png", "cells"} <= names
    study = Study.load("o")
    assert study.command == "moo bench run two.toml --out o --workers 2"
    assert len(study.results) == 8
    assert said(capsys, "bench", "status", "o") == "o: 8 of 8 cells; complete\n"


def test_a_suite_with_more_in_it_solves_the_new_cells_alone(capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "bench", "run", "two.toml", "--out", "o")
    Path("two.toml").write_text(SUITE.replace("seeds = 2", "seeds = 3"))
    main(["bench", "resume", "o", "--suite", "two.toml"])
    captured = capsys.readouterr()
    assert captured.err.count("budget spent") == 4
    assert "[12/12]" in captured.err
    assert Study.load("o").seeds == [0, 1, 2]
    assert said(capsys, "bench", "resume", "o").startswith("2 problems x 2 optimizers x 3 seeds")


def test_status_says_what_is_missing_and_whether_anybody_works(capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "bench", "run", "two.toml", "--out", "o")
    cell = next(Path("o/cells/beam").glob("*/1/result.json"))
    cell.unlink()
    expected = "o: 7 of 8 cells; not running: go on with moo bench resume o\n"
    assert said(capsys, "bench", "status", "o") == expected
    with storage.locked(Path("o/lock")):
        assert said(capsys, "bench", "status", "o") == "o: 7 of 8 cells; running\n"
        assert json.loads(said(capsys, "bench", "status", "o", "--json"))["running"] is True
    said(capsys, "bench", "resume", "o")
    assert cell.exists()


def test_a_dry_run_computes_nothing_and_says_what_fails(capsys: pytest.CaptureFixture[str]) -> None:
    Path("beam.py").write_text(BEAM.replace("xl=[0], xu=[1]", "n_var=1"))
    out = said(capsys, "bench", "run", "two.toml", "--dry-run")
    assert "two: 8 cells, about " in out
    assert "fails: beam, random: RandomSearch needs finite bounds" in out
    assert {path.name for path in Path().iterdir()} == {"beam.py", "two.toml"}
    assert len(json.loads(said(capsys, "bench", "run", "two.toml", "--dry-run", "--json"))["cells"]) == 4


def test_tuning_tries_as_many_configurations_of_each_and_reports_both(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = SUITE.replace("seeds = 2", "seeds = 2\ntune = 4\ntuning_seeds = 2")
    Path("two.toml").write_text(text + "\n[tuning]\npop_size = [6, 12]\n")
    out = said(capsys, "bench", "run", "two.toml", "--out", "o")
    tuned = pd.read_csv("o/tuning.csv")
    assert tuned["optimizer"].value_counts().to_dict() == {"genetic": 4, "random": 1}
    assert Study.load("o/tuning").seeds == [10_000, 10_001]
    best = tuned[(tuned["optimizer"] == "genetic") & tuned["chosen"]].iloc[0]
    labels = list(Study.load("o").optimizers)
    assert labels == ["random", "genetic"] + ([] if best["defaults"] else ["genetic (tuned)"])
    assert (" (tuned)" in out) is not best["defaults"]


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["run", "two.toml"], "moo: error: --out is missing: give a folder for the study, or --dry-run"),
        (["run", "none.toml", "--out", "o"], "moo: error: there is no suite none.toml"),
        (["run", "two.toml", "--out", "."], "moo: error: . already holds files: choose another"),
        (["resume", "."], "moo: error: . holds no suite: give the --out of moo bench run"),
        (["status", "."], "moo: error: study.json does not exist"),
        (["run", "two.toml", "--out", "o", "--workers", "0"], "moo: error: workers=0 is not accepted"),
    ],
)
def test_errors_are_one_line(argv: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "bench", *argv, code=2).startswith(sentence)


def test_a_folder_that_moved_with_its_suite_is_gone_on_with(tmp_path: Path) -> None:
    Path("here").mkdir()
    for name in ("beam.py", "two.toml"):
        Path(name).rename(Path("here") / name)
    bench.begin("here/two.toml", "here/o")
    Path("here").rename("there")
    assert list(bench.again("there/o").problems) == ["ZDT1(n_var=3)", "beam"]
