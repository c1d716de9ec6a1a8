"""``moo train``: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import pytest

from moo.cli import main
from moo.errors import ProblemError
from moo.multimodal import tasks as package
from moo.multimodal.tasks.base import Task
from moo.multimodal.tasks.image_text import ImageText


@pytest.fixture
def quick(data, monkeypatch):
    """The image-text task on 60 random rows, whether asked to be quick or not."""
    monkeypatch.setattr(ImageText, "_loaded", classmethod(lambda cls, given: data))
    monkeypatch.setattr(ImageText, "quick", classmethod(lambda cls: cls(hidden=None, width=3)))


TINY = ["--steps", "3", "--seeds", "2", "--method", "MGDA"]


def test_prints_the_choice_and_the_table_and_writes_all(quick, tmp_path, capsys):
    assert main(["train", "image-text", "--smoke", *TINY, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("image-text on a part of Emoji(")
    assert "min (fused loss, image loss, text loss)" in printed.out
    assert "40 training, 8 validation, 12 test rows" in printed.out
    assert "largest mean validation fused accuracy" in printed.out
    assert "test fused accuracy" in printed.out
    assert "on ImageText, test fused accuracy, 2 seeds" in printed.out
    assert "image-text: [2/2] MGDA" in printed.err
    written = {path.name for path in (tmp_path / "out").iterdir()}
    tables = {"methods.csv", "settings.csv", "front.csv"}
    assert written == {"weighted-sum", "mgda", "front.png", "samples.html", *tables}


def test_data_of_ones_own_can_be_named(capsys, own_cache):
    assert main(["train", "image-text", "--data", "Emoji(size=32)", "--smoke", *TINY]) == 0
    assert "image-text on a part of Emoji(text='name', size=32" in capsys.readouterr().out


def test_in_earnest_there_are_20_settings(quick, capsys):
    assert main(["train", "image-text", *TINY]) == 0
    assert "grid: 20 settings, 2 seeds, 3 adam steps each" in capsys.readouterr().out
    assert main(["train", "image-text", *TINY, "--settings", "16"]) == 0
    assert "grid: 16 settings" in capsys.readouterr().out


def test_all_goes_on_after_a_task_that_cannot_be_trained(quick, monkeypatch, tmp_path, capsys):
    class Broken(Task):
        """Cannot be loaded."""

        task_name = "broken"

        @classmethod
        def default_data(cls):
            return "nothing"

        @classmethod
        def quick(cls):
            raise ProblemError("the data is not there")

    monkeypatch.setattr(package, "_found", lambda: {"broken": Broken, "image-text": ImageText})
    assert main(["train", "--all", "--smoke", *TINY, "--out", str(tmp_path)]) == 2
    printed = capsys.readouterr().out
    assert "broken: the data is not there" in printed
    assert "image-text on a part of" in printed
    assert (tmp_path / "image-text" / "methods.csv").exists()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["train"], "give one task, or --all"),
        (["train", "image-text", "--all"], "give one task, or --all"),
        (["train", "image-txt"], "unknown task 'image-txt': did you mean 'image-text'"),
        (["train", "image-text", "--smoke", "--method", "MGD"], "unknown method 'MGD'"),
        (["train", "image-text", "--smoke", "--settings", "7"], "n=7 is not accepted with by='grid'"),
        (["train", "image-text", "--smoke", "--settings", "0"], "n=0 is not accepted"),
        (["train", "image-text", "--data", "Emojis"], "unknown data set 'Emojis': did you mean"),
        (["train", "image-text", "--data", "Emoji(size=3)"], "size=3 is not accepted"),
        (["train", "speech-text", "--data", "IEMOCAP(root='nowhere')"], "there is no folder nowhere"),
    ],
)
def test_errors_are_one_sentence(quick, argv, message, capsys):
    assert main(argv) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("moo: error: ")
    assert message in said


def test_tasks_are_listed(capsys):
    assert main(["list", "tasks"]) == 0
    assert "image-text" in capsys.readouterr().out
