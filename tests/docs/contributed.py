"""A pytest plugin: the files of docs/extending.md, as if they lay in the folders that the page names."""

from __future__ import annotations

import re
import tempfile
from importlib import import_module
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
_FILE = re.compile(
    r"`(?P<folder>moo/[\w/]+)/(?P<name>\w+\.py)`:\n\n<!-- file: \w+\.py -->\n```python\n(?P<code>.*?)```",
    re.S,
)
_folder = tempfile.TemporaryDirectory()


def files() -> list[tuple[str, str, str]]:
    """(package, file name, code) of each file that the page gives whole."""
    text = (DOCS / "extending.md").read_text(encoding="utf-8")
    return [
        (found["folder"].replace("/", "."), found["name"], found["code"]) for found in _FILE.finditer(text)
    ]


def pytest_configure() -> None:
    for package, name, code in files():
        folder = Path(_folder.name) / package
        folder.mkdir()
        (folder / name).write_text(code, encoding="utf-8")
        import_module(package).__path__.append(str(folder))
