"""The code blocks of the pages, and running those of one page in order.

A page is Markdown. A ``python`` block is executed, one namespace a page; a ``console`` block holds ``moo``
commands; a ``text`` block after either is what it prints. Comments before a block change that:

    <!-- slow -->                    takes long: runs with the slow tests alone
    <!-- not run: REASON -->         is not run; of a python block, the syntax is checked all the same
    <!-- needs: PACKAGE, ... -->     skips the page where a package is missing
    <!-- raises: NAME -->            ends with this exception; a console block with exit code 2
    <!-- file: NAME.py -->           is written to that file as well
    <!-- shortened -->               of a text block: its lines are among those printed, in that order, and
                                     ... stands for anything within a line
    <!-- sample -->                  of a text block: what another machine prints differently, timings say
    <!-- before                      python that runs unseen; ends with -->
"""

from __future__ import annotations

import contextlib
import io
import linecache
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from moo.cli import main

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_MARK = re.compile(r"<!-- (?P<name>slow|not run|needs|raises|file|shortened|sample)(: (?P<value>.+))? -->")


@dataclass
class Block:
    """One fenced block: ``line`` is that of its first line of code."""

    language: str
    line: int
    code: str = ""
    marks: dict[str, str] = field(default_factory=dict)

    @property
    def runs(self) -> bool:
        return self.language in ("python", "console") and "not run" not in self.marks


def pages() -> list[Path]:
    """The README and every page of the site."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """Every fenced block of the page, and the hidden ones, from the top."""
    found: list[Block] = []
    marks: dict[str, str] = {}
    inside: Block | None = None
    end = ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if inside is not None:
            if line.strip() == end:
                found.append(inside)
                inside = None
            else:
                inside.code += line + "\n"
        elif line.strip() == "<!-- before":
            inside, end = Block("python", number + 1), "-->"
        elif line.lstrip().startswith("```"):
            inside, end = Block(line.strip().strip("`").split(" ")[0], number + 1, marks=marks), "```"
            marks = {}
        elif mark := _MARK.fullmatch(line.strip()):
            marks[mark["name"]] = mark["value"] or ""
        elif line.strip():
            marks = {}
    assert inside is None, f"{page.name}: a block is not closed"
    return found


def is_slow(page: Path) -> bool:
    return any("slow" in block.marks for block in blocks(page))


def run(page: Path, folder: Path, *, slow: bool) -> None:
    """Run the page's blocks in the current folder, ``folder``: without ``slow`` all but the slow ones."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    printed: str | None = None
    for block in blocks(page):
        where = f"{page.name}:{block.line}"
        for package in filter(None, re.split(r",\s*", block.marks.get("needs", ""))):
            pytest.importorskip(package, reason=f"{where} needs the package {package}")
        if "slow" in block.marks and not slow:
            printed = None
        elif block.language == "text":
            if printed is not None and "sample" not in block.marks:
                _compare(where, block, printed)
            printed = None
        elif block.runs:
            printed = _run_block(where, block, namespace, folder)
        else:
            printed = None


def _run_block(where: str, block: Block, namespace: dict[str, object], folder: Path) -> str:
    if "file" in block.marks:
        (folder / block.marks["file"]).write_text(block.code, encoding="utf-8")
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        if block.language == "console":
            _run_commands(where, block, output)
        else:
            _run_python(where, block, namespace)
    return output.getvalue()


def _run_python(where: str, block: Block, namespace: dict[str, object]) -> None:
    name = f"<{where}>"
    linecache.cache[name] = (len(block.code), None, block.code.splitlines(keepends=True), name)
    program = compile(block.code, name, "exec")
    if "raises" not in block.marks:
        exec(program, namespace)
        return
    raised: Exception | None = None
    try:
        exec(program, namespace)
    except Exception as error:
        raised = error
    assert type(raised).__name__ == block.marks["raises"], where
    print(f"{type(raised).__name__}: {raised}")


def _run_commands(where: str, block: Block, output: io.StringIO) -> None:
    expected = 2 if "raises" in block.marks else 0
    for command in commands(block):
        with contextlib.redirect_stderr(io.StringIO() if expected == 0 else output) as complaint:
            code = main(command)
        assert code == expected, f"{where}: moo {shlex.join(command)} ended with {code}: {complaint}"


def commands(block: Block) -> list[list[str]]:
    """The arguments of each ``moo`` command of a console block."""
    lines = block.code.replace("\\\n", " ").splitlines()
    words = [shlex.split(line.removeprefix("$ "), comments=True) for line in lines]
    return [line[1:] for line in words if line]


def other_programs(block: Block) -> list[str]:
    """Programs beside moo that a console block calls."""
    lines = block.code.replace("\\\n", " ").splitlines()
    words = [shlex.split(line.removeprefix("$ "), comments=True) for line in lines]
    return [line[0] for line in words if line and line[0] != "moo"]


def _compare(where: str, block: Block, printed: str) -> None:
    expected, got = _lines(block.code), _lines(printed)
    if "shortened" not in block.marks:
        assert got == expected, f"{where}: this is not what is printed:\n{printed}"
        return
    rest = iter(got)
    for line in expected:
        pattern = ".*".join(re.escape(part) for part in line.split("..."))
        there = any(re.fullmatch(pattern, each) for each in rest)
        assert there, f"{where}: not printed, or not in this order: {line!r}; printed:\n{printed}"


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]
