"""Studies on disk: nothing is lost, nothing else is taken for a study."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from study_results import study_of

import moo
from moo.budget import Budget
from moo.errors import StorageError
from moo.study import Failure, Study


@pytest.fixture(scope="module")
def study() -> Study:
    found = moo.compare(
        {"a/b": moo.problems.ZDT1(n_var=3), "beam": moo.problems.WeldedBeam()},
        {"NSGA II": moo.NSGA2(pop_size=20), "nsga ii": moo.RandomSearch(), "weights": moo.WeightedSum(n=5)},
        budget=Budget(300, vjp_cost=3.0),
        seeds=2,
        k=7,
    )
    key = ("beam", "weights", 1)
    found.failures[key] = Failure("it broke", found.results.pop(key))
    found.failures["beam", "weights", 0] = Failure("it broke too")
    del found.results["beam", "weights", 0]
    found.command = "moo compare ..."
    return found


def same(a: Study, b: Study) -> None:
    for name in ("problems", "optimizers", "seeds", "budget", "k", "status", "provenance", "command"):
        assert getattr(a, name) == getattr(b, name), name
    assert list(a.results) == list(b.results)
    for key, result in a.results.items():
        other = b.results[key]
        for name in ("X", "F", "G", "CV", "archive_F"):
            np.testing.assert_array_equal(getattr(result, name), getattr(other, name))
        assert result.cost == other.cost
        assert result.problem == other.problem
        assert len(result.history.fronts) == len(other.history.fronts)
    assert {k: f.message for k, f in a.failures.items()} == {k: f.message for k, f in b.failures.items()}
    pd.testing.assert_frame_equal(a.table(), b.table())
    pd.testing.assert_frame_equal(a.runs(), b.runs())
    assert str(a) == str(b)


def test_a_study_comes_back_equal(study: Study, tmp_path: Path) -> None:
    study.save(tmp_path / "out")
    loaded = Study.load(tmp_path / "out")
    same(study, loaded)
    partial = loaded.failures["beam", "weights", 1].result
    assert partial is not None
    assert len(partial.F) == 5
    assert loaded.failures["beam", "weights", 0].result is None


def test_out_writes_what_save_writes(tmp_path: Path) -> None:
    def files(folder: Path) -> set[str]:
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    found = moo.compare(
        moo.problems.ZDT1(n_var=3), moo.RandomSearch(), budget=100, seeds=2, out=tmp_path / "out"
    )
    found.save(tmp_path / "saved")
    assert files(tmp_path / "out") == files(tmp_path / "saved")
    same(Study.load(tmp_path / "out"), Study.load(tmp_path / "saved"))


def test_names_that_differ_by_case_alone_have_folders_of_their_own(study: Study, tmp_path: Path) -> None:
    study.save(tmp_path / "out")
    folders = {path.name for path in (tmp_path / "out/cells/a-b").iterdir()}
    assert len({name.lower() for name in folders}) == 3


def test_save_refuses_a_folder_with_files(study: Study, tmp_path: Path) -> None:
    study.save(tmp_path / "out")
    with pytest.raises(StorageError, match="already holds files"):
        study.save(tmp_path / "out")
    study.save(tmp_path / "out", overwrite=True)
    same(study, Study.load(tmp_path / "out"))


def test_a_torn_cell_is_a_cell_that_was_not_run(study: Study, tmp_path: Path) -> None:
    study.save(tmp_path / "out")
    (tmp_path / "out/cells/beam/weights/1/failure.json").unlink()
    (tmp_path / "out/cells/beam/NSGA-II/0/result.json").unlink()
    loaded = Study.load(tmp_path / "out")
    assert ("beam", "NSGA II", 0) not in loaded.results
    assert ("beam", "weights", 1) not in {**loaded.results, **loaded.failures}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        ("{", "is no JSON"),
        ("[]", "is no study"),
        ('{"format": 99}', "another version"),
        ('{"format": 1}', "is damaged"),
    ],
)
def test_what_is_no_study_is_refused(content: str | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "study.json").write_text(content)
    with pytest.raises(StorageError, match=message):
        Study.load(tmp_path)


def test_a_name_in_the_file_cannot_lead_out_of_the_folder(study: Study, tmp_path: Path) -> None:
    study.save(tmp_path / "out")
    path = tmp_path / "out/study.json"
    content = json.loads(path.read_text())
    content["problems"] = {"../../secret": content["problems"]["a/b"]}
    path.write_text(json.dumps(content))
    assert Study.load(tmp_path / "out").results == {}


def test_tables_are_written_as_csv(study: Study, tmp_path: Path) -> None:
    written = study.save_tables(tmp_path)
    assert {path.name for path in written} == {"table.csv", "runs.csv", "pairs.csv", "ert.csv"}
    assert pd.read_csv(tmp_path / "table.csv")["optimizer"].tolist() == list(study.optimizers) * 2


def test_metrics_are_written_where_there_are_some(tmp_path: Path) -> None:
    found = study_of({"a": [0.1]}, metrics={"accuracy": [0.5]})
    assert "metrics.csv" in {path.name for path in found.save_tables(tmp_path)}


def test_the_provenance_is_on_disk(study: Study, tmp_path: Path) -> None:
    study.save(tmp_path / "out")
    stored: dict[str, Any] = json.loads((tmp_path / "out/study.json").read_text())
    assert stored["provenance"]["moo"] == moo.__version__
    assert stored["budget"] == {"cost": 300, "seconds": None, "vjp_cost": 3.0}
    assert stored["command"] == "moo compare ..."
