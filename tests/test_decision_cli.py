"""``moo decide``: on a result and on a study, as text, JSON and a figure."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

import pytest

import moo
from moo import decision
from moo.cli_decide import add_decide
from moo.errors import OptionError, StorageError
from moo.problems.zdt import ZDT1
from moo.result import Result
from moo.study import Study


def cost(x):
    return (x**2).sum()


def gain(x):
    return -((x - 1) ** 2).sum()


def decide(command: str) -> int:
    parser = argparse.ArgumentParser()
    add_decide(parser.add_subparsers())
    args = parser.parse_args(["decide", *shlex.split(command)])
    code: int = args.run(args)
    return code


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Holds a result in "one" and a study in "study"."""
    path = tmp_path_factory.mktemp("runs")
    problem = moo.Problem([cost, gain], xl=[0, 0], xu=[1, 1], directions=["min", "max"], title="pair")
    moo.solve(problem, moo.NSGA2(pop_size=20), budget=400, seed=2).save(path / "one")
    methods = {"NSGA-II": moo.NSGA2(pop_size=10), "random": moo.RandomSearch()}
    moo.compare({"pair": problem, "zdt1": ZDT1()}, methods, budget=100, seeds=2, out=path / "study")
    return path


def test_the_choice_is_printed_as_the_library_says_it(folder, capsys):
    assert decide(f"{folder}/one") == 0
    assert capsys.readouterr().out == f"{decision.knee(Result.load(folder / 'one'))}\n"


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ("--by bend", lambda r: decision.knee(r, "bend")),
        ("--rule topsis --weights 2,1", lambda r: decision.topsis(r, [2, 1])),
        ("--rule topsis --weights gain=1,cost=2", lambda r: decision.topsis(r, [2, 1])),
        ("--rule pseudo-weights", decision.pseudo_weights),
        ("--rule achievement --reference 0.5,-0.5", lambda r: decision.achievement(r, [0.5, -0.5])),
        ("--rule lexicographic --order gain", lambda r: decision.lexicographic(r, ["gain"])),
        (
            "--rule lexicographic --order gain,cost --tolerance gain=0.2",
            lambda r: decision.lexicographic(r, ["gain", "cost"], {"gain": 0.2}),
        ),
        (
            "--rule lexicographic --order cost --tolerance 0.1",
            lambda r: decision.lexicographic(r, ["cost"], 0.1),
        ),
        ('--bounds "cost<=0.5"', lambda r: decision.knee(r, within={"cost": (None, 0.5)})),
        ('--bounds "0.1 <= cost <= 0.5"', lambda r: decision.knee(r, within={"cost": (0.1, 0.5)})),
        (
            '--bounds "0.1<=cost" --bounds "gain>=-1.5"',
            lambda r: decision.knee(r, within={"cost": (0.1, None), "gain": (-1.5, None)}),
        ),
        (
            '--bounds "cost<=0.5" --bounds "cost>=0.1"',
            lambda r: decision.knee(r, within={"cost": (0.1, 0.5)}),
        ),
    ],
)
def test_options_are_those_of_the_rules(folder, capsys, options, rule):
    assert decide(f"{folder}/one --json {options}") == 0
    printed = json.loads(capsys.readouterr().out)
    expected = rule(Result.load(folder / "one"))
    assert printed["row"] == expected.row
    assert printed["rule"] == expected.rule
    assert printed["f"] == expected.f
    assert "found_by" not in printed


def test_of_a_study_it_says_who_found_the_point(folder, capsys):
    assert decide(f"{folder}/study --problem pair --json") == 0
    printed = json.loads(capsys.readouterr().out)
    by = printed["found_by"]
    study = Study.load(folder / "study")
    found = study.results["pair", by["optimizer"], by["seed"]]
    assert dict(zip(["cost", "gain"], found.values[by["row"]], strict=True)) == pytest.approx(printed["f"])
    assert decide(f"{folder}/study --problem pair") == 0
    assert f"found by {by['optimizer']}, seed {by['seed']}, row {by['row']}" in capsys.readouterr().out


def test_of_a_study_some_runs_can_be_asked_for(folder, capsys):
    assert decide(f"{folder}/study --problem zdt1 --optimizer random --seed 1 --json") == 0
    printed = json.loads(capsys.readouterr().out)
    alone = decision.knee(Study.load(folder / "study").results["zdt1", "random", 1])
    assert printed["found_by"] == {"optimizer": "random", "seed": 1, "row": alone.row}
    assert printed["f"] == alone.f


@pytest.mark.parametrize("source", ["one", "study --problem pair"])
def test_the_point_is_marked_in_a_figure(folder, tmp_path, capsys, source):
    file = tmp_path / "chosen.png"
    assert decide(f"{folder}/{source} --out {file}") == 0
    assert file.read_bytes().startswith(b"\x89PNG")
    assert f"written to {file}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--rule knot", "unknown rule 'knot': did you mean 'knee'"),
        ("--rule topsis --by bend", "--by does not go with --rule topsis: it is of knee"),
        ("--weights 1,2", "it is of topsis and pseudo-weights"),
        ("--rule achievement", "--rule achievement needs --reference"),
        ("--rule lexicographic", "--rule lexicographic needs --order"),
        ("--rule achievement --reference a,b", "'a' is no number"),
        ("--rule lexicographic --order cost --tolerance 1,2", "give one number"),
        ("--bounds cost=5", 'give for example "cost<=5"'),
        ('--bounds "cost<=x"', "'x' is no number"),
        ('--bounds "csot<=5"', "unknown objective 'csot': did you mean 'cost'"),
        ("--problem pair", "--problem is of a study"),
    ],
)
def test_what_is_wrong_with_options_of_a_result(folder, options, message):
    with pytest.raises(OptionError, match=message.replace("(", r"\(")):
        decide(f"{folder}/one {options}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "say which problem with --problem: pair, zdt1"),
        ("--problem pare", "unknown problem 'pare': did you mean 'pair'"),
        ("--problem pair --optimizer NSGA2", "unknown optimizer 'NSGA2': did you mean 'NSGA-II'"),
        ("--problem pair --seed 9", "this study has no seed 9: accepted: 0, 1"),
    ],
)
def test_what_is_wrong_with_options_of_a_study(folder, options, message):
    with pytest.raises(OptionError, match=message):
        decide(f"{folder}/study {options}")


def test_folders_and_files_that_cannot_be_used(folder, tmp_path: Path):
    with pytest.raises(StorageError, match="holds neither a study nor a result"):
        decide(str(tmp_path))
    with pytest.raises(StorageError, match="cannot be written"):
        decide(f"{folder}/one --out {tmp_path}/none/chosen.png")
    with pytest.raises(StorageError, match="cannot be written"):
        decide(f"{folder}/one --out {tmp_path}/chosen.xyz")
