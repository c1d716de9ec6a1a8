"""Suites: what a TOML file says, and what it is refused for."""

from __future__ import annotations

from pathlib import Path

import pytest

import moo
from moo import suite
from moo.errors import OptionError, StorageError

BEAM = """
import moo

beam = moo.Problem([lambda x: x[0] ** 2, lambda x: (x[0] - 1) ** 2], xl=[0], xu=[1], title="beam")
"""
GOOD = """
budget = 100
seeds = [3, 1]
k = 9
problems = ["ZDT1(n_var=3)", "parts/beam.py:beam", "zdt1(n_var=3)"]
[optimizers]
"weighted sum" = "WeightedSum(n=5)"
NSGA2 = "nsga2(pop_size=10)"
"""


def written(folder: Path, text: str) -> Path:
    (folder / "parts").mkdir(exist_ok=True)
    (folder / "parts" / "beam.py").write_text(BEAM)
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_a_suite_says_what_a_comparison_is_made_of(tmp_path: Path) -> None:
    read = suite.read(written(tmp_path, GOOD))
    assert list(read.problems) == ["ZDT1(n_var=3)", "beam", "ZDT1(n_var=3) (2)"]
    assert read.optimizers == {"weighted sum": moo.WeightedSum(n=5), "NSGA2": moo.NSGA2(pop_size=10)}
    assert (read.name, read.seeds, read.k, read.tune) == ("mine", [3, 1], 9, 0)
    assert read.budget == moo.Budget(100)
    assert read.text == GOOD


def test_problems_may_have_names_and_budgets_be_seconds(tmp_path: Path) -> None:
    text = (
        'seconds = 2.5\nvjp_cost = 1\noptimizers = ["NSGA2", "NSGA2(pop_size=8)"]\n[problems]\neasy = "ZDT1"'
    )
    read = suite.read(written(tmp_path, text))
    assert list(read.problems) == ["easy"]
    assert list(read.optimizers) == ["NSGA2", "NSGA2(pop_size=8)"]
    assert read.budget == moo.Budget(seconds=2.5, vjp_cost=1)
    assert len(read.seeds) == 15


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        (("budget = 100", "buget = 100"), OptionError, "unknown key 'buget': did you mean 'budget'?"),
        (("budget = 100", ""), OptionError, "budget is missing"),
        (("budget = 100", "budget = -3"), OptionError, "cost=-3 is not accepted"),
        (("k = 9", "k = 0"), OptionError, "k=0 is not accepted"),
        (("k = 9", "tune = true"), OptionError, "tune=True is not accepted"),
        (("seeds = [3, 1]", "seeds = []"), OptionError, r"seeds=\[\] is not accepted"),
        (("k = 9", "name = 3"), OptionError, "name=3 is not accepted: give a str"),
        (("nsga2(", "nsga5("), OptionError, "unknown method 'nsga5': did you mean 'NSGA[23]'"),
        (("pop_size", "popsize"), OptionError, "unknown parameter of NSGA2 'popsize': did you mean"),
        (("ZDT1(", "ZTD1("), OptionError, "unknown problem 'ZTD1': did you mean 'ZDT1'?"),
        (("beam.py:beam", "bean.py:beam"), OptionError, "there is no file .*bean.py"),
        (("k = 9", "k = "), OptionError, "is no TOML"),
        (('"weighted sum" = "WeightedSum(n=5)"', '"weighted sum" = 5'), OptionError, "5 in optimizers"),
        (("k = 9", "[tuning]\nspeed = [1, 2]\n[x]"), OptionError, "unknown option to tune 'speed'"),
        (("k = 9", "[tuning]\npop_size = [20, 10]\n[x]"), OptionError, "give \\[low, high\\], low < high"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_that_names_the_file(
    change: tuple[str, str], error: type[Exception], sentence: str, tmp_path: Path
) -> None:
    text = GOOD.replace(*change).replace("\n[x]", "")
    if "[tuning]" in text:
        text = GOOD.replace("k = 9", "") + change[1].replace("\n[x]", "")
    with pytest.raises(error, match=sentence) as refused:
        suite.read(written(tmp_path, text))
    assert "mine.toml" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_suite_and_empty_lists_are_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no suite"):
        suite.read(tmp_path / "none.toml")
    with pytest.raises(OptionError, match="problems is missing"):
        suite.read(written(tmp_path, 'budget = 3\nproblems = []\noptimizers = ["NSGA2"]'))


def test_every_suite_that_is_shipped_can_be_read() -> None:
    suites = sorted((Path(__file__).parents[1] / "benchmarks" / "suites").glob("*.toml"))
    assert {"smoke", "synthetic", "engineering", "multimodal"} <= {path.stem for path in suites}
    for path in suites:
        read = suite.read(path)
        assert read.description
        kinds = {type(optimizer).__name__ for optimizer in read.optimizers.values()}
        assert {"RandomSearch", "WeightedSum"} <= kinds, f"{path.stem} lacks a baseline"
