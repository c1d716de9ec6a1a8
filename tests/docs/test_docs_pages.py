"""Every code block of every page runs, and prints what the page says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from pages import DOCS, ROOT, blocks, is_slow, other_programs, pages, run

MOST_NOT_RUN = 15  # of all pages together
LEAST_REASON = 10  # letters


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, with the examples and suites where the pages name them, and no screen."""
    for name in ("docs", "benchmarks"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("page", [page for page in pages() if any(b.runs for b in blocks(page))], ids=name_of)
def test_blocks_run(page: Path, folder: Path) -> None:
    run(page, folder, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in pages() if is_slow(page)], ids=name_of)
def test_slow_blocks_run(page: Path, folder: Path) -> None:
    run(page, folder, slow=True)


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_blocks_are_marked(page: Path) -> None:
    for block in blocks(page):
        where = f"{page.name}:{block.line}"
        assert block.language in ("python", "console", "text", "toml", "csv", "json"), where
        if "not run" in block.marks:
            assert len(block.marks["not run"]) > LEAST_REASON, f"{where}: give the reason"
        if block.language == "python":
            ast.parse(block.code, where)
        if block.language == "console" and block.runs:
            assert not other_programs(block), f"{where}: only moo is run: mark the block as not run"


def test_few_blocks_are_not_run() -> None:
    left_out = [
        f"{name_of(page)}:{block.line}"
        for page in pages()
        for block in blocks(page)
        if "not run" in block.marks
    ]
    assert len(left_out) <= MOST_NOT_RUN, left_out


def test_pages_are_plain() -> None:
    for page in pages():
        text = page.read_text(encoding="utf-8")
        assert "/work/" not in text, page
        assert "TODO" not in text, page


def test_navigation_names_pages_that_exist() -> None:
    lines = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2].splitlines()
    named = {line.split()[-1] for line in lines if line.endswith(".md")} - {"gallery/index.md"}
    there = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    assert named == there
