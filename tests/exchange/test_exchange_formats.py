"""Each format is read back, by the program it is for where that can be had."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import moo
from moo import indicators
from moo.cli import main
from moo.errors import MissingExtraError, OptionError, StorageError
from moo.exchange import FORMATS, export
from moo.exchange.iohprofiler import trace
from moo.exchange.latex import escaped
from moo.study import Study

NASTY = r"100% of_a & b #1 {x} ~ ^ \ $"


def gain(x):
    return 3 - (x[0] - 1) ** 2 - x[1]


def loss(x):
    return x[0] ** 2 + x[1]


def shop() -> moo.Problem:
    return moo.Problem(
        [gain, loss],
        xl=[0, 0],
        xu=[2, 1],
        directions=["max", "min"],
        inequality=[lambda x: 0.1 - x[1]],
    )


@pytest.fixture(scope="module")
def study() -> Study:
    methods = {NASTY: moo.RandomSearch(), "NSGA-II": moo.NSGA2(pop_size=10)}
    problems = {"shop/a": shop(), "DTLZ2": moo.problems.DTLZ2(n_var=4)}
    found = moo.compare(problems, methods, seeds=[3, 5], budget=80)
    found.add_front("DTLZ2", "theirs", np.eye(3) + 0.1, source="theirs.csv")
    return found


# ------------------------------------------------------------------ tables


def test_csv_holds_every_point_in_its_own_sense(study, tmp_path):
    written = {path.name for path in export(study, "csv", tmp_path / "o")}
    assert written >= {"points.csv", "table.csv", "runs.csv", "pairs.csv", "ert.csv"}
    points = pd.read_csv(tmp_path / "o/points.csv")
    chosen = points[(points.problem == "shop/a") & (points.optimizer == "NSGA-II") & (points.seed == 5)]
    result = study.results["shop/a", "NSGA-II", 5]
    np.testing.assert_array_equal(chosen["gain"], -result.F[:, 0])
    np.testing.assert_array_equal(chosen["loss"], result.F[:, 1])
    np.testing.assert_array_equal(chosen["x1"], result.X[:, 0])
    assert len(points) == sum(len(r.F) for r in study.results.values())


def test_parquet_is_read_back_with_its_types(study, tmp_path):
    export(study, "parquet", tmp_path / "o")
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "o/points.parquet"), study.to_pandas(variables=True), check_dtype=False
    )
    table = pd.read_parquet(tmp_path / "o/table.parquet")
    assert table["runs"].dtype == np.int64
    np.testing.assert_array_equal(table["hypervolume"], study.table()["hypervolume"])


def test_json_is_strict_and_whole(study, tmp_path):
    (file,) = export(study, "json", tmp_path / "o")

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    content = json.loads(file.read_text(), parse_constant=refuse)
    assert content["budget"]["cost"] == 80
    assert content["optimizers"]["theirs"] == "imported"
    assert content["problems"]["shop/a"]["sign"] == [-1.0, 1.0]
    imported = [row for row in content["runs"] if row["optimizer"] == "theirs"]
    assert imported[0]["cost"] is None
    assert len(content["points"]) == len(study.to_pandas())


def test_parquet_without_pyarrow_says_what_to_install(study, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'moo\[parquet\]'"):
        export(study, "parquet", tmp_path / "o")


# ------------------------------------------------------------------ LaTeX


def test_the_table_is_balanced_and_names_are_escaped(study, tmp_path):
    (file,) = export(study, "latex", tmp_path / "o")
    text = file.read_text()
    assert text.count(r"\begin{") == text.count(r"\end{") == 2
    assert r"100\% of\_a \& b \#1 \{x\} \textasciitilde{} \textasciicircum{} \textbackslash{} \$" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 3
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {3}
    stripped = text.replace(r"\{", "").replace(r"\}", "")
    assert stripped.count("{") == stripped.count("}")
    assert rows[1].endswith(r"-- \\")  # no front of theirs on the shop


def test_the_best_is_bold_and_values_are_those_of_the_table(study, tmp_path):
    text = export(study, "latex", tmp_path / "o")[0].read_text()
    table = study.table()
    for row in table[table.runs > 0].to_dict("records"):
        value = f"{row['hypervolume']:.4f}"
        assert (rf"\textbf{{{value}}}" if row["verdict"] == "best" else value) in text


def test_names_are_printed_as_they_stand():
    assert escaped("NSGA II (2002)") == "NSGA II (2002)"
    assert escaped("<b> -- a|b") == r"\textless{}b\textgreater{} -{}-{} a\textbar{}b"


# ------------------------------------------------------------------ other toolkits


def test_paretobench_reads_what_it_is_given(study, tmp_path):
    paretobench = pytest.importorskip("paretobench")
    files = {path.name: path for path in export(study, "paretobench", tmp_path / "o")}
    assert len(files) == 3
    found = paretobench.Experiment.load(str(files["NSGA-II.h5"]))
    assert found.name == "NSGA-II"
    assert found.software_version == moo.__version__
    assert [run.problem for run in found.runs] == ["shop/a", "DTLZ2"] * 2
    result, population = study.results["shop/a", "NSGA-II", 3], found.runs[0].reports[0]
    np.testing.assert_array_equal(population.f, result.F * [-1.0, 1.0])
    np.testing.assert_array_equal(population.x, result.X)
    np.testing.assert_array_equal(population.g, result.G)
    assert population.obj_directions == "+-"
    assert population.names_f == ["gain", "loss"]
    assert population.fevals == 80
    assert population.get_feasible_indices().all()


def test_jmetals_files_hold_every_digit_and_minimise(study, tmp_path):
    export(study, "jmetal", tmp_path / "o")
    for run, seed in enumerate([3, 5]):
        result = study.results["shop/a", "NSGA-II", seed]
        place = tmp_path / "o/NSGA-II/shop-a"
        np.testing.assert_array_equal(np.loadtxt(place / f"FUN.{run}.tsv", ndmin=2), result.F)
        np.testing.assert_array_equal(np.loadtxt(place / f"VAR.{run}.tsv", ndmin=2), result.X)
    assert [path.name for path in (tmp_path / "o/theirs/DTLZ2").iterdir()] == ["FUN.0.tsv"]


def test_iohprofilers_files_agree_with_each_other(study, tmp_path):
    written = export(study, "iohprofiler", tmp_path / "o")
    described = [path for path in written if path.suffix == ".json"]
    assert len(described) == 4  # not the front whose cost nobody knows
    for file in described:
        content = json.loads(file.read_text())
        assert content["maximization"] is True
        (scenario,) = content["scenarios"]
        with (file.parent / scenario["path"]).open() as stream:
            lines = list(csv.reader(stream, delimiter=" "))
        starts = [i for i, line in enumerate(lines) if line == ["evaluations", "raw_y"]]
        assert len(starts) == len(scenario["runs"]) == 2
        for begin, end, run in zip(starts, [*starts[1:], len(lines)], scenario["runs"], strict=True):
            values = np.array(lines[begin + 1 : end], dtype=float)
            assert values[0, 0] == 1  # by which readers tell runs apart
            assert (np.diff(values[:, 0]) > 0).all()
            assert (np.diff(values[:, 1]) >= 0).all()
            assert values[-1, 0] == run["evals"] == 80
            assert values[-1, 1] == pytest.approx(run["best"]["y"], abs=1e-9)
            reached = values[values[:, 0] == run["best"]["evals"]][0, 1]
            assert reached == pytest.approx(run["best"]["y"], abs=1e-9)


def test_the_traced_hypervolume_is_that_of_all_that_was_evaluated(study):
    result, scale = study.results["DTLZ2", "NSGA-II", 3], study.scales["DTLZ2"]
    points = trace(result, scale)
    for at, value in (points[0], points[len(points) // 2], points[-1]):
        F = result.log["F"][result.log["cost"] <= at]
        expected = indicators.hypervolume(scale.normalise(F), scale.reference_point) if len(F) else 0.0
        assert value == pytest.approx(expected, abs=1e-12)
    assert points[-1][1] == pytest.approx(study.qualities["DTLZ2", "NSGA-II", 3].archive.hypervolume)


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize("name", FORMATS)
def test_a_folder_with_files_is_left_alone(name, study, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(StorageError, match="already holds files"):
        study.export(name, tmp_path)
    assert study.export(name, tmp_path, overwrite=True)
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_unknown_formats_and_empty_studies_are_refused(study, tmp_path):
    with pytest.raises(OptionError, match="unknown format 'cvs': did you mean 'csv'"):
        export(study, "cvs", tmp_path / "o")
    empty = Study(study.problems, study.optimizers, study.seeds, study.budget)
    with pytest.raises(OptionError, match="no result to export yet"):
        export(empty, "csv", tmp_path / "o")
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("name", FORMATS)
def test_the_folder_of_a_study_is_never_overwritten(name, study, tmp_path):
    folder = study.save(tmp_path / "study")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(StorageError, match="holds a study"):
        study.export(name, folder, overwrite=True)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_the_command_prints_the_files(study, tmp_path, capsys):
    folder = study.save(tmp_path / "study")
    assert main(["export", str(folder), "--format", "latex", "--out", str(tmp_path / "o")]) == 0
    assert Path(capsys.readouterr().out.strip()) == tmp_path / "o/table.tex"
    assert main(["export", str(tmp_path), "--format", "csv", "--out", str(tmp_path / "p")]) == 2
    assert "does not exist" in capsys.readouterr().err
