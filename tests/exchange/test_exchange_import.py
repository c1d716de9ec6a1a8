"""Fronts of somebody else in the tables of a study."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import moo
from moo.cli import main
from moo.errors import OptionError, StorageError
from moo.exchange.fronts import read_fronts
from moo.result import Statement
from moo.study import Study

PLAIN = Statement(title="plain", names=["cost", "speed"], var_names=["a", "b"], sign=[1.0, -1.0])


def cost(x):
    return x[0] ** 2 + x[1]


def speed(x):
    return 1 - (x[0] - 2) ** 2 - x[1]


def car() -> moo.Problem:
    return moo.Problem([cost, speed], xl=[0, 0], xu=[2, 1], directions=["min", "max"])


@pytest.fixture
def study() -> Study:
    methods = {"random": moo.RandomSearch(), "NSGA-II": moo.NSGA2(pop_size=10)}
    return moo.compare({"car": car(), "ZDT1": moo.problems.ZDT1(n_var=3)}, methods, seeds=5, budget=60)


def front(n: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """On the front of the car: (F minimised, X)."""
    a = np.linspace(0, 2, n)
    return np.column_stack([a**2, (a - 2) ** 2 - 1]), np.column_stack([a, np.zeros(n)])


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


# ------------------------------------------------------------------ reading


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_values_are_read_in_their_own_sense_and_kept_minimised(tmp_path, mark, encoding):
    text = "speed,cost\n3,1\n\n4,2.5\n".replace(",", mark)
    (found,) = read_fronts(written(tmp_path / "f.csv", text, encoding), PLAIN)
    np.testing.assert_array_equal(found.F, [[1.0, -3.0], [2.5, -4.0]])
    assert found.X is None


def test_runs_are_told_apart_and_variables_found_in_any_order(tmp_path):
    text = "b,run,f1,a,f2\n1,two,10,2,20\n3,one,30,4,40\n5,two,50,6,60\n"
    two, one = read_fronts(written(tmp_path / "f.csv", text), PLAIN)
    np.testing.assert_array_equal(two.F, [[10, -20], [50, -60]])
    np.testing.assert_array_equal(two.X, [[2, 1], [6, 5]])
    np.testing.assert_array_equal(one.X, [[4, 3]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the objectives are missing: expected cost, speed, or f1, f2"),
        ("cost,speed\n", "has no points"),
        ("cost,speeed\n1,2\n", "line 1: the objectives are missing"),
        ("cost,speed,power\n1,2,3\n", "line 1: unknown column 'power'"),
        ("cost,speed,rnu\n1,2,3\n", "line 1: unknown column 'rnu': did you mean 'run'"),
        ("cost,speed,cost\n1,2,3\n", "line 1: the column 'cost' is there twice"),
        ("cost,speed\n1,2\n1,two\n", "line 3: speed is 'two', expected a number"),
        ("cost,speed\n1,nan\n", "line 2: speed is nan, expected a finite number"),
        ("cost,speed\n1,2\n\n-inf,3\n", "line 4: cost is -inf, expected a finite number"),
        ("cost,speed\n1\n", "line 2: 1 values, expected 2"),
        ("cost,speed,b\n1,2,3\n", "line 1: some of the 2 variables are missing: give all or none"),
        ("cost,speed\n1," + "2" * 200_000 + "\n", "line 2: field larger than field limit"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, text, message):
    with pytest.raises(StorageError, match=message):
        read_fronts(written(tmp_path / "f.csv", text), PLAIN)


def test_files_that_are_no_text_are_refused(tmp_path):
    with pytest.raises(StorageError, match="cannot be read: No such file"):
        read_fronts(tmp_path / "none.csv", PLAIN)
    with pytest.raises(StorageError, match="is no text in UTF-8"):
        read_fronts(written(tmp_path / "f.csv", "größe\n", "latin-1"), PLAIN)


# ------------------------------------------------------------------ in a study


def test_a_front_stands_in_the_tables_without_a_cost(study):
    study.table()  # what was computed before is computed anew
    F, X = front(40)
    result = study.add_front("car", "theirs", F, X, source="theirs.csv", verify=car())
    assert result.status == "imported"
    assert result.provenance["verified"]
    assert len(result.provenance["sha256"]) == 64
    row = study.table().set_index(["problem", "optimizer"]).loc["car", "theirs"]
    assert row["verdict"] == "best"
    assert np.isnan([row["cost"], row["n_f"], row["seconds"]]).all()
    assert row["points"] == 40
    runs = study.runs().set_index("optimizer")
    assert np.isnan(runs.loc["theirs", "cost"])
    assert "theirs" in str(study)
    assert "not run" not in str(study)


def test_it_is_in_no_runtime_and_ranks_only_where_it_is_everywhere(study):
    study.add_front("car", "theirs", front()[0])
    assert "theirs" not in study.ecdf()
    assert "theirs" not in set(study.ert()["optimizer"]) | set(study.targets()["optimizer"])
    assert "theirs" not in set(study.sensitivity()["optimizer"])
    assert list(study.ranks().problems) == ["car", "ZDT1"]
    assert "theirs" not in study.ranks().mean
    study.add_front("ZDT1", "theirs", np.array([[0.0, 1.0], [1.0, 0.0]]))
    assert "theirs" in study.ranks().mean


def test_nothing_of_it_is_missing_and_it_survives_the_disk(study, tmp_path):
    before = len(study.cells)
    study.add_front("car", "theirs", front()[0])
    assert study.missing == []
    assert len(study.cells) == before + 1
    study.save(tmp_path / "s")
    again = Study.load(tmp_path / "s")
    assert again.imported == ["theirs"]
    pd.testing.assert_frame_equal(again.table(), study.table())
    assert np.isnan(again.results["car", "theirs", 0].X).all()


def test_fronts_of_one_label_are_runs_up_to_the_number_of_seeds(study):
    for i in range(5):
        study.add_front("car", "theirs", front(5 + i)[0])
    row = study.table().set_index(["problem", "optimizer"]).loc["car", "theirs"]
    assert row["runs"] == 5
    with pytest.raises(OptionError, match="has 5 fronts on car already"):
        study.add_front("car", "theirs", front()[0])


def test_the_same_front_is_no_second_run(study):
    F, X = front()
    study.add_front("car", "theirs", F, X)
    with pytest.raises(OptionError, match="is there already: 'theirs' on car, in place of seed 0"):
        study.add_front("car", "theirs", F, X)
    study.add_front("car", "theirs", F)  # without variables it is another


def test_small_objectives_are_verified_by_their_size():
    def small(x):
        return 1e-8 * (1 + x[0])

    tiny = moo.Problem([small, lambda x: 1 - x[0]], xl=[0], xu=[1])
    study = moo.compare({"tiny": tiny}, moo.RandomSearch(), seeds=1, budget=20)
    X = np.array([[0.0], [1.0]])
    with pytest.raises(OptionError, match=r"row 0: f1 is 5e-08, and .* gives 1e-08 there"):
        study.add_front("tiny", "theirs", np.array([[5e-8, 1.0], [9e-8, 0.0]]), X, verify=tiny)
    assert study.add_front("tiny", "theirs", np.array([[1e-8, 1.0], [2e-8, 0.0]]), X, verify=tiny)


def test_dominated_points_are_left_out(study):
    F = np.vstack([front()[0], [[9.0, 9.0]]])
    assert len(study.add_front("car", "theirs", F).F) == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"problem": "cra"}, "did you mean 'car'"),
        ({"label": " "}, "the label is empty"),
        ({"label": "NSGA-II"}, "'NSGA-II' is an optimizer of the study"),
        ({"F": np.ones((2, 3))}, r"F is 2 x 3, expected n x 2 \(f1, f2\)|F is 2 x 3, expected n x 2"),
        ({"F": np.empty((0, 2))}, "F is 0 x 2"),
        ({"F": np.array([[1.0, np.nan]])}, "row 0 of F is not finite"),
        ({"X": np.zeros((2, 2))}, "X has 2 rows and F 5"),
        ({"X": None, "verify": car()}, "without variables a front cannot be verified"),
        ({"verify": moo.problems.DTLZ2()}, "is another problem"),
        ({"F": front()[0] + [0.0, 0.5], "verify": car()}, "row 0: speed is -3.5, and .* gives -3 there"),
    ],
)
def test_what_cannot_be_added_leaves_the_study_as_it_was(study, change, message):
    F, X = front()
    given = {"problem": "car", "label": "theirs", "F": F, "X": X} | change
    with pytest.raises(OptionError, match=message):
        study.add_front(**given)
    assert study.imported == []
    assert len(study.results) == 20


# ------------------------------------------------------------------ the command


@pytest.fixture
def folder(study, tmp_path) -> Path:
    return study.save(tmp_path / "study")


def file_of(tmp_path: Path) -> Path:
    F, X = front()
    table = pd.DataFrame({"cost": F[:, 0], "speed": -F[:, 1], "x1": X[:, 0], "x2": X[:, 1]})
    table.to_csv(tmp_path / "theirs.csv", index=False)
    return tmp_path / "theirs.csv"


def test_import_adds_to_the_folder_and_its_tables(folder, tmp_path, capsys):
    argv = ["import", str(folder), str(file_of(tmp_path)), "--problem", "car", "--label", "theirs"]
    assert main(argv) == 0
    said = capsys.readouterr().out
    assert "1 front of theirs on car: median hypervolume" in said
    assert "cost unknown; values taken as given" in said
    assert "theirs" in set(pd.read_csv(folder / "table.csv")["optimizer"])
    assert not (folder / "lock").exists()
    stored = json.loads((folder / "cells/car/theirs/0/result.json").read_text())
    assert stored["provenance"]["source"] == "theirs.csv"
    content = (tmp_path / "theirs.csv").read_bytes()
    assert stored["provenance"]["file_sha256"] == hashlib.sha256(content).hexdigest()


def test_a_study_is_extended_around_the_front(tmp_path):
    problems, methods = {"ZDT1": moo.problems.ZDT1(n_var=3)}, {"random": moo.RandomSearch()}
    options = {"budget": 60, "out": tmp_path / "s"}
    moo.compare(problems, methods, seeds=2, **options)
    given = written(tmp_path / "f.csv", "f1,f2\n0,1\n1,0\n")
    assert main(["import", str(tmp_path / "s"), str(given), "--problem", "ZDT1", "--label", "theirs"]) == 0
    study = moo.compare(problems, methods, seeds=3, resume=True, **options)
    assert study.imported == ["theirs"]
    assert len(study.results) == 4
    assert study.status == "complete"


def test_a_wrong_file_changes_nothing(folder, tmp_path, capsys):
    before = (folder / "study.json").read_bytes()
    bad = written(tmp_path / "f.csv", "cost,speed\n1,x\n")
    assert main(["import", str(folder), str(bad), "--problem", "car", "--label", "theirs"]) == 2
    assert capsys.readouterr().err.startswith(f"moo: error: {bad}, line 2: speed is 'x'")
    assert (folder / "study.json").read_bytes() == before
    assert not (folder / "lock").exists()
